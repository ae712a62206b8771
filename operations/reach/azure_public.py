"""Public sides of Azure's services: who of the internet a service lets in by its own firewall.

These are beside the network: no security group guards them. `publicNetworkAccess` closes each, and
where it does not, each has a list of addresses of its own.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from operations.export.state import Deployment, Resource
from operations.links import Links, UnclearError
from operations.reach.addresses import EVERYWHERE, Services
from operations.reach.places import (
    DATABASE,
    MANAGED,
    REGISTRY,
    STORAGE,
    VAULT,
    WORKSPACE,
    End,
    Guard,
    Kind,
    ports,
)
from operations.reach.reading import network
from operations.reach.rules import Rule
from operations.reach.spans import Spans
from operations.values import at, known, maps, texts


class _Service(NamedTuple):
    """One kind of service: what people call it, and where it says who may come in."""

    place: str
    kind: Kind
    port: int
    access: tuple[str, ...]
    """Where it says whether it has a public side; without a word it has one."""
    firewall: str = ""
    """Type of the resources that let addresses in; without it `lists` says where they are."""
    lists: tuple[str, ...] = ()


SERVICES = {
    "azure-native:dbforpostgresql:Server": _Service(
        DATABASE,
        Kind.DATABASE,
        5432,
        ("network", "publicNetworkAccess"),
        firewall="azure-native:dbforpostgresql:FirewallRule",
    ),
    "azure-native:sql:Server": _Service(
        DATABASE,
        Kind.DATABASE,
        1433,
        ("publicNetworkAccess",),
        firewall="azure-native:sql:FirewallRule",
    ),
    "azure-native:keyvault:Vault": _Service(
        VAULT,
        Kind.VAULT,
        443,
        ("properties", "publicNetworkAccess"),
        lists=("properties", "networkAcls"),
    ),
    "azure-native:storage:StorageAccount": _Service(
        STORAGE, Kind.SERVICE, 443, ("publicNetworkAccess",), lists=("networkRuleSet",)
    ),
    "azure-native:containerregistry:Registry": _Service(
        REGISTRY, Kind.SERVICE, 443, ("publicNetworkAccess",), lists=("networkRuleSet",)
    ),
    "azure-native:machinelearningservices:Workspace": _Service(
        WORKSPACE, Kind.ENDPOINT, 443, ("publicNetworkAccess",)
    ),
    "azure-native:machinelearningservices:OnlineEndpoint": _Service(
        MANAGED, Kind.ENDPOINT, 443, ("properties", "publicNetworkAccess")
    ),
}

CALLERS = {
    "key": "with the endpoint's key",
    "amltoken": "with a token of Azure ML",
    "aadtoken": "with a token of Entra",
}
"""By `authMode`: what a caller of an online endpoint has to have."""


class Public(NamedTuple):
    """What is found, and the places about which too little is known."""

    ends: list[End]
    doubts: list[tuple[str, str]]


def ends(deployment: Deployment, links: Links, services: Services) -> Public:
    """Return the public sides of the services of *deployment* that let anybody in."""
    found = Public([], [])
    for each in deployment.resources:
        service = SERVICES.get(each.type)
        if service is None or not each.custom:
            continue
        try:
            access = known(at(each.inputs, *service.access), f"whether '{each.name}' is public")
            callers = _callers(deployment, links, each, service)
        except UnclearError as unclear:
            found.doubts.append((service.place, str(unclear)))
            continue
        # A server with a subnet of its own has no public side.
        if str(access).lower() in ("disabled", "securedbyperimeter") or _has_subnet(each):
            continue
        if callers:
            found.ends.append(_end(each, service, callers, services))
    return found


def _has_subnet(server: Resource) -> bool:
    return bool(at(server.inputs, "network", "delegatedSubnetResourceId"))


def _end(resource: Resource, service: _Service, callers: Spans, services: Services) -> End:
    listens = ports(service.port)
    own = services.of(f"the public side of {resource.name}")
    rule = Rule(allow=True, sources=callers, destinations=own, ports=listens)
    mode = str(at(resource.inputs, "properties", "authMode")).lower()
    return End(
        place=service.place,
        kind=service.kind,
        addresses=own,
        inbound=(Guard((rule,)),),
        listens=listens,
        machine=False,
        public=listens,
        public_side=True,
        note=CALLERS.get(mode, ""),
    )


def _callers(deployment: Deployment, links: Links, resource: Resource, service: _Service) -> Spans:
    """Return the addresses that the service's own firewall lets in."""
    if service.firewall:
        return Spans.union(_firewall(deployment, links, resource, service))
    rules = at(resource.inputs, *service.lists) if service.lists else None
    if str(at(rules, "defaultAction") or "Allow") == "Allow":
        return EVERYWHERE
    what = f"who '{resource.name}' lets in"
    listed = [
        text
        for rule in maps(at(rules, "ipRules"))
        for text in texts(rule.get("value"), rule.get("iPAddressOrRange"))
    ]
    return network(listed, what)


def _firewall(
    deployment: Deployment, links: Links, server: Resource, service: _Service
) -> Iterator[Spans]:
    for rule in deployment.resources:
        if rule.type != service.firewall:
            continue
        owner: Any = links.one(rule, "serverName", rule.inputs.get("serverName"), server.type)
        if owner is not server:
            continue
        first, last = (
            texts(rule.inputs.get("startIpAddress")),
            texts(rule.inputs.get("endIpAddress")),
        )
        what = f"who rule '{rule.name}' lets in"
        for low, high in zip(first, last, strict=False):
            # 0.0.0.0 stands for whatever runs on Azure, anybody's ("Allow Azure services"); its
            # addresses are a part of the internet that no deployment tells.
            span = network([f"{low}-{high}"], what)
            yield EVERYWHERE if low == high == "0.0.0.0" else span  # noqa: S104 -- no address
