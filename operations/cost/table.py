"""The table of prices: one row a price, with where and when it was read.

Nobody writes a price by hand: scripts/prices reads them from the clouds' public price lists.
"""

import csv
import io
import os
import re
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path

from operations.cost.meters import MONTHLY, Meter
from operations.errors import OperationError

TABLE = Path(__file__).parent / "prices.csv"
COLUMNS = ("cloud", "region", "meter", "unit", "price", "currency", "source", "retrieved")


@dataclass(frozen=True, slots=True)
class Price:
    """What one unit of a meter costs."""

    amount: Decimal
    currency: str
    source: str
    """Address of the public price list that said so."""
    retrieved: date


Prices = Mapping[Meter, Price]


def read(path: Path = TABLE) -> Prices:
    """Return the prices in *path*. Raises OperationError where it is no table of prices."""
    try:
        found = [_row(row) for row in _rows(path.read_text())]
    except OSError as error:
        raise _unreadable(path, f"it cannot be read: {error.strerror}") from None
    except (csv.Error, UnicodeDecodeError, ValueError, InvalidOperation) as error:
        raise _unreadable(path, str(error) or type(error).__name__) from None
    prices = dict(found)
    if len(prices) != len(found):
        raise _unreadable(path, "it has two prices for one thing")
    return prices


def _rows(text: str) -> "csv.DictReader[str]":
    rows = csv.DictReader(text.splitlines(), strict=True)
    if tuple(rows.fieldnames or ()) != COLUMNS:
        raise ValueError(f"its columns are not {', '.join(COLUMNS)}")
    return rows


def _unreadable(path: Path, why: str) -> OperationError:
    return OperationError(
        "the table of prices cannot be read",
        str(path),
        why,
        "take it as it was committed (git checkout), or fill it anew: scripts/prices",
    )


def _row(row: Mapping[str | None, str | None]) -> tuple[Meter, Price]:
    said = {key: value for key, value in row.items() if key and isinstance(value, str)}
    if len(said) != len(COLUMNS) or len(row) != len(COLUMNS):
        raise ValueError(f"a row has not the columns {', '.join(COLUMNS)}")
    where = f"{said['cloud']} {said['region']} {said['meter']}"
    amount = Decimal(said["price"])
    if not amount.is_finite() or amount < 0:
        raise ValueError(f"{where}: '{said['price']}' is no price")
    if said["unit"] not in MONTHLY:
        raise ValueError(f"{where}: '{said['unit']}' is none of {', '.join(MONTHLY)}")
    if not re.fullmatch(r"[A-Z]{3}", said["currency"]):
        raise ValueError(f"{where}: '{said['currency']}' is no currency")
    if not re.match(r"https?://", said["source"]):
        raise ValueError(f"{where}: '{said['source']}' is no address of a price list")
    meter = Meter(said["cloud"], said["region"], said["meter"], said["unit"])
    when = date.fromisoformat(said["retrieved"])
    return meter, Price(amount, said["currency"], said["source"], when)


def write(prices: Prices, path: Path = TABLE) -> None:
    """Put *prices* in place of what *path* has: all of it or nothing, in an order of its own."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(_cells(meter, price) for meter, price in sorted(prices.items(), key=_by_meter))
    descriptor, made = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text.getvalue())
            file.flush()
            os.fsync(file.fileno())
        Path(made).chmod(0o644)
        Path(made).replace(path)
    except BaseException:
        Path(made).unlink(missing_ok=True)
        raise


def _by_meter(item: tuple[Meter, Price]) -> Meter:
    return item[0]


def _cells(meter: Meter, price: Price) -> Iterable[str]:
    when = price.retrieved.isoformat()
    amount = f"{price.amount:f}"
    cells = (meter.cloud, meter.region, meter.name, meter.unit, amount, price.currency)
    return (*cells, price.source, when)
