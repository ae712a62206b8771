"""The figures of scripts/benchmark for nodes that boot: a stack from its first host to a score.

Everything is real and at its real speed: hosts, packet filter, database, drain. Times begin when a
person's command does and end when what they wait for holds; what takes less than the looks at it
are apart is as exact as those are (`LOOK`).
"""

import json
import socket
import statistics
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

from sandbox.control import tamper
from sandbox.control.store import Store
from scripts.lib.benchmark_clouds import CLOUDS, Name, compute_group, denial
from tests.support.deployed import succeeded
from tests.support.engine import ROOT, on_sandbox
from tests.support.live import Live, require_nodes

FIRST_SCORE_GOAL = 20.0
"""Seconds from the first host's start to the first prediction (issue 4, proof)."""
FURTHER_NODE_GOAL = 1.0
"""Seconds that each further node may add (issue 4, proof)."""
FURTHER = 4
"""Compute nodes that are added at once."""
LOOK = 0.02
"""Seconds between looks."""
ATTEMPT = 0.05
"""Seconds after which a connection that is not there is not allowed; it takes one millisecond."""
RULE_CHANGES = 5
SCORES = 5
PATIENCE = 120.0


class NodeFigures(NamedTuple):
    """What nodes took."""

    stack: str
    up: float
    """Seconds of `pulumi up`, from nothing; resources, network and database included."""
    first_score: float
    """Seconds from the start of the first host to the first prediction."""
    score: float
    """Seconds of `scripts/score`, a process from start to end; the median of several."""
    further_node: float
    """Seconds for each of `FURTHER` more compute nodes, from the change to all of them ready."""
    rule: float
    """Seconds from a change of the security rules until it holds; the slowest of several."""
    memory: dict[str, int]
    """Megabytes a node by role, without the caches that the kernel may drop."""
    daemon: int
    """Megabytes of the daemon."""
    destroy: float
    """Seconds of `pulumi destroy`, with nodes that drain."""
    left: tuple[str, ...]
    """What was left on the machine after the stop; nothing, if all is well."""


def measure(cloud: Name, folder: Path, console: Console) -> NodeFigures:
    """Deploy the cloud's small stack in *folder*, measure, and take it down."""
    require_nodes()
    stack = CLOUDS[cloud].stack
    hosts = folder / "sandbox" / "hosts"
    first_host = _First(lambda: any(hosts.glob("*/host.json")))
    with on_sandbox(folder, options=()) as engine:
        engine.write_at_each_step()
        dev = Live(stack, engine)
        console.print(f"up of {stack}, with nodes ...", style="dim")
        first_host.watch()
        _, up = _timed(dev.up)
        _script(dev, "publish", str(ROOT / "models/iris"))
        console.print(_score(dev).strip(), style="dim")
        first_score = time.monotonic() - first_host.moment
        score = statistics.median(_timed(lambda: _score(dev))[1] for _ in range(SCORES))
        memory = _memory(dev)
        daemon = json.loads(dev.sandbox("status", "--json"))["memoryMegabytes"]
        console.print("changes of rules ...", style="dim")
        rule = _rule_changes(cloud, dev)
        console.print(f"{FURTHER} more compute nodes ...", style="dim")
        further = _further(cloud, dev)
        console.print("destroy ...", style="dim")
        _, destroy = _timed(lambda: succeeded(engine.destroy(stack)))
        prefix = dev.home.prefix
    return NodeFigures(
        stack=stack,
        up=up,
        first_score=first_score,
        score=score,
        further_node=further,
        rule=rule,
        memory=memory,
        daemon=daemon,
        destroy=destroy,
        left=_left(prefix),
    )


