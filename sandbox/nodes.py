"""What the commands on nodes do: `logs`, `exec`, `run`, `wait`; `from` calls from elsewhere.

They work beside the daemon, from what it writes down and from what runs.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

from rich import box
from rich.table import Table

from sandbox import daemon
from sandbox.commands import Command, CommandError
from sandbox.fabric import hosts, network
from sandbox.home import Home

_MEGABYTE = 1024 * 1024
_NONE = 3
"""Exit status of `wait` when there is nothing to wait for."""
OFF = "off"
"""State of a node that went down with the sandbox, and starts with it."""
ABSENT = "absent"
"""State of a node that can't run in the sandbox: a record is all that there is of it."""
_MOMENT = 0.2
"""Seconds between looks at what the daemon wrote."""

_LARGEST_SCRIPT = 256 * 1024
"""Bytes of a script for `run`."""
_GRACE = 20.0
"""Seconds in which a script for `run` that took too long must be gone."""
_FROM_A_FILE = (
    'file=$(mktemp) && trap \'rm -f "$file"\' EXIT && cat >"$file" && sh "$file" </dev/null'
)
"""Shell: run what is on standard input."""

Known = Mapping[str, Any]


def known(home: Home) -> list[Known]:
    """What the daemon wrote of each node; what does not run any more, without it, is `off`."""
    try:
        found: list[dict[str, Any]] = json.loads(home.nodes.read_text())
    except (OSError, ValueError):
        return []
    there = {(host.machine_id, host.incarnation): host for host in hosts.found(home.hosts)}
    alone = daemon.find(home) is None
    for node in found:
        host = there.get((node["id"], node["incarnation"]))
        used = hosts.memory(host) if host else None
        node["memoryMegabytes"] = None if used is None else used // _MEGABYTE
        if alone and not (host and host.running):
            node |= {"phase": OFF, "healthy": None}
    return sorted(found, key=lambda node: str(node["name"]))


def table(found: Sequence[Known]) -> Table:
    """The nodes, for a person; their names whole, since other commands want them."""
    made = Table(box=box.SIMPLE)
    for title in ("node", "address", "state", "for", "memory"):
        made.add_column(title, no_wrap=title in {"node", "address"})
    for node in found:
        state = str(node["phase"])
        if node.get("healthy") is False:
            state += ", unwell"
        if node["restarts"]:
            state += f", started {node['restarts'] + 1} times"
        memory = node["memoryMegabytes"]
        used = "" if memory is None else f"{memory} MB"
        made.add_row(node["name"], node["address"], state, _age(str(node["since"])), used)
    return made


def _age(since: str) -> str:
    try:
        began = datetime.fromisoformat(since)
    except ValueError:
        return ""
    return str(timedelta(seconds=round((datetime.now(UTC) - began).total_seconds())))


def _node(home: Home, wanted: str) -> Known:
    found = known(home)
    if not found:
        raise CommandError("there are no nodes; scripts/up deploys some")
    exact = [
        n
        for n in found
        # An ARM id is the same in any case; of an ARN, tools know the last part, the instance's id.
        if wanted in (n["name"], n["hostname"], n["address"])
        or wanted.casefold() in (found_id := str(n["id"]).casefold(), found_id.rpartition("/")[2])
    ]
    alike = exact or [n for n in found if str(n["name"]).startswith(wanted)]
    if len(alike) == 1:
        return alike[0]
    names = ", ".join(str(node["name"]) for node in alike or found)
    why = "names several nodes" if alike else "names no node"
    raise CommandError(f"{wanted} {why}; say one of: {names}")


def _logs(home: Home, options: argparse.Namespace) -> int:
    host = host_of(home, options.node)
    _become(hosts.journal(host.folder, follow=options.follow, lines=options.lines))


def _exec(home: Home, options: argparse.Namespace) -> int:
    terminal = os.environ.get("TERM") if sys.stdout.isatty() else None
    _become(hosts.enter(host_of(home, options.node), options.command, terminal))


def _run(home: Home, options: argparse.Namespace) -> int:
    """As Run Command and Systems Manager: a text, a time, and what it printed.

    Whoever may enter a node may do so: root, who alone can start a sandbox with nodes. The script
    is in a file before it begins, as there: what it runs can't eat the rest of it.
    """
    host = host_of(home, options.node)
    command = ["timeout", "--kill-after=10", f"{options.seconds:.0f}", "sh", "-c", _FROM_A_FILE]
    try:
        done = subprocess.run(
            hosts.enter(host, command),
            input=sys.stdin.buffer.read(_LARGEST_SCRIPT),
            timeout=options.seconds + _GRACE,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise CommandError(f"{host.name} gave no answer in {options.seconds:.0f} s") from error
    return done.returncode


def host_of(home: Home, wanted: str) -> hosts.Host:
    """The host of the node that a person calls *wanted*. Raises CommandError."""
    node = _node(home, wanted)
    for host in hosts.found(home.hosts):
        if host.machine_id == node["id"] and host.incarnation == node["incarnation"]:
            return host
    raise CommandError(f"{node['name']} has no host yet: it is {node['phase']} {node['reason']}")


def _become(command: list[str]) -> NoReturn:
    os.execvp(command[0], command)  # noqa: S606 -- the command is the user's own


def _wait(home: Home, options: argparse.Namespace) -> int:
    running = daemon.find(home)
    if running is None:
        raise CommandError("no sandbox runs; start it with: scripts/sandbox start")
    deadline = time.monotonic() + options.seconds
    while time.monotonic() < deadline:
        found = [] if running.off else known(home)
        if all(node["phase"] == ABSENT for node in found):
            why = "; ".join(running.off) or (
                str(found[0]["reason"]) if found else "no node is deployed"
            )
            sys.stderr.write(f"sandbox: there are no nodes to wait for: {why}\n")
            return _NONE
        failed = [node for node in found if node["phase"] == "failed"]
        if failed:
            raise CommandError(f"node {failed[0]['name']} failed:\n{failed[0]['reason']}")
        if all(node["phase"] in ("ready", ABSENT) for node in found):
            return 0
        time.sleep(_MOMENT)
    late = ", ".join(
        f"{n['name']} ({n['phase']})" for n in known(home) if n["phase"] not in ("ready", ABSENT)
    )
    raise CommandError(
        f"not ready after {options.seconds:.0f} seconds: {late}; scripts/sandbox logs NODE says why"
    )


def _from(home: Home, options: argparse.Namespace) -> int:
    if daemon.find(home) is None:
        raise CommandError("no sandbox runs; start it with: scripts/sandbox start")
    with network.visit(home.prefix, options.address) as namespace:
        command = ["ip", "netns", "exec", namespace, *options.command]
        return subprocess.run(command, check=False).returncode


COMMANDS: Mapping[str, Command] = {
    "logs": _logs,
    "exec": _exec,
    "run": _run,
    "wait": _wait,
    "from": _from,
}
