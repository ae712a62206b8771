"""What the settings describe and this release cannot deploy yet: remove a line when it can."""

from collections.abc import Iterator

from components.settings.catalogue.products import UPSTART, version_of
from components.settings.environment import NodesEnvironment
from components.settings.problems import Problem, show


def upstart_nodes_are_built(environment: NodesEnvironment) -> Iterator[Problem]:
    """Only systems with systemd are built: Ubuntu 14.04 has upstart (facts.md 2)."""
    runtime = environment.runtime
    system = runtime.operating_system
    known = version_of(runtime.product, runtime.version)
    if system in UPSTART and known and system in known.systems:
        yield _problem("runtime.operatingSystem", system, "write ubuntu-16.04, which has systemd")


def copied_backups_are_built(environment: NodesEnvironment) -> Iterator[Problem]:
    """Backups are copied on Azure only."""
    if environment.cloud == "aws" and environment.database.geo_redundant_backup:
        yield _problem("database.geoRedundantBackup", True, "write false, or cloud: azure")


def joined_networks_are_built(environment: NodesEnvironment) -> Iterator[Problem]:
    """Networks are joined on Azure only."""
    if environment.cloud == "aws" and environment.network.existing is not None:
        existing = environment.network.existing
        yield _problem(
            "network.existing", existing, "remove the line: a network of its own is made"
        )


def _problem(key: str, value: object, fix: str) -> Problem:
    return Problem(key, show(value), "is checked, but not built yet in this release", fix)


RULES = (
    upstart_nodes_are_built,
    copied_backups_are_built,
    joined_networks_are_built,
)
