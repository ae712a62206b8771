"""What the API keeps and asks for, whichever engine keeps it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from server.api.definitions import Definition, Parameter


class DatabaseAwayError(Exception):
    """The database cannot be asked just now; what it said is for the journal."""


@dataclass(frozen=True)
class Service:
    """A published version, without its model."""

    name: str
    version: str
    description: str
    operation_id: str
    inputs: tuple[Parameter, ...]
    outputs: tuple[Parameter, ...]
    sha256: str
    published_by: str
    created_at: datetime

    @classmethod
    def from_row(cls, row: Sequence[Any]) -> Service:
        """Return the service in a row of `listed_service`."""
        name, version, description, operation_id, inputs, outputs, sha256, *made = row
        return cls(
            name,
            version,
            description,
            operation_id,
            tuple(Parameter(**value) for value in inputs),
            tuple(Parameter(**value) for value in outputs),
            sha256,
            *made,
        )


@dataclass(frozen=True)
class ComputeNode:
    """A compute node that serves."""

    address: str
    port: int
    workers: int


class Store(Protocol):
    """Services and refresh tokens; every method may raise `DatabaseAwayError`.

    What a method changes is durable when it returns, and changed as a whole or not at all.
    """

    @property
    def engine(self) -> str:
        """What keeps it, as the settings call it."""

    async def open(self) -> None:
        """Begin, without waiting for a database that is away."""

    async def close(self) -> None:
        """End."""

    async def list_services(self, name: str | None = None) -> list[Service]:
        """Return all services, or the versions of one, oldest first."""

    async def find_service(self, name: str, version: str) -> Service | None:
        """Return the version, or None."""

    async def find_model(self, name: str, version: str) -> bytes | None:
        """Return the version's model, or None."""

    async def add_service(
        self, name: str, version: str, definition: Definition, published_by: str
    ) -> bool:
        """Add a version; False when it exists."""

    async def change_service(self, name: str, version: str, definition: Definition) -> bool:
        """Replace what a version is; False when it is not there any more."""

    async def remove_service(self, name: str, version: str) -> bool:
        """Remove a version; False when it is not there."""

    async def compute_nodes(self) -> list[ComputeNode]:
        """Return the compute nodes that serve, by address."""

    async def wait_until_everywhere(self, seconds: float) -> None:
        """Wait until every compute node that serves has the services of now, or *seconds*.

        So whoever publishes can score at once; a node that is late catches up by itself.
        """

    async def add_refresh_token(
        self, digest: bytes, username: str, role: str, chain_started: datetime, expires_at: datetime
    ) -> None:
        """Remember a refresh token by its digest, and forget those that have ended."""

    async def take_refresh_token(self, digest: bytes) -> tuple[str, str, datetime] | None:
        """Use up a refresh token: return its user, role and start of chain if it was good."""
