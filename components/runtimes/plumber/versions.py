"""What differs between versions of the plumber runtime: data, never a subclass."""

from dataclasses import dataclass
from typing import Final

from components.runtimes.node import Role


@dataclass(frozen=True, kw_only=True, slots=True)
class PlumberVersion:
    """One version of R package plumber, as its operating system packages it."""

    packages: dict[Role, tuple[str, ...]]
    """Debian packages that the role's own scripts do not bring. Recommended ones stay out."""


SERVER_PACKAGES: Final = ("python3-psycopg", "python3-psycopg-pool")
"""What speaks to a database that is a server."""

_EVERY_NODE: Final = (
    "ca-certificates",
    "curl",
    "haproxy",
    "jq",
    "nftables",
    "openssl",
    *SERVER_PACKAGES,
    "socat",
)

VERSIONS: Final[dict[str, PlumberVersion]] = {
    "1.2": PlumberVersion(
        packages={
            "web": (
                *_EVERY_NODE,
                "python3-cryptography",
                "python3-jwt",
                "python3-starlette",
                "python3-uvicorn",
            ),
            "compute": (*_EVERY_NODE, "r-base-core", "r-cran-plumber"),
        },
    ),
}
"""By `runtime.version`. Debian 12 has r-cran-plumber 1.2.1, HAProxy 2.6 and R 4.2.2."""

DEFAULT_VERSION: Final = "1.2"
