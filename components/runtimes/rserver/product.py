"""A product version as an environment has chosen it: what all of this folder's functions take."""

from dataclasses import dataclass
from typing import Self

from components.runtimes.rserver.versions import VERSIONS, Family, ServerVersion, family_of
from components.settings import NodesEnvironment
from components.settings.server import ServerSettings


@dataclass(frozen=True, kw_only=True, slots=True)
class Product:
    """The version's table, the settings of `runtime.server`, and the environment around them."""

    version: ServerVersion
    server: ServerSettings
    environment: NodesEnvironment

    @classmethod
    def of(cls, environment: NodesEnvironment) -> Self:
        """Return the product that *environment* runs.

        Raises:
            ValueError: for an environment of another product, or without `runtime.server`.
        """
        runtime = environment.runtime
        version = VERSIONS.get((runtime.product, runtime.version))
        if version is None or runtime.server is None:
            raise ValueError(
                f"runtime: {runtime.product} {runtime.version} is no version of R Server or ML "
                "Server with runtime.server"
            )
        return cls(version=version, server=runtime.server, environment=environment)

    @property
    def family(self) -> Family:
        """The kind of operating system."""
        return family_of(self.environment.runtime.operating_system)

    @property
    def engine(self) -> str:
        """Engine of the database."""
        return self.environment.database.engine
