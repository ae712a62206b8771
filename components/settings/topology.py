"""Which model describes an environment: its topology says so."""

import re
from collections.abc import Mapping
from typing import Any

from components.settings.endpoint import EndpointEnvironment
from components.settings.environment import (
    EnterpriseEnvironment,
    Environment,
    OneBoxEnvironment,
    Topology,
)
from components.settings.problems import closest

NAMESPACE = "operationalization"
"""What our configuration keys begin with, in any project that uses the components."""

MODELS: Mapping[Topology, type[Environment]] = {
    "enterprise": EnterpriseEnvironment,
    "one-box": OneBoxEnvironment,
    "managed-endpoint": EndpointEnvironment,
}
"""The model of each topology, in the order in which users read of them."""


def keys_of(model: type[Environment]) -> list[str]:
    """Return the keys that an environment of *model* may have, as in a stack file."""
    return [field.alias or name for name, field in model.model_fields.items()]


def model_of(value: Mapping[str, Any]) -> type[Environment]:
    """Return the model that *value* is meant to be.

    Where the topology is missing or unknown, it is the one that the word is nearest to, or else
    the one that knows most of the keys: the user then reads what is wrong with these as well.
    """
    topology = value.get("topology")
    if isinstance(topology, str):
        name = topology if topology in MODELS else closest(topology, MODELS)
        for known, model in MODELS.items():
            if known == name:
                return model
    return max(MODELS.values(), key=lambda model: len({*keys_of(model)} & {*value}))


def topologies_with(key: str) -> list[str]:
    """Return the topologies whose environments have the top-level *key*."""
    return [name for name, model in MODELS.items() if key in keys_of(model)]


def is_setting(name: str) -> bool:
    """Return whether the configuration key *name* is a setting of its own, by its first word."""
    first = re.split(r"[.\[]", name, maxsplit=1)[0]
    return bool(topologies_with(first))
