"""What the policies say of a change, in the order in which somebody has to look at it."""

from dataclasses import dataclass

from operations.preview.events import Events

MANDATORY = "mandatory"
EXEMPTED = "exempted"
"""A message of the pack that begins with this word says that a stack file exempts a violation."""


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
    def first(self) -> str:
        """The first line of what it says."""
        return self.text.partition("\n")[0]


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """How a change stands with the policies."""

    packs: tuple[str, ...]
    """Name and version of each pack that ran; none where no policy was asked."""
    refused: tuple[Violation, ...] = ()
    advised: tuple[Violation, ...] = ()
    exempted: tuple[Violation, ...] = ()
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
    exempted = tuple(each for each in found if _is_exempted(each))
    others = [each for each in found if each not in exempted]
    refused = tuple(each for each in others if each.level == MANDATORY)
    failed = {each.policy for each in refused}
    return Policy(
        packs=tuple(f"{name} {version}" for name, version in sorted((events.packs or {}).items())),
        refused=refused,
        advised=tuple(each for each in others if each.level != MANDATORY),
        exempted=exempted,
        passed=len(events.asked - failed),
        failed=len(failed),
    )


def _is_exempted(violation: Violation) -> bool:
    words = violation.text.removeprefix(f"{violation.policy}:").strip().lower()
    return words.startswith(EXEMPTED)
