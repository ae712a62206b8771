"""The places of a deployment that traffic goes between, named as people name them."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from operations.export.state import Resource
from operations.links import Links
from operations.reach import addresses
from operations.reach.rules import PORTS, Rule
from operations.reach.spans import NONE, Spans


class Kind(StrEnum):
    """What a place is, for whoever draws it."""

    OUTSIDE = "outside"
    """Addresses that no resource of the deployment has: clients, the internet, joined networks."""
    BALANCER = "balancer"
    NODES = "nodes"
    DATABASE = "database"
    VAULT = "vault"
    SERVICE = "service"
    """A service of the cloud, or a store of ours in one."""
    ENDPOINT = "endpoint"
    """A managed endpoint."""


INTERNET = "the internet"
JOINED = "joined networks"
NETWORK = "other addresses of the network"
BALANCER = "load balancer"
DATABASE = "database"
VAULT = "vault"
ARTIFACTS = "artifacts"
MANAGED = "managed endpoint"
WORKSPACE = "workspace"
PRIVATE_WORKSPACE = "workspace and managed endpoint"
"""A workspace's private endpoint is also that of its online endpoints."""
STORAGE = "storage account"
REGISTRY = "container registry"
BUILDERS = "image builders"

ROLES = {"web": "web nodes", "compute": "compute nodes", "one-box": "one-box machine"}


@dataclass(frozen=True, slots=True)
class Guard:
    """Rules in the order in which they are tried; what none of them fits is denied."""

    rules: tuple[Rule, ...]
    doubts: tuple[str, ...] = ()
    """Rules that only a deployment makes known, or that are of a kind that is not worked out."""


@dataclass(frozen=True, kw_only=True, slots=True)
class End:
    """A member of a place: interfaces that the same rules guard."""

    place: str
    kind: Kind
    addresses: Spans
    inbound: tuple[Guard, ...] = ()
    """Each of these lets a packet in, or it does not come in."""
    outbound: tuple[Guard, ...] = ()
    groups: frozenset[str] = frozenset()
    """URNs of the security groups that it is a member of."""
    listens: Spans = PORTS
    """Ports of TCP that anything answers at: all, where that is for the machine to say."""
    machine: bool = True
    """Whether it calls others by itself, and may answer to more than TCP."""
    public: Spans = NONE
    """Ports of TCP at which a public address leads there."""
    abroad: bool = False
    """It lies beyond the network: what others abroad may do with it is nothing of ours."""
    public_side: bool = False
    """It is a service's public side, which the deployment's own machines are no clients of."""
    single: bool = False
    """It is one interface, which has no way to itself."""
    note: str = ""
    """What a caller needs beside a way there."""
    subnets: tuple[str, ...] = ()
    """Names and address ranges of the subnets that it lies in."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Front:
    """A port of a load balancer that hands packets on with their sender's address."""

    place: str
    port: Spans
    members: tuple[End, ...]
    member_port: Spans
    public: bool
    protocol: str = "TCP"


@dataclass(frozen=True, kw_only=True, slots=True)
class Network:
    """All that may be reached, or reaches out."""

    ends: tuple[End, ...]
    own: Spans
    """Addresses of the network itself."""
    fronts: tuple[Front, ...] = ()
    doubts: tuple[tuple[str, str], ...] = ()
    """Places about which too little is known, and what that is."""
    has_v6: bool = False

    @property
    def space(self) -> tuple[str, ...]:
        """Its own addresses, as people write them."""
        return tuple(addresses.prefixes(self.own))


@dataclass(frozen=True, slots=True)
class Place:
    """Where traffic begins or ends."""

    name: str
    """As people call it: `web nodes`, `clients 203.0.113.0/24`."""
    kind: Kind
    addresses: Spans = NONE
    """Of places outside."""

    subnets: tuple[str, ...] = ()
    """Of places within: the subnets that they lie in."""

    @property
    def is_internet(self) -> bool:
        """Whether a good part of the world is there."""
        return self.name.startswith(INTERNET)


def nodes_name(links: Links, resource: Resource) -> str:
    """Return what people call the nodes that *resource* is, or is one of."""
    group = next((p for p in links.parents(resource) if p.type.endswith(":NodeGroup")), resource)
    name = re.sub(r"-nodes(-\d+)?(-interface)?$", "", group.name)
    for role, words in ROLES.items():
        if name == role or name.endswith(f"-{role}"):
            return words
    return f"nodes {name}"


def subnet_name(name: str, ranges: Sequence[str]) -> str:
    """Return what people call a subnet of this logical name: its purpose, and its addresses."""
    purpose = re.sub(r"^.*-network-", "", name)
    return " ".join((purpose, *ranges))


def ports(*spans: int | tuple[int, int]) -> Spans:
    """Return single ports and ranges of them as a set."""
    return Spans.of(*((span, span) if isinstance(span, int) else span for span in spans))


def doubts(ends: Iterable[End]) -> list[tuple[str, str]]:
    """Return what is in doubt about the rules of *ends*: the place, and what it is."""
    return [
        (end.place, doubt)
        for end in ends
        for guard in (*end.inbound, *end.outbound)
        for doubt in guard.doubts
    ]
