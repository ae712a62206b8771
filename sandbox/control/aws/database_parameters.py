"""Parameters of RDS parameter groups: which exist, what they take, when they take effect.

Sources: Amazon RDS User Guide, "Parameters on your RDS for PostgreSQL DB instance" (the list with
apply types), "Using SSL with a PostgreSQL DB instance" (rds.force_ssl, on by default from version
15), "Using SSL with a Microsoft SQL Server DB Instance", PostgreSQL documentation, "Server
Configuration" (ranges). What is not here may exist in RDS; the sandbox refuses it by name.
"""

import re
from typing import NamedTuple


class Parameter(NamedTuple):
    """One parameter."""

    kind: str
    """boolean, integer, float, enum, list (of enum values), string."""
    allowed: tuple[str, ...] = ()
    """Of enum and list; of integer and float: the least and the greatest."""
    static: bool = False
    """Takes effect when the instance restarts."""


def _boolean(*, static: bool = False) -> Parameter:
    return Parameter("boolean", ("0", "1"), static)


def _integer(least: int, most: int, *, static: bool = False) -> Parameter:
    return Parameter("integer", (str(least), str(most)), static)


_INT = 2_147_483_647
_LEVELS = "debug5,debug4,debug3,debug2,debug1,info,notice,warning,error,log,fatal,panic"

