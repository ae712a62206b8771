"""Which secrets of the vault a node of the family reads, and where they lie on Linux.

A node reads what it needs and nothing else: an administrator's password only where the account is
on (facts.md R13), a certificate only where its TLS is.
"""

from collections.abc import Iterator
from typing import Final

from components.runtimes.node import Role, SecretUse
from components.runtimes.rserver.connection import PASSWORD
from components.runtimes.rserver.product import Product
from components.runtimes.rserver.versions import Family

FOLDERS: Final[dict[Family, str]] = {
    "linux": "/run/operationalization/secrets/",
    "windows": "C:\\ProgramData\\operationalization\\secrets\\",
}
"""On Linux on tmpfs, as every product's (design.md section 8). What the product itself keeps on a
disk is its appsettings.json and its certificate store, which have no other place."""


def secrets(product: Product, role: Role) -> tuple[SecretUse, ...]:
    """Return what a *role* node fetches at boot."""
    folder = FOLDERS[product.family]
    return tuple(
        SecretUse(name=name, path=f"{folder}{name}", owner="root", mode="0400")
        for name in _names(product, role)
    )


def _names(product: Product, role: Role) -> Iterator[str]:
    https = product.server.https
    if role != "one-box" and https.compute:
        yield "environment-ca"
        yield "compute-server" if role == "compute" else "web-client"
    if role == "compute":
        return
    if https.web:
        yield "web-server"
    yield "token-signing"
    yield "admin-password"
    if product.version.hashed_password:
        yield "admin-password-hash"
    if product.environment.has_server:
        yield PASSWORD
    match product.server.authentication.method:
        case "ldap":
            yield "ldap-password"
        case "azureActiveDirectory" if not product.version.directory_values:
            yield "aad-key"
