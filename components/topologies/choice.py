"""Which topology an environment has: the one place that knows their names."""

import importlib
from collections.abc import Mapping
from typing import Protocol

import pulumi

from components.settings import Problem, Settings, SettingsError
from components.settings.environment import Topology
from components.settings.problems import show

MODULES: Mapping[Topology, str] = {
    "enterprise": "components.topologies.enterprise",
    "one-box": "components.topologies.one_box",
    "managed-endpoint": "components.topologies.managed_endpoint",
}
"""Module of each topology that is built; its `declare` makes a `Declared`. It is loaded by name and
only when it is chosen: the classes of an SDK that it needs take a second to load."""


class Declared(Protocol):
    """A whole environment."""

    outputs: Mapping[str, pulumi.Input[object]]
    """What operations need to know of it."""


def declare(name: str, stack: str, settings: Settings) -> Declared:
    """Declare the environment *name* of *stack* in the topology that its settings choose.

    Raises:
        SettingsError: for a topology that settings know and that is not built yet.
    """
    topology = settings.environment.topology
    module = MODULES.get(topology)
    if module is None:
        rule = "is checked, but not built yet in this release"
        fix = f"write {' or '.join(MODULES)}"
        raise SettingsError(stack, [Problem("topology", show(topology), rule, fix)])
    declared: Declared = importlib.import_module(module).declare(name, stack, settings)
    return declared
