"""All that a report says, as values: how it is written is the business of others."""

from dataclasses import dataclass

from operations.cost import Difference, difference, estimate
from operations.diagram import mermaid
from operations.export.state import Deployment, made_of
from operations.preview.changes import Change, changes
from operations.preview.counts import Count, counts
from operations.preview.events import Events, Message
from operations.preview.losses import Loss, losses
from operations.preview.plan import CHANGES, Drift, Plan
from operations.preview.policy import Policy, policy
from operations.preview.weakened import Weakening, weakened
from operations.reach import Changes, Path
from operations.reach import changes as reach_changes

FINE, FAILED, REFUSED = 0, 1, 2
"""Exit codes of scripts/preview: the change can be made; the engine could not say what it would do;
a policy refuses it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """What a change would do to a stack."""

    stack: str
    against: str
    """What it is compared with: a revision, or what is deployed."""
    losses: tuple[Loss, ...]
    weakened: tuple[Weakening, ...]
    reach: Changes
    """Who may talk to whom, before and after."""
    policy: Policy
    changes: tuple[Change, ...]
    unchanged: int
    counts: tuple[Count, ...]
    cost: Difference
    """A month, where prices are known."""
    diagram: str
    """Mermaid; nothing where not all is known."""
    drift: tuple[Drift, ...]
    errors: tuple[Message, ...]
    warnings: tuple[Message, ...]
    notes: tuple[str, ...] = ()
    """What a reader must know of how it was made."""
    resources_before: int = 0
    ended: bool = True
    """False where the engine stopped before it had looked at everything."""

    @property
    def is_new(self) -> bool:
        """Whether there is nothing yet that could change."""
        return not self.resources_before

    @property
    def opened(self) -> tuple[Path, ...]:
        """What a good part of the world may reach, and may not yet."""
        return tuple(path for path in self.reach.new if path.source.is_internet)

    @property
    def exit_code(self) -> int:
        """What scripts/preview ends with."""
        if self.policy.refused and self.ended:
            return REFUSED
        return FINE if self.ended and not self.errors else FAILED

    def count(self, op: str) -> int:
        """Return how many resources a change does something to."""
        return sum(each.op == op for each in self.changes)

    @property
    def totals(self) -> dict[str, int]:
        """Number of resources by what is done to them, the most serious first."""
        return {op: self.count(op) for op in CHANGES}


def report(
    plan: Plan, events: Events, *, against: str, ended: bool, notes: tuple[str, ...] = ()
) -> Report:
    """Return what is to be said of a plan."""
    found = changes(plan)
    nothing = made_of(plan.stack, ())
    known = (plan.before, plan.after) if ended else (nothing, nothing)
    return Report(
        stack=plan.stack,
        against=against,
        losses=losses(plan, found, events.protected),
        weakened=weakened(plan, found),
        reach=reach_changes(*known),
        policy=policy(events),
        changes=found,
        unchanged=sum(step.resource.custom for step in plan.of("same")),
        counts=counts(*known),
        cost=difference(*(estimate(side) for side in known)),
        diagram=_diagram(*known) if ended else "",
        drift=plan.drift,
        errors=events.errors,
        warnings=events.warnings,
        notes=notes,
        resources_before=sum(each.custom for each in plan.before.resources),
        ended=ended,
    )


def _diagram(before: Deployment, after: Deployment) -> str:
    """Return the picture; of a new stack without a mark on each arrow that it is new."""
    return mermaid(after, before if before.resources else None)
