"""What `scripts/sandbox status` tells."""

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import cast

import psutil
from rich.console import Console
from rich.table import Table

from sandbox import daemon, faults, nodes
from sandbox.commands import Command, CommandError
from sandbox.control.store import Store, StoreError
from sandbox.home import Home, Running

_MEGABYTE = 1024 * 1024


def _status(home: Home, options: argparse.Namespace) -> int:
    found = daemon.find(home)
    numbers, known = counts(home), nodes.known(home)
    facts: dict[str, object] = {"running": found is not None, "home": str(home.root)}
    if found:
        facts |= {
            "pid": found.pid,
            "uptimeSeconds": round(time.time() - found.started),
            "memoryMegabytes": psutil.Process(found.pid).memory_info().rss // _MEGABYTE,
            "ports": found.ports,
        }
    facts |= {"log": str(home.log), "resources": numbers, "nodes": known}
    if found and found.off:
        facts["nodesOff"] = found.off
    planned = faults.known(home) if home.state.exists() else []
    facts["faults"] = [faults.words(fault) for fault in planned if not fault.met]
    if options.json:
        print(json.dumps(facts, indent=2))  # noqa: T201
    else:
        _show(facts, found, numbers, known)
    return 0 if found else 3


def counts(home: Home) -> dict[str, int]:
    """How many resources there are, by type. Raises CommandError."""
    if not home.state.exists():
        return {}
    try:
        return Store(home.state).read().counts()
    except StoreError as error:
        raise CommandError(str(error)) from error


def _show(
    facts: dict[str, object],
    found: Running | None,
    numbers: dict[str, int],
    known: Sequence[nodes.Known],
) -> None:
    table = Table(show_header=False, box=None)
    if found:
        uptime = timedelta(seconds=round(time.time() - found.started))
        table.add_row("sandbox", f"runs, process {found.pid}, for {uptime}")
        table.add_row("memory", f"{facts['memoryMegabytes']} MB")
        table.add_row("ports", ", ".join(f"{name} {port}" for name, port in found.ports.items()))
    else:
        table.add_row("sandbox", "does not run; scripts/sandbox start")
        if any(node["phase"] != nodes.OFF for node in known):
            table.add_row("nodes", "run on without it; scripts/sandbox stop ends them too")
    table.add_row("files", str(facts["home"]))
    table.add_row("log", str(facts["log"]))
    for reason in found.off if found else ():
        table.add_row("nodes", f"don't boot: {reason}")
    for fault in cast("list[str]", facts["faults"]):
        table.add_row("fault", fault)
    resources = Table("type", "resources")
    for kind, count in numbers.items():
        resources.add_row(kind, str(count))
    console = Console()
    console.print(table)
    console.print(resources if numbers else "No resources.")
    if known:
        console.print(nodes.table(known))
        for node in known:
            if node["phase"] in ("failed", nodes.ABSENT):
                console.print(
                    f"{node['name']} {node['phase']}: {node['reason']}",
                    markup=False,
                    soft_wrap=True,
                )


COMMANDS: Mapping[str, Command] = {"status": _status}
