"""Asks all nodes at the same time what they are: one program of ours, one answer in JSON."""

import base64
import gzip
import io
import json
import tarfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from operations.channel import Channel, Node
from operations.channel.instances import Instance
from operations.diagnosis.intended import Intended
from operations.errors import OperationError
from operations.stack import PROJECT

HERE = Path(__file__).resolve().parent
PACKAGES = ("operations/__init__.py", "operations/diagnosis/__init__.py")
"""What makes the probe's modules a package on a node, too."""
SECONDS = 18.0
"""For all parts of one node together, which run at the same time."""
SPARE = 5.0
MOST_TARGETS = 24


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """A way that a node tries: whether it gets through, and whether it should."""

    host: str
    port: int
    whom: str
    """In words."""
    allowed: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """What one node said, or why it did not."""

    instance: Instance
    facts: Mapping[str, Any] = field(default_factory=dict)
    why: str = ""
    targets: tuple[Target, ...] = ()
    asked: float = 0.0
    answered: float = 0.0
    """By this machine's clock: the node's own lies between the two, if it goes right."""

    @property
    def role(self) -> str:
        """The node's role."""
        return self.instance.node.role

    @property
    def place(self) -> str:
        """Where, for a person."""
        return f"{self.role} node {self.instance.node.name}"


def archive() -> str:
    """Return the probe's programs, as nodes unpack them."""
    files = [PROJECT / each for each in PACKAGES]
    files += sorted((HERE / "node").glob("*.py"))
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as opened:
        for file in files:
            data = file.read_bytes()
            entry = tarfile.TarInfo(file.relative_to(PROJECT).as_posix())
            entry.size, entry.mode = len(data), 0o600
            opened.addfile(entry, io.BytesIO(data))
    return base64.b64encode(gzip.compress(buffer.getvalue(), mtime=0)).decode()


def targets(node: Node, nodes: Sequence[Node], intended: Intended) -> tuple[Target, ...]:
    """Return which ways *node* tries to the others: the needed ones, and those that are not."""
    found: list[Target] = []
    for other in nodes:
        if not other.address or other.address == node.address:
            continue
        for port in intended.ports:
            allowed = (node.role, other.role, port) in intended.paths
            whom = f"{other.role} node {other.name} ({other.address})"
            found.append(Target(host=other.address, port=port, whom=whom, allowed=allowed))
    # Those that are needed first, where there are too many to try.
    return tuple(sorted(found, key=lambda each: not each.allowed)[:MOST_TARGETS])


def every(
    channel: Channel,
    instances: Sequence[Instance],
    intended: Intended,
    patience: float,
    seconds: float = SECONDS,
) -> tuple[Told, ...]:
    """Return what every machine said within *patience* seconds, in the same order."""
    programs = archive()
    running = [each.node for each in instances if each.running]

    found: dict[str, Told] = {}

    def ask(instance: Instance) -> None:
        found[instance.node.id] = told(instance)

    def told(instance: Instance) -> Told:
        group = intended.groups.get(instance.node.role)
        if not instance.running or (group is not None and group.windows):
            return Told(instance=instance)
        ways = targets(instance.node, running, intended)
        files = group.files if group else {}
        return _asked(channel, instance, programs, ways, files, seconds)

    # Nobody waits for the end of these: a machine that hangs holds up no diagnosis.
    threads = [threading.Thread(target=ask, args=[each], daemon=True) for each in instances]
    deadline = time.monotonic() + patience
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(deadline - time.monotonic(), 0.0))
    late = f"no answer came within {patience:.0f} seconds"
    return tuple(found.get(each.node.id, Told(instance=each, why=late)) for each in instances)


def _asked(
    channel: Channel,
    instance: Instance,
    programs: str,
    ways: tuple[Target, ...],
    files: Mapping[str, str],
    seconds: float,
) -> Told:
    wanted = {
        "files": dict(files),
        "targets": [[each.host, each.port] for each in ways],
        "seconds": seconds,
    }
    text = f"{json.dumps(wanted, separators=(',', ':'))}\n{programs}\n"
    script = (HERE / "probe.sh").read_text()
    asked = time.time()
    try:
        answer = channel.run(instance.node, script, text, seconds + SPARE)
        if answer.code:
            end = answer.stderr.strip()[-300:]
            return Told(instance=instance, why=end or f"the probe ended with {answer.code}")
        facts = json.loads(answer.stdout.strip().rpartition("\n")[2])
    except OperationError as error:
        return Told(instance=instance, why=f"{error.what}: {error.why}")
    except ValueError:
        return Told(instance=instance, why="its answer is no JSON")
    answered = time.time()
    return Told(instance=instance, facts=facts, targets=ways, asked=asked, answered=answered)
