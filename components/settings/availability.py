"""What the settings describe and this release cannot deploy yet: remove a line when it can."""

from collections.abc import Iterator

from components.settings.environment import Environment
from components.settings.problems import Problem, show

TOPOLOGIES = ("one-box", "managed-endpoint")
PRODUCTS = ("rserver", "mlserver")


def topology_is_built(environment: Environment) -> Iterator[Problem]:
    """Only the enterprise topology is built."""
    if environment.topology in TOPOLOGIES:
        yield _problem("topology", environment.topology, "write enterprise")


def product_is_built(environment: Environment) -> Iterator[Problem]:
    """Only plumber nodes are built."""
    if environment.runtime.product in PRODUCTS:
        yield _problem("runtime.product", environment.runtime.product, "write plumber")


def copied_backups_are_built(environment: Environment) -> Iterator[Problem]:
    """Backups are copied on Azure only."""
    if environment.cloud == "aws" and environment.database.geo_redundant_backup:
        yield _problem("database.geoRedundantBackup", True, "write false, or cloud: azure")


def joined_networks_are_built(environment: Environment) -> Iterator[Problem]:
    """Networks are joined on Azure only."""
    if environment.cloud == "aws" and environment.network.existing is not None:
        existing = environment.network.existing
        yield _problem(
            "network.existing", existing, "remove the line: a network of its own is made"
        )


def _problem(key: str, value: object, fix: str) -> Problem:
    return Problem(key, show(value), "is checked, but not built yet in this release", fix)


RULES = (
    topology_is_built,
    product_is_built,
    copied_backups_are_built,
    joined_networks_are_built,
)
