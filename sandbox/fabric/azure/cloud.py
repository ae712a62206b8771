"""Azure, as the fabric asks for it."""

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network
from pathlib import Path

from sandbox.control import ids
from sandbox.control.azure import KINDS, fleet, instances
from sandbox.control.azure.arm import type_of
from sandbox.control.kinds import Kind, Transaction, World
from sandbox.control.store import Store
from sandbox.fabric.azure import security_rules, tokens
from sandbox.fabric.azure.blueprint import blueprint
from sandbox.fabric.azure.services import Services
from sandbox.fabric.cloud import Surroundings
from sandbox.fabric.contract import Blueprint
from sandbox.fabric.database import FLEXIBLE_SERVER, Databases
from sandbox.fabric.images import Images

_CONCERNED = (
    "microsoft.network/",
    "microsoft.compute/",
    "microsoft.dbforpostgresql/",
    "microsoft.keyvault/vaults",
    "microsoft.sql/servers",
)
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
        """Whether some scale set has another number of machines than its capacity."""
        return instances.unsettled(world)

    def settle(self, transaction: Transaction) -> None:
        """Give each scale set as many machines as its capacity says."""
        instances.settle_all(transaction)

    def blueprint(self, world: World) -> Blueprint:
        """Everything that should exist."""
        return blueprint(world, self._image)

    def forget(self, transaction: Transaction, machine: str) -> None:
        """A leaving instance has gone."""
        instances.forget(transaction, machine)

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

    def services(self, surroundings: Surroundings) -> Services:
        """Metadata, names and vaults. Raises FabricError."""
        return Services(
            store=surroundings.store,
            networks=surroundings.networks,
            authority=surroundings.authority,
            notices=surroundings.notices,
            tokens=tokens.Tokens(surroundings.folder),
            machines=surroundings.machines,
        )

    def databases(self, folder: Path, images: Images) -> Databases:
        """Flexible servers; tokens of the directory are passwords there."""
        return Databases(
            folder / self.database_folder,
            images,
            images.authority,
            tokens.public_key(folder),
            FLEXIBLE_SERVER,
        )
