"""What a rule is: an id that stays, why, how grave, what it looks at, and how to mend it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from policies.ground import Ground
from policies.reading import UNKNOWN, Resource, World, is_true


class Severity(StrEnum):
    """How grave it is where a rule is not kept."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class Stance(StrEnum):
    """What a rule does to a stack that does not keep it."""

    REFUSES = "refuses"
    """Refuses every stack."""
    PROTECTS = "protects"
    """Refuses a stack with `protection: true`, advises the others."""
    KEEPS = "keeps"
    """Refuses a stack with `protection: true`; says nothing of the others, which are declared to be
    thrown away at any time."""
    ADVISES = "advises"
    """Advises every stack."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that a rule has to say about a resource."""

    what: str
    resource: Resource | None = None
    """The one that it is about, where the rule looked at the whole stack."""
    decided: bool = True
    """False where a value that decides is not known yet: `up` will know it."""


Check = Callable[[Resource, Ground], Iterator[Finding]]
WorldCheck = Callable[[World, Ground], Iterator[Finding]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """One rule of the pack."""

    id: str
    """Stays as it is: stack files and reports name it."""
    why: str
    severity: Severity
    stance: Stance
    ids: tuple[str, ...] = ()
    """What it corresponds to: Checkov's rules and those of AWS's Foundational Security Best
    Practices (FSBP)."""
    fix: str
    checks: Mapping[str, Check] = field(default_factory=dict)
    """By type of resource; looked at one by one, before the engine touches the resource."""
    world: WorldCheck | None = None
    """Looked at when all resources are known."""

    def refuses(self, *, protected: bool) -> bool:
        """Return whether a stack that does not keep it is refused."""
        return self.stance is Stance.REFUSES or (protected and self.stance is not Stance.ADVISES)

    @property
    def grave(self) -> bool:
        """Return whether a reader must hear that it could not be decided."""
        return self.severity in (Severity.HIGH, Severity.CRITICAL)

    def applies(self, *, protected: bool) -> bool:
        """Return whether it has anything to say of a stack."""
        return protected or self.stance is not Stance.KEEPS

    def look(self, resource: Resource, ground: Ground) -> Iterator[Finding]:
        """Yield what is to be said of one resource."""
        check = self.checks.get(resource.type)
        if check is not None and self.applies(protected=ground.protected):
            yield from check(resource, ground)

    def survey(self, world: World, ground: Ground) -> Iterator[Finding]:
        """Yield what is to be said of the whole stack."""
        if self.world is not None and self.applies(protected=ground.protected):
            yield from self.world(world, ground)


def undecided(path: str) -> Finding:
    """Return the finding that the value at *path* decides, and is not known yet."""
    return Finding(f"{path} is not known before the deployment", decided=False)


def must(path: str, holds: Callable[[Any], bool], said: str) -> Check:
    """Return the check that the value at *path* is one for which *holds*; absent is None."""

    def check(resource: Resource, _: Ground) -> Iterator[Finding]:
        value = resource(path)
        if value is UNKNOWN:
            yield undecided(path)
        elif not holds(value):
            yield Finding(said)

    return check


def given(path: str, said: str) -> Check:
    """Return the check that there is something at *path*, known or not."""

    def check(resource: Resource, _: Ground) -> Iterator[Finding]:
        if not resource(path):
            yield Finding(said)

    return check


def true(value: Any) -> bool:
    """Accept what is true, and says so."""
    return is_true(value)


def not_true(value: Any) -> bool:
    """Accept what is false, or not there."""
    return not is_true(value)


def all_of(*checks: Check) -> Check:
    """Return the check that makes all of *checks*."""

    def check(resource: Resource, ground: Ground) -> Iterator[Finding]:
        for each in checks:
            yield from each(resource, ground)

    return check
