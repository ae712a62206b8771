"""What the fabric needs to know of one cloud: how its records become a blueprint."""

from collections.abc import Iterable
from ipaddress import IPv4Network
from typing import Protocol

from sandbox.control.kinds import Transaction, World
from sandbox.control.store import Store
from sandbox.fabric.contract import Blueprint


class Services(Protocol):
    """What a cloud answers inside of its networks: metadata, vault, names."""

    def settle(self, blueprint: Blueprint) -> None:
        """Answer in each network, and nowhere else."""

    def stop(self) -> None:
        """Answer no more."""


class Cloud(Protocol):
    """One cloud's records, read."""

    def begin(self, store: Store, pool: IPv4Network) -> None:
        """From now on machines are real, and the public addresses of *pool* are routed."""

    def concerns(self, target: str) -> bool:
        """Whether a change of the resource *target* can change the blueprint."""

    def unsettled(self, world: World) -> bool:
        """Whether there are fewer or more machines than the records ask for."""

    def settle(self, transaction: Transaction) -> None:
        """Make the machines of groups as many as their records say."""

    def blueprint(self, world: World) -> Blueprint:
        """Everything that should exist."""

    def forget(self, transaction: Transaction, machine: str) -> None:
        """A leaving machine has gone."""

    def renew(self, transaction: Transaction, machine: str) -> None:
        """Replace a machine that is unwell."""

    def cautions(self, world: World, target: str) -> Iterable[str]:
        """What of a resource is not as it would be in the cloud, for a person who deploys it."""
