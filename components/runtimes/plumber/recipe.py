"""The plumber runtime as node recipes: web nodes on 12800, compute nodes on 12805."""

from typing import Final

from components.runtimes.files import node_file, node_files
from components.runtimes.node import HealthProbe, JsonValue, NodeFile, NodeRecipe, Role
from components.runtimes.plumber.secrets import SECRETS
from components.runtimes.plumber.versions import DEFAULT_VERSION, VERSIONS
from components.settings import Environment

PORTS: Final[dict[Role, int]] = {"web": 12800, "compute": 12805}
"""Those of R Server and ML Server (facts.md section 7), so that their clients keep working."""

COMPUTE_SERVER_NAME: Final = "compute.operationalization.internal"
"""DNS name in the certificate `compute-server`: web nodes verify it, whichever node answers."""

WEB_CLIENT_NAME: Final = "web.operationalization.internal"
"""Common name in the certificate `web-client`: compute nodes serve this client and no other."""

SOURCE: Final = "components/runtimes/plumber/node"
ROOT: Final = "/opt/operationalization"

_SERVICES: Final[dict[Role, tuple[str, ...]]] = {
    "web": (
        "operationalization-api.socket",
        "operationalization-api.service",
        "operationalization-proxy.service",
        "operationalization-discovery.service",
    ),
    "compute": (
        "operationalization-loader.service",
        "operationalization-workers.target",
        "operationalization-check.socket",
        "operationalization-proxy.service",
    ),
}


def recipe(environment: Environment, role: Role) -> NodeRecipe:
    """Return what a *role* node of the plumber runtime runs."""
    version = environment.runtime.version or DEFAULT_VERSION
    port = PORTS[role]
    return NodeRecipe(
        role=role,
        product="plumber",
        version=version,
        port=port,
        health=HealthProbe(port=port),
        packages=tuple(sorted(VERSIONS[version].packages[role])),
        files=(*_files(role), *_first_boot(environment, role)),
        services=_SERVICES[role],
        secrets=SECRETS[role],
        uses_database=True,
        data=_data(environment, role),
    )


def _data(environment: Environment, role: Role) -> dict[str, JsonValue]:
    """Return what the role's own scripts and services read of the settings.

    Bounds of the groups stay out: user data that changes replaces a node group, and a higher
    maximum must not.
    """
    if role == "web":
        return {
            "computeServerName": COMPUTE_SERVER_NAME,
            "computePort": PORTS["compute"],
            "connections": environment.database.connections_per_web_node,
        }
    return {
        "webClientName": WEB_CLIENT_NAME,
        "workers": environment.compute.workers_per_node,
    }


def _files(role: Role) -> list[NodeFile]:
    """Return the role's scripts, units, proxy configuration and its part of `server/`."""
    node = f"{SOURCE}/{role}"
    shared = [
        node_file("server/__init__.py", f"{ROOT}/server/__init__.py"),
        *node_files("server/common", "*.py", f"{ROOT}/server/common"),
        node_file(f"{node}/role.sh", f"{ROOT}/bin/role.sh", mode="0755"),
        node_file(f"{node}/haproxy.cfg", "/etc/operationalization/haproxy.cfg"),
        *node_files(f"{node}/units", "*", "/etc/systemd/system"),
        *node_files(f"{SOURCE}/shared/units", "*", "/etc/systemd/system"),
        node_file(f"{SOURCE}/shared/503.http", "/etc/operationalization/503.http"),
    ]
    if role == "web":
        return [
            *shared,
            *node_files("server/api", "*.py", f"{ROOT}/server/api"),
            *node_files("server/api/migrations", "*.sql", f"{ROOT}/server/api/migrations"),
        ]
    return [
        *shared,
        node_file(f"{node}/open-worker.sh", f"{ROOT}/bin/open-worker.sh", mode="0755"),
        *node_files("server/loader", "*.py", f"{ROOT}/server/loader"),
        *node_files("server/worker", "*.R", f"{ROOT}/server/worker"),
    ]


def _first_boot(environment: Environment, role: Role) -> list[NodeFile]:
    """Return what makes the database user that migrates, where the cloud makes none.

    On Azure the web nodes' identity is an administrator of the server from the beginning.
    """
    if environment.cloud != "aws" or role != "web":
        return []
    source = f"{SOURCE}/web/aws"
    return [
        *node_files("server/aws", "*.py", f"{ROOT}/server/aws"),
        node_file(f"{source}/prepare-database.sh", f"{ROOT}/bin/prepare-database.sh", mode="0755"),
        *node_files(f"{source}/units", "**/*", "/etc/systemd/system"),
    ]
