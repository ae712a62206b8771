"""What Azure answers in the networks of customers and in its own, as one."""

import threading

from sandbox.control import ids
from sandbox.control.azure.online_endpoints import ONLINE_ENDPOINT
from sandbox.control.fabric import Watch
from sandbox.fabric.azure.endpoints import Endpoints
from sandbox.fabric.azure.services import Services
from sandbox.fabric.contract import Blueprint, FabricError, Machine


class Everything:
    """A `cloud.Services`."""

    def __init__(self, inside: Services, endpoints: Endpoints) -> None:
        """*inside*: of virtual networks."""
        self._inside = inside
        self._endpoints = endpoints

    def settle(self, blueprint: Blueprint) -> None:
        """Answer in each network, and nowhere else. Raises FabricError after trying both."""
        virtual = [each for each in blueprint.networks if not _is_endpoint(each.id)]
        problems = []
        for own, part in (
            (self._inside, Blueprint(networks=tuple(virtual), machines=blueprint.machines)),
            (self._endpoints, blueprint),
        ):
            try:
                own.settle(part)
            except FabricError as error:
                problems.append(str(error))
        if problems:
            raise FabricError("; ".join(problems))

    def stop(self) -> None:
        """Answer no more."""
        self._inside.stop()
        self._endpoints.stop()

    def realize(self, target: str, watch: Watch) -> None:
        """Build an image. Raises FabricError."""
        self._endpoints.realize(target, watch)

    def drain(self, machine: Machine, seconds: float, cancelled: threading.Event) -> None:
        """Return once an instance has answered all that it was asked."""
        self._endpoints.drain(machine, seconds, cancelled)


def _is_endpoint(network: str) -> bool:
    return ids.type_of(network).casefold() == ONLINE_ENDPOINT.casefold()
