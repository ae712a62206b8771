"""What all models of the settings share: strictness, spelling, and honest gaps.

A model alone checks types, ranges and spelling. What depends on more than one setting is in
`rules`; `components.settings.parse` runs both, so build an `Environment` with `parse` only.
"""

import re
from ipaddress import IPv4Network
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, WithJsonSchema
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError


class AbsentError(Exception):
    """A rule asked for a setting that is not valid itself: the rule has nothing to say yet.

    Not an AttributeError: Python would take that for a missing property and ask again.
    """


FILLED: Any = ""
"""Default of a setting whose real default `defaults.complete` fills in, as it depends on others."""


class Model(BaseModel):
    """A frozen part of the settings: camelCase in the stack file, snake_case in Python."""

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name in type(self).model_fields:
                raise AbsentError(name)
            return super().__getattr__(name)

    # Nobody builds a model with keyword arguments, `parse` is the only way in: hence the ignore.
    model_config = ConfigDict(  # type: ignore[pydantic-alias]
        strict=True,
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        validate_by_alias=True,
        validate_by_name=False,
        serialize_by_alias=True,
        # NaN and infinity have no meaning for any of our numbers.
        allow_inf_nan=False,
    )


def refuse(rule: str, fix: str) -> PydanticCustomError:
    """Return the error of a validator whose *rule* and *fix* reach the user as they are."""
    return PydanticCustomError("rule", "{rule}", {"rule": rule, "fix": fix})


_ADDRESS = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3}){3}")


def _network(value: object) -> IPv4Network:
    if isinstance(value, IPv4Network):
        return value
    if not isinstance(value, str):
        raise refuse("must be an IPv4 range in CIDR form", 'write it like "10.20.0.0/16"')
    if ":" in value:
        raise refuse(
            "must be IPv4: neither the products nor their address lists know IPv6",
            "name the IPv4 range",
        )
    address, _, prefix = value.partition("/")
    if not _ADDRESS.fullmatch(address) or (prefix and not prefix.isdecimal()):
        raise refuse("must be an IPv4 range in CIDR form", 'write it like "10.20.0.0/16"')
    if not prefix:
        raise refuse("must be an IPv4 range in CIDR form", f"write {address}/<prefix length>")
    try:
        network = IPv4Network(value, strict=False)
    except ValueError:
        raise refuse("must be an IPv4 range in CIDR form", 'write it like "10.20.0.0/16"') from None
    if str(network.network_address) != address:
        raise refuse("must have no bits set behind its prefix", f"write {network}")
    return network


Cidr = Annotated[
    IPv4Network,
    BeforeValidator(_network),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^\d{1,3}(\.\d{1,3}){3}/\d{1,2}$"}),
]
"""An IPv4 range, written as in `10.20.0.0/16`."""


def whole_number_as_text(value: object) -> object:
    """Return a whole number as text, everything else as it is.

    `version: 16` without quotes says exactly what `"16"` says, so it is accepted. A fraction is
    not: YAML turns an unquoted 1.10 into 1.1 before we see it.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value
