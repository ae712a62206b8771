"""What is on a PostgreSQL flexible server: databases, administrators, parameters, firewalls.

Sources: Azure documentation, "Server parameters in Azure Database for PostgreSQL" (names, ranges,
defaults), "Microsoft Entra authentication with Azure Database for PostgreSQL", "Firewall rules".
"""

from collections.abc import Iterator
from typing import NamedTuple

from sandbox.control.azure.addresses import address
from sandbox.control.azure.arm import one_of, parent_of, provider, unchangeable
from sandbox.control.azure.managed_identities import is_principal
from sandbox.control.azure.postgresql import SERVER, SERVER_RESOURCE
from sandbox.control.kinds import Context, Kind, Name, Outputs, Problem, Values
from sandbox.control.reading import present, text


class Parameter(NamedTuple):
    """A server parameter: its type, default, allowed values, and whether it needs no restart."""

    type: str
    default: str
    allowed: str
    dynamic: bool = True


def _switch(default: str, dynamic: bool = True) -> Parameter:
    return Parameter("Boolean", default, "on,off", dynamic)


def _integer(default: int, low: int, high: int, dynamic: bool = True) -> Parameter:
    return Parameter("Integer", str(default), f"{low}-{high}", dynamic)


def _choice(default: str, *allowed: str) -> Parameter:
    return Parameter("Enumeration", default, ",".join(allowed))


def _set(default: str, allowed: str, dynamic: bool = True) -> Parameter:
    return Parameter("Set", default, allowed, dynamic)


_MILLISECONDS = 2147483647

PARAMETERS: dict[str, Parameter] = {
    "autovacuum": _switch("on"),
    "azure.accepted_password_auth_method": _set("md5", "md5,scram-sha-256"),
    "azure.extensions": _set(
        "",
        "btree_gin,btree_gist,citext,hstore,intarray,ltree,pg_buffercache,pg_cron,pg_partman,"
        "pg_prewarm,pg_stat_statements,pg_trgm,pgaudit,pgcrypto,pgrowlocks,pgstattuple,postgis,"
        "tablefunc,unaccent,uuid-ossp,vector",
    ),
    "client_min_messages": _choice(
        "notice",
        "debug5",
        "debug4",
        "debug3",
        "debug2",
        "debug1",
        "log",
        "notice",
        "warning",
        "error",
    ),
    "connection_throttle.enable": _switch("off"),
    "deadlock_timeout": _integer(1000, 1, _MILLISECONDS),
    "idle_in_transaction_session_timeout": _integer(0, 0, _MILLISECONDS),
    "idle_session_timeout": _integer(0, 0, _MILLISECONDS),
    "lock_timeout": _integer(0, 0, _MILLISECONDS),
    "log_checkpoints": _switch("on"),
    "log_connections": _switch("on"),
    "log_disconnections": _switch("on"),
    "log_lock_waits": _switch("off"),
    "log_min_duration_statement": _integer(-1, -1, _MILLISECONDS),
    "log_statement": _choice("none", "none", "ddl", "mod", "all"),
    "logfiles.download_enable": _switch("off"),
    "logfiles.retention_days": _integer(3, 1, 7),
    "maintenance_work_mem": _integer(155648, 1024, 2097151),
    "max_connections": _integer(429, 25, 5000, dynamic=False),
    "metrics.autovacuum_diagnostics": _switch("off"),
    "metrics.collector_database_activity": _switch("off"),
    "password_encryption": _choice("md5", "md5", "scram-sha-256"),
    "pg_qs.query_capture_mode": _choice("none", "top", "all", "none"),
    "pgaudit.log": _set("none", "none,read,write,function,role,ddl,misc,all"),
    "pgms_wait_sampling.query_capture_mode": _choice("none", "all", "none"),
    "require_secure_transport": _switch("on"),
    "shared_preload_libraries": _set(
        "pg_cron,pg_stat_statements",
        "pg_cron,pg_partman_bgw,pg_prewarm,pg_stat_statements,pgaudit,pglogical,timescaledb",
        dynamic=False,
    ),
    "ssl_max_protocol_version": _choice("", "", "TLSv1.2", "TLSv1.3"),
    "ssl_min_protocol_version": _choice("TLSv1.2", "TLSv1.2", "TLSv1.3"),
    "statement_timeout": _integer(0, 0, _MILLISECONDS),
    "tcp_keepalives_count": _integer(9, 0, _MILLISECONDS),
    "tcp_keepalives_idle": _integer(120, 0, _MILLISECONDS),
    "tcp_keepalives_interval": _integer(30, 0, _MILLISECONDS),
    "track_io_timing": _switch("off"),
    "work_mem": _integer(4096, 4096, 2097151),
}


def _accepts(parameter: Parameter, value: str) -> bool:
    if parameter.type == "Integer":
        low, high = _bounds(parameter)
        return value.lstrip("-").isdigit() and low <= int(value) <= high
    allowed = {known.casefold() for known in parameter.allowed.split(",")}
    given = value.split(",") if parameter.type == "Set" and value else [value]
    empty = parameter.type == "Set" and not value
    return empty or all(part.strip().casefold() in allowed for part in given)


def _bounds(parameter: Parameter) -> tuple[int, int]:
    negative = parameter.allowed.startswith("-")
    low, _, high = parameter.allowed.lstrip("-").partition("-")
    return (-int(low) if negative else int(low)), int(high)


