"""Defaults that depend on another setting, filled in before the models see the object."""

import re
from collections.abc import Mapping
from typing import Any

from components.settings.catalogue.instances import USUAL
from components.settings.catalogue.locations import default_zones
from components.settings.catalogue.products import USUAL_VERSION, is_windows, version_of

SIZES: Mapping[str, Mapping[str, str]] = {
    "azure": {"web": "Standard_D2s_v5", "compute": "Standard_D4s_v5"},
    "aws": {"web": "m6i.large", "compute": "m6i.xlarge"},
}
"""Machine size of a group that names none, by cloud and role; a one-box does what both do."""

DATABASE_SIZES: Mapping[tuple[str, str], str] = {
    ("azure", "postgresql"): "Standard_D2ds_v5",
    ("azure", "sqlserver"): "GP_Gen5_2",
    ("aws", "postgresql"): "db.m6i.large",
    ("aws", "sqlserver"): "db.m6i.large",
}
"""Server size of a database that names none: it stays when a maximum grows, so that a change of
node counts never restarts the database; too few connections are an error that names the size."""

DATABASE_VERSIONS: Mapping[tuple[str, str], str] = {
    ("azure", "postgresql"): "16",
    ("azure", "sqlserver"): "12.0",
    ("aws", "postgresql"): "16",
    ("aws", "sqlserver"): "2022",
    ("azure", "sqlite"): "3",
    ("aws", "sqlite"): "3",
}

PRODUCT_VERSIONS: Mapping[str, str] = {"plumber": "1.2", "rserver": "9.1.0", "mlserver": "9.4.7"}

OPERATING_SYSTEMS: Mapping[str, str] = {
    "plumber": "debian-12",
    "rserver": "ubuntu-16.04",
    "mlserver": "ubuntu-16.04",
}

WINDOWS_DISK = 128
"""GiB of a system disk that names no size: images of Windows Server have 127."""

_ADDRESS = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3}){3}")


def complete(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of *value* with the defaults that its valid settings decide.

    What is wrong stays as it is, for the models to refuse.
    """
    completed = dict(value)
    cloud = _text(value, "cloud")
    zones = default_zones(cloud, _text(value, "location"))
    for role, machine in SIZES.get(cloud, {}).items():
        _fill(completed, role, {"size": machine, "zones": zones})
    if _text(value, "topology") == "one-box":
        completed.setdefault("machine", {})
    if size := SIZES.get(cloud, {}).get("compute"):
        _fill(completed, "machine", {"size": size, **({"zone": zones[0]} if zones else {})})
    _fill_endpoint(completed)
    for role in ("web", "compute"):
        _fill_schedules(completed, role)
    for software in ("runtime", "predecessor"):
        product = _text(_mapping(value, software), "product")
        if product in PRODUCT_VERSIONS:
            system = OPERATING_SYSTEMS[product]
            version = PRODUCT_VERSIONS[product]
            _fill(completed, software, {"version": version, "operatingSystem": system})
        _fill_server(completed, software)
    _fill_ports(completed)
    _fill_disks(completed)
    server = (cloud, _text(_mapping(value, "database"), "engine"))
    if server in DATABASE_VERSIONS:
        size = DATABASE_SIZES.get(server)
        wanted = {"version": DATABASE_VERSIONS[server], **({"size": size} if size else {})}
        _fill(completed, "database", wanted)
    return completed


def _fill_server(value: dict[str, Any], software: str) -> None:
    """Fill in the defaults of `server` that product, system and topology decide."""
    runtime = _mapping(value, software)
    if not isinstance(runtime.get("server"), dict):
        return
    fixed = _text(value, "topology") == "enterprise" and (
        _text(_mapping(value, "compute"), "nodes") == "fixed"
    )
    windows = is_windows(_text(runtime, "operatingSystem"))
    server = {"reverseProxy": "iis" if windows else "nginx", **runtime["server"]}
    version = version_of(_text(runtime, "product"), _text(runtime, "version")) or USUAL_VERSION
    for key in ("ports", "https"):
        server.setdefault(key, {})
    _fill(server, "ports", {"web": version.web_port, "compute": version.compute_port})
    _fill(server, "https", {"compute": fixed})
    if isinstance(ldap := _mapping(server, "authentication").get("ldap"), dict):
        filled = {"port": 389 if ldap.get("useLdaps") is False else 636, **ldap}
        if _ADDRESS.fullmatch(host := _text(ldap, "host")):
            filled.setdefault("addresses", [f"{host}/32"])
        server["authentication"] = {**server["authentication"], "ldap": filled}
    value[software] = {**runtime, "server": server}


def _fill_ports(value: dict[str, Any]) -> None:
    """Fill in the other one where a single port of plumber's nodes is chosen."""
    if isinstance(_mapping(value, "runtime").get("ports"), dict):
        runtime = dict(value["runtime"])
        usual = {"web": USUAL_VERSION.web_port, "compute": USUAL_VERSION.compute_port}
        _fill(runtime, "ports", usual)
        value["runtime"] = runtime


def _fill_disks(value: dict[str, Any]) -> None:
    """Fill in disks that an image of Windows fits on."""
    if not is_windows(_text(_mapping(value, "runtime"), "operatingSystem")):
        return
    for role in ("web", "compute", "machine"):
        if isinstance(group := value.get(role), dict):
            filled = {"disk": {}, **group}
            _fill(filled, "disk", {"size": WINDOWS_DISK})
            value[role] = filled


def _fill_endpoint(value: dict[str, Any]) -> None:
    endpoint = _mapping(value, "endpoint")
    deployments = _mapping(endpoint, "deployments")
    if not deployments:
        return
    filled = dict(deployments)
    for name in deployments:
        _fill(filled, name, {"size": USUAL})
        _fill_schedules(filled, name)
    whole = dict.fromkeys(filled, 100) if len(filled) == 1 else {}
    value["endpoint"] = {"traffic": whole, **endpoint, "deployments": filled}


def _fill_schedules(value: dict[str, Any], key: str) -> None:
    """Fill in the maximum of schedules that name none: the group's own."""
    group = _mapping(value, key)
    scale = _mapping(group, "autoscale")
    schedules = scale.get("schedules")
    if "maximum" in scale and isinstance(schedules, list):
        filled = [
            {"maximum": scale["maximum"], **each} if isinstance(each, dict) else each
            for each in schedules
        ]
        value[key] = {**group, "autoscale": {**scale, "schedules": filled}}


def _fill(value: dict[str, Any], key: str, defaults: Mapping[str, object]) -> None:
    if isinstance(section := value.get(key), dict):
        value[key] = {**defaults, **section}


def _mapping(value: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    section = value.get(key)
    return section if isinstance(section, dict) else {}


def _text(value: Mapping[str, Any], key: str) -> str:
    text = value.get(key)
    return text if isinstance(text, str) else ""
