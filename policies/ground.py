"""What the rules are held to: the stack's settings, as the program reads them.

The engine hands the pack's process the stack's whole configuration, decrypted. The pack keeps the
keys that hold no secret and forgets the rest before it serves (`pack.serve`).
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path

from components.settings import EnterpriseEnvironment, Environment, NodesEnvironment
from components.settings.addresses import plan
from components.settings.bases import FOLDER, examine_over
from components.settings.stack import settings_among

PROJECT = "operationalization"
TAGS = ("environment", "project", "managed-by")
"""What every resource is tagged with, beside what the stack file adds."""


@dataclass(frozen=True, slots=True)
class Ground:
    """The settings of one stack."""

    stack: str
    environment: Environment | None
    """None where the settings are not valid: the program then refuses them itself."""
    dry_run: bool = False
    """Whether this is a preview, in which values may be unknown."""

    @property
    def protected(self) -> bool:
        """Whether the stack is one that others depend on; so is one that we can't read."""
        return self.environment is None or self.environment.protection

    @property
    def nodes(self) -> NodesEnvironment | None:
        """The environment, if it is made of nodes."""
        return self.environment if isinstance(self.environment, NodesEnvironment) else None

    @property
    def space(self) -> IPv4Network | None:
        """The environment's own range of addresses."""
        return self.nodes.network.address_space if self.nodes else None

    @property
    def clients(self) -> tuple[IPv4Network, ...]:
        """Ranges that may call the environment."""
        return self.nodes.access.clients if self.nodes else ()

    @property
    def web_ranges(self) -> tuple[IPv4Network, ...]:
        """The subnets of the nodes that clients call."""
        if self.nodes is None:
            return ()
        found = plan(self.nodes)
        return (found.of(found.front),)

    @property
    def compute_ranges(self) -> tuple[IPv4Network, ...]:
        """The subnets of compute nodes; none on a one-box."""
        if not isinstance(self.environment, EnterpriseEnvironment):
            return ()
        return (plan(self.environment).of("compute"),)

    @property
    def node_ranges(self) -> tuple[IPv4Network, ...]:
        """The subnets of all nodes."""
        return (*self.web_ranges, *self.compute_ranges)

    @property
    def succession(self) -> bool:
        """Whether a second set of nodes, with a database of its own, takes over from the first."""
        found = self.environment
        return isinstance(found, EnterpriseEnvironment) and found.predecessor is not None

    def gives_up(self, database: str) -> bool:
        """Return whether the stack file gives up the database of that logical name.

        It does so by name (`database.discard`), and with a set of nodes that does not serve yet, or
        not any more.
        """
        found = self.environment
        if self.nodes is not None and self.nodes.database.discard is not None:
            return True
        if not isinstance(found, EnterpriseEnvironment) or found.predecessor is None:
            return False
        newer = f"-g{found.runtime.generation}-" in database
        return {"old": newer, "gone": not newer}.get(found.predecessor.serving, False)

    @property
    def web_ports(self) -> frozenset[int]:
        """Ports that clients call."""
        return frozenset(web for web, _ in self._ports())

    @property
    def compute_ports(self) -> frozenset[int]:
        """Ports that web nodes, and nobody else, call on compute nodes."""
        return frozenset(compute for _, compute in self._ports())

    @property
    def systems(self) -> frozenset[str]:
        """Operating systems of nodes."""
        return frozenset(each.runtime.operating_system for each in self._sets())

    def _sets(self) -> Iterator[NodesEnvironment]:
        """Yield the environment of each set of nodes: an upgrade has two for a while."""
        environment = self.environment
        while isinstance(environment, NodesEnvironment):
            yield environment
            environment = (
                environment.before if isinstance(environment, EnterpriseEnvironment) else None
            )

    def _ports(self) -> list[tuple[int, int]]:
        """Return the ports of each set of nodes."""
        found = [(each.ports.web, each.ports.compute) for each in self._sets()]
        return found or [(12800, 12805)]


def read(
    config: Mapping[str, object], stack: str, *, dry_run: bool, bases: Path = FOLDER
) -> Ground:
    """Return the ground of *stack*, whose engine has *config* and whose project has *bases*."""
    try:
        value = json.loads(str(config.get(f"{PROJECT}:environment", "null")))
    except (ValueError, RecursionError):
        return Ground(stack, None, dry_run)
    own = settings_among(PROJECT, config)
    base = config.get(f"{PROJECT}:base")
    environment, problems, _ = examine_over(base, value, bases, stack, own)
    return Ground(stack, None if problems else environment, dry_run)
