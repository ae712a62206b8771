"""What the fabric is asked to make real: plain values, in nobody's cloud terms.

A `Blueprint` says everything that should exist at one moment. The parts of the fabric compare it
with what is there and change the difference, so that the first start, a change, a restart after
`kill -9` and the end are one way of working.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Literal

EVERYWHERE = (IPv4Network("0.0.0.0/0"),)

PLATFORM_PROBE = IPv4Address("168.63.129.16")
"""Where probes come from, and what answers DNS ("What is IP address 168.63.129.16?")."""
METADATA = IPv4Address("169.254.169.254")
"""The metadata service of every cloud."""


class FabricError(Exception):
    """Something can't be made real; says what, where, why and what to do."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """One rule of a packet filter."""

    name: str
    allow: bool
    protocol: Literal["*", "tcp", "udp", "icmp"] = "*"
    sources: tuple[IPv4Network, ...] = EVERYWHERE
    source_ports: tuple[tuple[int, int], ...] = ()
    """First and last port of each range; empty: every port."""
    destinations: tuple[IPv4Network, ...] = EVERYWHERE
    destination_ports: tuple[tuple[int, int], ...] = ()
    frontends: tuple[str, ...] = ()
    """Ids of frontends: who comes through one of them is meant, too, whatever the address (a rule
    for a balancer's security group). A rule for nobody else has no *sources*. Inbound only."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """One group of rules in order: the first that matches decides; none matches: denied.

    Rules that only allow, as those of security groups, may be in any order.
    """

    id: str
    rules: tuple[Rule, ...]


class Place(StrEnum):
    """What answers at a port."""

    MACHINE = "machine"
    """A host of `Blueprint.machines`, in a namespace of its own."""
    DATABASE = "database"
    """A server of `Blueprint.databases`, in a namespace of its own."""
    PLATFORM = "platform"
    """A service of the cloud, in the network's platform namespace."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Port:
    """One address in a virtual network, and what may go to it and come from it."""

    id: str
    """Unique in the sandbox: the id of the network interface or of the private endpoint."""
    place: Place
    owner: str
    """Id of the machine or database; for PLATFORM the id of the service's resource (vault)."""
    address: IPv4Address
    gateway: IPv4Address
    """First address of the subnet; the router's."""
    inbound: tuple[Stage, ...] = ()
    """Each stage must allow a new connection; none: everything is allowed."""
    outbound: tuple[Stage, ...] = ()
    nat: IPv4Address | None = None
    """Public address that its connections to the internet get, a NAT gateway's or its own; None:
    its routes lead to no internet."""
    public: IPv4Address | None = None
    """Its own public address: who comes from the internet to this is let in as to *address*."""


class Protocol(StrEnum):
    """How a probe asks."""

    TCP = "tcp"
    HTTP = "http"
    HTTPS = "https"


