"""The recipe of a node: what it runs, from the environment's settings alone."""

from components.runtimes import plumber, rserver
from components.runtimes.node import (
    HealthProbe,
    JsonValue,
    NodeFile,
    NodeRecipe,
    Role,
    SecretUse,
)
from components.settings import NodesEnvironment

__all__ = ["HealthProbe", "JsonValue", "NodeFile", "NodeRecipe", "Role", "SecretUse", "for_role"]


def for_role(environment: NodesEnvironment, role: Role) -> NodeRecipe:
    """Return what a node with *role* runs."""
    match environment.runtime.product:
        case "plumber":
            return plumber.recipe(environment, role)
        case "rserver" | "mlserver":
            return rserver.recipe(environment, role)
