"""What an SDK says of one type, as plain values.

`annotations.py` makes them, `shelf.py` keeps them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from sandbox.control import wire
from sandbox.control.shapes import ListOf, MapOf, Object, Shape


class UnknownTypeError(Exception):
    """No resource type or function of this token is in the installed SDK."""


@dataclass(frozen=True)
class Resource:
    """What the SDK says of one resource type."""

    token: str
    inputs: Object
    state: Object
    """The output properties, by wire name, without `id` and `urn`."""
    api_version: str
    """The ARM API version that azure-native uses for the type, or ""."""

    @cached_property
    def outputs(self) -> frozenset[str]:
        """Wire names of the output properties."""
        return frozenset(self.state.properties)

    def preview(self, inputs: Mapping[str, object]) -> dict[str, object]:
        """The outputs before the resource exists: inputs as they are, all else unknown.

        At every level, because a program reads `identity.principalId` too.
        """
        return _filled(self.state, inputs)


def _filled(shape: Object, values: Mapping[str, object]) -> dict[str, object]:
    return {
        name: wire.UNKNOWN if values.get(name) is None else _previewed(each.shape, values[name])
        for name, each in shape.properties.items()
    }


def _previewed(shape: Shape, value: object) -> object:
    if isinstance(value, list) and isinstance(shape, MapOf):
        # Ids go in as a list and come back as a mapping of what is known of each (identities).
        return wire.UNKNOWN
    if isinstance(value, list) and isinstance(shape, ListOf):
        return [_previewed(shape.element, element) for element in value]
    if isinstance(value, Mapping) and isinstance(shape, Object):
        return _filled(shape, value)
    return value
