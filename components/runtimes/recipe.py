"""The recipe of a node: what it runs, from the environment's settings alone."""

from components.runtimes import plumber
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
    """Return what a node with *role* runs.

    Raises:
        NotImplementedError: for a product that settings accept and that has no recipe yet.
    """
    match environment.runtime.product:
        case "plumber":
            return plumber.recipe(environment, role)
        case product:
            raise NotImplementedError(
                f"runtime.product: {product} has no node recipe yet; choose plumber"
            )
