"""The plumber runtime as node recipes.

Its usual ports, 12800 and 12805, are those of R Server and ML Server (facts.md section 7), so that
their clients keep working.
"""

from typing import Final

from components.runtimes.node import HealthProbe, JsonValue, NodeFile, NodeRecipe, Role
from components.runtimes.plumber import one_box
from components.runtimes.plumber.layout import (
    api,
    compute_proxy,
    every_node,
    first_boot,
    proxy,
    script,
    software,
    units,
    workers,
)
from components.runtimes.plumber.secrets import SECRETS
from components.runtimes.plumber.versions import DEFAULT_VERSION, VERSIONS
from components.settings import NodesEnvironment

COMPUTE_SERVER_NAME: Final = "compute.operationalization.internal"
"""DNS name in the certificate `compute-server`: web nodes verify it, whichever node answers."""

WEB_CLIENT_NAME: Final = "web.operationalization.internal"
"""Common name in the certificate `web-client`: compute nodes serve this client and no other."""

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


def recipe(environment: NodesEnvironment, role: Role) -> NodeRecipe:
    """Return what a *role* node of the plumber runtime runs."""
    if role == "one-box":
        return one_box.recipe(environment)
    version = environment.runtime.version or DEFAULT_VERSION
    ports = environment.ports
    port = ports.web if role == "web" else ports.compute
    return NodeRecipe(
        role=role,
        product="plumber",
        version=version,
        port=port,
        health=HealthProbe(port=port),
        packages=tuple(sorted(VERSIONS[version].packages[role])),
        files=tuple(_files(environment, role)),
        services=_SERVICES[role],
        secrets=SECRETS[role],
        uses_database=True,
        data=_data(environment, role),
    )


def _data(environment: NodesEnvironment, role: Role) -> dict[str, JsonValue]:
    """Return what the role's own scripts and services read of the settings.

    Bounds of the groups stay out: user data that changes replaces a node group, and a higher
    maximum must not.
    """
    if role == "web":
        return {
            "computeServerName": COMPUTE_SERVER_NAME,
            "computePort": environment.ports.compute,
            "connections": environment.database.connections_per_web_node,
        }
    return {
        "webClientName": WEB_CLIENT_NAME,
        "workers": environment.workers_per_node,
    }


def _files(environment: NodesEnvironment, role: Role) -> list[NodeFile]:
    """Return the role's scripts, units, proxy configuration and its part of `server/`."""
    own = [*every_node(), script(f"{role}/role.sh"), *units(role)]
    if role == "web":
        # On Azure the web nodes' identity is an administrator of the server from the beginning.
        first = first_boot() if environment.cloud == "aws" else []
        return [*own, proxy(role, environment.ports.web), *api(), *first]
    return [*own, compute_proxy(environment.ports.compute), *software("loader"), *workers()]
