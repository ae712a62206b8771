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

SERVER: dict[str, Any] = {
    "licenseAccepted": True,
    "installers": {
        "server": {
            "url": "https://downloads.example.com/rserver-9.1.0.tar",
            "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        }
    },
}
"""The least that R Server and ML Server nodes need besides their version."""

IMAGE_IDS: dict[str, str] = {
    "azure": (
        "/subscriptions/0b1f6471-1bf0-4dda-aec3-cb9272f09590/resourceGroups/images/providers/"
        "Microsoft.Compute/galleries/systems/images/ubuntu-16.04/versions/1.0.0"
    ),
    "aws": "ami-0123456789abcdef0",
}
"""An image of an old system, by cloud: none of them has a stock one."""


def of_family(
    base: dict[str, Any], version: str = "9.1.0", system: str = "ubuntu-16.04"
) -> dict[str, Any]:
    """Return the environment *base* with R Server or ML Server nodes, in fixed groups."""
    windows = system.startswith("windows")
    runtime = {
        "product": "rserver" if version < "9.2" else "mlserver",
        "version": version,
        "operatingSystem": system,
        "imageId": IMAGE_IDS[base["cloud"]],
        "server": SERVER,
    }
    changes: dict[str, Any] = {"runtime": runtime}
    if windows:
        archive = SERVER["installers"]["server"]
        changes["runtime"]["server"] = changed(
            SERVER,
            {
                "installers.server.url": "https://downloads.example.com/server.zip",
                "installers.dotnet": {**archive, "url": "https://downloads.example.com/dotnet.exe"},
            },
        )
        if base["database"]["engine"] == "postgresql":
            changes["database"] = {"engine": "sqlserver"}
    if base["topology"] == "enterprise":
        changes["web"] = {"nodes": "fixed", "count": 2}
        changes["compute"] = {"nodes": "fixed", "count": 2}
    return changed(base, changes)


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
