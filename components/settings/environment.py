"""The object `operationalization:environment` of a stack file, where machines run the services.

`topology` says which of the models describes it; the managed endpoint's is in `endpoint`.
"""

from abc import abstractmethod
from ipaddress import IPv4Network
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from components.settings.catalogue.locations import LOCATIONS
from components.settings.catalogue.products import DEPLOYR, USUAL_VERSION, version_of
from components.settings.exemptions import ExemptionSettings
from components.settings.model import FILLED, Cidr, Model, refuse, whole_number_as_text
from components.settings.nodes import (
    ComputeGroupSettings,
    MachineSettings,
    NodeGroupSettings,
    WebGroupSettings,
)
from components.settings.server import PortsSettings, ServerSettings

Cloud = Literal["azure", "aws"]
Engine = Literal["postgresql", "sqlserver", "sqlite"]
Topology = Literal["enterprise", "one-box", "managed-endpoint"]
Product = Literal["plumber", "mlserver", "rserver"]
OperatingSystem = Literal[
    "debian-12",
    "ubuntu-14.04",
    "ubuntu-16.04",
    "centos-7",
    "rhel-7",
    "windows-server-2012-r2",
    "windows-server-2016",
]
Role = Literal["web", "compute", "one-box"]


def _no_deployr(value: object) -> object:
    """Refuse DeployR by name: R Server's own documents call their nodes so."""
    if isinstance(value, str) and value.lower().startswith("deployr"):
        fix = "write rserver, whose version 9.0.1 took DeployR's place, or plumber"
        raise refuse(DEPLOYR, fix)
    return value


class SoftwareSettings(Model):
    """A product, and what it runs on."""

    product: Annotated[Product, BeforeValidator(_no_deployr)] = Field(examples=["plumber"])
    """plumber is open source; mlserver and rserver need an installer that you bring."""

    version: str = FILLED
    """Version of the product, in quotes; without it the newest that we support."""

    operating_system: OperatingSystem = FILLED
    """System of the nodes; without it debian-12 for plumber, ubuntu-16.04 for the others."""

    image: Literal["packages", "complete"] = "packages"
    """packages: nodes install at boot. complete: the image has everything already."""

    image_id: str | None = None
    """Azure image resource id, or Amazon machine image id, in place of the stock image."""

    server: ServerSettings | None = None
    """R Server and ML Server only: installers, ports, who may log in, and more."""


class RuntimeSettings(SoftwareSettings):
    """What runs on the nodes."""

    ports: PortsSettings | None = None
    """plumber only: ports of its nodes; those of the other products are `server.ports`."""

    generation: int = Field(default=0, ge=0, le=999)
    """How often a second set of nodes took over from the one before; scripts/upgrade counts."""

    @property
    def seat(self) -> int:
        """Which of the two places in each subnet its nodes have."""
        return self.generation % 2


class PredecessorSettings(SoftwareSettings):
    """The set of nodes that the runtime's takes over from, as it was; scripts/upgrade writes it."""

    restored: str = Field(
        pattern=r"^20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]Z$",
        examples=["2026-01-31T12:00:00Z"],
        json_schema_extra={
            "patternErrorMessage": "must be a moment in UTC such as 2026-01-31T12:00:00Z"
        },
    )
    """Moment of its database that the new set's database begins with."""

    serving: Literal["old", "both", "new", "gone"] = "old"
    """Whose web nodes the load balancer sends calls to; gone: new, and this set's database is
    given up."""


