"""Prices of the Azure Retail Prices API: pay-as-you-go, in US dollars ("Azure Retail Prices").

A query gives pages of prices, each with a service, a product, a SKU and a meter; which of these a
meter of ours is, was read from the price list's own names. One that is found twice with different
prices is none: it would be a guess.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Any
from urllib.parse import quote

from operations.cost.lists.asking import Asking, price
from operations.cost.lists.azure_queries import Query, query
from operations.cost.meters import Meter
from operations.cost.table import Price
from operations.errors import OperationError

BASE = "https://prices.azure.com"
PATH = "/api/retail/prices?api-version=2023-01-01-preview&currencyCode='USD'&$filter="
MOST_PAGES = 100
CURRENCY = "USD"

GLOBAL = "Global"

UNITS = {
    "hour": ("1 Hour", "1/Hour"),
    "day": ("1/Day",),
    "month": ("1/Month",),
    "GB-month": ("1 GB/Month",),
}
"""By unit of ours: the API's words for it."""


class NoneFoundError(ValueError):
    """The price list has nothing of what was asked for."""


def fetch(
    meters: list[Meter],
    asking: Asking,
    today: date,
    told: Callable[[str], None],
) -> Iterator[tuple[Meter, Price]]:
    """Yield the price of each of *meters* that the list has; tell of each that it has not."""
    for meter in meters:
        found = query(meter.name) if re.fullmatch(r"[a-z0-9]+", meter.region) else None
        if found is None:
            told(f"{meter}: nobody has worked out where the price list has it")
            continue
        try:
            yield meter, _price(meter, found, asking, today)
        except ValueError as error:
            told(f"{meter}: {error}")


def _price(meter: Meter, found: Query, asking: Asking, today: date) -> Price:
    try:
        return _price_in(meter.region, meter, found, asking, today)
    except NoneFoundError:
        if not found.everywhere:
            raise
    return _price_in(GLOBAL, meter, found, asking, today)


def _price_in(region: str, meter: Meter, found: Query, asking: Asking, today: date) -> Price:
    asked = {**found.asked, "armRegionName": region, "priceType": "Consumption"}
    text = " and ".join(f"{key} eq '{value}'" for key, value in asked.items())
    address = asking.address(PATH + quote(text, safe="'()"))
    prices = {
        price(item.get("retailPrice"))
        for item in _items(asking, address)
        if _fits(item, meter, found, asked)
    }
    if not prices:
        raise NoneFoundError("the price list has no such price")
    if len(prices) > 1:
        raise ValueError(f"the price list has several: {', '.join(map(str, sorted(prices)))}")
    return Price(prices.pop(), CURRENCY, address, today)


def _fits(item: Mapping[str, Any], meter: Meter, found: Query, asked: Mapping[str, str]) -> bool:
    said = {**asked, "type": "Consumption"}
    del said["priceType"]
    return (
        all(item.get(key) == value for key, value in said.items())
        and all(re.search(pattern, str(item.get(key))) for key, pattern in found.fits.items())
        and item.get("unitOfMeasure") in UNITS.get(meter.unit, ())
        and item.get("currencyCode") == CURRENCY
        and item.get("tierMinimumUnits") == 0
        and not item.get("reservationTerm")
    )


def _items(asking: Asking, address: str) -> Iterator[Mapping[str, Any]]:
    """Yield what all pages from *address* on have. Raises OperationError where they are none."""
    for _ in range(MOST_PAGES):
        page = asking.json(address)
        items = page.get("Items") if isinstance(page, Mapping) else None
        if not isinstance(items, list):
            raise _strange(address, "the answer has no list of prices")
        yield from (item for item in items if isinstance(item, Mapping))
        following = page.get("NextPageLink")
        if not following:
            return
        if not isinstance(following, str) or not asking.is_ours(following):
            raise _strange(address, f"it says that the next page is {following!r}")
        address = following
    raise _strange(address, f"it has more than {MOST_PAGES} pages")


def _strange(address: str, why: str) -> OperationError:
    return OperationError(
        "the price list cannot be read",
        address,
        why,
        "look whether the API has changed: operations/cost/lists/azure.py",
    )
