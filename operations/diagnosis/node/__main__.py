"""Asks all parts at the same time and prints what they found, as one line of JSON.

usage: python3 -m operations.diagnosis.node asked.json

`asked.json`: `files`, digests by path; `targets`, a list of host and port; `seconds`.
"""

import functools
import json
import sys

from operations.diagnosis.node import (
    filter,  # noqa: A004 - the field's word
    ground,
    keeping,
    machine,
    serving,
    store,
    way,
)

TOLD = (
    "cloud",
    "egress",
    "environment",
    "port",
    "product",
    "role",
    "version",
)
"""What the answer repeats of the node's own file."""


def facts(asked: "dict[str, object]", node: "dict[str, object]") -> "dict[str, object]":
    """Return what all parts found, and under `unknown` why some did not."""
    seconds = float(str(asked.get("seconds") or 15))
    ground.LONGEST["seconds"] = seconds * 2 / 3
    work = {
        "units": functools.partial(machine.units, node),
        "boot": machine.boot,
        "disks": machine.disks,
        "memory": machine.memory,
        "clock": machine.clock,
        "packages": functools.partial(machine.packages, node),
        "files": functools.partial(keeping.files, asked.get("files")),
        "certificates": functools.partial(keeping.certificates, node),
        "stored": functools.partial(keeping.stored, node),
        "vault": functools.partial(keeping.vault, node, seconds - 2),
        "database": functools.partial(store.look, node),
        "migrated": functools.partial(store.migrated, node),
        "firewall": functools.partial(filter.look, node),
        "passed": functools.partial(way.passed, asked.get("targets")),
        "health": functools.partial(way.health, node),
        "workers": functools.partial(serving.workers, node),
        "status": functools.partial(serving.status, node),
        "settings": functools.partial(serving.settings, node),
        "installed": functools.partial(serving.installed, node),
    }  # type: dict[str, object]
    ended = ground.at_once(work, seconds)
    unknown = {
        name: ground.cut(each) for name, each in ended.items() if isinstance(each, ground.Unknown)
    }
    found = {name: each for name, each in ended.items() if name not in unknown}
    found["node"] = {name: node.get(name) for name in TOLD}
    found["computeNodes"] = _listed(node)
    if unknown:
        found["unknown"] = unknown
    return found


def _listed(node: "dict[str, object]") -> "list[str]":
    nodes = node.get("computeNodes")
    return ground.texts(nodes.get("values")) if isinstance(nodes, dict) else []


def main() -> "None":
    """Find out, and say it."""
    with open(sys.argv[1], encoding="utf-8") as stream:
        asked = json.load(stream)
    try:
        found = facts(asked, ground.document())
    except ground.Unknown as reason:
        found = {"unknown": {"node": ground.cut(reason)}, "boot": machine.boot()}
    text = json.dumps(found, separators=(",", ":"), sort_keys=True)
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
