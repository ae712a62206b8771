"""What happens to each resource, what of it differs, and why one is replaced."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from operations.export.state import Resource
from operations.preview.differing import Difference, differences
from operations.preview.escaping import Quoted, Sentence, listed
from operations.preview.plan import CHANGES, Plan, Step
from operations.preview.values import HIDDEN


@dataclass(frozen=True, slots=True)
class Cause:
    """One reason for which a resource is replaced."""

    key: str
    """The property that can't be changed in place."""
    resources: tuple[str, ...] = ()
    """Names of the resources whose own change changes it; none where a setting does."""
    replaced: bool = True
    """Whether those are replaced, too."""

    @property
    def words(self) -> Sentence:
        """The reason, as a sentence."""
        if not self.resources:
            return (Quoted(self.key), " cannot be changed in place")
        made = listed(list(self.resources))
        done = ", which is replaced" if self.replaced else ", which changes"
        return (Quoted(self.key), " comes from ", *made, done)


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """What happens to one resource."""

    op: str
    name: str
    type: str
    urn: str
    differences: tuple[Difference, ...] = ()
    causes: tuple[Cause, ...] = ()
    leftover: bool = False

    @property
    def consequence(self) -> bool:
        """Whether it is replaced for nothing but that others are."""
        return bool(self.causes) and all(cause.resources for cause in self.causes)


def changes(plan: Plan) -> tuple[Change, ...]:
    """Return what happens to every resource of a cloud, the most serious first.

    Components and the engine's own providers are left out: nothing of them exists anywhere.
    """
    others = {step.urn: step for step in plan.changes if _exists(step.resource)}
    found = [_change(step, others) for step in plan.changes if _exists(step.resource)]
    return tuple(sorted(found, key=_rank))


def _rank(change: Change) -> tuple[int, bool, str, str]:
    return (CHANGES.index(change.op), change.consequence, change.type, change.name)


def _exists(resource: Resource) -> bool:
    return resource.custom and not resource.type.startswith("pulumi:")


def _change(step: Step, others: Mapping[str, Step]) -> Change:
    both = step.before is not None and step.after is not None
    return Change(
        op=step.op,
        name=step.resource.name,
        type=step.resource.type,
        urn=step.urn,
        differences=tuple(_differences(step)) if both else (),
        causes=tuple(_causes(step, others)) if step.op == "replace" else (),
        leftover=step.leftover,
    )


def _differences(step: Step) -> Iterator[Difference]:
    assert step.before is not None  # noqa: S101 -- the caller has looked
    assert step.after is not None  # noqa: S101
    found = differences(step.before.inputs, step.after.inputs)
    yield from found
    told = {_top(each.path) for each in found}
    # Of two secrets only the engine knows whether they are the same.
    for path in sorted(path for path in step.paths if _top(path) not in told):
        if _top(path) in step.after.inputs:
            yield Difference(path, HIDDEN, f"{HIDDEN}, another one", "change")


def _causes(step: Step, others: Mapping[str, Step]) -> Iterator[Cause]:
    from_what = step.resource.property_dependencies
    if step.reasons:
        for key in step.reasons:
            yield _cause(key, from_what.get(_top(key), ()), others) or Cause(key)
        return
    # Without a property of its own it goes with what is deleted before its successor is made.
    for key, urns in sorted(from_what.items()):
        cause = _cause(key, urns, others)
        if cause and cause.replaced:
            yield cause


def _cause(key: str, urns: Iterable[str], others: Mapping[str, Step]) -> Cause | None:
    """Return the cause that *key* is made from others that change; None where none does."""
    found = [others[urn] for urn in urns if urn in others]
    replaced = [each for each in found if each.op == "replace"]
    named = tuple(sorted(each.resource.name for each in replaced or found))
    return Cause(key, named, replaced=bool(replaced)) if named else None


def _top(path: str) -> str:
    return path.partition(".")[0].partition("[")[0]
