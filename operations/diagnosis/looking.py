"""Looks at a deployed environment, all at the same time, and judges what it sees."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from operations.channel import Node, choose, instances
from operations.diagnosis import asking, front, intended
from operations.diagnosis.asking import Told
from operations.diagnosis.endpoint import looking as endpoint_looking
from operations.diagnosis.front import Step
from operations.diagnosis.judging import Evidence, judge
from operations.diagnosis.kinds import Finding
from operations.endpoint import TOPOLOGY, Endpoint
from operations.endpoint_cloud import choose as choose_source
from operations.export import state
from operations.stack import Backend, Reading, Sandbox, exported_state

UNNAMED = "the endpoint's name: the sandbox has it for its own machines alone"
FAMILY_WORDS = ("pass", "green")
"""Words for what is well, of any version (facts.md 13.4)."""
SANDBOX_SPARE = 6.0
CLOUD_SPARE = 132.0
"""How long the way to a node and back may take: Azure's Run Command alone needs half a minute."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Looked:
    """A diagnosis."""

    stack: str
    findings: tuple[Finding, ...]
    nodes: Sequence[Told]
    """Machines; of a managed endpoint the instances of its deployments."""
    steps: tuple[Step, ...]
    unseen: tuple[str, ...]
    """What was not looked into, and why: that is no fault."""
    seconds: float
    machines: str = "nodes"
    """What those are called."""


def look(stack: str, backend: Backend, seconds: float = asking.SECONDS) -> Looked:
    """Look at a stack, where each node may take that long to look at itself.

    Raises OperationError when nobody can tell what should be there.
    """
    began = time.monotonic()
    reading = Reading(stack, backend)
    text = exported_state(stack, backend)
    outputs = reading.outputs()
    if outputs.get("topology") == TOPOLOGY:
        return _endpoint(reading, text, backend, began)
    environment = reading.environment()
    wanted = intended.read(stack, outputs, state.parse(text, stack))
    with ThreadPoolExecutor(2) as pool:
        fewest = sum(g.fewest for g in wanted.groups.values() if g.role != "compute")
        way_in = pool.submit(front.look, environment, fewest)
        machines = instances.found(outputs, backend)
        location = str(outputs.get("location") or "")
        nodes = _asked(machines, wanted, backend, location, seconds)
        seen = way_in.result()
    unnamed = bool(seen.unresolved) and isinstance(backend, Sandbox)
    if unnamed:
        # It is in the DNS of the sandbox's own machines, and in no other.
        seen = replace(seen, unresolved="")
    words = environment.product.status_words if environment.product else ("pass",)
    evidence = Evidence(
        intended=wanted,
        front=seen,
        nodes=nodes,
        now=time.time(),
        words=tuple(dict.fromkeys((*words, *FAMILY_WORDS))),
    )
    return Looked(
        stack=stack,
        findings=judge(evidence),
        nodes=nodes,
        steps=seen.steps,
        unseen=(*_unseen(wanted, nodes), *([UNNAMED] if unnamed else [])),
        seconds=time.monotonic() - began,
    )


def _endpoint(reading: Reading, text: str, backend: Backend, began: float) -> Looked:
    found = reading.deployed()
    assert isinstance(found, Endpoint)  # noqa: S101 - the topology says so
    seen = endpoint_looking.look(found, text, choose_source(backend), backend.access)
    return Looked(
        stack=found.stack,
        findings=seen.findings,
        nodes=[
            Told(
                instance=instances.Instance(
                    node=Node(name=each.name, id=each.id, role=each.deployment),
                    state=each.state,
                    running=each.ready,
                )
            )
            for each in seen.instances
        ],
        machines="instances",
        steps=tuple(
            Step(
                name=f"score {each.deployment or 'by traffic'}",
                seconds=each.seconds,
                failed="" if each.right else each.said or "another answer",
                status=each.status,
            )
            for each in seen.front.answers
        ),
        unseen=seen.unseen,
        seconds=time.monotonic() - began,
    )


def _asked(
    machines: Sequence[instances.Instance],
    wanted: intended.Intended,
    backend: Backend,
    location: str,
    seconds: float,
) -> tuple[Told, ...]:
    reached = [each.node for each in machines if each.running]
    if not reached:
        return tuple(Told(instance=each) for each in machines)
    patience = seconds + (SANDBOX_SPARE if isinstance(backend, Sandbox) else CLOUD_SPARE)
    return asking.every(choose(backend, reached, location), machines, wanted, patience, seconds)


def _unseen(wanted: intended.Intended, nodes: Sequence[Told]) -> list[str]:
    windows = [role for role, group in wanted.groups.items() if group.windows]
    found = [f"{role} nodes from inside: they run Windows" for role in windows]
    found += [
        f"files of {role} nodes: what they were made from is not in the state"
        for role, group in wanted.groups.items()
        if not group.files and role not in windows
    ]
    if not nodes:
        found.append("nodes: there are none")
    return found
