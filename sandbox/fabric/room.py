"""What a node needs of the fabric around it."""

import threading
from typing import TYPE_CHECKING, Protocol

from sandbox.fabric.contract import Machine, Probe

if TYPE_CHECKING:
    from sandbox.fabric.node import Node


class Ended(Protocol):
    """How a command ended."""

    @property
    def code(self) -> int:
        """Exit status."""

    @property
    def output(self) -> str:
        """The end of what it wrote."""


class Room(Protocol):
    """What a node needs of the fabric."""

    speed: float

    def boot(self, machine: Machine) -> None:
        """Start the host, or adopt the one that runs. Raises FabricError."""

    def is_running(self, machine: Machine) -> bool:
        """Whether the host runs."""

    def has_powered_off(self, machine: Machine) -> bool:
        """Whether the host ended by its own wish."""

    def provision(self, machine: Machine, cancelled: threading.Event) -> Ended:
        """Wait until the user data is there, and run the machine's script to its end."""

    def is_well(self, machine: Machine, probe: Probe) -> bool:
        """The health probe's answer, asked inside the machine."""

    def drain(self, machine: Machine, seconds: float, cancelled: threading.Event) -> None:
        """Announce the end, and return once the machine agrees or *seconds* are over."""

    def end(self, machine: Machine) -> None:
        """Stop the host and throw its disk away."""

    def unplug(self, machine: Machine) -> None:
        """Stop the host at once; the disk stays."""

    def repair(self, machine: Machine) -> None:
        """Have the machine replaced by another one."""

    def remember(self, node: "Node") -> None:
        """The node's phase has changed."""
