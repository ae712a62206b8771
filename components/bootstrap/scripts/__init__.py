"""The node scripts that every product shares: real files, the same for every node."""

from typing import Final

from components.bootstrap.facts import Cloud
from components.runtimes.files import node_file, node_files
from components.runtimes.node import NodeFile

SOURCE = "components/bootstrap/scripts"
PROGRAMS = "/opt/operationalization/bin"
UNITS = "/etc/systemd/system"

FIRST: Final[dict[Cloud, frozenset[str] | None]] = {
    "azure": None,
    "aws": frozenset(
        {
            f"{PROGRAMS}/library.sh",
            f"{PROGRAMS}/node_json.py",
            f"{PROGRAMS}/install-packages.sh",
            f"{PROGRAMS}/cloud.sh",
            f"{PROGRAMS}/signed_call.py",
            f"{PROGRAMS}/fetch-bundle.sh",
            f"{PROGRAMS}/unpack_bundle.py",
            f"{UNITS}/operationalization-configure.service",
            f"{UNITS}/operationalization-configure.service.d/cloud.conf",
        }
    ),
}
"""What a node needs to fetch the rest of its files, as far as its product has it; None where all of
them are in user data."""


def shared_files() -> tuple[NodeFile, ...]:
    """Return the scripts and units of every node."""
    return (
        *node_files(SOURCE, "*.sh", PROGRAMS, mode="0755"),
        *node_files(f"{SOURCE}/units", "*", UNITS),
    )


def cloud_files(cloud: Cloud) -> tuple[NodeFile, ...]:
    """Return what speaks to *cloud*: one script behind the same name on every cloud, its helpers.

    Raises:
        FileNotFoundError: for a cloud that has no script yet.
    """
    script = node_file(f"{SOURCE}/clouds/{cloud}.sh", f"{PROGRAMS}/cloud.sh", mode="0755")
    if cloud == "azure":
        return (script,)
    return (
        script,
        *node_files(f"{SOURCE}/clouds/{cloud}", "*.sh", PROGRAMS, mode="0755"),
        *node_files(f"{SOURCE}/clouds/{cloud}", "*.py", PROGRAMS, mode="0755"),
        *node_files(f"{SOURCE}/clouds/{cloud}/units", "**/*", UNITS),
    )
