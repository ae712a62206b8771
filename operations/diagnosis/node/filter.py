"""The node's own packet filter: what is loaded, against what the node's JSON file says."""

import json
import os
import re

from operations.diagnosis.node import ground

MOST = 12
TABLE = ["nft", "--json", "list", "table", "inet", "operationalization"]
SIDES = {"input": "saddr", "output": "daddr"}
ACCEPTED = re.compile(r"-A (INPUT|OUTPUT)(?: -[sd] (\S+))? -p tcp .*--dport (\d+) -j ACCEPT")
ANYWHERE = "0.0.0.0/0"
"""Which iptables leaves out when it lists a rule."""
RENDERED = "/etc/operationalization/firewall.rules"
"""There on the nodes of R Server and ML Server alone, whose systems know no nftables, or barely."""


def look(node: "dict[str, object]") -> "dict[str, object]":
    """Return what is missing, and what lets more pass."""
    if os.path.exists(RENDERED):
        return _iptables(node)
    code, out, error = ground.run(TABLE)
    if code:
        return {"loaded": False, "words": ground.cut(error)}
    parts = json.loads(out.decode("utf-8"))["nftables"]
    policies = {
        each["chain"]["name"]: each["chain"].get("policy") for each in parts if "chain" in each
    }
    rules = {told(each["rule"]) for each in parts if "rule" in each}
    wanted = intended(node)
    # A rule too many that drops lets nothing pass; what it takes away, other parts find out.
    return {
        "loaded": all(policies.get(chain) == "drop" for chain in SIDES),
        "missing": sorted(wanted - rules)[:MOST],
        "extra": sorted(each for each in rules - wanted if not each.endswith(" drop"))[:MOST],
    }


BASIC = (
    "input iif lo accept",
    "input state established,related accept",
    "input state invalid drop",
    "input udp sport 67 udp dport 68 accept",
    "input icmpv6 type nd-neighbor-advert,nd-neighbor-solicit,nd-router-advert accept",
    "output oif lo accept",
    "output state established,related accept",
    "output l4proto 17,6 th dport 53 accept",
    "output udp dport 123,67 accept",
    "output icmpv6 type nd-neighbor-advert,nd-neighbor-solicit,nd-router-solicit accept",
)
"""What configure-firewall.sh writes for every node."""


def intended(node: "dict[str, object]") -> "set[str]":
    """Return each rule that configure-firewall.sh makes, as `told` says it."""
    firewall = _firewall(node)
    found = set(BASIC)
    for chain, key, who in (
        ("input", "inbound", ""),
        ("output", "outbound", ""),
        ("output", "platform", "skuid 0 "),
    ):
        for rule in ground.objects(firewall.get(key)):
            address = _plain(str(rule["address"]))
            end = "{} {}".format(SIDES[chain], address)
            found.add("{} {}ip {} tcp dport {} accept".format(chain, who, end, rule["port"]))
    platform = {_plain(str(each["address"])) for each in ground.objects(firewall.get("platform"))}
    if platform:
        found.add("output ip daddr {} drop".format(",".join(sorted(platform))))
    internet = firewall.get("internet")
    if isinstance(internet, dict) and internet.get("ports"):
        ports = ",".join(sorted(str(each) for each in internet["ports"]))
        private = ",".join(sorted(ground.texts(internet.get("except"))))
        found.add("output ip daddr != {} tcp dport {} accept".format(private, ports))
    return found


def _firewall(node: "dict[str, object]") -> "dict[str, object]":
    firewall = node.get("firewall")
    if not isinstance(firewall, dict):
        raise ground.Unknown("the node's JSON file says nothing of a firewall")
    return firewall


def _plain(address: "str") -> "str":
    """Return an address as nft writes it: one host without its length."""
    return address[:-3] if address.endswith("/32") else address


def told(rule: "dict[str, object]") -> "str":
    """Return a rule in words; two that say the same have the same words."""
    words = [str(rule.get("chain"))]
    verdict = "nothing"
    for part in ground.objects(rule.get("expr")):
        for name, what in part.items():
            if name == "match" and isinstance(what, dict):
                words.append(_matched(what))
            elif name in VERDICTS:
                verdict = name
            elif name not in SILENT:
                words.append(name)
    return " ".join(words + [verdict])


VERDICTS = ("accept", "drop", "reject", "jump", "goto", "return", "queue")
SILENT = ("counter", "log", "comment")
"""Expressions that decide nothing."""


def _matched(match: "dict[str, object]") -> "str":
    left = match.get("left")
    name = json.dumps(left, sort_keys=True)
    if isinstance(left, dict) and len(left) == 1:
        (fields,) = left.values()
        if isinstance(fields, dict) and "field" in fields:
            name = "{} {}".format(fields.get("protocol"), fields["field"])
        elif isinstance(fields, dict) and set(fields) == {"key"}:
            name = str(fields["key"])
    sign = "" if match.get("op") in ("==", "in") else "{} ".format(match.get("op"))
    return "{} {}{}".format(name, sign, ",".join(sorted(_values(match.get("right")))))


def _values(right: "object") -> "list[str]":
    if isinstance(right, dict) and isinstance(right.get("set"), list):
        return _values(right["set"])
    if isinstance(right, list):
        return [value for each in right for value in _values(each)]
    if isinstance(right, dict) and isinstance(right.get("prefix"), dict):
        return ["{addr}/{len}".format(**right["prefix"])]
    return [NUMBERS.get(right, str(right)) if isinstance(right, str) else str(right)]


NUMBERS = {"tcp": "6", "udp": "17", "root": "0"}
"""Names that other versions of nft list as numbers: of protocols, and of who sends."""


def _iptables(node: "dict[str, object]") -> "dict[str, object]":
    code, out, error = ground.run(["iptables", "-S"])
    if code:
        return {"loaded": False, "words": ground.cut(error)}
    lines = out.decode("utf-8", "replace").split("\n")
    loaded = set()
    wanted = _ends(node)
    for line in lines:
        found = ACCEPTED.match(line)
        if found:
            chain, address, port = found.groups()
            loaded.add("{} {} {}".format(chain.lower(), _plain(address or ANYWHERE), port))
    try:
        with open(RENDERED, encoding="utf-8") as stream:
            rendered = {each.strip() for each in stream}
    except OSError as reason:
        raise ground.Unknown(str(reason)) from None
    # Names of services are asked for on port 53 of any address, which is in no list of addresses.
    basic = {each for each in loaded - wanted if each.endswith(ANYWHERE + " 53")}
    more = [
        line
        for line in lines
        if line.endswith("-j ACCEPT") and line not in rendered and not ACCEPTED.match(line)
    ]
    return {
        "loaded": "-P INPUT DROP" in lines and "-P OUTPUT DROP" in lines,
        "missing": sorted(wanted - loaded)[:MOST],
        "extra": (sorted(loaded - basic - wanted) + more)[:MOST],
    }


def _ends(node: "dict[str, object]") -> "set[str]":
    """Return each rule about an address and a port, as ACCEPTED finds them."""
    firewall = _firewall(node)
    return {
        "{} {} {}".format(chain, _plain(str(rule["address"])), rule["port"])
        for chain, key in (("input", "inbound"), ("output", "outbound"), ("output", "platform"))
        for rule in ground.objects(firewall.get(key))
    }
