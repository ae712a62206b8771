"""How our meters are found in the Azure Retail Prices API: the list's own names for them."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

SIZE = r"([A-Za-z0-9_]+)"
"""Of a machine, disk or server: nothing that could mean more in a query."""


@dataclass(frozen=True, slots=True)
class Query:
    """How one meter of ours is found."""

    asked: Mapping[str, str]
    """Fields that are asked for."""
    fits: Mapping[str, str]
    """Patterns that fields of an answer fit."""
    everywhere: bool = False
    """The list may have it under the region `Global`, at one price for all regions."""


def query(name: str) -> Query | None:
    """Return how the meter *name* is found; None where nobody has worked that out."""
    for pattern, made in QUERIES:
        if found := re.fullmatch(pattern, name):
            return made(*found.groups())
    return None


RULES = "LB Rules and Outbound Rules"
ADDRESS = ("Virtual Network", "Standard IPv4 Static Public IP", "IP Addresses")
ENDPOINT = ("Virtual Network", "Standard Private Endpoint", "Virtual Network Private Link")
DISKS = {"P": "Premium SSD", "E": "Standard SSD", "S": "Standard HDD"}
POSTGRESQL = {"serviceName": "Azure Database for PostgreSQL"}
SQL = {"serviceName": "SQL Database"}
NOT_FREE = r"^(?!.*(Expired|Free)$).*$"


def _machine(size: str, system: str, sku: str = r"^(?!.*(Spot|Low Priority)).*$") -> Query:
    product = r"Windows$" if system == "windows" else r"^(?!.*(Windows|CloudServices)).*$"
    fits = {"productName": product, "skuName": sku, "meterName": NOT_FREE}
    return Query({"serviceName": "Virtual Machines", "armSkuName": size}, fits)


def _spot(size: str, system: str) -> Query:
    return _machine(size, system, r" Spot$")


def _disk(size: str, copies: str) -> Query:
    product = f"{DISKS[size[0]]} Managed Disks"
    asked = {"serviceName": "Storage", "productName": product, "skuName": f"{size} {copies}"}
    return Query(asked, {"meterName": rf"^{size} ({copies} )?Disks?$"})


def _network(service: str, meter: str, product: str = "") -> Query:
    asked = {"serviceName": service, "meterName": meter}
    return Query({**asked, "productName": product} if product else asked, {}, everywhere=True)


def _postgresql_storage() -> Query:
    product = "Az DB for PostgreSQL Flexible Server Storage"
    asked = {**POSTGRESQL, "productName": product, "meterName": "Storage Data Stored"}
    return Query(asked, {})


def _postgresql(size: str) -> Query | None:
    product = r"^Azure Database for PostgreSQL Flexible Server"
    if burstable := re.fullmatch(r"Standard_(B\d+m?s)", size):
        sku = burstable.group(1)
        fits = {"productName": rf"{product} Burstable ", "meterName": rf"^{sku}( vCore)?$"}
        return Query({**POSTGRESQL, "skuName": sku}, fits)
    if sized := re.fullmatch(r"Standard_([DE])(\d+)([a-z]+)_(v\d+)", size):
        letter, cores, features, version = sized.groups()
        series = f"{letter}{features}{version}"
        fits = {"productName": rf"(?i){product} .*\b{series}\b", "meterName": r"^vCore$"}
        return Query({**POSTGRESQL, "skuName": f"{cores} vCore"}, fits)
    return None


def _sql_storage() -> Query:
    asked = {**SQL, "meterName": "General Purpose Data Stored"}
    return Query(asked, {"productName": r"General Purpose - Storage$"})


def _sql(zones: str | None, family: str, cores: str) -> Query:
    sku = f"{cores} vCore Zone Redundancy" if zones else f"{cores} vCore"
    product = rf"General Purpose - (Compute )?{family}$"
    return Query({**SQL, "skuName": sku}, {"productName": product, "meterName": NOT_FREE})


def _registry(tier: str) -> Query:
    asked = {"serviceName": "Container Registry", "meterName": f"{tier} Registry Unit"}
    return Query(asked, {})


QUERIES: Sequence[tuple[str, Callable[..., Query | None]]] = (
    (rf"machine {SIZE} (linux|windows)", _machine),
    (rf"spot machine {SIZE} (linux|windows)", _spot),
    (r"disk ([PES]\d+) (LRS|ZRS)", _disk),
    (r"nat gateway", lambda: _network("NAT Gateway", "Standard Gateway")),
    (r"load balancer", lambda: _network("Load Balancer", f"Standard Included {RULES}")),
    (r"load balancer rule", lambda: _network("Load Balancer", f"Standard Overage {RULES}")),
    (r"public address", lambda: _network(*ADDRESS)),
    (r"private endpoint", lambda: _network(*ENDPOINT)),
    (r"postgresql storage", _postgresql_storage),
    (rf"postgresql {SIZE}", _postgresql),
    (r"sql storage", _sql_storage),
    (r"sql (zones )?GP_(Gen\d+)_(\d+)", _sql),
    (r"registry (Basic|Standard|Premium)", _registry),
)
"""By a meter's name."""