def _configuration_rules(values: Values) -> Iterator[Problem]:
    name, value = text(values, "configurationName"), text(values, "value")
    if name is None:
        return
    parameter = PARAMETERS.get(name)
    if parameter is None:
        yield Problem(
            "configurationName",
            f"the sandbox does not know the server parameter {name!r}; it knows "
            f"{', '.join(PARAMETERS)}",
        )
    elif value is not None and not _accepts(parameter, value):
        yield Problem(
            "value",
            f"The value '{value}' is not valid for configuration '{name}'. Allowed: "
            f"{parameter.allowed}.",
            "InvalidParameterValue",
        )
    yield from one_of(values, "source", ("user-override", "system-default"))


def _configuration_outputs(context: Context) -> Outputs:
    parameter = PARAMETERS.get(context.name, Parameter("String", "", ""))
    value = text(context.inputs, "value")
    return {
        "value": parameter.default if value is None else value,
        "source": text(context.inputs, "source") or "user-override",
        "defaultValue": parameter.default,
        "dataType": parameter.type,
        "allowedValues": parameter.allowed,
        "isDynamicConfig": parameter.dynamic,
        "isReadOnly": False,
        "isConfigPendingRestart": not parameter.dynamic,
    }


_RESERVED_DATABASES = frozenset(
    {"azure_maintenance", "azure_sys", "postgres", "template0", "template1"}
)


def _database_rules(values: Values) -> Iterator[Problem]:
    name = text(values, "databaseName")
    if name is not None and name.casefold() in _RESERVED_DATABASES:
        yield Problem(
            "databaseName",
            f"The database '{name}' belongs to the server itself.",
            "InvalidDatabaseName",
        )
    yield from one_of(values, "charset", ("UTF8", "SQL_ASCII", "LATIN1"), "InvalidCharset")
    collations = ("en_US.utf8", "C", "POSIX", "C.UTF-8", "C.utf8", "de_DE.utf8", "fr_FR.utf8")
    yield from one_of(values, "collation", collations, "InvalidCollation")


def _verify_administrator(context: Context) -> Iterator[Problem]:
    server = context.world.find(parent_of(context.id))
    if server is not None and text(server.inputs, "authConfig.activeDirectoryAuth") != "Enabled":
        yield Problem(
            "",
            "Microsoft Entra authentication is not enabled on the server: set "
            "authConfig.activeDirectoryAuth to Enabled.",
            "AadAuthOperationNotAllowed",
        )
    if not is_principal(context.world, context.name):
        yield Problem(
            "objectId",
            f"Principal {context.name} does not exist in tenant {context.world.tenant}.",
            "PrincipalNotFound",
        )
    yield from unchangeable(
        context, {"principalName": "principalName", "principalType": "principalType"}
    )


def _firewall_rules(values: Values) -> Iterator[Problem]:
    ends = []
    for path in ("startIpAddress", "endIpAddress"):
        written = text(values, path)
        found = address(written) if written is not None else None
        if written is not None and found is None:
            yield Problem(path, f"'{written}' is not an IPv4 address.", "InvalidParameterValue")
        ends.append(found)
    if ends[0] is not None and ends[1] is not None and ends[0] > ends[1]:
        yield Problem(
            "endIpAddress", "must not come before startIpAddress", "InvalidParameterValue"
        )


def _verify_firewall(context: Context) -> Iterator[Problem]:
    server = context.world.find(parent_of(context.id))
    if server is not None and (
        text(server.outputs, "network.publicNetworkAccess") == "Disabled"
        or present(server.inputs, "network.delegatedSubnetResourceId")
    ):
        yield Problem(
            "",
            "Firewall rule operations cannot be requested for a private access enabled server.",
            "FirewallRuleNotAllowedForPrivateServer",
        )


KINDS = (
    SERVER_RESOURCE,
    Kind(
        type="azure-native:dbforpostgresql:Configuration",
        id_template=provider(f"{SERVER}/configurations", "serverName", "configurationName"),
        rules=_configuration_rules,
        outputs=_configuration_outputs,
    ),
    Kind(
        type="azure-native:dbforpostgresql:Database",
        id_template=provider(f"{SERVER}/databases", "serverName", "databaseName"),
        name=Name(
            pattern=r"[A-Za-z_][\w$-]*",
            maximum=63,
            words="letters, digits, underscores and hyphens; starts with a letter or underscore",
        ),
        rules=_database_rules,
        verify=lambda context: unchangeable(
            context, {"charset": "charset", "collation": "collation"}
        ),
        outputs=lambda context: {
            "charset": text(context.inputs, "charset") or "UTF8",
            "collation": text(context.inputs, "collation") or "en_US.utf8",
        },
    ),
    Kind(
        type="azure-native:dbforpostgresql:Administrator",
        id_template=provider(f"{SERVER}/administrators", "serverName", "objectId"),
        rules=lambda values: one_of(
            values, "principalType", ("User", "Group", "ServicePrincipal"), "InvalidParameterValue"
        ),
        verify=_verify_administrator,
        outputs=lambda context: {
            "tenantId": text(context.inputs, "tenantId") or context.world.tenant
        },
    ),
    Kind(
        type="azure-native:dbforpostgresql:FirewallRule",
        id_template=provider(f"{SERVER}/firewallRules", "serverName", "firewallRuleName"),
        name=Name(pattern=r"[\w-]+", maximum=128, words="letters, digits, underscores and hyphens"),
        rules=_firewall_rules,
        verify=_verify_firewall,
    ),
)
