"""Price lists on loopback, in the form of the clouds' own; every figure in them is made up.

Azure's: pages of `Items` with `NextPageLink` ("Azure Retail Prices", API response examples).
AWS's: a table with five lines before the names of its columns ("Reading the service price list
file").
"""

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.support.pretending import Answering, serving

PAGE = 2


def item(
    service: str, product: str, sku: str, meter: str, price: Any, **more: Any
) -> dict[str, Any]:
    """One price of Azure."""
    return {
        "currencyCode": "USD",
        "tierMinimumUnits": 0.0,
        "retailPrice": price,
        "unitPrice": price,
        "armRegionName": "westeurope",
        "location": "EU West",
        "effectiveStartDate": "2026-01-01T00:00:00Z",
        "meterId": "00000000-0000-0000-0000-000000000000",
        "meterName": meter,
        "productId": "DZH318Z0XXXX",
        "skuId": "DZH318Z0XXXX/0000",
        "productName": product,
        "skuName": sku,
        "serviceName": service,
        "serviceId": "DZH313Z7MMC8",
        "serviceFamily": "Any",
        "unitOfMeasure": "1 Hour",
        "type": "Consumption",
        "isPrimaryMeterRegion": True,
        "armSkuName": "",
        **more,
    }


def machine(size: str, price: Any, **more: Any) -> dict[str, Any]:
    """The price of a machine of Azure with Linux."""
    words = size.removeprefix("Standard_").replace("_", " ")
    said = {"armSkuName": size, **more}
    product = said.pop("productName", "Virtual Machines Dsv5 Series")
    sku, meter = said.pop("skuName", words), said.pop("meterName", words)
    return item("Virtual Machines", product, sku, meter, price, **said)


@dataclass
class Lists:
    """What both lists have, and what was asked of them."""

    items: list[Any] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    """By service: a file of AWS's."""
    asked: list[str] = field(default_factory=list)
    troubles: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    """Status and headers of the next answers, before good ones."""
    broken: Callable[[str], Any] | None = None
    """Given an address, another answer in place of a good one."""
    address: str = ""

    def fitting(self, query: str) -> list[Any]:
        """Return what the filter of *query* lets through, as the API does."""
        wanted = re.findall(r"(\w+) eq '([^']*)'", query)
        return [
            each
            for each in self.items
            if not isinstance(each, Mapping)
            or all(each["type" if key == "priceType" else key] == value for key, value in wanted)
        ]


@contextmanager
def serving_lists() -> Iterator[Lists]:
    """Serve both lists at one address."""
    lists = Lists()

    class Handler(Answering):
        def do_GET(self) -> None:  # noqa: N802 -- the base class asks for it
            lists.asked.append(self.path)
            if lists.troubles:
                status, headers = lists.troubles.pop(0)
                self.send_response(status)
                for name, value in {**headers, "Content-Length": "0"}.items():
                    self.send_header(name, value)
                self.end_headers()
                return
            if lists.broken is not None:
                self.answer(200, lists.broken(self.path))
                return
            self.answer(200, self._azure() if "/retail/" in self.path else self._aws())

        def _azure(self) -> dict[str, Any]:
            query = parse_qs(urlsplit(self.path).query)
            found = lists.fitting(query["$filter"][0])
            first = int(query.get("$skip", ["0"])[0])
            more = f"{lists.address}{self.path.split('&$skip')[0]}&$skip={first + PAGE}"
            return {
                "BillingCurrency": "USD",
                "CustomerEntityId": "Default",
                "CustomerEntityType": "Retail",
                "Items": found[first : first + PAGE],
                "NextPageLink": more if len(found) > first + PAGE else None,
                "Count": len(found[first : first + PAGE]),
            }

        def _aws(self) -> str:
            return lists.files[self.path.split("/")[4]]

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    lists.address = f"http://127.0.0.1:{server.server_port}"
    with serving(server):
        yield lists


COLUMNS = (
    *("SKU", "OfferTermCode", "RateCode", "TermType", "PriceDescription", "EffectiveDate"),
    *("StartingRange", "EndingRange", "Unit", "PricePerUnit", "Currency"),
)


def file_of(*rows: Mapping[str, str]) -> str:
    """A price list file of AWS that has these rows."""
    names = list(dict.fromkeys([*COLUMNS, *(name for row in rows for name in row)]))
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    about = ("FormatVersion", "v1.0"), ("Disclaimer", "made up"), ("Publication Date", "2026-11-01")
    writer.writerows([*about, ("Version", "20261101000000"), ("OfferCode", "AmazonAny")])
    writer.writerow(names)
    usual = {
        "TermType": "OnDemand",
        "StartingRange": "0",
        "EndingRange": "Inf",
        "Currency": "USD",
        "Location Type": "AWS Region",
    }
    names_known = {name: usual.get(name, "") for name in names}
    writer.writerows([{**names_known, **row}[name] for name in names] for row in rows)
    return text.getvalue()


def row(family: str, usage: str, unit: str, price: str, **more: str) -> dict[str, str]:
    """One row; *more* has the other columns, `_` in place of blanks."""
    named = {key.replace("_", " "): value for key, value in more.items()}
    first = {"Product Family": family, "usageType": usage, "Unit": unit, "PricePerUnit": price}
    return {**first, "Location Type": "AWS Region", **named}
