"""Rules of the database: what the engine, the cloud and the number of nodes allow."""

import re
from collections.abc import Iterator, Sequence

from components.settings.catalogue.databases import (
    SERVER_DATABASES,
    SIZES,
    STORAGE,
    VERSIONS,
    DatabaseSize,
)
from components.settings.catalogue.locations import LOCATIONS
from components.settings.catalogue.products import FAMILY
from components.settings.defaults import DATABASE_SIZES
from components.settings.environment import (
    EnterpriseEnvironment,
    NodesEnvironment,
    OneBoxEnvironment,
)
from components.settings.problems import Problem, closest, show

SERVER_SETTINGS = (
    "size",
    "storage",
    "high_availability",
    "backup_retention_days",
    "geo_redundant_backup",
    "connections_per_web_node",
    "connections_per_compute_node",
)
"""What only a server has."""


def engine_is_external(environment: EnterpriseEnvironment) -> Iterator[Problem]:
    """Nodes of their own need a database that all of them reach (facts.md 3, R1)."""
    if environment.database.engine == "sqlite":
        rule = "must be postgresql or sqlserver with topology: enterprise, whose nodes share it"
        fix = "write postgresql, or topology: one-box for a database on its only machine"
        yield Problem("database.engine", show("sqlite"), rule, fix)


def embedded_database_has_no_server(environment: NodesEnvironment) -> Iterator[Problem]:
    """Settings of a server say nothing where there is none."""
    database = environment.database
    if database.engine != "sqlite":
        return
    rule = "must be left out with engine: sqlite, which has no server"
    for name in SERVER_SETTINGS:
        field = type(database).model_fields[name]
        value = getattr(database, name)
        if value != field.default:
            yield Problem(f"database.{field.alias}", show(value), rule, "remove the line")


def version_is_offered(environment: NodesEnvironment) -> Iterator[Problem]:
    """The cloud offers the engine in that version."""
    engine, version = environment.database.engine, environment.database.version
    offered = VERSIONS[environment.cloud, engine]
    if version not in offered:
        rule = f"must be a version of {engine} on {environment.cloud}"
        fix = f"choose {' or '.join(offered)}"
        yield Problem("database.version", show(version), rule, fix)


def size_is_known(environment: NodesEnvironment) -> Iterator[Problem]:
    """The size is one that we know the connection limit of."""
    engine, size = environment.database.engine, environment.database.size
    known = SIZES.get((environment.cloud, engine))
    if known is None or size in known:
        return
    near = closest(size, known)
    usual = DATABASE_SIZES[environment.cloud, engine]
    hint = f"did you mean {near}? Or" if near else f"choose one like {usual}, or"
    fix = f"{hint} add the size to components/settings/catalogue/databases.py"
    rule = f"must be a server size of {engine} on {environment.cloud} that this project knows"
    yield Problem("database.size", show(size), rule, fix)


def storage_is_offered(environment: NodesEnvironment) -> Iterator[Problem]:
    """The cloud offers that much storage."""
    engine, storage = environment.database.engine, environment.database.storage
    offered = STORAGE.get((environment.cloud, engine))
    if offered is None or storage in offered:
        return
    rule = f"must be {_range(offered)} GiB for {engine} on {environment.cloud}"
    larger = next((size for size in offered if size >= storage), offered[-1])
    yield Problem("database.storage", show(storage), rule, f"write {larger}")


def name_is_free(environment: NodesEnvironment) -> Iterator[Problem]:
    """The name is not one of the databases that a server has already."""
    name = environment.database.name
    if name in SERVER_DATABASES:
        rule = "is a database that the server has already"
        yield Problem("database.name", show(name), rule, "choose another name")


def discard_names_the_database(environment: NodesEnvironment) -> Iterator[Problem]:
    """Whoever gives a database up names it."""
    database = environment.database
    if database.discard is not None and database.discard != database.name:
        rule = f"must equal database.name, {database.name}, to give that database up"
        fix = "remove the line, unless you mean to lose the data"
        yield Problem("database.discard", show(database.discard), rule, fix)


