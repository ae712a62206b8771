"""What the fabric needs to know of one cloud: how its records become a blueprint."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from threading import Event
from typing import Protocol

from sandbox.control.fabric import Watch
from sandbox.control.kinds import Kind, Transaction, World
from sandbox.control.store import Store
from sandbox.fabric.authority import Authority
from sandbox.fabric.contract import Blueprint, Machine
from sandbox.fabric.database import Databases
from sandbox.fabric.images import Images
from sandbox.fabric.network import Networks
from sandbox.fabric.notices import Notices


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What a cloud's services work with."""

    folder: Path
    """The sandbox's own: keys are kept there."""
    store: Store
    networks: Networks
    authority: Authority
    notices: Notices
    machines: Callable[[str, IPv4Address], Machine | None]
    """Who has an address of a network."""
    change: Callable[[], AbstractContextManager[Transaction]]
    """One transaction; the fabric looks at what it did at once."""
    images: Images
    serving: Callable[[Machine], bool]
    """Whether a machine is ready and well, and is not about to go."""
    published: Mapping[str, IPv4Address] = field(default_factory=dict)
    """Names of the sandbox's own internet, which every resolver knows."""


class Services(Protocol):
    """What a cloud answers inside of its networks: metadata, vault, names."""

    def settle(self, blueprint: Blueprint) -> None:
        """Answer in each network, and nowhere else."""

    def stop(self) -> None:
        """Answer no more."""

    def realize(self, target: str, watch: Watch) -> None:
        """Do what a resource does once when it is written: build an image. Raises FabricError."""

    def drain(self, machine: Machine, seconds: float, cancelled: Event) -> None:
        """Return once a machine that runs a container has answered all that it was asked."""


class Cloud(Protocol):
    """One cloud's records, read."""

    kinds: Mapping[str, Kind]
    database_folder: str
    """Name of the folder that its databases are in."""

    def owns(self, target: str) -> bool:
        """Whether an id is one of this cloud's."""

    def begin(self, store: Store, pool: IPv4Network | None) -> None:
        """From now on machines are real, and the public addresses of *pool* are routed.

        None: there is no fabric, records are all there is.
        """

    def concerns(self, target: str) -> bool:
        """Whether a change of its resource *target* can change the blueprint."""

    def unsettled(self, world: World) -> bool:
        """Whether there are fewer or more machines than the records ask for."""

    def settle(self, transaction: Transaction) -> None:
        """Make the machines of groups as many as their records say."""

    def blueprint(self, world: World) -> Blueprint:
        """Everything of this cloud that should exist."""

    def forget(self, transaction: Transaction, machine: str) -> None:
        """A leaving machine has gone."""

    def arrived(self, transaction: Transaction, machine: str) -> None:
        """A machine that runs a container is ready for the first time."""

    def renew(self, transaction: Transaction, machine: str) -> None:
        """Replace a machine that is unwell."""

    def cautions(self, world: World, target: str) -> Iterable[str]:
        """What of a resource is not as it would be in the cloud, for a person who deploys it."""

    def services(self, surroundings: Surroundings) -> Services:
        """What answers in its networks. Raises FabricError."""

    def databases(self, folder: Path, images: Images) -> Databases:
        """Its managed databases, in the sandbox's own *folder*; after its services."""
