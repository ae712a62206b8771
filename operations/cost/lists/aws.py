"""Prices of AWS's price list files: on demand, in US dollars ("AWS Price List Bulk API").

A region's file of one service is a table: five lines about the file, then the names of the columns
("Reading the service price list file"). That of EC2 has hundreds of megabytes, so that files are
read as they come, and each once.
"""

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal

import httpx

from operations.cost.lists.asking import Asking, price
from operations.cost.lists.aws_queries import Query, query
from operations.cost.meters import Meter
from operations.cost.table import Price
from operations.errors import OperationError

BASE = "https://pricing.us-east-1.amazonaws.com"
FILE = "/offers/v1.0/aws/{service}/current/{region}/index.csv"
ABOUT = 5
"""Lines before the names of the columns."""
CURRENCY = "USD"
REGION = r"[A-Z]{2,4}\d?-|[a-z]+-[a-z-]+-\d-"
"""A region before a kind of usage. Anything else there is another kind: `TS-LoadBalancerUsage`."""

LONGEST_LINE = 100_000
PROGRESS = 250_000
"""Rows after which one hears that it goes on."""


def fetch(
    meters: list[Meter],
    asking: Asking,
    today: date,
    told: Callable[[str], None],
) -> Iterator[tuple[Meter, Price]]:
    """Yield the price of each of *meters* that the lists have; tell of each that they have not."""
    files: dict[str, dict[Meter, Query]] = {}
    for meter in meters:
        found = query(meter.name) if re.fullmatch(r"[a-z0-9-]+", meter.region) else None
        if found is None:
            told(f"{meter}: nobody has worked out where the price list has it")
            continue
        path = FILE.format(service=found.service, region=meter.region)
        files.setdefault(path, {})[meter] = found
    for path, wanted in sorted(files.items()):
        address = asking.address(path)
        told(f"reading {address}")
        yield from _read(address, wanted, asking, today, told)


def _read(
    address: str,
    wanted: Mapping[Meter, Query],
    asking: Asking,
    today: date,
    told: Callable[[str], None],
) -> Iterator[tuple[Meter, Price]]:
    found: dict[Meter, set[Decimal]] = {meter: set() for meter in wanted}
    wrong: dict[Meter, str] = {}
    with asking.stream(address) as response:
        for count, row in enumerate(_rows(response, address)):
            if count and count % PROGRESS == 0:
                told(f"  {count:,} rows")
            for meter, each in wanted.items():
                if _fits(row, each):
                    try:
                        found[meter].add(price(row.get("PricePerUnit")) / each.divisor)
                    except ValueError as error:
                        wrong[meter] = str(error)
    for meter, prices in found.items():
        if meter in wrong:
            told(f"{meter}: {wrong[meter]}")
        elif len(prices) == 1:
            yield meter, Price(prices.pop(), CURRENCY, address, today)
        elif prices:
            told(f"{meter}: the price list has several: {', '.join(map(str, sorted(prices)))}")
        else:
            told(f"{meter}: the price list has no such price")


def _fits(row: Mapping[str, str], wanted: Query) -> bool:
    usage = row.get("usageType", "")
    return (
        row.get("TermType") == "OnDemand"
        and row.get("Currency") == CURRENCY
        and row.get("StartingRange", "0") in ("0", "")
        and row.get("Unit") in wanted.units
        and all(row.get(column, "") in allowed for column, allowed in wanted.columns.items())
        and (not wanted.usage or _is_usage(usage, wanted.usage))
        and row.get("Location Type", "AWS Region") in ("AWS Region", "")
    )


def _is_usage(usage: str, end: str) -> bool:
    """Return whether *usage* is *end*, with or without a region before it: `EUC1-` and the end."""
    return bool(re.fullmatch(rf"({REGION})?{re.escape(end)}", usage))


def _rows(response: httpx.Response, address: str) -> Iterator[Mapping[str, str]]:
    """Yield the rows of a price list file as it comes. Raises OperationError where it is none."""
    try:
        lines = _short(response.iter_lines(), address)
        for _ in range(ABOUT):
            next(lines)
        rows = csv.reader(lines)
        names = next(rows)
        missing = {"TermType", "PricePerUnit", "Currency", "Unit", "usageType"} - {*names}
        if missing:
            raise _strange(address, f"it has no columns {', '.join(sorted(missing))}")
        for row in rows:
            yield dict(zip(names, row, strict=False))
    except StopIteration:
        raise _strange(address, "it ends before the names of its columns") from None
    except (csv.Error, UnicodeError) as error:
        raise _strange(address, f"it is no table: {error}") from None
    except httpx.HTTPError as error:
        raise _strange(address, f"it broke off: {type(error).__name__}") from None


def _short(lines: Iterable[str], address: str) -> Iterator[str]:
    for line in lines:
        if len(line) > LONGEST_LINE:
            raise _strange(address, f"it has a line of more than {LONGEST_LINE} characters")
        yield line


def _strange(address: str, why: str) -> OperationError:
    return OperationError(
        "the price list cannot be read",
        address,
        why,
        "try again, and look whether its form has changed: operations/cost/lists/aws.py",
    )
