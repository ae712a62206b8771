"""Looks at an environment's machines while they are under load, over the channel to them.

No new privilege: it is the way that upgrades take (operations/channel), which reads what root may
read on a node. Processors are looked at during each stage, by a script that ends with it, so that
nothing of ours runs on for long when somebody ends it. A cloud takes its time to carry a command:
what was looked at outside of a stage's time does not count, and a stage without looks says nothing
of its nodes. The proxies' logs have the time of each line: they are read once, for all stages.
"""

import math
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from operations.capacity.samples import Busy, Stage
from operations.capacity.timing import API, PARTS
from operations.channel import Answer, Node
from operations.channel.instances import Instance
from operations.errors import OperationError

HERE = Path(__file__).resolve().parent
LOOKS, LOGS = HERE / "watch.sh", HERE / "logged.sh"
PAUSE = 1
LATE = 30.0
"""Seconds that answers may come after a stage."""

LOG_SECONDS = 60.0
ONE_BOX = "one-box"
CLOCKS = 2.0
"""Seconds by which the clocks of two machines may differ, and a look still counts."""

BEHIND = {
    "compute": (PARTS["forward"], None),
    "workers": (PARTS["shell"], PARTS["compute"]),
    "api": (None, API),
}
"""Backends of the nodes' proxies: what waiting for them is called, and what their answer is."""

ON_ONE_BOX = {"compute": BEHIND["workers"], "api": BEHIND["api"]}
"""There the one proxy has the R processes themselves behind it."""

Waits = Mapping[str, tuple[int, float]]
"""By part: how many requests, and their mean seconds."""


class Runs(Protocol):
    """Runs a script on a node: the channel, as far as this needs it."""

    def run(self, node: Node, script: str, text: str, seconds: float) -> Answer:
        """Run it. Raises OperationError when the node cannot be reached."""
        ...


@dataclass(frozen=True, kw_only=True)
class Looks:
    """What one node said of its processors: time, busy and all hundredths of a second."""

    machine: tuple[tuple[float, int, float], ...] = ()
    api: tuple[tuple[float, int, float], ...] = ()
    """The process of the API service, which computes on one processor at a time."""


def share(looks: Sequence[tuple[float, int, float]], began: float, ended: float) -> float | None:
    """Return the busy share of the time between two moments; None without two looks."""
    within = [each for each in looks if began - CLOCKS <= each[0] <= ended + CLOCKS]
    if len(within) < 2:
        return None
    busy, everything = within[-1][1] - within[0][1], within[-1][2] - within[0][2]
    # The two are read one after the other, so that a little more than all of it may be seen.
    return min(busy / everything, 1.0) if everything > 0 and busy >= 0 else None


def read(said: str) -> Looks:
    """Return what `watch.sh` printed; lines that are none of its own are left out."""
    machine: list[tuple[float, int, float]] = []
    api: list[tuple[float, int, float]] = []
    for line in said.splitlines():
        try:
            match line.split():
                case ["cpu", time, busy, everything]:
                    machine.append((float(time), int(busy), int(everything)))
                case ["api", time, busy]:
                    api.append((float(time), int(busy), 100 * float(time)))
        except ValueError:
            continue
    return Looks(machine=tuple(machine), api=tuple(api))


def logged(said: str, role: str = "") -> dict[int, dict[str, tuple[int, float]]]:
    """Return what `logged.sh` printed: the waits of each stretch of time, by its number."""
    backends = ON_ONE_BOX if role == ONE_BOX else BEHIND
    found: dict[int, dict[str, tuple[int, float]]] = {}
    for line in said.splitlines():
        try:
            match line.split():
                case ["proxy", stretch, backend, count, queue, connect, answer] if (
                    backend in backends
                ):
                    before, after = backends[backend]
                    waits = found.setdefault(int(stretch), {})
                    if before:
                        waits[before] = (int(count), (float(queue) + float(connect)) / 1000)
                    if after:
                        waits[after] = (int(count), float(answer) / 1000)
        except ValueError:
            continue
    return found


@dataclass
class _Stretch:
    """Who looks at the nodes during one stage, and what was seen."""

    threads: list[threading.Thread] = field(default_factory=list)
    found: dict[str, Looks] = field(default_factory=dict)