class DatabaseSettings(Model):
    """The database that keeps services, sessions and node lists."""

    engine: Engine = Field(examples=["postgresql"])
    """sqlite lives on the machine of a one-box, and goes when that machine goes."""

    version: Annotated[str, BeforeValidator(whole_number_as_text)] = FILLED
    """Version of the engine; a whole number may stand without quotes."""

    size: str = FILLED
    """Server size of the cloud; it decides how many connections there may be."""

    storage: int = Field(default=64, ge=1, le=65536)
    """GiB."""

    name: str = Field(
        default="operationalization",
        pattern=r"^[a-z][a-z0-9_]{0,62}$",
        json_schema_extra={
            "patternErrorMessage": "must be 1 to 63 lower-case letters, digits and underscores, "
            "first a letter"
        },
    )
    """Name of the database on the server."""

    high_availability: bool = False
    """Whether a second server in another zone stands by."""

    backup_retention_days: int = Field(default=7, ge=7, le=35)
    """Days that backups are kept."""

    geo_redundant_backup: bool = False
    """Whether backups are copied to the paired location."""

    connections_per_web_node: int = Field(default=5, ge=1, le=250)
    """Connection pool of the API service on one web node."""

    connections_per_compute_node: int = Field(default=1, ge=0, le=250)
    """Connections of the loader on one compute node."""

    discard: str | None = None
    """Name of the database, only to give it up: then it is not protected any more."""


class AccessSettings(Model):
    """Who may call the environment, and what its nodes may call."""

    clients: tuple[Cidr, ...] = Field(
        strict=False, min_length=1, max_length=200, examples=[["203.0.113.0/24"]]
    )
    """IPv4 ranges that may call the web nodes' port."""

    any_client: bool = False
    """Must be true for `clients` to hold 0.0.0.0/0, or any range wider than a /8."""

    egress: Literal["packages", "none"] = "packages"
    """packages: nodes reach TCP 80 and 443 through NAT. none: needs a complete image."""

    session_manager: bool = False
    """AWS only: whether people open shells on nodes with Session Manager, whose agent the image
    must have."""


class NetworkSettings(Model):
    """The environment's private network."""

    address_space: Cidr = IPv4Network("10.20.0.0/16")
    """Range that the subnets are cut from."""

    existing: str | None = None
    """Id of a network to join; `addressSpace` is then our range in it."""


class LoadBalancerSettings(Model):
    """The load balancer in front of the web nodes."""

    exposure: Literal["public", "internal"] = "internal"
    """Whether its address is reachable from the internet."""

    idle_timeout_minutes: int = Field(default=30, ge=4, le=100)
    """Minutes without a byte after which a connection is closed."""


EmailAddress = Annotated[
    str,
    Field(
        pattern=r"^[^@\s]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$",
        examples=["operations@example.com"],
        json_schema_extra={"patternErrorMessage": "must be an e-mail address"},
    ),
]


class MonitoringSettings(Model):
    """Logs and alerts."""

    retention_days: int = Field(default=30, ge=30, le=730)
    """Days that logs are kept."""

    emails: tuple[EmailAddress, ...] = Field(default=(), strict=False, max_length=20)
    """Addresses that alerts go to."""


class Environment(Model):
    """What every environment has, whatever its topology."""

    topology: Topology = Field(examples=["enterprise"])
    """enterprise: web and compute nodes, each on machines of their own. one-box: both roles on one
    machine. managed-endpoint: the cloud runs containers with the model, and there are no nodes."""

    cloud: Cloud = Field(examples=["azure"])
    """The cloud that it runs on."""

    location: str = Field(examples=["westeurope", "eu-central-1"])
    """Azure location or AWS region."""

    protection: bool = True
    """Whether database and vault are protected; false for throw-away environments only."""

    tags: dict[str, str] = Field(default_factory=dict, max_length=15)
    """Tags on every resource that can have them."""

    monitoring: MonitoringSettings = MonitoringSettings()
    """Logs and alerts."""

    exemptions: tuple[ExemptionSettings, ...] = Field(default=(), strict=False, max_length=50)
    """Rules of the policy pack that a resource need not keep, with the reason; docs/policies.md."""


