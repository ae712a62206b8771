"""The steps of a change of ports, and of the way back from any of them: plain values, in order.

The stack file comes first and the nodes last: balancer and packet filters are Pulumi's, and nodes
that keep what they were made from get what was deployed (`scripts/upgrade --configure`). A port is
one setting of one balancer, so that nothing answers on both; the plan says for how long.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

Action = Literal[
    "look-before",
    "write",
    "deploy",
    "configure",
    "answers",
    "silent",
    "well",
    "compare-services",
    "take-nodes-back",
    "restore",
]

WORDS: Final[dict[Action, str]] = {
    "look-before": "the environment is as its stack file says, is well, and its services are noted",
    "write": "the stack file says {to}",
    "deploy": "balancer and packet filters get {ports}{replaced}",
    "configure": "nodes that keep what they were made from get {ports}, one by one",
    "answers": "clients are answered on {web}",
    "silent": "nobody answers on {gone} any more",
    "well": "the product says that it is well, with all compute nodes",
    "compare-services": "the published services are the same as before",
    "take-nodes-back": "nodes that were being changed get their settings back",
    "restore": "the stack file says {of} again",
}

ONE_BOX: Final = "one-box"


@dataclass(frozen=True, kw_only=True)
class Ports:
    """What nodes listen on."""

    web: int
    compute: int

    def __str__(self) -> str:
        """Both, for a person."""
        return f"web {self.web}, compute {self.compute}"


@dataclass(frozen=True, kw_only=True)
class Change:
    """What is asked for, and of which kind of environment."""

    of: Ports
    to: Ports
    roles: tuple[str, ...]
    keeping: tuple[str, ...]
    """Roles whose nodes keep what they were made from; the others' are replaced by Pulumi."""

    @property
    def none(self) -> bool:
        """Whether there is nothing to change."""
        return self.of == self.to


@dataclass(frozen=True, kw_only=True)
class Step:
    """One thing that is done, to its end or again."""

    action: Action
    back: bool = False
    """Whether it is on the way back, where `of` is what comes."""


def forward(change: Change) -> tuple[Step, ...]:
    """Return the steps of the change."""
    return tuple(
        Step(action=each)
        for each in ("look-before", "write", "deploy", *_on_nodes(change), *_after(change))
    )


def backward(change: Change, begun: Sequence[Step]) -> tuple[Step, ...]:
    """Return the steps that undo those of `forward` that have *begun*."""
    done = {step.action for step in begun if not step.back}
    steps: list[Action] = []
    if "write" in done:
        steps.append("restore")
    if "deploy" in done:
        # Before the nodes, as on the way there: a web node that diagnoses itself asks compute nodes
        # through the packet filters.
        steps.append("deploy")
        if "configure" in done:
            steps.append("take-nodes-back")
        steps += [*_on_nodes(change), *_after(change)]
    return tuple(Step(action=each, back=True) for each in steps)


def _on_nodes(change: Change) -> list[Action]:
    return ["configure"] if change.keeping else []


def _after(change: Change) -> list[Action]:
    gone: list[Action] = ["silent"] if change.of.web != change.to.web else []
    return ["answers", *gone, "well", "compare-services"]


def said(step: Step, change: Change) -> str:
    """Return a step in words."""
    now, before = (change.of, change.to) if step.back else (change.to, change.of)
    replaced = [role for role in change.roles if role not in change.keeping]
    new = f"; new {' and '.join(replaced)} nodes take over" if replaced else ""
    return WORDS[step.action].format(
        of=change.of, to=change.to, ports=now, web=now.web, gone=before.web, replaced=new
    )


def meaning(change: Change) -> list[str]:
    """Return what the change means for who calls, and until when."""
    until = "the first web node is done"
    if ONE_BOX in change.roles:
        until = "the machine is done"
    elif not change.keeping:
        until = "the new web nodes serve"
    lines = []
    if change.of.web != change.to.web:
        lines += [
            f"clients must call port {change.to.web} from then on; {change.of.web} ends with the",
            f"deployment, and until {until} nobody is served on either",
        ]
    elif ONE_BOX not in change.roles:
        lines += [
            "web nodes lose their compute nodes with the deployment: nothing is scored until",
            f"{until}; clients call the same port",
        ]
    if change.keeping and ONE_BOX not in change.roles:
        lines.append("sessions on a compute node end when its turn comes")
    return lines


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a deployed environment says of itself."""

    ports: Ports
    stale: tuple[str, ...] = ()
    """Nodes that are not what was deployed last."""

    upgrading: str = ""
    """How far an upgrade is that is under way."""

    sets: int = 1


def obstacles(change: Change, found: Found) -> list[str]:
    """Return why the change must not begin now; nothing when it may."""
    wrong = []
    if found.ports != change.of:
        wrong.append(
            f"it was deployed with {found.ports}, and its stack file says {change.of}: deploy first"
        )
    if found.stale:
        wrong.append(
            f"these nodes are not what was deployed last: {', '.join(found.stale)}: "
            "scripts/upgrade --configure brings them there"
        )
    if found.upgrading:
        wrong.append(f"an upgrade is {found.upgrading}: bring it to its end, or take it back")
    if found.sets > 1:
        wrong.append("two sets of nodes are behind the balancer: finish the upgrade first")
    return wrong
