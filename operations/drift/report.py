"""What is to be said of a refresh: what changed, the most serious first, and what is left out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from operations.drift import noise, severity
from operations.drift.beside import rules_beside
from operations.drift.events import Found
from operations.drift.hiding import without_secrets
from operations.drift.severity import Severity
from operations.drift.values import Difference, at, differences, same
from operations.export.state import SECRET, Deployment, Resource
from operations.locks.pending import Pending


@dataclass(frozen=True, kw_only=True, slots=True)
class Changed:
    """A resource that is not as it was deployed."""

    resource: Resource
    gone: bool
    severity: Severity
    properties: tuple[Difference, ...] = ()


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A difference that is no drift, and why."""

    resource: Resource
    path: str
    why: str


@dataclass(frozen=True, slots=True)
class Report:
    """The drift of one stack."""

    stack: str
    looked_at: int
    changed: tuple[Changed, ...]
    left_out: tuple[LeftOut, ...]
    pending: tuple[Pending, ...] = ()
    """What an update that did not end had under way: of it the state knows no end."""

    def of(self, chosen: Severity) -> tuple[Changed, ...]:
        """Return what is as serious as that."""
        return tuple(each for each in self.changed if each.severity == chosen)


def make(
    refresh: Sequence[Found], state: Deployment, under_way: tuple[Pending, ...] = ()
) -> Report:
    """Return the report of *refresh*; *state* knows what the program leaves to others."""
    known = {each.urn: each for each in state.resources}
    changed: list[Changed] = []
    left_out: list[LeftOut] = []
    for found in refresh:
        resource = known.get(found.recorded.urn, found.recorded)
        if found.real is None:
            how = severity.of_deletion(resource.type)
            changed.append(Changed(resource=resource, gone=True, severity=how))
        else:
            drift, rest = _judged(found, resource) if found.differs else ([], [])
            drift += rules_beside(resource, found.real, state)
            left_out += rest
            if drift:
                changed.append(_changed(resource, drift))
    changed.sort(key=lambda each: (severity.ORDER.index(each.severity), str(each.resource)))
    return Report(state.stack, len(refresh), tuple(changed), tuple(left_out), under_way)


def _judged(found: Found, resource: Resource) -> tuple[list[Difference], list[LeftOut]]:
    drift: list[Difference] = []
    rest: list[LeftOut] = []
    for each in _differences(found):
        why = noise.reason(each, resource)
        if why is None:
            drift.append(each)
        else:
            rest.append(LeftOut(resource, each.path, why))
    if not drift and not rest:
        rest += [LeftOut(resource, path, _why_the_same(found, path)) for path in found.paths]
    return drift, rest


def _differences(found: Found) -> Iterator[Difference]:
    assert found.real is not None  # noqa: S101 -- the caller asks of what is there only
    before, after = found.recorded.inputs, found.real.inputs
    yield from differences(dict(before), dict(after))
    # Both are masked, so that they look the same; the provider knows better.
    for path in found.paths:
        if at(before, path) is SECRET or at(after, path) is SECRET:
            yield Difference(path, SECRET, SECRET)


def _why_the_same(found: Found, path: str) -> str:
    assert found.real is not None  # noqa: S101 -- as above
    before, after = at(found.recorded.inputs, path), at(found.real.inputs, path)
    return noise.SPELLING if before != after and same(before, after) else noise.COMPUTED


def _changed(resource: Resource, drift: list[Difference]) -> Changed:
    levels = [severity.of_property(resource.type, each.path) for each in drift]
    ordered = sorted(
        zip(levels, drift, strict=True), key=lambda pair: severity.ORDER.index(pair[0])
    )
    return Changed(
        resource=resource,
        gone=False,
        severity=ordered[0][0],
        properties=tuple(without_secrets(each) for _, each in ordered),
    )
