"""Rules of the network: a private range that is large enough, and who may call from outside."""

import re
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network

from components.settings.addresses import TooSmallError, cut, need_of
from components.settings.environment import EnterpriseEnvironment, NodesEnvironment
from components.settings.problems import Problem, show

PRIVATE = tuple(
    IPv4Network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")
)
"""Ranges that nobody routes on the internet: RFC 1918 and RFC 6598."""

NOBODY = tuple(
    (IPv4Network(text), what)
    for text, what in (
        ("0.0.0.0/8", "this network"),
        ("127.0.0.0/8", "loopback"),
        ("169.254.0.0/16", "link-local"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),
    )
)
"""Ranges that no client has: RFC 6890."""

PREFIXES: Mapping[str, tuple[int, int]] = {"azure": (8, 24), "aws": (16, 23)}
"""Prefix lengths of an address space: on AWS the largest network is a /16."""

WIDEST_CLIENT = 8
"""Prefix of the widest range that counts as known clients."""

_EXISTING: Mapping[str, tuple[re.Pattern[str], str]] = {
    "azure": (
        re.compile(
            r"/subscriptions/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
            r"/resourceGroups/[\w.()-]{1,90}"
            r"/providers/Microsoft\.Network/virtualNetworks/[\w.-]{2,64}",
            re.IGNORECASE | re.ASCII,
        ),
        (
            "/subscriptions/<id>/resourceGroups/<group>/providers/Microsoft.Network/"
            "virtualNetworks/<name>"
        ),
    ),
    "aws": (re.compile(r"vpc-([0-9a-f]{8}|[0-9a-f]{17})"), "vpc-<17 hexadecimal digits>"),
}


def address_space_is_private(environment: NodesEnvironment) -> Iterator[Problem]:
    """The range is private and of a size that the cloud takes."""
    space = environment.network.address_space
    widest, narrowest = PREFIXES[environment.cloud]
    key = "network.addressSpace"
    if not any(space.subnet_of(private) for private in PRIVATE):
        rule = f"must be within a private range: {', '.join(map(str, PRIVATE))}"
        yield Problem(key, show(str(space)), rule, "write one like 10.20.0.0/16")
    if not widest <= space.prefixlen <= narrowest:
        rule = f"must be a /{widest} to a /{narrowest} on {environment.cloud}"
        fixed = min(max(space.prefixlen, widest), narrowest)
        fix = f"write {space.network_address}/{fixed}"
        if fixed < space.prefixlen:
            fix = f"write {space.supernet(new_prefix=fixed)}"
        yield Problem(key, show(str(space)), rule, fix)


def subnets_fit(environment: EnterpriseEnvironment) -> Iterator[Problem]:
    """The range has room for every subnet at the groups' maxima."""
    space = environment.network.address_space
    need = need_of(environment)
    try:
        cut(space, need)
    except TooSmallError as error:
        rule = (
            f"must have room for twice the maxima, {need.web} web and {need.compute} compute "
            f"nodes, as a replaced group runs beside the old one"
        )
        widest, _ = PREFIXES[environment.cloud]
        if error.smallest is None or error.smallest < widest:
            fix = f"no range that {environment.cloud} takes is large enough: lower the maxima"
        else:
            fix = f"write a /{error.smallest} or larger, such as {_within(space, error.smallest)}"
        yield Problem("network.addressSpace", show(str(space)), rule, fix)


def existing_is_an_id(environment: NodesEnvironment) -> Iterator[Problem]:
    """The network to join is named by an id of the cloud."""
    existing = environment.network.existing
    pattern, example = _EXISTING[environment.cloud]
    if existing is not None and not pattern.fullmatch(existing):
        rule = f"must be the id of a network on {environment.cloud}"
        yield Problem("network.existing", show(existing), rule, f"write it like {example}")


def clients_are_real(environment: NodesEnvironment) -> Iterator[Problem]:
    """Clients' ranges are ones that clients can have."""
    for index, client in enumerate(environment.access.clients):
        what = next((name for nobody, name in NOBODY if client.subnet_of(nobody)), None)
        if what and client.prefixlen:
            rule = f"must be a range that clients can have, not {what} addresses"
            yield Problem(f"access.clients[{index}]", show(str(client)), rule, "remove it")


def clients_are_known(environment: NodesEnvironment) -> Iterator[Problem]:
    """The whole internet is let in only by someone who says so."""
    if environment.access.any_client:
        return
    for index, client in enumerate(environment.access.clients):
        if client.prefixlen < WIDEST_CLIENT:
            rule = "must be a /8 or narrower: this lets in addresses that nobody chose"
            fix = "name your clients' ranges, or set access.anyClient: true if you mean it"
            yield Problem(f"access.clients[{index}]", show(str(client)), rule, fix)


def clients_are_outside(environment: NodesEnvironment) -> Iterator[Problem]:
    """Clients are not in the environment's own range, where nodes could pass for them."""
    space = environment.network.address_space
    for index, client in enumerate(environment.access.clients):
        if client.prefixlen >= WIDEST_CLIENT and client.overlaps(space):
            rule = f"must not overlap with network.addressSpace, {space}"
            fix = "name the ranges outside it, or choose another addressSpace"
            yield Problem(f"access.clients[{index}]", show(str(client)), rule, fix)


def sessions_are_of_the_cloud(environment: NodesEnvironment) -> Iterator[Problem]:
    """Session Manager is a service of AWS."""
    if environment.access.session_manager and environment.cloud != "aws":
        rule = f"must be false on {environment.cloud}, as it is a service of AWS"
        fix = "remove the line; Bastion or the serial console lead to a node on Azure"
        yield Problem("access.sessionManager", "true", rule, fix)


def _within(space: IPv4Network, prefix: int) -> str:
    wider = space.supernet(new_prefix=prefix)
    return str(
        wider if any(wider.subnet_of(private) for private in PRIVATE) else f"10.0.0.0/{prefix}"
    )


NODES = (
    address_space_is_private,
    existing_is_an_id,
    clients_are_real,
    clients_are_known,
    clients_are_outside,
    sessions_are_of_the_cloud,
)
"""Of all topologies with nodes."""

RULES = (address_space_is_private, subnets_fit, *NODES[1:])
"""Of the enterprise topology; one machine fits into every range."""