class NodesEnvironment(Environment):
    """An environment that is made of nodes of ours: what their topologies share."""

    runtime: RuntimeSettings = Field(examples=["{ product: plumber }"])
    """What runs on the nodes."""

    database: DatabaseSettings = Field(examples=["{ engine: postgresql }"])
    """The database."""

    access: AccessSettings = Field(examples=["{ clients: [203.0.113.0/24] }"])
    """Who may call whom."""

    network: NetworkSettings = NetworkSettings()
    """The private network."""

    load_balancer: LoadBalancerSettings = LoadBalancerSettings()
    """The load balancer."""

    @property
    def ports(self) -> PortsSettings:
        """What the nodes listen on, whichever setting of their product says it."""
        runtime = self.runtime
        chosen = runtime.ports if runtime.server is None else runtime.server.ports
        if chosen is not None:
            return chosen
        usual = version_of(runtime.product, runtime.version) or USUAL_VERSION
        return PortsSettings.model_construct(web=usual.web_port, compute=usual.compute_port)

    @property
    @abstractmethod
    def groups(self) -> dict[Role, NodeGroupSettings]:
        """The node groups by role; the one that clients call comes first."""

    @property
    @abstractmethod
    def workers_per_node(self) -> int:
        """R workers on one node that runs R; 0 for one a vCPU."""

    @property
    @abstractmethod
    def network_zones(self) -> tuple[str, ...]:
        """The cloud's names of the zones that the network and the balancer span."""

    @property
    def has_server(self) -> bool:
        """Whether the database is a managed server, and not a file on the machine."""
        return self.database.engine != "sqlite"

    def zone_names(self, role: Role) -> tuple[str, ...]:
        """Return the cloud's names of the zones of a group; none where the location has none."""
        names = LOCATIONS[self.cloud][self.location].zones
        return tuple(names[zone - 1] for zone in self.groups[role].zones)


class EnterpriseEnvironment(NodesEnvironment):
    """Web nodes, compute nodes and a database, each on machines of their own."""

    web: WebGroupSettings = Field(examples=["{ count: 2 }"])
    """The web nodes."""

    compute: ComputeGroupSettings = Field(examples=["{ count: 2 }"])
    """The compute nodes."""

    predecessor: PredecessorSettings | None = None
    """R Server and ML Server, while a set of nodes of a new version stands beside the old one."""

    @property
    def before(self) -> "EnterpriseEnvironment | None":
        """The environment with the predecessor's nodes in place of the runtime's."""
        old = self.predecessor
        if old is None:
            return None
        kept = {name: getattr(old, name) for name in SoftwareSettings.model_fields}
        generation = max(0, self.runtime.generation - 1)
        runtime = RuntimeSettings.model_construct(**kept, generation=generation)
        found = self.model_copy(update={"runtime": runtime, "predecessor": None})
        if old.serving != "gone":
            return found
        given_up = self.database.model_copy(update={"discard": self.database.name})
        return found.model_copy(update={"database": given_up})

    @property
    def groups(self) -> dict[Role, NodeGroupSettings]:
        """The node groups by role, web nodes first."""
        return {"web": self.web, "compute": self.compute}

    @property
    def workers_per_node(self) -> int:
        """R workers on one compute node; 0 for one a vCPU."""
        return self.compute.workers_per_node

    @property
    def network_zones(self) -> tuple[str, ...]:
        """The web nodes' zones."""
        return self.zone_names("web")


class OneBoxEnvironment(NodesEnvironment):
    """Web and compute role on one machine, and the database on it too, if it is embedded."""

    machine: MachineSettings = MachineSettings()
    """The machine."""

    @property
    def groups(self) -> dict[Role, NodeGroupSettings]:
        """The one machine, as the clouds' parts know it: a fixed group of one."""
        return {"one-box": self.machine.group}

    @property
    def workers_per_node(self) -> int:
        """R workers on the machine; 0 for one a vCPU."""
        return self.machine.workers

    @property
    def network_zones(self) -> tuple[str, ...]:
        """The machine's zone, and on AWS with a server the next one, as RDS asks for two."""
        own = self.zone_names("one-box")
        if self.cloud != "aws" or not self.has_server:
            return own
        zones = LOCATIONS[self.cloud][self.location].zones
        return (*own, *(zone for zone in zones if zone not in own))[:2]
