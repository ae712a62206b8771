"""Which versions an installed product may become in place, and how the old one is removed.

facts.md section 15: one version at a time across the whole environment, 9.0 to 9.1 or to ML Server,
ML Server from one version to the next. The uninstaller stashes the configuration where the next
set-up looks for it.
"""

from collections.abc import Mapping
from typing import Final

from components.runtimes.node import JsonValue
from components.runtimes.rserver.versions import Family, ServerVersion
from components.settings.catalogue.products import UPGRADES
from components.settings.catalogue.products import Key as Key

PATHS: Final = UPGRADES

STASH: Final[Mapping[Family, str]] = {
    "linux": "/etc/deployr/current",
    "windows": r"C:\Users\Default\AppData\Local\DeployR\current",
}
"""Where the uninstaller leaves the configuration; `frontend` below takes the SQLite file back."""

_PACKAGES: Final[Mapping[str, tuple[str, ...]]] = {
    "9.0": ("microsoft-r-open-*", "microsoft-r-server-*", "microsoft-deployr-*", "*mrsdeploy*"),
    "9.1": (
        "microsoft-r-open-*",
        "microsoft-r-server-adminutil-9.1",
        "microsoft-r-server-webnode-9.1",
        "microsoft-r-server-computenode-9.1",
        "microsoft-r-server-config-rserve-9.1",
        "microsoft-r-server-*",
    ),
}
"""Names of installed packages, as patterns, in the documents' order. Those of 9.0.1's nodes are
only said to have DeployR's name, so the node looks for what there is."""

_TREES: Final[Mapping[str, tuple[str, ...]]] = {
    "9.0": ("/usr/lib64/microsoft-r", "/usr/lib64/microsoft-deployr"),
    "9.1": ("/usr/lib64/microsoft-r",),
}


def identity(version: ServerVersion, family: Family) -> dict[str, JsonValue]:
    """Return what a node needs to know of *version*, on any system.

    On Windows that is all: a version is removed by the program that installed it, which the node's
    own file tells of.
    """
    return {
        "product": version.product,
        "version": version.version,
        "stash": STASH[family],
    }


def removal(version: ServerVersion) -> dict[str, JsonValue]:
    """Return how *version* is removed from a node on Linux, and what it leaves where."""
    short = ".".join(version.version.split("-")[0].split(".")[:2])
    number = version.version
    ml_server = (
        f"microsoft-r-open-mro-{version.r_version}",
        f"microsoft-mlserver-python-{number}",
        f"microsoft-mlserver-hadoop-{number}",
        f"microsoft-mlserver-adminutil-{number}",
        f"microsoft-mlserver-webnode-{number}",
        f"microsoft-mlserver-computenode-{number}",
        f"microsoft-mlserver-*-{number}",
        "microsoft-r-open-*",
    )
    place = version.places["linux"]
    return {
        **identity(version, "linux"),
        "homes": place.homes,
        "folders": {str(part): folder for part, folder in version.folders.items()},
        "services": {str(part): names for part, names in place.services.items()},
        "packages": _PACKAGES.get(short, ml_server),
        "trees": _TREES.get(short, (f"/opt/microsoft/mlserver/{number}",)),
        "directoryValues": version.directory_values,
    }
