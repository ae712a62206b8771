"""The object `operationalization:environment` of a stack file."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from components.settings.model import Cidr, Model, whole_number_as_text
from components.settings.nodes import ComputeGroupSettings, NodeGroupSettings, WebGroupSettings

Cloud = Literal["azure", "aws"]
Engine = Literal["postgresql", "sqlserver", "sqlite"]
Topology = Literal["enterprise", "one-box", "managed-endpoint"]
Product = Literal["plumber", "mlserver", "rserver"]
OperatingSystem = Literal[
    "debian-12",
    "ubuntu-14.04",
    "ubuntu-16.04",
    "ubuntu-18.04",
    "centos-7",
    "rhel-7",
    "windows-server-2012-r2",
    "windows-server-2016",
]
Role = Literal["web", "compute"]


class RuntimeSettings(Model):
    """What runs on the nodes."""

    product: Product
    """plumber is open source; mlserver and rserver need an installer that you bring."""

    version: str = ""
    """Version of the product, in quotes; without it the newest that we support."""

    operating_system: OperatingSystem | Literal[""] = ""
    """Without it the one that fits the product best."""

    image: Literal["packages", "complete"] = "packages"
    """packages: nodes install at boot. complete: the image has everything already."""

    image_id: str | None = None
    """Azure image resource id, or Amazon machine image id, in place of the stock image."""


class DatabaseSettings(Model):
    """The database that keeps services, sessions and node lists."""

    engine: Engine
    """sqlite lives inside the web node, so it allows one web node only."""

    version: Annotated[str, BeforeValidator(whole_number_as_text)] = ""
    """Major version of the engine."""

    size: str = ""
    """Server size of the cloud; it decides how many connections there may be."""

    storage: Annotated[int, Field(ge=1, le=65536)] = 64
    """GiB."""

    name: str = "operationalization"
    """Name of the database on the server."""

    high_availability: bool = False
    """Whether a second server in another zone stands by."""

    backup_retention_days: Annotated[int, Field(ge=7, le=35)] = 7
    """Days that backups are kept."""

    geo_redundant_backup: bool = False
    """Whether backups are copied to the paired location."""

    connections_per_web_node: Annotated[int, Field(ge=1, le=250)] = 5
    """Connection pool of the API service on one web node."""

    connections_per_compute_node: Annotated[int, Field(ge=0, le=250)] = 1
    """Connections of the loader on one compute node."""

    discard: str | None = None
    """Name of the database, only to give it up: then it is not protected any more."""


class AccessSettings(Model):
    """Who may call the environment, and what its nodes may call."""

    clients: Annotated[tuple[Cidr, ...], Field(strict=False, min_length=1, max_length=200)]
    """IPv4 ranges that may call port 12800."""

    any_client: bool = False
    """Must be true where `clients` holds 0.0.0.0/0."""

    egress: Literal["packages", "none"] = "packages"
    """packages: nodes reach TCP 80 and 443 through NAT. none: needs a complete image."""


class NetworkSettings(Model):
    """The environment's private network."""

    address_space: Cidr = Field(default="10.20.0.0/16", validate_default=True)
    """Range that the subnets are cut from."""

    existing: str | None = None
    """Id of a network to join; `addressSpace` is then our range in it."""


class LoadBalancerSettings(Model):
    """The load balancer in front of the web nodes."""

    exposure: Literal["public", "internal"] = "internal"
    """Whether its address is reachable from the internet."""

    idle_timeout_minutes: Annotated[int, Field(ge=4, le=100)] = 30
    """Minutes without a byte after which a connection is closed."""


class MonitoringSettings(Model):
    """Logs and alerts."""

    retention_days: Annotated[int, Field(ge=30, le=730)] = 30
    """Days that logs are kept."""

    emails: Annotated[tuple[str, ...], Field(strict=False, max_length=20)] = ()
    """Addresses that alerts go to."""


class Environment(Model):
    """What one environment is made of."""

    topology: Topology
    """enterprise: web and compute nodes, each on machines of their own."""

    cloud: Cloud
    """The cloud that it runs on."""

    location: str
    """Azure location or AWS region."""

    protection: bool = True
    """Whether database and vault are protected; false for throw-away environments only."""

    tags: dict[str, str] = Field(default_factory=dict)
    """Tags on every resource that can have them."""

    runtime: RuntimeSettings
    """What runs on the nodes."""

    web: WebGroupSettings
    """The web nodes."""

    compute: ComputeGroupSettings
    """The compute nodes."""

    database: DatabaseSettings
    """The database."""

    access: AccessSettings
    """Who may call whom."""

    network: NetworkSettings = NetworkSettings()
    """The private network."""

    load_balancer: LoadBalancerSettings = LoadBalancerSettings()
    """The load balancer."""

    monitoring: MonitoringSettings = MonitoringSettings()
    """Logs and alerts."""

    @property
    def groups(self) -> dict[Role, NodeGroupSettings]:
        """The node groups by role, web nodes first."""
        return {"web": self.web, "compute": self.compute}
