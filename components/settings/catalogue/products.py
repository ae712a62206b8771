"""Versions of the products: what settings are held against (facts.md 1, 4 to 12).

What a node does with its version is in `components.runtimes`; here is what a stack file may say.
"""

from collections.abc import Mapping
from dataclasses import dataclass

WINDOWS = ("windows-server-2012-r2", "windows-server-2016")
LINUX = ("ubuntu-14.04", "ubuntu-16.04", "centos-7", "rhel-7")

UPSTART = ("ubuntu-14.04",)
"""Systems without systemd, for whose nodes nothing is built here (2)."""

FAMILY = ("rserver", "mlserver")
"""The commercial products, whose nodes have `runtime.server`."""

DEPLOYR = (
    "is DeployR, another product that this project does not configure: a Java server whose "
    "balancer needs sticky sessions, each server with a database of its own, and no silent install"
)
"""Why DeployR 8 is none of them (facts.md 19.2)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ProductVersion:
    """One version of a product."""

    systems: tuple[str, ...]
    """Operating systems that nodes run on (4)."""

    support_ended: str = ""
    """Day on which the vendor's support ended (1); empty where there is no vendor."""

    web_port: int = 12800
    compute_port: int = 12805

    ranges: bool = True
    """Whether compute nodes may be declared as ranges, as those of scale sets are (11)."""

    has_setup: bool = True
    """Whether a tool sets nodes up silently; else their finished file holds a hash of the
    administrator's password, which only a node that was set up by hand can give (8.4)."""

    encrypts: bool = True
    """Whether secrets of its file can be encrypted silently (8.2, 12.7)."""

    flat_directories: bool = True
    """Whether directories have the keys of 9.1 and later (9.3)."""

    roles: tuple[str, ...] = ()
    """Roles that may be declared (12.6)."""

    skips_validation: bool = False
    """Whether an LDAP server's certificate may go unchecked (9.3)."""

    sql_server_services: bool = True
    """Whether it runs on SQL Server Machine Learning Services (3, R16)."""


def _of_9_0(web_port: int = 12800, compute_port: int = 12805) -> ProductVersion:
    return ProductVersion(
        systems=(*WINDOWS, *LINUX),
        ranges=False,
        has_setup=False,
        encrypts=False,
        flat_directories=False,
        sql_server_services=False,
        support_ended="2019-01-01",
        web_port=web_port,
        compute_port=compute_port,
    )


def _of_ml_server(support_ended: str, *, systems: tuple[str, ...] = LINUX) -> ProductVersion:
    return ProductVersion(
        systems=(*WINDOWS, *systems),
        roles=("owner", "contributor", "reader"),
        skips_validation=True,
        support_ended=support_ended,
    )


VERSIONS: Mapping[str, Mapping[str, ProductVersion]] = {
    "plumber": {"1.2": ProductVersion(systems=("debian-12",))},
    "rserver": {
        # The second seed's draft; what shipped as 9.0.1 has other ports (19.1).
        "9.0-preview": _of_9_0(web_port=9000, compute_port=9002),
        "9.0.1": _of_9_0(),
        "9.1.0": ProductVersion(
            systems=(*WINDOWS, *LINUX),
            roles=("owner", "contributor"),
            support_ended="2019-05-01",
        ),
    },
    "mlserver": {
        "9.2.1": _of_ml_server("2019-10-01"),
        "9.3.0": _of_ml_server("2020-03-01"),
        # Pages disagree on Ubuntu 14.04 and 18.04 (22, Q4): the one all agree on.
        "9.4.7": _of_ml_server("2022-07-01", systems=("ubuntu-16.04", "centos-7", "rhel-7")),
    },
}
"""By product and version."""


Key = tuple[str, str]
"""Product and version."""

UPGRADES: Mapping[Key, tuple[Key, ...]] = {
    ("rserver", "9.0-preview"): (),
    ("rserver", "9.0.1"): (
        ("rserver", "9.1.0"),
        ("mlserver", "9.2.1"),
        ("mlserver", "9.3.0"),
        ("mlserver", "9.4.7"),
    ),
    ("rserver", "9.1.0"): (("mlserver", "9.2.1"), ("mlserver", "9.3.0"), ("mlserver", "9.4.7")),
    ("mlserver", "9.2.1"): (("mlserver", "9.3.0"),),
    ("mlserver", "9.3.0"): (("mlserver", "9.4.7"),),
    ("mlserver", "9.4.7"): (),
}
"""What each version may become in one step (facts.md 15). The pre-release has other ports and
another account than the released product, and no upgrade is documented for it."""


USUAL_VERSION = ProductVersion(systems=())
"""What versions have that we know nothing of."""


def version_of(product: str, version: str) -> ProductVersion | None:
    """Return what is known of a product's *version*; None where nothing is."""
    return VERSIONS.get(product, {}).get(version)


def is_windows(system: str) -> bool:
    """Return whether an operating *system* is Windows."""
    return system in WINDOWS