POSTGRES: dict[str, Parameter] = {
    "rds.force_ssl": _boolean(),
    "rds.force_admin_logging_level": Parameter("enum", ("disabled", *_LEVELS.split(","))),
    "rds.log_retention_period": _integer(1440, 10080),
    "rds.logical_replication": _boolean(static=True),
    "rds.accepted_password_auth_method": Parameter("enum", ("md5+scram", "scram")),
    "rds.restrict_password_commands": _boolean(static=True),
    "ssl_min_protocol_version": Parameter("enum", ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")),
    "ssl_max_protocol_version": Parameter("enum", ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")),
    "password_encryption": Parameter("enum", ("md5", "scram-sha-256")),
    "log_connections": _boolean(),
    "log_disconnections": _boolean(),
    "log_duration": _boolean(),
    "log_hostname": _boolean(),
    "log_lock_waits": _boolean(),
    "log_checkpoints": _boolean(),
    "log_min_duration_statement": _integer(-1, _INT),
    "log_min_duration_sample": _integer(-1, _INT),
    "log_autovacuum_min_duration": _integer(-1, _INT),
    "log_temp_files": _integer(-1, _INT),
    "log_statement": Parameter("enum", ("none", "ddl", "mod", "all")),
    "log_error_verbosity": Parameter("enum", ("terse", "default", "verbose")),
    "log_parameter_max_length": _integer(-1, 1_073_741_823),
    "log_parameter_max_length_on_error": _integer(-1, 1_073_741_823),
    "log_min_messages": Parameter("enum", tuple(_LEVELS.split(","))),
    "log_min_error_statement": Parameter("enum", tuple(_LEVELS.split(","))),
    "log_line_prefix": Parameter("string"),
    "log_rotation_age": _integer(1, 1440),
    "log_rotation_size": _integer(50_000, 1_000_000),
    "max_connections": _integer(6, 262_143, static=True),
    "shared_buffers": _integer(16, 1_073_741_823, static=True),
    "work_mem": _integer(64, _INT),
    "maintenance_work_mem": _integer(1024, _INT),
    "effective_cache_size": _integer(1, _INT),
    "temp_buffers": _integer(100, 1_073_741_823),
    "checkpoint_timeout": _integer(30, 3600),
    "checkpoint_completion_target": Parameter("float", ("0", "1")),
    "max_wal_size": _integer(128, 201_326_592),
    "min_wal_size": _integer(128, 201_326_592),
    "max_worker_processes": _integer(8, 262_143, static=True),
    "max_parallel_workers": _integer(0, 1024),
    "max_parallel_workers_per_gather": _integer(0, 1024),
    "random_page_cost": Parameter("float", ("0", "1e10")),
    "default_statistics_target": _integer(1, 10_000),
    "statement_timeout": _integer(0, _INT),
    "lock_timeout": _integer(0, _INT),
    "idle_in_transaction_session_timeout": _integer(0, _INT),
    "idle_session_timeout": _integer(0, _INT),
    "tcp_keepalives_idle": _integer(0, _INT),
    "tcp_keepalives_interval": _integer(0, _INT),
    "tcp_keepalives_count": _integer(0, _INT),
    "tcp_user_timeout": _integer(0, _INT),
    "client_connection_check_interval": _integer(0, _INT),
    "autovacuum": _boolean(),
    "autovacuum_max_workers": _integer(1, 262_143, static=True),
    "autovacuum_naptime": _integer(1, 2_147_483),
    "shared_preload_libraries": Parameter(
        "list",
        (
            "auto_explain",
            "orafce",
            "pgaudit",
            "pg_bigm",
            "pg_cron",
            "pg_hint_plan",
            "pg_prewarm",
            "pg_similarity",
            "pg_stat_statements",
            "pg_tle",
            "pg_transport",
            "plprofiler",
            "pglogical",
        ),
        static=True,
    ),
    "pgaudit.log": Parameter(
        "list",
        (
            "ddl",
            "function",
            "misc",
            "read",
            "role",
            "write",
            "none",
            "all",
            "-ddl",
            "-function",
            "-misc",
            "-read",
            "-role",
            "-write",
        ),
    ),
    "pgaudit.role": Parameter("string"),
    "pg_stat_statements.track": Parameter("enum", ("none", "top", "all")),
    "pg_stat_statements.max": _integer(100, _INT, static=True),
    "track_io_timing": _boolean(),
    "track_activity_query_size": _integer(100, 1_048_576, static=True),
    "timezone": Parameter("string"),
    "DateStyle": Parameter("string"),
    "search_path": Parameter("string"),
    "default_transaction_isolation": Parameter(
        "enum", ("serializable", "repeatable read", "read committed", "read uncommitted")
    ),
    "wal_sender_timeout": _integer(0, _INT),
    "max_replication_slots": _integer(5, 262_143, static=True),
    "max_wal_senders": _integer(5, 262_143, static=True),
    "jit": _boolean(),
}

SQL_SERVER: dict[str, Parameter] = {
    "rds.force_ssl": _boolean(static=True),
    "rds.tls10": Parameter("enum", ("default", "enabled", "disabled"), static=True),
    "rds.tls11": Parameter("enum", ("default", "enabled", "disabled"), static=True),
    "rds.tls12": Parameter("enum", ("default", "enabled", "disabled"), static=True),
    "rds.rc4": Parameter("enum", ("default", "enabled", "disabled"), static=True),
    "rds.diffie-hellman": Parameter("enum", ("default", "enabled", "disabled"), static=True),
    "rds.curve25519": Parameter("enum", ("default", "enabled", "disabled"), static=True),
    "rds.3des168": Parameter("enum", ("default", "enabled", "disabled"), static=True),
    "rds.fips": _boolean(static=True),
    "max degree of parallelism": _integer(0, 32_767),
    "cost threshold for parallelism": _integer(0, 32_767),
    "max server memory (mb)": _integer(128, _INT),
    "min server memory (mb)": _integer(0, _INT),
    "optimize for ad hoc workloads": _boolean(),
    "remote login timeout (s)": _integer(0, _INT),
    "user connections": _integer(0, 32_767, static=True),
    "contained database authentication": _boolean(),
}

_FORMULA = re.compile(
    r"\{[\w/*+,.() -]+\}|(GREATEST|LEAST|SUM)\(.+\)|(DBInstanceClassMemory|DBInstanceVCPU)\S*"
)


def known(family: str) -> dict[str, Parameter]:
    """The parameters of a family; nothing for a family that the sandbox doesn't know."""
    if re.fullmatch(r"postgres1[3-7]", family):
        return POSTGRES
    return SQL_SERVER if re.fullmatch(r"sqlserver-(ee|se|ex|web)-1[456]\.0", family) else {}


def takes(parameter: Parameter, value: str) -> bool:
    """Whether a parameter can have the value; formulas are for integers."""
    match parameter.kind:
        case "string":
            return len(value) <= 4096
        case "list":
            return all(each.strip().casefold() in parameter.allowed for each in value.split(","))
        case "integer" if _FORMULA.fullmatch(value):
            return True
        case "integer" if not re.fullmatch(r"-?\d{1,10}", value):
            return False
        case "integer" | "float":
            try:
                found = float(value)
            except ValueError:
                return False
            return float(parameter.allowed[0]) <= found <= float(parameter.allowed[1])
    return value in parameter.allowed


def range_of(parameter: Parameter) -> str:
    """The values that a parameter takes, as RDS writes them."""
    joined = "-" if parameter.kind in ("integer", "float") else ","
    return joined.join(parameter.allowed) or parameter.kind
