"""Looks at an environment's machines while they are under load, over the channel to them.

No new privilege: it is the way that upgrades take (operations/channel), which reads what root may
read on a node. It is asked anew for each stage, so that nothing of ours runs on for long when
somebody ends it. A cloud takes its time to carry a command: what was looked at outside of a stage's
time does not count, and a stage without looks says nothing of its nodes.
"""

import math
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from operations.capacity.samples import Busy, Stage
from operations.capacity.timing import PARTS
from operations.channel import Answer, Node
from operations.errors import OperationError

SCRIPT = Path(__file__).resolve().parent / "watch.sh"
PAUSE = 1
LATE = 30.0
"""Seconds that answers may come after a stage."""

CLOCKS = 2.0
"""Seconds by which the clocks of two machines may differ, and a look still counts."""

BEHIND = {"compute": (PARTS["forward"], None), "workers": (PARTS["shell"], PARTS["compute"])}
"""Backends of the nodes' proxies: what waiting for them is called, and what their answer is."""


class Runs(Protocol):
    """Runs a script on a node: the channel, as far as this needs it."""

    def run(self, node: Node, script: str, text: str, seconds: float) -> Answer:
        """Run it. Raises OperationError when the node cannot be reached."""
        ...


@dataclass(frozen=True, kw_only=True)
class Looks:
    """What one node said."""

    cpu: tuple[tuple[float, int, int], ...]
    """Time, busy ticks, all ticks."""

    waits: Mapping[str, tuple[int, float]]
    """By part: how many requests, and their mean seconds."""

    def busy(self, began: float, ended: float) -> float | None:
        """Return the share of processor time between two moments; None without two looks."""
        within = [each for each in self.cpu if began - CLOCKS <= each[0] <= ended + CLOCKS]
        if len(within) < 2 or within[-1][2] <= within[0][2]:
            return None
        return (within[-1][1] - within[0][1]) / (within[-1][2] - within[0][2])


def read(said: str) -> Looks:
    """Return what the script printed; lines that are none of its own are left out."""
    cpu: list[tuple[float, int, int]] = []
    waits: dict[str, tuple[int, float]] = {}
    for line in said.splitlines():
        fields = line.split()
        try:
            match fields:
                case ["cpu", time, busy, everything]:
                    cpu.append((float(time), int(busy), int(everything)))
                case ["proxy", backend, count, queue, connect, answer] if backend in BEHIND:
                    before, after = BEHIND[backend]
                    waits[before] = (int(count), (float(queue) + float(connect)) / 1000)
                    if after:
                        waits[after] = (int(count), float(answer) / 1000)
        except ValueError:
            continue
    return Looks(cpu=tuple(cpu), waits=waits)


class Watch:
    """The machines of an environment during one stage after the other."""

    def __init__(self, channel: Runs, nodes: Sequence[Node]) -> None:
        self._channel, self._nodes = channel, tuple(nodes)
        self._found: dict[str, Looks] = {}
        self._threads: list[threading.Thread] = []
        self.trouble: dict[str, str] = {}
        """By node: why it could not be looked at."""

    def begin(self, seconds: float) -> None:
        """Look at all machines for so long."""
        looks = max(math.ceil(seconds / PAUSE), 1) + 1
        # One dictionary a stage: who answers too late must not be heard in the next.
        self._found = {}
        self._threads = [
            threading.Thread(target=self._look, args=(node, looks, self._found), daemon=True)
            for node in self._nodes
        ]
        for thread in self._threads:
            thread.start()

    def _look(self, node: Node, looks: int, found: dict[str, Looks]) -> None:
        try:
            text = f"{looks}\n{PAUSE}\n"
            answer = self._channel.run(node, SCRIPT.read_text(), text, looks * PAUSE + LATE)
        except OperationError as error:
            self.trouble[node.name] = f"{error.what}: {error.why}"
            return
        if answer.code:
            self.trouble[node.name] = answer.stderr.strip()[-300:] or f"status {answer.code}"
            return
        found[node.name] = read(answer.stdout)

    def told(self, stage: Stage) -> Stage:
        """Return *stage* with what its nodes said."""
        if not stage.cut:
            for thread in self._threads:
                thread.join(LATE)
        found = dict(self._found)
        ended = stage.began + stage.seconds
        busy: dict[str, list[float]] = {}
        for node in self._nodes:
            share = found[node.name].busy(stage.began, ended) if node.name in found else None
            if share is not None:
                busy.setdefault(node.role, []).append(share)
        tiers = {role: Busy(cpu=max(each), nodes=len(each)) for role, each in busy.items()}
        return replace(stage, busy=tiers, waits=_mean(found.values()))


def _mean(looks: Iterable[Looks]) -> dict[str, float]:
    """Return the means over all nodes, each by how many requests it answered."""
    sums: dict[str, tuple[int, float]] = {}
    for each in looks:
        for part, (count, seconds) in each.waits.items():
            before = sums.get(part, (0, 0.0))
            sums[part] = (before[0] + count, before[1] + count * seconds)
    return {part: total / count for part, (count, total) in sums.items() if count}


def nodes(outputs: Mapping[str, Any]) -> tuple[tuple[Node, ...], tuple[str, ...]]:
    """Return the machines that the outputs name, and what there is to say of the others.

    The machines of a scale set are known to the cloud and not to the stack.
    """
    groups: Mapping[str, Mapping[str, Any]] = outputs.get("groups") or {}
    unseen = tuple(
        f"the {role} nodes are a scale set, whose machines the stack does not know by name: "
        "their processors and logs were not looked at"
        for role, group in groups.items()
        if group.get("kind") != "fixed"
    )
    return tuple(_fixed(groups)), unseen


def _fixed(groups: Mapping[str, Mapping[str, Any]]) -> Iterator[Node]:
    for role, group in groups.items():
        if group.get("kind") == "fixed":
            for target, name in zip(group["ids"], group["names"], strict=True):
                known = str(target)
                short = known.rpartition("/")[2] if known.startswith("arn:") else known
                yield Node(name=str(name), id=short, role=str(role))