def show(console: Console, figures: NodeFigures) -> None:
    """The figures, for a person."""
    table = Table(f"nodes of {figures.stack} that boot", "took", "goal")
    table.add_row("pulumi up, from nothing", f"{figures.up:.1f} s", "")
    goal = f"{FIRST_SCORE_GOAL:.0f} s"
    table.add_row("first host's start to first score", f"{figures.first_score:.1f} s", goal)
    table.add_row("scripts/score, later", f"{figures.score:.2f} s", "")
    goal = f"{FURTHER_NODE_GOAL:.0f} s"
    table.add_row(f"each of {FURTHER} further nodes", f"{figures.further_node:.2f} s", goal)
    table.add_row("a change of rules holds", f"{figures.rule:.2f} s", "1 s")
    for role, used in figures.memory.items():
        table.add_row(f"memory of a {role} node", f"{used} MB", "")
    table.add_row("memory of the daemon", f"{figures.daemon} MB", "")
    table.add_row("pulumi destroy", f"{figures.destroy:.1f} s", "")
    table.add_row("left over", ", ".join(figures.left) or "nothing", "nothing")
    console.print(table)


class _First:
    """The moment at which something first is so."""

    def __init__(self, true: Callable[[], bool]) -> None:
        self.moment = 0.0
        self._true = true

    def watch(self) -> None:
        """Look from now on, beside what goes on."""
        threading.Thread(target=self._look, daemon=True).start()

    def _look(self) -> None:
        while not self._true():
            time.sleep(LOOK)
        self.moment = time.monotonic()


def _timed(what: Callable[[], Any]) -> tuple[Any, float]:
    began = time.monotonic()
    found = what()
    return found, time.monotonic() - began


def _script(dev: Live, name: str, *arguments: str) -> str:
    done = dev.script(name, *arguments)
    if done.returncode:
        raise SystemExit(f"scripts/{name} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def _score(dev: Live) -> str:
    return _script(dev, "score", "iris", str(ROOT / "models/iris/request.json"))


def _memory(dev: Live) -> dict[str, int]:
    return {
        role: round(
            statistics.mean(n["memoryMegabytes"] for n in dev.nodes if f"-{role}" in n["name"])
        )
        for role in ("web", "compute")
    }


def _rule_changes(cloud: Name, dev: Live) -> float:
    """Deny clients and let them in again, some times; the slowest of them all."""
    address = str(dev.outputs()["loadBalancerAddress"])
    store = Store(dev.home.state)
    change = denial(cloud, dev)
    took = []
    try:
        for _ in range(RULE_CHANGES):
            for said, allowed in ((change.after, False), (change.before, True)):
                began = time.monotonic()
                tamper.edit(store, change.id, change.path, said)
                took.append(_until(lambda: _connects(address) is allowed) - began)  # noqa: B023
    finally:
        store.close()
    return max(took)


def _connects(address: str) -> bool:
    with suppress(OSError), socket.create_connection((address, 12800), ATTEMPT):
        return True
    return False


def _until(true: Callable[[], bool]) -> float:
    """The moment at which the look began that found it so."""
    deadline = time.monotonic() + PATIENCE
    while (moment := time.monotonic()) < deadline:
        if true():
            return moment
        time.sleep(LOOK)
    raise SystemExit(f"not so after {PATIENCE:.0f} seconds")


def _further(cloud: Name, dev: Live) -> float:
    """Scale the compute group out as an autoscaler does."""
    group = compute_group(cloud, dev)
    before = len(dev.names("compute"))
    file = dev.home.nodes

    def ready() -> bool:
        phases = [n["phase"] for n in json.loads(file.read_text()) if "-compute-" in n["name"]]
        return len(phases) == before + FURTHER and set(phases) == {"ready"}

    began = time.monotonic()
    for path in CLOUDS[cloud].capacity:
        dev.tamper(group, path, str(before + FURTHER))
    return (_until(ready) - began) / FURTHER


def _left(prefix: str) -> tuple[str, ...]:
    """Namespaces and links of the sandbox that are still there."""
    found = []
    for command in (["ip", "-o", "netns"], ["ip", "-o", "link"]):
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        found += [line for line in said.splitlines() if prefix in line]
    return tuple(found)
