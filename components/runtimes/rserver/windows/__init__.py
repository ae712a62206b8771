"""What a node on Windows is made of: scripts, and what they know beyond a Linux node's section.

IIS shows the two health files on a port of their own, and under `reverseProxy: iis` the web node on
the port that clients call. There is no packet filter between the two as on Linux, and no proxy in
front of compute nodes: Kestrel itself shows certificates and asks for them (facts.md 12.3).
"""

from typing import Final

from components.runtimes.files import node_file, node_files
from components.runtimes.node import HealthProbe, JsonValue, NodeFile, Role, SecretUse
from components.runtimes.rserver.packages import PACKAGES_SOURCE, packages
from components.runtimes.rserver.ports import ports
from components.runtimes.rserver.product import Product
from components.runtimes.rserver.secrets import secrets as names_of

SOURCE: Final = "components/runtimes/rserver/windows"
PROGRAMS: Final = r"C:\Program Files\Operationalization"
"""The folder of the shared scripts (`components.bootstrap.windows`)."""

WITHOUT_RUNTIME: Final = ("OPT_INSTALL_LTS_REDIST=0", "OPT_INSTALL_FTS_REDIST=0")
"""Leave out what the product brings itself (facts.md 17)."""


def port(product: Product, role: Role) -> int:
    """Return the port that others call."""
    shown = ports(product.server, "windows", role).shown
    return shown.compute if role == "compute" else shown.web


def local_port(product: Product, role: Role) -> int:
    """Return where IIS shows the web node to the machine itself, which no other part listens on.

    A one-box has both parts, and those of the draft of 9.0 are two apart: 9000 and 9002.
    """
    shown = ports(product.server, "windows", role).shown
    return max(shown) + 2 if role == "one-box" else port(product, role) + 2


def health(product: Product, role: Role) -> HealthProbe:
    """Return where IIS shows the health files: beside the port that others call."""
    return HealthProbe(port=port(product, role) + 1, protocol="Http")


def files(product: Product, role: Role) -> tuple[NodeFile, ...]:
    """Return the node's own files."""
    found = (
        *node_files(SOURCE, "*.ps1", PROGRAMS, separator="\\"),
        node_file(f"{SOURCE}/aspnetcore.config", f"{PROGRAMS}\\aspnetcore.config"),
    )
    if not packages(product, role):
        return found
    script = "install-packages.R"
    return (*found, node_file(f"{PACKAGES_SOURCE}/{script}", f"{PROGRAMS}\\{script}"))


def upgrade_files() -> tuple[NodeFile, ...]:
    """Return what brings the node to another version; it comes when it is used, and goes then."""
    return tuple(node_files(f"{SOURCE}/upgrade", "*.ps1", PROGRAMS, separator="\\"))


def secrets(product: Product, role: Role) -> tuple[SecretUse, ...]:
    """Return what a *role* node fetches; it stays in the memory of the script that asked."""
    return tuple(
        SecretUse(name=use.name, path="", owner="", mode="") for use in names_of(product, role)
    )


def section(product: Product, role: Role) -> dict[str, JsonValue]:
    """Return what scripts on Windows know beyond the section that Linux nodes have too.

    Of the product and its media they know what is Windows's own.
    """
    server, version = product.server, product.version
    installers = server.installers
    names = packages(product, role)
    files = {
        "server": installers.server,
        "dotnet": installers.dotnet,
        "packages": installers.packages if names else None,
    }
    place = version.places["windows"]
    without = () if server.sql_server_services else WITHOUT_RUNTIME
    return {
        "product": {
            "homes": place.homes,
            "folders": {str(part): folder for part, folder in version.folders.items()},
            "services": {str(part): names for part, names in place.services.items()},
            "dotnet": place.dotnet,
            "store": {"name": place.store, "location": place.location},
        },
        "install": {
            "files": {
                name: {"url": file.url, "sha256": file.sha256}
                for name, file in files.items()
                if file
            },
            "private": installers.store is not None,
            **({"packages": names} if names else {}),
        },
        "windows": {
            "program": version.windows_program,
            "switches": version.windows_switches,
            "dotnetSwitches": ("/quiet", "/install", *without),
            "sqlServerServices": server.sql_server_services,
            "localPort": local_port(product, role),
        },
    }