class Watch:
    """The machines of an environment during one stage after the other."""

    def __init__(self, channel: Runs, nodes: Sequence[Node]) -> None:
        self._channel, self._nodes = channel, tuple(nodes)
        self._stretch = _Stretch()
        self.trouble: dict[str, str] = {}
        """By node: why it could not be looked at."""

    def begin(self, seconds: float) -> None:
        """Look at all machines for so long."""
        looks = max(math.ceil(seconds / PAUSE), 1) + 1
        # One a stage: who answers too late must not be heard in the next.
        found: dict[str, Looks] = {}
        threads = [
            threading.Thread(target=self._look, args=(node, looks, found), daemon=True)
            for node in self._nodes
        ]
        self._stretch = _Stretch(threads, found)
        for thread in threads:
            thread.start()

    def _look(self, node: Node, looks: int, found: dict[str, Looks]) -> None:
        text = f"{looks}\n{PAUSE}\n"
        said = self._said(node, LOOKS, text, looks * PAUSE + LATE)
        if said is not None:
            found[node.name] = read(said)

    def _said(self, node: Node, script: Path, text: str, seconds: float) -> str | None:
        try:
            answer = self._channel.run(node, script.read_text(), text, seconds)
        except OperationError as error:
            self.trouble[node.name] = f"{error.what}: {error.why}"
            return None
        if answer.code:
            self.trouble[node.name] = answer.stderr.strip()[-300:] or f"status {answer.code}"
            return None
        return answer.stdout

    def told(self, stage: Stage) -> Stage:
        """Return *stage* with what its nodes said of their processors."""
        if not stage.cut:
            for thread in self._stretch.threads:
                thread.join(LATE)
        found = dict(self._stretch.found)
        ended = stage.began + stage.seconds
        busy: dict[str, list[float]] = {}
        for node in self._nodes:
            looks = found.get(node.name, Looks())
            cpu = share(looks.machine, stage.began, ended)
            if cpu is not None:
                busy.setdefault(node.role, []).append(cpu)
        tiers = {role: Busy(cpu=max(each), nodes=len(each)) for role, each in busy.items()}
        api = [share(each.api, stage.began, ended) for each in found.values()]
        return replace(stage, busy=tiers, api=max((each for each in api if each), default=None))

    def with_logs(self, stages: Sequence[Stage], path: str) -> tuple[Stage, ...]:
        """Return *stages* with what the proxies wrote of the requests for *path* meanwhile."""
        lines = [f"{each.began:.3f} {each.began + each.seconds:.3f}" for each in stages]
        text = "\n".join([path, *lines, ""])

        def one(node: Node) -> dict[int, dict[str, tuple[int, float]]]:
            return logged(self._said(node, LOGS, text, LOG_SECONDS) or "", node.role)

        if not stages or not self._nodes:
            return tuple(stages)
        with ThreadPoolExecutor(len(self._nodes)) as pool:
            found = list(pool.map(one, self._nodes))
        return tuple(
            replace(stage, waits=_mean(each.get(number, {}) for each in found))
            for number, stage in enumerate(stages)
        )


def _mean(waits: Iterable[Waits]) -> dict[str, float]:
    """Return the means over all nodes, each by how many requests it answered."""
    sums: dict[str, tuple[int, float]] = {}
    for each in waits:
        for part, (count, seconds) in each.items():
            before = sums.get(part, (0, 0.0))
            sums[part] = (before[0] + count, before[1] + count * seconds)
    return {part: total / count for part, (count, total) in sums.items() if count}


Find = Callable[[], Sequence[Instance]]


def nodes(find: Find, *, windows: bool = False) -> tuple[tuple[Node, ...], tuple[str, ...]]:
    """Return the machines that run, and what there is to say of those that cannot be looked at."""
    try:
        known = find()
    except OperationError as error:
        return (), (f"the nodes were not looked at: {error.what}: {error.why}",)
    if windows:
        return (), ("the nodes run Windows: their processors and logs were not looked at",)
    return tuple(each.node for each in known if each.running), tuple(_away(known))


def _away(known: Sequence[Instance]) -> Iterator[str]:
    for each in known:
        if not each.running:
            yield f"{each.node.role} node {each.node.name} does not run: it is {each.state}"
