"""What a deployment costs a month, as far as prices are known."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from operations.cost import aws, azure, table
from operations.cost.meters import MONTHLY, NOTHING, Amount, Meter, Use
from operations.cost.table import Price, Prices
from operations.export.state import Deployment

LEFT_OUT = "traffic, requests, logs, backups and discounts"
"""What no estimate has in it: it depends on use, or on a contract."""

HINT = "run scripts/prices"


@dataclass(frozen=True, slots=True)
class Line:
    """What one part of a deployment costs a month for one thing."""

    part: str
    meter: Meter
    amount: Amount
    """How many units there are at any time."""
    price: Price | None

    @property
    def monthly(self) -> Amount | None:
        """What it costs a month, or None where no price is known."""
        if self.price is None:
            return None
        return self.amount * MONTHLY[self.meter.unit] * self.price.amount


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a deployment costs a month: at least, and at most."""

    lines: tuple[Line, ...]
    doubts: tuple[tuple[str, str], ...] = ()
    """Resources and parts, and why they are not counted, or what is supposed of them."""

    @property
    def currency(self) -> str:
        """The currency of the prices; nothing where none is known."""
        return next((line.price.currency for line in self.lines if line.price), "")

    @property
    def total(self) -> Amount:
        """The sum of all that has a price in `currency`."""
        found = NOTHING
        for line in self.lines:
            if line.price and line.monthly and line.price.currency == self.currency:
                found += line.monthly
        return found

    @property
    def unpriced(self) -> tuple[Meter, ...]:
        """What has no price, or one in another currency."""
        return tuple(
            dict.fromkeys(
                line.meter
                for line in self.lines
                if line.price is None or line.price.currency != self.currency
            )
        )

    @property
    def oldest(self) -> date | None:
        """When the oldest of its prices was read."""
        return min((line.price.retrieved for line in self.lines if line.price), default=None)

    def words(self) -> tuple[str, ...]:
        """Return what it comes to, a sentence each."""
        return tuple(self._words())

    def _words(self) -> Iterator[str]:
        if not self.lines:
            yield "nothing that is charged by time"
        elif self.currency:
            since = f"prices of {self.oldest} or later" if self.oldest else ""
            yield f"{money(self.total, self.currency)} a month ({since}; without {LEFT_OUT})"
        yield from self.caveats()

    def caveats(self) -> Iterator[str]:
        """Yield what is not in the sum, or only supposed, a sentence each."""
        yield from _unpriced(self.unpriced)
        yield from (f"{name}: {why}" for name, why in self.doubts)


def _unpriced(meters: Iterable[Meter]) -> Iterator[str]:
    if names := [str(meter) for meter in meters]:
        yield f"no price known for: {', '.join(names)}; {HINT}"


def money(amount: Amount, currency: str = "", *, signed: bool = False) -> str:
    """Return *amount* as `1,234.50 to 2,000.00 USD`; with *signed* also `+1,234.50 USD`."""
    sign = "+" if signed else ""
    low, high = (_cents(bound) for bound in (amount.low, amount.high))
    shown = [f"{bound:{sign},.2f}" for bound in dict.fromkeys((low, high))]
    return f"{' to '.join(shown)} {currency}".rstrip()


def _cents(bound: Decimal) -> Decimal:
    found = bound.quantize(Decimal("0.01"))
    return found or Decimal("0.00")


def estimate(deployment: Deployment, prices: Prices | None = None) -> Estimate:
    """Return what *deployment* costs by *prices*, by default those of the table."""
    known = table.read() if prices is None else prices
    doubts: list[tuple[str, str]] = []
    found = [*azure.uses(deployment, doubts), *aws.uses(deployment, doubts)]
    lines = tuple(
        Line(part, meter, amount, known.get(meter))
        for (part, meter), amount in sorted(_together(found).items())
    )
    return Estimate(lines, tuple(dict.fromkeys(doubts)))


def _together(uses: Iterable[Use]) -> dict[tuple[str, Meter], Amount]:
    found: dict[tuple[str, Meter], Amount] = {}
    for use in uses:
        key = (use.part, use.meter)
        found[key] = found.get(key, NOTHING) + use.amount
    return found
