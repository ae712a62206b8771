"""What a node on Linux is made of: packages of its system, files and services."""

from typing import Final

from components.runtimes.files import node_files
from components.runtimes.node import NodeFile, Role
from components.runtimes.rserver.packages import PACKAGES_SOURCE, UNIT
from components.runtimes.rserver.packages import packages as r_packages
from components.runtimes.rserver.product import Product
from components.runtimes.rserver.section import PARTS

SOURCE: Final = "components/runtimes/rserver/node"
PROGRAMS: Final = "/opt/operationalization/bin"
UNITS: Final = "/etc/systemd/system"

OWN_SERVICES: Final = ("operationalization-proxy.service", "operationalization-watch.service")

_DEBIAN: Final = (
    "ca-certificates",
    "curl",
    "iptables",
    "libgomp1",
    "libpangocairo-1.0-0",
    "libsm6",
    "libxt6",
    "nginx",
    "openssl",
    "python3",
)
"""What our scripts and the product's media need (facts.md section 4, "Ubuntu packages"): of Pango
the package that its transitional one brings."""

_RED_HAT: Final = (
    "ca-certificates",
    "curl",
    "epel-release",
    "iptables",
    "libicu",
    "libpng12",
    "libunwind",
    "nginx",
    "openssl",
    "policycoreutils-python",
    "python3",
)
"""facts.md section 4, "RHEL packages". NGINX comes from EPEL, whose package CentOS has; on RHEL the
image or the subscription brings them."""

_PSQL: Final = {
    "ubuntu-16.04": "postgresql-client",
    "centos-7": "postgresql",
    "rhel-7": "postgresql",
}


def packages(product: Product, role: Role) -> tuple[str, ...]:
    """Return the system's packages that a *role* node installs before the product."""
    system = product.environment.runtime.operating_system
    found = set(_DEBIAN if system.startswith("ubuntu-") else _RED_HAT)
    if system == "rhel-7":
        found.discard("epel-release")
    if role != "compute" and product.engine == "postgresql":
        found.add(_PSQL[system])
    return tuple(sorted(found))


def services(product: Product, role: Role) -> tuple[str, ...]:
    """Return the units of a ready node: the product's, then what stands in front of them.

    Before all of them what R shells find when they start.
    """
    own = product.version.places["linux"].services
    return (
        *((UNIT,) if r_packages(product, role) else ()),
        *(f"{name}.service" for part in PARTS[role] for name in own[part]),
        *OWN_SERVICES,
    )


def files(product: Product, role: Role) -> tuple[NodeFile, ...]:
    """Return the node's files; those with the path of a shared script take its place.

    They are the same for every role, and differ by cloud in what speaks to it; what installs R
    packages is where there are any.
    """
    cloud = f"{SOURCE}/{product.environment.cloud}"
    programs = f"{SOURCE}/aws" if product.environment.cloud == "aws" else None
    return (
        *node_files(SOURCE, "*.sh", PROGRAMS, mode="0755"),
        *node_files(SOURCE, "*.py", PROGRAMS, mode="0755"),
        *node_files(SOURCE, "*.sql", PROGRAMS),
        *node_files(SOURCE, "*.conf", "/etc/operationalization"),
        *node_files(f"{SOURCE}/units", "**/*", UNITS),
        *node_files(cloud, "*.sh", PROGRAMS, mode="0755"),
        *(node_files(programs, "*.py", PROGRAMS, mode="0755") if programs else ()),
        *(node_files(programs, "*.sql", PROGRAMS) if programs else ()),
        *(_package_files() if r_packages(product, role) else ()),
    )


def _package_files() -> tuple[NodeFile, ...]:
    return (
        *node_files(PACKAGES_SOURCE, "*.sh", PROGRAMS, mode="0755"),
        *node_files(PACKAGES_SOURCE, "*.R", PROGRAMS),
        *node_files(f"{PACKAGES_SOURCE}/units", "*", UNITS),
    )
