"""Several clouds at once, as one: each has its own networks, services and databases, side by side.

What an id belongs to is seen from the id itself; nothing of one cloud reaches into another but
through public addresses, as in the world.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from ipaddress import IPv4Network
from itertools import chain
from pathlib import Path
from threading import Event

from sandbox.control.fabric import Watch
from sandbox.control.kinds import Kind, Transaction, World
from sandbox.control.store import Store
from sandbox.control.world import StoreWorld
from sandbox.fabric.aws.cloud import Aws
from sandbox.fabric.azure import blobs
from sandbox.fabric.azure.cloud import Azure
from sandbox.fabric.azure.tokens import Tokens
from sandbox.fabric.cloud import Cloud, Surroundings
from sandbox.fabric.contract import Blueprint, FabricError, Machine
from sandbox.fabric.database import end_strays
from sandbox.fabric.downloads import Shelf
from sandbox.fabric.downloads.site import Store as Site
from sandbox.fabric.images import Images


def clouds(image: str) -> tuple[Cloud, ...]:
    """Every cloud that the fabric knows. *image*: what boots Debian 12 machines."""
    return (Azure(image), Aws(image))


def stores(store: Store, folder: Path, shelf: Shelf) -> tuple[Site, ...]:
    """The clouds' private stores, whose files are below *shelf*. *folder*: the sandbox's own."""

    def find(place: str, name: str) -> Path | None:
        return shelf.store(place).find(name)

    return (blobs.Blobs(Tokens(folder), lambda: StoreWorld(store.read()), find),)


class Clouds:
    """The records of all clouds, read."""

    def __init__(self, several: Sequence[Cloud]) -> None:
        self._all = tuple(several)
        self.kinds: Mapping[str, Kind] = {
            token: kind for cloud in self._all for token, kind in cloud.kinds.items()
        }

    def begin(self, store: Store, pool: IPv4Network | None) -> None:
        """From now on machines are real; with no *pool*, records are all there is."""
        for cloud in self._all:
            cloud.begin(store, pool)

    def concerns(self, target: str) -> bool:
        """Whether a change of the resource *target* can change the blueprint."""
        cloud = self._of(target)
        return cloud is not None and cloud.concerns(target)

    def unsettled(self, world: World) -> Sequence[Cloud]:
        """The clouds that have fewer or more machines than their records ask for."""
        return [cloud for cloud in self._all if cloud.unsettled(world)]

    def blueprint(self, world: World) -> Blueprint:
        """Everything that should exist."""
        parts = [cloud.blueprint(world) for cloud in self._all]
        return Blueprint(
            networks=tuple(chain.from_iterable(part.networks for part in parts)),
            machines=tuple(chain.from_iterable(part.machines for part in parts)),
            databases=tuple(chain.from_iterable(part.databases for part in parts)),
        )

    def forget(self, transaction: Transaction, machine: str) -> None:
        """A leaving machine has gone."""
        if (cloud := self._of(machine)) is not None:
            cloud.forget(transaction, machine)

    def arrived(self, transaction: Transaction, machine: str) -> None:
        """A machine that runs a container is ready for the first time."""
        if (cloud := self._of(machine)) is not None:
            cloud.arrived(transaction, machine)

    def renew(self, transaction: Transaction, machine: str) -> None:
        """Replace a machine that is unwell."""
        if (cloud := self._of(machine)) is not None:
            cloud.renew(transaction, machine)

    def cautions(self, world: World, target: str) -> Iterable[str]:
        """What of a resource is not as it would be in its cloud."""
        cloud = self._of(target)
        return cloud.cautions(world, target) if cloud is not None else ()

    def _of(self, target: str) -> Cloud | None:
        return next((cloud for cloud in self._all if cloud.owns(target)), None)


class Services:
    """What every cloud answers, each in its own networks only."""

    def __init__(self, several: Sequence[Cloud], surroundings: Surroundings) -> None:
        self._all = [(cloud, cloud.services(surroundings)) for cloud in several]

    def settle(self, blueprint: Blueprint) -> None:
        """Answer in each network, and nowhere else. Raises FabricError after trying all."""
        _each(partial(own.settle, part(blueprint, cloud.owns)) for cloud, own in self._all)

    def stop(self) -> None:
        """Answer no more."""
        for _, own in self._all:
            own.stop()

    def realize(self, target: str, watch: Watch) -> None:
        """Do what a resource does once when it is written. Raises FabricError."""
        for cloud, own in self._all:
            if cloud.owns(target):
                own.realize(target, watch)

    def drain(self, machine: Machine, seconds: float, cancelled: Event) -> None:
        """Return once a machine that runs a container has answered all that it was asked."""
        for cloud, own in self._all:
            if cloud.owns(machine.id):
                own.drain(machine, seconds, cancelled)


class Databases:
    """The managed databases of all clouds."""

    def __init__(self, several: Sequence[Cloud], folder: Path, images: Images) -> None:
        self._all = [(cloud, cloud.databases(folder, images)) for cloud in several]

    def recover(self) -> None:
        """Find the servers that an earlier process started."""
        for _, own in self._all:
            own.recover()

    def settle(self, blueprint: Blueprint, namespace: Callable[[str], str]) -> None:
        """Let the blueprint's be the databases. Raises FabricError after trying all."""
        _each(
            partial(own.settle, part(blueprint, cloud.owns).databases, namespace)
            for cloud, own in self._all
        )

    def ready(self, database: str, timeout: float, cancelled: Event) -> None:
        """Wait until a database accepts connections, as declared. Raises FabricError."""
        for cloud, own in self._all:
            if cloud.owns(database):
                own.ready(database, timeout, cancelled)

    def stop(self) -> None:
        """Shut all servers down; the data stays."""
        for _, own in self._all:
            own.stop()


def end_databases(folder: Path, images: Images) -> None:
    """Stop what runs of *folder*, also when that was thrown away. Raises FabricError."""
    for cloud in clouds(""):
        place = folder / cloud.database_folder
        if place.is_dir():
            own = cloud.databases(folder, images)
            own.recover()
            own.stop()
        end_strays(place)


def part(blueprint: Blueprint, owns: Callable[[str], bool]) -> Blueprint:
    """What of a blueprint is one cloud's."""
    return Blueprint(
        networks=tuple(each for each in blueprint.networks if owns(each.id)),
        machines=tuple(each for each in blueprint.machines if owns(each.id)),
        databases=tuple(each for each in blueprint.databases if owns(each.id)),
    )


def _each(steps: Iterable[Callable[[], None]]) -> None:
    """One cloud's trouble is no reason to leave the others as they were."""
    problems = []
    for step in steps:
        try:
            step()
        except FabricError as error:
            problems.append(str(error))
    if problems:
        raise FabricError("\n".join(problems))