@dataclass(frozen=True, kw_only=True, slots=True)
class Probe:
    """How one asks a member or a machine whether it is well: 200 is yes, whatever certificate."""

    protocol: Protocol
    port: int
    path: str = "/"
    interval: float = 5.0
    """Seconds."""
    failures: int = 2
    """In a row, until it counts as unwell; one success makes it well again."""
    delay: float = 0.0
    """Seconds from the start until it is asked for the first time."""
    timeout: float | None = None
    """Seconds for an answer; None: as long as the interval, 30 at most."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """One target of a balancer."""

    port: str
    """`Port.id`."""
    address: IPv4Address


@dataclass(frozen=True, kw_only=True, slots=True)
class Frontend:
    """One rule of a load balancer: connections to an address go to one healthy member each."""

    id: str
    address: IPv4Address
    """Public (of the sandbox's pool), or of the network's own range."""
    port: int
    member_port: int
    protocol: Literal["tcp", "udp"] = "tcp"
    members: tuple[Member, ...] = ()
    probe: Probe | None = None
    """None: every member counts as healthy."""
    probe_from: IPv4Address = PLATFORM_PROBE
    """Where its probes come from: the platform's address, or the balancer's own in the network."""
    inbound: tuple[Stage, ...] = ()
    """Each must allow a new connection to the frontend, before a member is chosen."""
    outbound: tuple[Stage, ...] = ()
    """Each must allow it on its way to the member."""
    idle_minutes: int = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Service:
    """A service of the cloud at a public address, which some ports have a way to."""

    id: str
    address: IPv4Address
    ports: tuple[str, ...] = ()
    """`Port.id` of each: through a NAT gateway, or by a route of its own (a gateway endpoint)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Network:
    """A virtual network: a router to which every port has a link of its own."""

    id: str
    name: str
    ranges: tuple[IPv4Network, ...]
    ports: tuple[Port, ...] = ()
    frontends: tuple[Frontend, ...] = ()
    given: tuple[IPv4Address, ...] = (METADATA, PLATFORM_PROBE)
    """What the platform answers at, whatever the rules of ports say: metadata and names."""
    services: tuple[Service, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Container:
    """A program on an image of its own, which a machine runs in place of a whole system."""

    layers: tuple[Path, ...] = ()
    """Folders of its image, topmost first; nothing ever writes to them."""
    command: tuple[str, ...] = ()
    user: str = "root"
    folder: str = "/"
    """Where its command starts."""
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    readiness: Probe | None = None
    """Must hold for the first time before it counts as provisioned."""
    liveness: Probe | None = None
    """Asked once it is ready: it is started again when this fails."""
    arrived: bool = False
    """Whether it is noted that it was ready once."""
    problem: str = ""
    """Why it can't run: its image is not there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Machine:
    """One virtual machine."""

    id: str
    """`.../virtualMachineScaleSets/NAME/virtualMachines/0`, `.../virtualMachines/NAME`."""
    incarnation: str
    """UUID (Azure's vmId); another one is another machine with an empty disk."""
    group: str
    """Id of the resource that it comes with: the scale set, or the machine itself."""
    name: str
    """As the cloud shows it: `NAME_0` in a scale set."""
    hostname: str
    network: str
    port: str
    """`Port.id` of its interface."""
    address: IPv4Address
    image: str
    """Name of an image of the sandbox."""
    user_data: bytes
    """What cloud-init receives, byte for byte."""
    resolver: IPv4Address | None = None
    """Who answers it about names, as DHCP would tell; None: the image says so itself."""
    vcpus: int
    memory: int
    """Megabytes."""
    identities: tuple[str, ...] = ()
    """Ids of the managed identities that it may act as."""
    health: Probe | None = None
    """Asked from inside the machine."""
    repair: float | None = None
    """Seconds of grace after which an unwell machine is replaced; None: it never is."""
    script: str | None = None
    """Command that must end with 0 before the machine counts as provisioned; runs once."""
    notice: float = 0.0
    """Seconds that it gets to drain, from the notice of its end; 0: it gets no notice."""
    notice_unread: bool = False
    """Whether it gets that time although it never asked for notices."""
    held: float | None = None
    """Seconds that its group waits for its word before it counts as ready (a launch lifecycle
    hook); None: it waits for none, or has had it."""
    balancers: tuple[str, ...] = ()
    """Ids of frontends that decide whether it is well, in place of being asked from inside."""
    leaving: bool = False
    """It is to drain and go (scale in)."""
    container: Container | None = None
    """What it runs in place of *image* and *user_data*; None: a whole system."""
    absent: str = ""
    """Why it can't run here at all: it is a record only, and nobody waits for it; "": it can."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """The server that another one is restored from."""

    id: str
    incarnation: str
    """"": it is gone."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Database:
    """One managed PostgreSQL server."""

    id: str
    incarnation: str
    name: str
    host: str
    """Name that its certificate is for."""
    version: str
    administrator: str
    password: str = field(repr=False)
    """"": the one that the restored data has."""
    ports: tuple[str, ...] = ()
    """`Port.id` of each private endpoint; none: nobody reaches it."""
    databases: tuple[str, ...] = ()
    principals: Mapping[str, str] = field(default_factory=dict)
    """Administrators of the directory: role name -> object id of the identity."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    password_login: bool = True
    directory_login: bool = True
    tenant: str = ""
    origin: Origin | None = None
    """Whose contents it begins with; None: it begins empty."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Blueprint:
    """Everything that should exist."""

    networks: tuple[Network, ...] = ()
    machines: tuple[Machine, ...] = ()
    databases: tuple[Database, ...] = ()
