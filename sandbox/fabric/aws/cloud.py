"""AWS, as the fabric asks for it."""

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network
from pathlib import Path

from sandbox.control import arns, systems
from sandbox.control.aws import KINDS, fleet, images, instance_records, instances, lifecycle
from sandbox.control.aws.ec2_instances import INSTANCE
from sandbox.control.aws.scaling_policies import GROUP
from sandbox.control.kinds import Kind, Transaction, World
from sandbox.control.reading import number, text
from sandbox.control.store import Store
from sandbox.fabric.aws import databases
from sandbox.fabric.aws.blueprint import blueprint
from sandbox.fabric.aws.services import Services
from sandbox.fabric.aws.sessions import Sessions
from sandbox.fabric.cloud import Surroundings
from sandbox.fabric.contract import Blueprint
from sandbox.fabric.database import RDS, Databases
from sandbox.fabric.database.settings import PORT
from sandbox.fabric.images import Images

_CONCERNED = frozenset({"ec2", "autoscaling", "elasticloadbalancing", "rds"})
"""Services whose resources are in the blueprint. Those of the others are answers, which are read at
every request: there is nothing to await."""


class Aws:
    """A `cloud.Cloud`."""

    kinds: Mapping[str, Kind]
    database_folder = "databases-aws"

    def __init__(self, image: str) -> None:
        """*image*: the sandbox's image that boots Debian 12 machines."""
        self._image = image
        self.kinds = {kind.type: kind for kind in KINDS}

    def owns(self, target: str) -> bool:
        """Whether an id is an ARN."""
        return arns.is_arn(target)

    def begin(self, store: Store, pool: IPv4Network | None) -> None:
        """From now on machines are real, if there is a *pool* of addresses that are routed."""
        fleet.prepare(store, pool)

    def concerns(self, target: str) -> bool:
        """Whether a change of the resource can change the blueprint."""
        found = arns.parse(target)
        return found is not None and found.service in _CONCERNED

    def unsettled(self, world: World) -> bool:
        """Whether some group has another number of instances than its capacity."""
        return instances.unsettled(world)

    def settle(self, transaction: Transaction) -> None:
        """Give each group as many instances as its capacity says."""
        instances.settle_all(transaction)

    def blueprint(self, world: World) -> Blueprint:
        """Everything that should exist."""
        return blueprint(world, self._image)

    def forget(self, transaction: Transaction, machine: str) -> None:
        """A leaving instance has gone."""
        instances.forget(transaction, machine)

    def arrived(self, transaction: Transaction, machine: str) -> None:
        """Nothing here runs containers."""

    def renew(self, transaction: Transaction, machine: str) -> None:
        """Let an instance that is unwell go as any other, and launch another in its place."""
        if (found := instance_records.find(transaction, machine)) is not None:
            lifecycle.replace_instance(transaction, found)

    def cautions(self, world: World, target: str) -> Iterable[str]:
        """What of a resource is not as it would be in AWS."""
        record = world.find(target)
        if record is None:
            return
        if record.type in (GROUP, INSTANCE):
            used = {each.image for each in fleet.machines_of(world) if each.group == record.id}
            found = sorted(image.offer for each in used if (image := images.find(each)))
            yield from filter(None, map(systems.caution, found))
        if record.type != databases.INSTANCE:
            return
        if not databases.is_emulated(record):
            yield (
                "the sandbox runs no SQL Server (there is none that it could install): the "
                "instance exists as a record, its name resolves to nothing, and nobody answers; "
                "nodes that need it will not become ready. Here use database.engine: postgresql"
            )
        elif number(record.outputs, "port") not in (None, PORT):
            yield (
                f"the sandbox's databases listen on {PORT}, and "
                f"{text(record.outputs, 'identifier')} is declared with another port"
            )

    def services(self, surroundings: Surroundings) -> Services:
        """Metadata, names, and the services that nodes call. Raises FabricError."""
        return Services(
            store=surroundings.store,
            networks=surroundings.networks,
            authority=surroundings.authority,
            certificate=surroundings.authority.certificate,
            notices=surroundings.notices,
            sessions=Sessions(surroundings.folder),
            machines=surroundings.machines,
            published=surroundings.published,
            change=surroundings.change,
        )

    def databases(self, folder: Path, images: Images) -> Databases:
        """RDS instances; the platform judges the tokens that are passwords there."""
        return Databases(folder / self.database_folder, images, images.authority, None, RDS)
