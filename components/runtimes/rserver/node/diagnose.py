"""Finds out whether the product serves, before the node becomes ready: its own diagnostics.

A web node first has the product's list of compute nodes be the one that the settings say. Since
9.2.1 that list is in the database, which takes over what is in a web node's file and forgets
nothing by itself (facts.md 11): compute nodes that are gone would stay in it, and a copy of another
environment's database would send calls to that one's. `/computenodes` replaces the list for all web
nodes (13.5), for an administrator of our own.

usage: diagnose.py [SECONDS]

A compute node: its own server and Rserve listen, and R shells run (facts.md 14.2). A web node with
an administrator of its own: that one logs in and asks for `/status`, until the database, the log-in
and at least one compute node pass; ranges hold addresses that nobody has, which show as failed
(11). Where a directory knows the users, no password is ours: a call without a token is refused.
What `/status` said is kept in /run/operationalization/status.json. Python 3.4.
"""

import http.client
import json
import os
import socket
import subprocess
import sys
import time

NODE = "/etc/operationalization/node.json"
RUNTIME = "/run/operationalization"
WORKERS = "rserve2"
"""Account of R shells on Linux (6)."""

PATIENCE = 300
PAUSE = 1.0


class NotYet(Exception):  # noqa: N818 - what is waited for
    """What does not hold until now."""


def call(
    port: "int", method: "str", path: "str", body: "object", token: "str"
) -> "tuple[int, str]":
    """Call the product on this node; return status and text."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    if token:
        headers["Authorization"] = "Bearer " + token
    try:
        connection.request(method, path, json.dumps(body) if body else None, headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        raise NotYet("{} {} on port {}: {}".format(method, path, port, error)) from None
    finally:
        connection.close()


def passes(component: "object", words: "list[str]") -> "bool":
    """Whether a component of `/status` says one of the words for healthy."""
    return isinstance(component, dict) and component.get("statusCode") in words


def judge(status: "dict[str, object]", words: "list[str]") -> "None":
    """Refuse a status in which something that this node needs does not pass."""
    components = status.get("components")
    if not isinstance(components, dict):
        raise NotYet("/status has no components")
    for name in ("database", "authentication", "ldap"):
        if name in components and not passes(components[name], words):
            raise NotYet("/status: {} does not pass: {}".format(name, json.dumps(components[name])))
    backends = components.get("backends")
    found = backends.get("components") if isinstance(backends, dict) else None
    if not isinstance(found, dict) or not any(passes(each, words) for each in found.values()):
        raise NotYet("/status: no compute node passes: {}".format(json.dumps(backends)))


def declare(port: "int", token: "str", wanted: "list[str]") -> "None":
    """Have the product's list of compute nodes be *wanted*."""
    status, text = call(port, "GET", "/computenodes", None, token)
    if status == 200 and sorted(json.loads(text)["computeNodes"]) == sorted(wanted):
        return
    if status == 200:
        status, text = call(port, "POST", "/computenodes", {"entries": wanted}, token)
    if status != 200:
        raise NotYet("/computenodes answers {}: {}".format(status, text[:500]))


def web(
    port: "int",
    login: "dict[str, str]",
    password: "str",
    words: "list[str]",
    nodes: "list[str]",
) -> "None":
    """Refuse a web node that does not serve yet; *nodes* that it has to say in the database."""
    if not login:
        status, _ = call(port, "GET", "/status", None, "")
        if status != 401:
            raise NotYet("/status without a token answers {}, not 401".format(status))
        return
    status, text = call(
        port, "POST", "/login", {"username": login["account"], "password": password}, ""
    )
    if status != 200:
        raise NotYet("/login of {} answers {}".format(login["account"], status))
    token = json.loads(text)["access_token"]
    if nodes:
        declare(port, token, nodes)
    status, text = call(port, "GET", "/status", None, token)
    if status != 200:
        raise NotYet("/status answers {}: {}".format(status, text[:500]))
    with open(os.path.join(RUNTIME, "status.json"), "w", encoding="utf-8") as stream:
        stream.write(text)
    judge(json.loads(text), words)


def compute(port: "int", rserve: "int") -> "None":
    """Refuse a compute node whose R shells don't run yet."""
    call(port, "GET", "/", None, "")
    try:
        socket.create_connection(("127.0.0.1", rserve), 5).close()
    except OSError as error:
        raise NotYet("Rserve on port {}: {}".format(rserve, error)) from None
    if subprocess.call(["pgrep", "-u", WORKERS], stdout=subprocess.DEVNULL):
        raise NotYet("no R shell runs as {}: Rserve's own log says why".format(WORKERS))


def rserve_port() -> "int":
    """Return Rserve's port, which the compute part's own file says."""
    folder = subprocess.check_output(
        [sys.executable, "-B", os.path.join(os.path.dirname(__file__), "product.py"), "path"]
        + ["compute"],
        universal_newlines=True,
    ).strip()
    with open(os.path.join(folder, "appsettings.json"), encoding="utf-8-sig") as stream:
        return int(json.load(stream)["RServePort"])


def look(document: "dict[str, object]") -> "None":
    """Look at every part of this node once."""
    section = document[document["role"]]  # type: ignore[index]
    for part in section["parts"]:  # type: ignore[index]
        port = section["listen"][part]["own"]  # type: ignore[index]
        if part == "compute":
            compute(port, rserve_port())
            continue
        login = section["login"]  # type: ignore[index]
        password = ""
        if login:
            [place] = [
                use["path"]
                for use in document["secrets"]  # type: ignore[attr-defined]
                if use["name"] == login["secret"]
            ]
            with open(place, encoding="utf-8", newline="") as stream:
                password = stream.read().rstrip("\r\n")
        nodes = []
        if section.get("listsComputeNodes"):  # type: ignore[attr-defined]
            found = document["computeNodes"]
            nodes = found["values"] + found["ranges"]  # type: ignore[index]
        web(port, login, password, login.get("words", []), nodes)


def main() -> "None":
    """Look until all passes, or say what does not."""
    patience = float(sys.argv[1]) if len(sys.argv) > 1 else PATIENCE
    with open(NODE, encoding="utf-8") as stream:
        document = json.load(stream)
    deadline = time.time() + patience
    while True:
        try:
            look(document)
        except NotYet as reason:
            if time.time() > deadline:
                sys.exit("diagnostics don't pass: {}".format(reason))
        else:
            return
        time.sleep(PAUSE)


if __name__ == "__main__":
    main()
