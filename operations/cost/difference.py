"""What a change costs or saves a month."""

from collections.abc import Iterator
from dataclasses import dataclass

from operations.cost.estimate import LEFT_OUT, Estimate, Line, money
from operations.cost.meters import NOTHING, Amount


@dataclass(frozen=True, slots=True)
class Changed:
    """One thing of which there will be more or less."""

    before: Line | None
    after: Line | None

    @property
    def line(self) -> Line:
        """What it is about."""
        found = self.after or self.before
        assert found is not None  # noqa: S101 -- there is no change of nothing to nothing
        return found

    @property
    def monthly(self) -> Amount | None:
        """What it costs more a month; None where no price is known."""
        sides = [side.monthly if side else NOTHING for side in (self.before, self.after)]
        if sides[0] is None or sides[1] is None:
            return None
        return sides[1] - sides[0]

    def __str__(self) -> str:
        counts = [str(side.amount) if side else "none" for side in (self.before, self.after)]
        price = self.line.price
        cost = (
            money(self.monthly, price.currency, signed=True) + " a month"
            if price and self.monthly
            else "no price known"
        )
        return f"{self.line.part}, {self.line.meter.name}: {' -> '.join(counts)} ({cost})"


@dataclass(frozen=True, slots=True)
class Difference:
    """What a deployment costs before and after a change."""

    before: Estimate
    after: Estimate
    changed: tuple[Changed, ...]

    def words(self) -> tuple[str, ...]:
        """Return what the change comes to, a sentence each; the sum first."""
        return tuple(self._words())

    def _words(self) -> Iterator[str]:
        currency = self.after.currency or self.before.currency
        mixed = {self.after.currency, self.before.currency, currency} - {"", currency}
        if currency and not mixed:
            more = money(self.after.total - self.before.total, currency, signed=True)
            was, will = money(self.before.total), money(self.after.total)
            since = f"prices of {self.oldest} or later; without {LEFT_OUT}"
            yield f"{more} a month, from ({was}) to ({will}) {currency} ({since})"
        yield from map(str, self.changed)
        yield from self.after.caveats()

    @property
    def oldest(self) -> str:
        """When the oldest price of both was read."""
        found = [each.oldest for each in (self.before, self.after) if each.oldest]
        return str(min(found)) if found else ""


def difference(before: Estimate, after: Estimate) -> Difference:
    """Return how *after* differs from *before*."""
    old = {(line.part, line.meter): line for line in before.lines}
    new = {(line.part, line.meter): line for line in after.lines}
    changed = (
        Changed(old.get(key), new.get(key))
        for key in sorted({*old, *new})
        if _amount(old.get(key)) != _amount(new.get(key))
    )
    return Difference(before, after, tuple(changed))


def _amount(line: Line | None) -> Amount | None:
    return line.amount if line else None
