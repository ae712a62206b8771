"""Which images there are, and what is in each: data only.

An image's folder beside this module holds its own files (`files`, copied over the root before its
packages are installed) and what is done at the end of its build (`finish.sh`, run inside it).
"""

from dataclasses import dataclass
from pathlib import Path

SUITE = "bookworm"
"""Debian 12, as the marketplace image that the nodes are declared with."""

_HERE = Path(__file__).resolve().parent


@dataclass(frozen=True, kw_only=True, slots=True)
class Image:
    """One folder tree that hosts are overlaid on."""

    name: str
    parent: str | None = None
    """Image that this one is a layer over; None: built from nothing."""
    packages: tuple[str, ...] = ()
    """Of Debian, installed without what they only recommend."""
    megabytes: int
    """Disk that its build takes, downloads included; rounded up."""
    content: Path | None = None
    """Its folder here; None: the one of its name, if there is one."""

    @property
    def folder(self) -> Path:
        """Where `files` and `finish.sh` are; may be absent."""
        return self.content or _HERE / self.name


BASE = Image(
    name="base",
    megabytes=700,
    packages=(
        "ca-certificates",
        "cloud-init",
        "dbus",
        "iproute2",
        "passwd",
        "procps",
        "python3",
        "sudo",
        "systemd",
        "systemd-sysv",
    ),
)
"""What a cloud's Debian 12 image is to a node: it boots, runs cloud-init, can install the rest."""

COMPLETE = Image(
    name="complete",
    parent="base",
    megabytes=1200,
    packages=(
        "curl",
        "haproxy",
        "jq",
        "nftables",
        "openssl",
        "python3-botocore",
        "python3-cryptography",
        "python3-jwt",
        "python3-psycopg",
        "python3-psycopg-pool",
        "python3-starlette",
        "python3-uvicorn",
        "r-base-core",
        "r-cran-plumber",
        "socat",
    ),
)
"""All that web and compute nodes of the plumber runtime install on any cloud, so that they boot at
once."""

FAMILY = Image(
    name="family",
    parent="complete",
    megabytes=300,
    packages=(
        "iptables",
        "nginx",
        "postgresql-client",
        "python3-ldap3",
        "python3-multipart",
        "unzip",
    ),
)
"""What boots for the older systems of `sandbox.control.systems`: all that nodes of the R Server
family install from a distribution, and what stand-ins for its packages run on."""

POSTGRESQL = Image(
    name="postgresql",
    parent="base",
    megabytes=300,
    packages=("locales", "postgresql", "python3-cryptography", "python3-jwt"),
)
"""A managed database server; Debian 12 has PostgreSQL 15. Each server makes its own cluster."""

ALL = (BASE, COMPLETE, FAMILY, POSTGRESQL)
"""A parent comes before its layers."""
