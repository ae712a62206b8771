"""What the clouds charge for, by names of ours: each row of the price table is the price of one."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

HOURS = 730
"""Hours of a month, as both clouds' calculators count them: 365 * 24 / 12."""

MONTHLY: Mapping[str, Decimal] = {
    "hour": Decimal(HOURS),
    "day": Decimal(HOURS) / 24,
    "month": Decimal(1),
    "GB-month": Decimal(1),
    "IOPS-month": Decimal(1),
    "MiBps-month": Decimal(1),
}
"""By unit of a price: how often it is charged a month."""


@dataclass(frozen=True, order=True, slots=True)
class Meter:
    """One thing that has a price in one region."""

    cloud: str
    """`azure` or `aws`."""
    region: str
    name: str
    """`machine Standard_D2s_v5 linux`."""
    unit: str
    """One of MONTHLY."""

    def __str__(self) -> str:
        return f"{self.name} ({self.region})"


@dataclass(frozen=True, slots=True)
class Amount:
    """How much of something there is: at least, and at most."""

    low: Decimal
    high: Decimal

    @classmethod
    def of(cls, low: float | Decimal, high: float | Decimal | None = None) -> "Amount":
        """Return an amount; one that is fixed where *high* is left out."""
        return cls(Decimal(str(low)), Decimal(str(low if high is None else high)))

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(self.low + other.low, self.high + other.high)

    def __sub__(self, other: "Amount") -> "Amount":
        return Amount(self.low - other.low, self.high - other.high)

    def __mul__(self, factor: Decimal) -> "Amount":
        return Amount(self.low * factor, self.high * factor)

    def __str__(self) -> str:
        low, high = plain(self.low), plain(self.high)
        return low if low == high else f"{low} to {high}"


NOTHING = Amount(Decimal(0), Decimal(0))


@dataclass(frozen=True, slots=True)
class Use:
    """What one part of a deployment uses of a meter all the time."""

    part: str
    """As people call it: `compute nodes`."""
    meter: Meter
    amount: Amount


def plain(number: Decimal) -> str:
    """Return *number* without zeros behind the point that say nothing."""
    return f"{number.normalize():f}"
