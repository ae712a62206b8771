"""Azure, as the fabric asks for it."""

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network
from pathlib import Path

from sandbox.control import ids, systems
from sandbox.control.azure import KINDS, endpoint_instances, fleet, instances
from sandbox.control.azure.arm import type_of
from sandbox.control.kinds import Kind, Transaction, World
from sandbox.control.store import Store
from sandbox.fabric.azure import endpoints, security_rules, tokens
from sandbox.fabric.azure.blueprint import blueprint
from sandbox.fabric.azure.everything import Everything
from sandbox.fabric.azure.services import Services
from sandbox.fabric.cloud import Surroundings
from sandbox.fabric.containers import Registry
from sandbox.fabric.contract import Blueprint
from sandbox.fabric.database import FLEXIBLE_SERVER, Databases
from sandbox.fabric.images import Images

_CONCERNED = (
    "microsoft.network/",
    "microsoft.compute/",
    "microsoft.dbforpostgresql/",
    "microsoft.keyvault/vaults",
    "microsoft.sql/servers",
    "microsoft.containerregistry/registries",
    "microsoft.machinelearningservices/workspaces",
    "microsoft.resources/deployments",
)
_MACHINES = ("microsoft.compute/virtualmachines", "microsoft.compute/virtualmachinescalesets")
_ANSWERED_LIVE = frozenset(
    {"microsoft.network/privatednszones", "microsoft.keyvault/vaults/secrets"}
)
"""Resource types that the services read at every request; deeper ones are below these."""


class Azure:
    """A `cloud.Cloud`."""

    kinds: Mapping[str, Kind]
    database_folder = "databases"

    def __init__(self, image: str) -> None:
        """*image*: the sandbox's image that boots Debian 12 machines."""
        self._image = image
        self._registry: Registry | None = None
        self.kinds = {kind.type: kind for kind in KINDS}

    def owns(self, target: str) -> bool:
        """Whether an id is of Azure Resource Manager."""
        return ids.key(target).startswith("/subscriptions/")

    def begin(self, store: Store, pool: IPv4Network | None) -> None:
        """From now on machines are real, if there is a *pool* of addresses that are routed."""
        fleet.prepare(store, pool)

    def concerns(self, target: str) -> bool:
        """Whether a change of the resource can change the blueprint."""
        kind = type_of(target).casefold()
        if any(kind == live or kind.startswith(f"{live}/") for live in _ANSWERED_LIVE):
            return False
        return kind.startswith(_CONCERNED)

    def unsettled(self, world: World) -> bool:
        """Whether a scale set or a deployment has other machines than its records ask for."""
        return instances.unsettled(world) or endpoint_instances.unsettled(world)

    def settle(self, transaction: Transaction) -> None:
        """Give each scale set and each deployment as many machines as its capacity says."""
        endpoint_instances.settle_all(transaction)
        instances.settle_all(transaction)

    def blueprint(self, world: World) -> Blueprint:
        """Everything that should exist."""
        machines, served = blueprint(world, self._image), endpoints.blueprint(world, self._registry)
        return Blueprint(
            networks=(*machines.networks, *served.networks),
            machines=(*machines.machines, *served.machines),
            databases=machines.databases,
        )

    def forget(self, transaction: Transaction, machine: str) -> None:
        """A leaving instance has gone."""
        if endpoint_instances.is_one(machine):
            endpoint_instances.forget(transaction, machine)
        else:
            instances.forget(transaction, machine)

    def arrived(self, transaction: Transaction, machine: str) -> None:
        """An instance of a deployment is ready for the first time."""
        endpoint_instances.arrived(transaction, machine)

    def renew(self, transaction: Transaction, machine: str) -> None:
        """Replace an instance that is unwell."""
        instances.renew(transaction, machine)

    def cautions(self, world: World, target: str) -> Iterable[str]:
        """What of a resource is not as it would be in Azure."""
        kind = type_of(target).casefold()
        if kind == "microsoft.sql/servers":
            yield (
                "the sandbox runs no SQL Server (there is none that it could install): the server "
                "exists as a record, its name resolves, and nothing answers there; nodes that "
                "need it will not become ready. Here use database.engine: postgresql"
            )
        elif kind.startswith("microsoft.network/networksecuritygroups"):
            yield from security_rules.ignored(world)
        elif kind in _MACHINES:
            own = ids.key(target)
            offers = {m.image for m in fleet.machines_of(world) if ids.key(m.group) == own}
            yield from filter(None, map(systems.caution, sorted(offers)))

    def services(self, surroundings: Surroundings) -> Everything:
        """Metadata, names and vaults; endpoints. Raises FabricError."""
        self._registry = Registry(surroundings.folder, surroundings.images, self._image)
        inside = Services(
            store=surroundings.store,
            networks=surroundings.networks,
            authority=surroundings.authority,
            notices=surroundings.notices,
            tokens=tokens.Tokens(surroundings.folder),
            machines=surroundings.machines,
            published=surroundings.published,
        )
        served = endpoints.Endpoints(
            store=surroundings.store,
            networks=surroundings.networks,
            authority=surroundings.authority,
            registry=self._registry,
            serving=surroundings.serving,
        )
        return Everything(inside, served)

    def databases(self, folder: Path, images: Images) -> Databases:
        """Flexible servers; tokens of the directory are passwords there."""
        return Databases(
            folder / self.database_folder,
            images,
            images.authority,
            tokens.public_key(folder),
            FLEXIBLE_SERVER,
        )
