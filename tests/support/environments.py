"""Environments for tests: a good one to start from, and ways to spoil it."""

from copy import deepcopy
from typing import Any

from components.settings import SettingsError, parse

GONE = object()
"""In a change: the key is removed."""

AZURE: dict[str, Any] = {
    "topology": "enterprise",
    "cloud": "azure",
    "location": "westeurope",
    "runtime": {"product": "plumber"},
    "web": {"count": 2},
    "compute": {"autoscale": {"minimum": 2, "maximum": 20}},
    "database": {"engine": "postgresql"},
    "access": {"clients": ["203.0.113.0/24"]},
}
"""The smallest good environment on Azure, with a fixed number of web nodes."""

AWS: dict[str, Any] = {**AZURE, "cloud": "aws", "location": "eu-central-1"}
"""The same on AWS."""

ONE_BOX: dict[str, Any] = {
    "topology": "one-box",
    "cloud": "azure",
    "location": "westeurope",
    "runtime": {"product": "plumber"},
    "database": {"engine": "sqlite"},
    "access": {"clients": ["203.0.113.0/24"]},
}
"""The smallest good one-box on Azure."""

ONE_BOX_AWS: dict[str, Any] = {**ONE_BOX, "cloud": "aws", "location": "eu-central-1"}
"""The same on AWS."""

ENDPOINT: dict[str, Any] = {
    "topology": "managed-endpoint",
    "cloud": "azure",
    "location": "westeurope",
    "endpoint": {"deployments": {"blue": {"model": "models/iris", "instances": 1}}},
}
"""The smallest good managed endpoint."""

SMALLEST: dict[tuple[str, str], dict[str, Any]] = {
    ("enterprise", "azure"): AZURE,
    ("enterprise", "aws"): AWS,
    ("one-box", "azure"): ONE_BOX,
    ("one-box", "aws"): ONE_BOX_AWS,
    ("managed-endpoint", "azure"): ENDPOINT,
}
"""By topology and cloud."""


def changed(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Return a copy of *base* with each dotted key of *changes* set, or removed where GONE."""
    value = deepcopy(base)
    for key, new in changes.items():
        *sections, last = key.split(".")
        place = value
        for section in sections:
            place = place.setdefault(section, {})
        if new is GONE:
            place.pop(last, None)
        else:
            place[last] = deepcopy(new)
    return value


def environment(base: dict[str, Any] = AZURE, **changes: Any) -> Any:
    """Return a parsed environment; in a keyword, `__` stands for the dot of a key."""
    dotted = {key.replace("__", "."): value for key, value in changes.items()}
    return parse(changed(base, dotted), stack="test")


def complaints(value: object) -> list[str]:
    """Return the problems of *value* as the user reads them; none where it is good."""
    try:
        parse(value, stack="test")
    except SettingsError as error:
        return [str(problem) for problem in error.problems]
    return []
