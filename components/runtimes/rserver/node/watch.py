"""Keeps the files that this node's proxy answers probes from: `live` and `ping`.

live: the product's services run, and its own server answers something, as it has no route for that
(facts.md sections 13.3 and 17). ping: live, configured and not draining. Neither asks another node,
nor the database: what they do is found out once, before the node is ready (`diagnose.py`).

Python 3.4 and its standard library.
"""

import http.client
import json
import os
import subprocess
import sys
import time

NODE = "/etc/operationalization/node.json"
RUNTIME = "/run/operationalization"
INTERVAL = 1.0
FALL = 3
"""Looks in a row that must fail: one that is lost replaces no node."""


def own_ports(section: "dict[str, dict[str, dict[str, int]]]") -> "list[int]":
    """Return the product's own ports, of each part."""
    return [section["listen"][part]["own"] for part in section["parts"]]


def services(document: "dict[str, list[str]]") -> "list[str]":
    """Return the product's units: those that are not ours."""
    return [name for name in document["services"] if not name.startswith("operationalization-")]


def running(names: "list[str]") -> "bool":
    """Whether systemd says of every unit that it is active."""
    process = subprocess.Popen(
        ["systemctl", "is-active"] + names, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    answer = process.communicate()[0].decode("ascii", "replace").split()
    return answer == ["active"] * len(names)


def answers(port: "int") -> "bool":
    """Whether something speaks HTTP there; which status it has does not matter."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/")
        connection.getresponse()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True


def state() -> "str":
    """Return what `state.sh` said last."""
    try:
        with open(os.path.join(RUNTIME, "state.map"), encoding="ascii") as stream:
            return stream.read().split()[-1]
    except (OSError, IndexError):
        return "starting"


def say(name: "str", holds: "bool", text: "str") -> "None":
    """Keep a file of the proxy's: there while it holds."""
    path = os.path.join(RUNTIME, "health", name)
    if not holds:
        if os.path.exists(path):
            os.remove(path)
    elif not os.path.exists(path):
        with open(path + ".new", "w", encoding="ascii") as stream:
            stream.write(text)
        os.replace(path + ".new", path)


class Watch:
    """What was seen until now."""

    def __init__(self, document: "dict[str, object]") -> "None":
        section = document[document["role"]]  # type: ignore[index]
        self.services = services(document)  # type: ignore[arg-type]
        self.ports = own_ports(section)  # type: ignore[arg-type]
        self.failures = FALL

    def look(self) -> "bool":
        """Look once, and return whether the product is taken for alive."""
        if running(self.services) and all(answers(port) for port in self.ports):
            self.failures = 0
        else:
            self.failures += 1
        return self.failures < FALL

    def tell(self) -> "None":
        """Look, and bring the files up to date."""
        alive = self.look()
        say("live", alive, '"alive"\n')
        say("ping", alive and state() == "ready", '"ready"\n')
        # A node may have begun to drain meanwhile: state.sh takes the file away at once.
        if state() != "ready":
            say("ping", False, "")


def main() -> "None":
    """Look for ever; with `--once` a single time."""
    with open(NODE, encoding="utf-8") as stream:
        watch = Watch(json.load(stream))
    os.makedirs(os.path.join(RUNTIME, "health"), exist_ok=True)
    while True:
        watch.tell()
        if "--once" in sys.argv:
            return
        time.sleep(INTERVAL)


if __name__ == "__main__":
    main()