def standby_is_possible(environment: NodesEnvironment) -> Iterator[Problem]:
    """A standby needs a second zone, and on Azure a size that is not burstable."""
    database = environment.database
    if not database.high_availability or database.engine == "sqlite":
        return
    location = LOCATIONS[environment.cloud].get(environment.location)
    if location and not location.zones:
        rule = f"must be false, as {location.name} has no second zone for the standby"
        yield Problem("database.highAvailability", "true", rule, "choose a location with zones")
    size = _size(environment)
    if size and size.burstable and environment.cloud == "azure":
        rule = "must be false, as burstable servers have no standby on Azure"
        fix = "choose a general-purpose size such as Standard_D2ds_v5"
        yield Problem("database.highAvailability", "true", rule, fix)


def backups_can_be_copied(environment: NodesEnvironment) -> Iterator[Problem]:
    """Azure copies backups to the paired location, which not every location has."""
    if environment.cloud != "azure" or not environment.database.geo_redundant_backup:
        return
    location = LOCATIONS["azure"].get(environment.location)
    if location and not location.paired:
        rule = f"must be false, as {location.name} has no paired location"
        yield Problem("database.geoRedundantBackup", "true", rule, "choose another location")


def connections_suffice(environment: EnterpriseEnvironment) -> Iterator[Problem]:
    """The server allows the connections of all nodes, also while groups are replaced."""
    database = environment.database
    web, compute = environment.web.peak, environment.compute.peak
    needed = web * database.connections_per_web_node
    nodes = f"{web} web nodes with {database.connections_per_web_node}"
    fewer = "lower the maxima or connectionsPerWebNode"
    if environment.runtime.product not in FAMILY:
        needed += compute * database.connections_per_compute_node
        nodes += f" and {compute} compute nodes with {database.connections_per_compute_node}"
        fewer = "lower the maxima, connectionsPerWebNode or connectionsPerComputeNode"
    why = f"{nodes}, twice the maxima as a replaced group runs beside the old one"
    yield from _too_few_connections(environment, needed, why, fewer)


def connections_of_one_suffice(environment: OneBoxEnvironment) -> Iterator[Problem]:
    """The server allows the connections of the one machine."""
    database = environment.database
    if environment.runtime.product in FAMILY:
        needed = database.connections_per_web_node
        why, fewer = f"{needed} of the machine's web node", "lower connectionsPerWebNode"
    else:
        api, loader = database.connections_per_web_node, database.connections_per_compute_node
        needed = api + loader
        why = f"{api} of the machine's API service and {loader} of its loader"
        fewer = "lower connectionsPerWebNode or connectionsPerComputeNode"
    yield from _too_few_connections(environment, needed, why, fewer)


def _too_few_connections(
    environment: NodesEnvironment, needed: int, why: str, fewer: str
) -> Iterator[Problem]:
    size = _size(environment)
    if size is None or needed <= size.connections:
        return
    rule = f"must allow {needed} connections: {why}; {size.name} allows {size.connections}"
    fix = _more(environment, needed, fewer)
    yield Problem("database.size", show(size.name), rule, fix)


def _more(environment: NodesEnvironment, needed: int, fewer: str) -> str:
    """Return how to come by *needed* connections."""
    known = SIZES[environment.cloud, environment.database.engine]
    current = _size(environment)
    steady = not (current and current.burstable)
    larger = [
        size
        for size in known.values()
        if size.connections >= needed and not (steady and size.burstable)
    ]
    if not larger:
        return f"no size allows that many: {fewer}"
    series = _series(environment.database.size)
    best = min(larger, key=lambda size: (_series(size.name) != series, size.memory, size.name))
    return f"write {best.name}, or {fewer}"


def _series(size: str) -> str:
    """Return what is common to the sizes that differ in their number of vCPUs only."""
    if size.startswith("db."):
        return size.rpartition(".")[0]
    return re.sub("[0-9]+", "#", size, count=1)


def _size(environment: NodesEnvironment) -> DatabaseSize | None:
    database = environment.database
    return SIZES.get((environment.cloud, database.engine), {}).get(database.size)


def _range(offered: Sequence[int]) -> str:
    if isinstance(offered, range):
        return f"{offered[0]} to {offered[-1]}"
    return "one of " + ", ".join(str(size) for size in offered)


NODES = (
    version_is_offered,
    size_is_known,
    storage_is_offered,
    name_is_free,
    discard_names_the_database,
    standby_is_possible,
    backups_can_be_copied,
)
"""Of all topologies with nodes."""

RULES = (engine_is_external, *NODES, connections_suffice)
"""Of the enterprise topology."""

ONE_BOX = (embedded_database_has_no_server, *NODES, connections_of_one_suffice)
"""Of a one-box."""
