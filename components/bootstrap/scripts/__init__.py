"""The node scripts that every product shares: real files, the same for every node."""

from components.bootstrap.facts import Cloud
from components.runtimes.files import node_file, node_files
from components.runtimes.node import NodeFile

SOURCE = "components/bootstrap/scripts"
PROGRAMS = "/opt/operationalization/bin"


def shared_files() -> tuple[NodeFile, ...]:
    """Return the scripts and units of every node."""
    return (
        *node_files(SOURCE, "*.sh", PROGRAMS, mode="0755"),
        *node_files(f"{SOURCE}/units", "*", "/etc/systemd/system"),
    )


def cloud_files(cloud: Cloud) -> tuple[NodeFile, ...]:
    """Return what speaks to *cloud*: one script behind the same name on every cloud.

    Raises:
        FileNotFoundError: for a cloud that has no script yet.
    """
    return (node_file(f"{SOURCE}/clouds/{cloud}.sh", f"{PROGRAMS}/cloud.sh", mode="0755"),)
