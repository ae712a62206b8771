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
    rules = [each["rule"] for each in parts if "rule" in each]
    return _compared(
        node,
        set(filter(None, map(told, rules))),
        sorted(filter(None, map(strange, rules))),
        all(policies.get(chain) == "drop" for chain in SIDES),
    )


def _compared(
    node: "dict[str, object]", loaded: "set[str]", more: "list[str]", closed: "bool"
) -> "dict[str, object]":
    wanted = intended(node)
    return {
        "loaded": closed,
        "missing": sorted(wanted - loaded)[:MOST],
        "extra": (sorted(loaded - wanted) + more)[:MOST],
    }


def intended(node: "dict[str, object]") -> "set[str]":
    """Return each rule about an address and a port, as `told` does."""
    firewall = node.get("firewall")
    if not isinstance(firewall, dict):
        raise ground.Unknown("the node's JSON file says nothing of a firewall")
    found = set()
    for chain, key in (("input", "inbound"), ("output", "outbound"), ("output", "platform")):
        for rule in ground.objects(firewall.get(key)):
            found.add("{} {} {}".format(chain, _plain(str(rule["address"])), rule["port"]))
    return found


def _plain(address: "str") -> "str":
    """Return an address as nft writes it: one host without its length."""
    return address[:-3] if address.endswith("/32") else address


def told(rule: "dict[str, object]") -> "str":
    """Return `CHAIN ADDRESS PORT` of a rule that accepts just that; else nothing."""
    chain = str(rule.get("chain"))
    address = port = ""
    accepts = False
    for part in ground.objects(rule.get("expr")):
        accepts = accepts or "accept" in part
        match = part.get("match")
        if not isinstance(match, dict) or match.get("op") != "==":
            continue
        field = _field(match)
        if field == SIDES.get(chain):
            address = _address(match.get("right"))
        if field == "dport" and isinstance(match.get("right"), int):
            port = str(match["right"])
    return "{} {} {}".format(chain, address, port) if accepts and address and port else ""


def _field(match: "dict[str, object]") -> "str":
    left = match.get("left")
    payload = left.get("payload") if isinstance(left, dict) else None
    return str(payload.get("field")) if isinstance(payload, dict) else ""


def _address(right: "object") -> "str":
    if isinstance(right, dict) and isinstance(right.get("prefix"), dict):
        return "{addr}/{len}".format(**right["prefix"])
    return right if isinstance(right, str) else ""


BASIC = ("iif", "oif", "state", "icmpv6")
"""What configure-firewall.sh lets pass besides: the loopback, answers, neighbours."""
DATAGRAMS = {"53", "67", "68", "123"}
"""Ports of DHCP, names and time."""


def strange(rule: "dict[str, object]") -> "str":
    """Return a rule that accepts and is neither about one address nor basic; else nothing."""
    expressions = ground.objects(rule.get("expr"))
    chain = str(rule.get("chain"))
    if chain not in SIDES or not any("accept" in part for part in expressions) or told(rule):
        return ""
    matches = [part["match"] for part in expressions if isinstance(part.get("match"), dict)]
    words = json.dumps(matches, sort_keys=True)
    basic = any('"{}"'.format(each) in words for each in BASIC)
    datagrams = '"udp"' in words and set(re.findall(r"\b\d+\b", words)) <= DATAGRAMS
    # The way out to public addresses is the one rule that excludes addresses.
    outward = chain == "output" and '"!="' in words
    if basic or datagrams or outward:
        return ""
    return "{} {}".format(chain, ground.cut(words) or "everything")


def _iptables(node: "dict[str, object]") -> "dict[str, object]":
    code, out, error = ground.run(["iptables", "-S"])
    if code:
        return {"loaded": False, "words": ground.cut(error)}
    lines = out.decode("utf-8", "replace").split("\n")
    loaded = set()
    wanted = intended(node)
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
    closed = "-P INPUT DROP" in lines and "-P OUTPUT DROP" in lines
    return _compared(node, loaded - basic, more, closed)
