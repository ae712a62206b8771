"""Where the plumber runtime's files are, in this repository and on a node."""

from dataclasses import replace
from pathlib import PurePosixPath
from typing import Final

from components.runtimes.files import joined_file, node_file, node_files
from components.runtimes.node import NodeFile

SOURCE: Final = "components/runtimes/plumber/node"
ROOT: Final = "/opt/operationalization"
UNITS: Final = "/etc/systemd/system"
CONFIGURATION: Final = "/etc/operationalization/haproxy.cfg"


USUAL: Final = {"web": "12800", "compute": "12805"}
"""Ports as the proxies' files have them, which are what a node of the usual ports gets to the byte:
another file would replace each one that runs."""


def listening(proxy: NodeFile, port: int, usual: str) -> NodeFile:
    """Return a proxy's configuration for *port*, in its words as in its listener."""
    return replace(proxy, content=proxy.content.replace(usual, str(port)))


def proxy(role: str, port: int) -> NodeFile:
    """Return the proxy's configuration of a *role* that clients call on *port*.

    Who may call, how often one may try to log in, and what a token must say are the same file for
    each of them; the role's own files say around it how healthy it is and where calls go.
    """
    own = f"{SOURCE}/{role}"
    shared = f"{SOURCE}/shared"
    joined = joined_file(
        (
            f"{own}/global.cfg",
            f"{shared}/frontend.cfg",
            f"{own}/health.cfg",
            f"{shared}/rules.cfg",
            f"{own}/backends.cfg",
        ),
        CONFIGURATION,
    )
    return listening(joined, port, USUAL["web"])


def compute_proxy(port: int) -> NodeFile:
    """Return the proxy's configuration of a compute node, which web nodes call on *port*."""
    written = node_file(f"{SOURCE}/compute/haproxy.cfg", CONFIGURATION)
    return listening(written, port, USUAL["compute"])


def script(source: str) -> NodeFile:
    """Return the script at *source*, which the node's other scripts find beside them."""
    return node_file(f"{SOURCE}/{source}", f"{ROOT}/bin/{PurePosixPath(source).name}", mode="0755")


def units(source: str) -> list[NodeFile]:
    """Return the units in folder *source*, with what is added to those of others."""
    return node_files(f"{SOURCE}/{source}/units", "**/*", UNITS)


def every_node() -> list[NodeFile]:
    """Return what every node has."""
    return [
        node_file("server/__init__.py", f"{ROOT}/server/__init__.py"),
        *software("common"),
        *units("shared"),
        node_file(f"{SOURCE}/shared/503.http", "/etc/operationalization/503.http"),
    ]


def software(part: str, pattern: str = "*.py") -> list[NodeFile]:
    """Return the files of `server/PART` that match *pattern*."""
    return node_files(f"server/{part}", pattern, f"{ROOT}/server/{part}")


def api() -> list[NodeFile]:
    """Return the API service, over a server's database."""
    return [*software("api"), *software("api/migrations", "*.sql")]


def first_boot() -> list[NodeFile]:
    """Return what makes the database user that migrates, where the cloud makes none: on AWS."""
    return [*software("aws"), script("web/aws/prepare-database.sh"), *units("web/aws")]


def workers() -> list[NodeFile]:
    """Return what R workers are, and what lets the proxy in to them."""
    return [script("compute/open-worker.sh"), *software("worker", "*.R")]
