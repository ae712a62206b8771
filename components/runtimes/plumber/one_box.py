"""The plumber runtime on one machine: what web and compute nodes run, without what joins them.

Scoring goes from the proxy to the R workers directly, so there is no mutual TLS, no discovery and
no port for compute nodes. The database is a file of the machine (sqlite) or a server, as for the
other nodes.
"""

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Final

from components.runtimes.node import HealthProbe, NodeFile, NodeRecipe, SecretUse
from components.runtimes.plumber.layout import (
    api,
    every_node,
    first_boot,
    proxy,
    script,
    software,
    units,
    workers,
)
from components.runtimes.plumber.secrets import DATABASE_SECRETS, SECRETS
from components.runtimes.plumber.versions import DEFAULT_VERSION, SERVER_PACKAGES, VERSIONS
from components.settings import NodesEnvironment

SERVICES: Final = (
    "operationalization-api.socket",
    "operationalization-api.service",
    "operationalization-loader.service",
    "operationalization-workers.target",
    "operationalization-check.socket",
    "operationalization-proxy.service",
)
"""The API comes before the loader, who reads an embedded database only while that has it open."""

FOR_OTHER_NODES: Final = ("operationalization-discovery.service", "discovery.py")
"""What finds compute nodes."""

FOR_A_SERVER: Final = (
    "server/api/app.py",
    "server/api/migrate.py",
    "server/api/postgresql.py",
    "server/common/database.py",
    "server/loader/__main__.py",
    "server/loader/synchronize.py",
    ".sql",
)
"""What speaks to a server, of the software that an embedded database has in common with it."""


def recipe(environment: NodesEnvironment) -> NodeRecipe:
    """Return what the machine runs."""
    version = environment.runtime.version or DEFAULT_VERSION
    embedded = not environment.has_server
    packages = VERSIONS[version].packages
    return NodeRecipe(
        role="one-box",
        product="plumber",
        version=version,
        port=environment.ports.web,
        health=HealthProbe(port=environment.ports.web),
        packages=tuple(
            sorted(
                {*packages["web"], *packages["compute"]} - {*(SERVER_PACKAGES if embedded else ())}
            )
        ),
        files=tuple(_embedded(environment) if embedded else _with_server(environment)),
        services=SERVICES,
        secrets=_secrets(embedded=embedded),
        uses_database=not embedded,
        data={
            "workers": environment.workers_per_node,
            "connections": environment.database.connections_per_web_node,
        },
    )


def _secrets(*, embedded: bool) -> tuple[SecretUse, ...]:
    """Return the secrets of the machine: none of those that join web and compute nodes."""
    uses = SECRETS["one-box"]
    return uses if embedded else (*uses, *DATABASE_SECRETS)


def _embedded(environment: NodesEnvironment) -> list[NodeFile]:
    common = [file for file in _common(environment) if not file.path.endswith(FOR_A_SERVER)]
    return [
        *common,
        *software("embedded"),
        *software("embedded/migrations", "*.sql"),
        script("one-box/sqlite/schema.sh"),
        *units("one-box/sqlite"),
    ]


def _with_server(environment: NodesEnvironment) -> list[NodeFile]:
    first = first_boot() if environment.cloud == "aws" else []
    return [*_common(environment), script("one-box/postgresql/schema.sh"), *first]


def _common(environment: NodesEnvironment) -> Sequence[NodeFile]:
    files = [
        *every_node(),
        *api(),
        *software("loader"),
        *workers(),
        *units("web"),
        *units("compute"),
        script("one-box/role.sh"),
        proxy("one-box", environment.ports.web),
    ]
    return [file for file in files if PurePosixPath(file.path).name not in FOR_OTHER_NODES]
