"""What the policies say of a change, in the order in which somebody has to look at it."""

from dataclasses import dataclass

from operations.preview.events import Events

MANDATORY = "mandatory"
EXEMPTED, STALE, UNDECIDED = REPORTS = ("exempted", "exemption-stale", "undecided")
"""Policies of the pack that judge nothing: they say what a stack file exempts and why, which of
those exemptions somebody should look at, and what a preview does not know (policies/pack.py)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Violation:
    """One rule that one resource does not keep."""

    policy: str
    level: str
    resource: str
    urn: str
    text: str
    """What, why and how to mend it, in the pack's own words."""

    @property
    def found(self) -> str:
        """What is wrong with which resource: the pack says so behind the rule and its reason."""
        lines = [line for line in self.text.splitlines() if line.strip()]
        return lines[1] if len(lines) > 1 else self.text


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """How a change stands with the policies."""

    packs: tuple[str, ...]
    """Name and version of each pack that ran; none where no policy was asked."""
    refused: tuple[Violation, ...] = ()
    advised: tuple[Violation, ...] = ()
    exempted: tuple[Violation, ...] = ()
    undecided: tuple[Violation, ...] = ()
    """Of what is known only once it is deployed."""
    passed: int = 0
    failed: int = 0

    @property
    def ran(self) -> bool:
        """Whether any policy was asked."""
        return bool(self.packs)


def policy(events: Events) -> Policy:
    """Return what the policies said."""
    found = [
        Violation(
            policy=each.policy,
            level=each.level,
            resource=each.urn.rpartition("::")[2],
            urn=each.urn,
            text=each.text,
        )
        for each in events.judgements
    ]
    found.sort(key=lambda each: (each.policy, each.resource, each.text))
    refused = tuple(each for each in found if each.level == MANDATORY)
    apart = (*refused, *(each for each in found if each.policy in (EXEMPTED, UNDECIDED)))
    failed = {each.policy for each in refused}
    return Policy(
        packs=tuple(_pack(*each) for each in sorted((events.packs or {}).items())),
        refused=refused,
        advised=tuple(each for each in found if each not in apart),
        exempted=tuple(each for each in found if each.policy == EXEMPTED),
        undecided=tuple(each for each in found if each.policy == UNDECIDED),
        passed=len(events.asked - failed - set(REPORTS)),
        failed=len(failed),
    )


def _pack(name: str, version: str) -> str:
    """Return a pack in words; the engine tells of a local one `NAME|local|FOLDER`."""
    return f"{name.partition('|')[0]} {version}".strip()
