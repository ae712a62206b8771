"""The node's JSON section: all that its scripts know of the product and of the settings.

Its keys and shapes are described in the docstring of `components.runtimes.rserver`.
"""

from collections.abc import Mapping
from typing import Final

from components.runtimes.node import JsonValue, Role
from components.runtimes.rserver.appsettings import first_overlay, overlay
from components.runtimes.rserver.connection import LOGIN, PASSWORD
from components.runtimes.rserver.packages import packages
from components.runtimes.rserver.ports import ports
from components.runtimes.rserver.product import Product
from components.runtimes.rserver.secrets import secrets
from components.runtimes.rserver.versions import Part
from components.settings.server import ArchiveSettings

PARTS: Final[Mapping[Role, tuple[Part, ...]]] = {
    "web": ("web",),
    "compute": ("compute",),
    "one-box": ("compute", "web"),
}
"""By role, in the order in which they are set up and started."""

STORED: Final = ("token-signing", "web-client")
"""Certificates that the product takes from its own store, private key and all."""

Json = dict[str, JsonValue]


def section(product: Product, role: Role) -> Json:
    """Return the JSON section of a *role* node."""
    return {
        "parts": PARTS[role],
        "product": _product(product),
        "install": _install(product, role),
        "setup": _setup(product, role),
        "appsettings": {
            part: {
                "first": first_overlay(product, role, part),
                "overlay": overlay(product, role, part),
            }
            for part in PARTS[role]
        },
        "listen": _listen(product, role),
        "certificates": _certificates(product, role),
        "database": _database(product, role),
        "login": _login(product, role),
        **({"listsComputeNodes": True} if _lists_compute_nodes(product, role) else {}),
    }


def _product(product: Product) -> Json:
    version = product.version
    place = version.places[product.family]
    return {
        "system": product.environment.runtime.operating_system,
        "homes": place.homes,
        "folders": dict(version.folders.items()),
        "services": dict(place.services.items()),
        "dotnet": place.dotnet,
        "store": {"name": place.store, "location": place.location},
        "webUser": version.web_user,
        "webHome": version.web_home,
    }


def _install(product: Product, role: Role) -> Json:
    installers = product.server.installers
    version = product.version
    names = packages(product, role)
    files: dict[str, ArchiveSettings | None] = {
        "server": installers.server,
        "r": installers.r,
        "dotnet": installers.dotnet,
        "packages": installers.packages if names else None,
    }
    links = version.links.get(product.environment.runtime.operating_system, {})
    return {
        "kind": version.install,
        "folder": version.archive_folder,
        "options": version.options,
        "withoutDotnet": version.without_dotnet,
        "files": {
            name: {"url": file.url, "sha256": file.sha256} for name, file in files.items() if file
        },
        "private": installers.store is not None,
        "dotnetVersion": version.dotnet_version,
        "activate": version.activate,
        "links": tuple(
            (folder, target, name)
            for folder, pairs in links.items()
            if role != "web"
            for target, name in pairs
        ),
        **({"packages": names} if names else {}),
    }


def _setup(product: Product, role: Role) -> Json:
    version = product.version
    return {
        "tool": version.tool,
        "utility": version.utility,
        "group": version.group,
        "arguments": version.setup.get(role, ()),
        "encrypt": version.encrypt,
        "marksIdleCompute": version.marks_idle_compute and role == "web",
    }


def _listen(product: Product, role: Role) -> Json:
    """Return what others call, and the product's own port, of each part."""
    listening = ports(product.server, product.family, role)
    https = product.server.https
    found: Json = {}
    for part in PARTS[role]:
        shown = role != "one-box" or part == "web"
        found[part] = {
            "port": getattr(listening.shown, part) if shown else 0,
            "own": getattr(listening.own, part),
            "https": (https.web if part == "web" else https.compute) and shown,
        }
    return {**found, "proxy": product.server.reverse_proxy}


def _certificates(product: Product, role: Role) -> tuple[str, ...]:
    read = {use.name for use in secrets(product, role)}
    return tuple(name for name in STORED if name in read)


def _database(product: Product, role: Role) -> Json:
    """Return the product's login; empty where it has no server, or does not speak to it."""
    if role == "compute" or not product.environment.has_server:
        return {}
    return {"engine": product.engine, "login": LOGIN, "secret": PASSWORD}


def _login(product: Product, role: Role) -> Json:
    """Return who asks for `/status`; empty where a directory has switched the account off."""
    if role == "compute" or product.server.authentication.method != "local":
        return {}
    return {
        "account": product.version.account,
        "secret": "admin-password",
        "words": product.version.status_words,
    }


def _lists_compute_nodes(product: Product, role: Role) -> bool:
    """Return whether the node says in the product's database which compute nodes there are.

    A one-box has its own alone; where a directory knows the users, none of them is ours.
    """
    return (
        role == "web"
        and product.version.compute_nodes_api
        and product.server.authentication.method == "local"
    )
