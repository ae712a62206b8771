"""What the product says of itself on this node: which compute nodes it knows, its raw report."""

import collections
import csv
import json
import os
import socket

from operations.diagnosis.node import ground, way

PROXY = ground.RUNTIME + "/proxy.sock"
MOST = 40
WEB = ("web", "one-box")
NOT_READ = 10


def workers(node: "dict[str, object]") -> "dict[str, object]":
    """Return which compute nodes the proxy of a web node knows, and a node's own R workers."""
    if node.get("product") != "plumber":
        return {}
    known, up, down = {}, 0, []
    for row in _statistics():
        name, status = str(row.get("svname")), str(row.get("status"))
        if name in ("FRONTEND", "BACKEND") or status.startswith("MAINT"):
            continue
        if name.startswith("worker"):
            up += status.startswith("UP") or status == "no check"
            if not status.startswith("UP"):
                down.append(name)
        elif row.get("pxname") == "compute":
            check = str(row.get("check_status"))
            why = "" if status.startswith("UP") else "{} {}".format(status, check)
            known[str(row.get("addr"))] = ground.cut(why)
    found = {"up": up, "down": down[:MOST]}  # type: dict[str, object]
    if node.get("role") == "web":
        found["known"] = dict(sorted(known.items())[:MOST])
    return found


def _statistics() -> "list[dict[str, str]]":
    """Return HAProxy's statistics (management guide, 9.1: CSV, its first line names the fields)."""
    channel = socket.socket(socket.AF_UNIX)
    channel.settimeout(5)
    try:
        channel.connect(PROXY)
        channel.sendall(b"show stat -1 4 -1\n")
        answer = bytearray()
        while True:
            chunk = channel.recv(65536)
            if not chunk:
                break
            answer += chunk
    except OSError as error:
        raise ground.Unknown("the proxy does not answer: {}".format(error)) from None
    finally:
        channel.close()
    lines = answer.decode("utf-8", "replace").lstrip("# ").splitlines()
    return [dict(row) for row in csv.DictReader(lines) if row.get("svname")]


def status(node: "dict[str, object]") -> "dict[str, object]":
    """Return the product's raw report as this web node gives it (facts.md 13.4, 14.1)."""
    if node.get("role") not in WEB:
        return {}
    port, secure, account, secret = _entrance(node)
    if not account:
        return {}  # users are those of a directory, and none of them is ours
    who = {"username": account, "password": ground.secret_of(node, secret)}
    code, text = way.call(port, "POST", "/login", json.dumps(who).encode("utf-8"), "", secure)
    if code != 200:
        return {"code": code, "step": "login", "words": ground.cut(text)}
    token = str(json.loads(text)["access_token"])
    # Each address of a range that nobody has is waited for (facts.md 11).
    patience = ground.LONGEST["seconds"] + 2
    code, text = way.call(port, "GET", "/status", None, token, secure, patience)
    if code != 200:
        return {"code": code, "step": "status", "words": ground.cut(text)}
    report = json.loads(text)
    parts = report.get("components") or {}
    backends = ((parts.get("backends") or {}).get("components")) or {}
    told = {uri: str(part.get("statusCode")) for uri, part in sorted(backends.items())}
    counts = collections.Counter(told.values())
    # Of a range most have one word: those that have another come first, where not all can be told.
    few = sorted(told, key=lambda uri: counts[told[uri]])[:MOST]
    return {
        "code": code,
        "parts": {name: part.get("statusCode") for name, part in sorted(parts.items())},
        "backends": {uri: told[uri] for uri in few},
    }


def _entrance(node: "dict[str, object]") -> "tuple[int, bool, str, str]":
    """Return where to ask on this node, and as whom."""
    if node.get("product") == "plumber":
        return way.shown(node) + ("admin", "admin-password")
    section = ground.section(node)
    login, listen = section.get("login"), section.get("listen")
    if not isinstance(login, dict) or not isinstance(listen, dict) or not login:
        return 0, False, "", ""
    return int(listen["web"]["own"]), False, str(login["account"]), str(login["secret"])


def settings(node: "dict[str, object]") -> "dict[str, object]":
    """Return which settings of the product's own files are not what was rendered: their paths.

    Values that hold a secret are not compared here: the vault's part does that.
    """
    section = ground.section(node)
    rendered = section.get("appsettings")
    if node.get("product") == "plumber" or not isinstance(rendered, dict):
        return {}
    differ = []
    for part, stages in sorted(rendered.items()):
        actual = _appsettings(section, part)
        wanted = dict(stages.get("overlay") or {})
        if not section.get("listsComputeNodes"):
            wanted.update(_uris(stages.get("first") or {}))
        differ += _differing(node, wanted, actual, part)
    return {"differ": differ[:NOT_READ]}


def _appsettings(section: "dict[str, object]", part: "str") -> "dict[str, object]":
    product = section["product"]
    for home in product["homes"]:  # type: ignore[index]
        folder = product["folders"][part]  # type: ignore[index]
        path = os.path.join(home, folder, "appsettings.json")
        if os.path.exists(path):
            with open(path, encoding="utf-8-sig") as stream:
                return dict(json.load(stream))
    raise ground.Unknown("the product has no appsettings.json of its {} part".format(part))


def _uris(first: "dict[str, object]") -> "dict[str, object]":
    """Return the list of compute nodes, of what is merged first."""
    return {
        name: {"Uris": value["Uris"]}
        for name, value in first.items()
        if isinstance(value, dict) and "Uris" in value
    }


def _differing(
    node: "dict[str, object]", wanted: "object", actual: "object", path: "str"
) -> "list[str]":
    if not isinstance(wanted, dict):
        told = isinstance(wanted, list) and any(isinstance(each, dict) for each in wanted)
        return [] if told or _alike(wanted, actual) else [path]
    names = [name for name in wanted if name.startswith("$")]
    if names:
        value = _value(node, names[0], wanted[names[0]])
        return [] if value is None or _alike(value, actual) else [path]
    found = []
    there = actual if isinstance(actual, dict) else {}
    for name, value in sorted(wanted.items()):
        key = _spelled(there, name.split("|"))
        found += _differing(node, value, there.get(key), "{}.{}".format(path, key))
    return found


def _spelled(there: "dict[str, object]", names: "list[str]") -> "str":
    """Return the first of *names* that the file has, in its own spelling: .NET's keys have no case.

    `A|B` is whichever the file has (components/runtimes/rserver/expressions.py).
    """
    known = {key.lower(): key for key in there}
    return next((known[each.lower()] for each in names if each.lower() in known), names[0])


def _alike(value: "object", actual: "object") -> "bool":
    """Whether both say the same; a list may stand as a text with commas (facts.md 11)."""
    if isinstance(value, list) and isinstance(actual, str):
        return ",".join(map(str, value)) == actual.replace(" ", "")
    return value == actual


def _value(node: "dict[str, object]", name: "str", argument: "object") -> "object":
    """Return what an expression without a secret stands for; None for all others."""
    nodes = node.get("computeNodes")
    if name == "$uris" and isinstance(nodes, dict):
        return ",".join(nodes["values"] + nodes["ranges"])
    if name != "$node":
        return None
    value = node  # type: object
    for key in str(argument).split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value


def installed(node: "dict[str, object]") -> "bool | None":
    """Return whether the product is from the installer that the settings name; None: not known."""
    section = ground.section(node)
    install = section.get("install")
    try:
        wanted = install["files"]["server"]["sha256"]  # type: ignore[index]
        with open(ground.KEPT + "/installed", encoding="ascii") as stream:
            return bool(stream.read().strip() == wanted)
    except (KeyError, TypeError, OSError):
        return None
