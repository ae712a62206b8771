"""What one cloud's managed PostgreSQL adds to PostgreSQL: its own roles, parameters and limits."""

from collections.abc import Mapping
from dataclasses import dataclass

from sandbox.fabric.database.guest.layout import LOGINS_PORT

OWN_SETTINGS = frozenset(
    {
        "allow_system_table_mods",
        "archive_command",
        "archive_library",
        "archive_mode",
        "config_file",
        "data_directory",
        "data_sync_retry",
        "debug_assertions",
        "event_source",
        "external_pid_file",
        "fsync",
        "full_page_writes",
        "hba_file",
        "huge_pages",
        "ident_file",
        "krb_server_keyfile",
        "listen_addresses",
        "log_destination",
        "log_directory",
        "log_filename",
        "logging_collector",
        "port",
        "recovery_target_timeline",
        "restart_after_crash",
        "restore_command",
        "ssl",
        "ssl_ca_file",
        "ssl_cert_file",
        "ssl_crl_dir",
        "ssl_crl_file",
        "ssl_dh_params_file",
        "ssl_key_file",
        "ssl_passphrase_command",
        "synchronous_standby_names",
        "unix_socket_directories",
        "unix_socket_group",
        "unix_socket_permissions",
        "zero_damaged_pages",
    }
)
"""Parameters that the service sets, and no customer of any cloud."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Product:
    """One cloud's managed PostgreSQL."""

    superuser: str
    """The cloud's own; no client can be it."""
    administrators: str
    """Role whose members administer the server, and which owns its databases."""
    administrators_may: tuple[str, ...]
    """PostgreSQL's predefined roles that the administrators have."""
    directory: tuple[str, ...]
    """Roles that principals of the directory are members of, beside the administrators' one."""
    audiences: tuple[str, ...]
    """What a token must be for, to be taken as a password."""
    transport: str
    """Parameter that decides whether connections without TLS are refused."""
    accepted: str
    """Parameter that says which kinds of passwords logins may have; without it MD5's, too."""
    prefixes: tuple[str, ...]
    """Parameters that mean something to the cloud's service and nothing to PostgreSQL."""
    defaults: Mapping[str, str]
    """Parameters that differ from PostgreSQL's own defaults."""
    token_role: str = ""
    """Role whose members log in with tokens, and with no password any more; "": there is none, it
    is said of each login whether it is one of the directory."""
    logins: tuple[str, int] = ("127.0.0.1", LOGINS_PORT)
    """Who checks tokens, as the server sees it: what runs beside it, or the platform."""
    resolver: str = ""
    """Who answers the server about names (it asks whose the address of *logins* is); "": nobody is
    asked."""
    owned_by_administrator: bool = False
    """Whether databases belong to the administrator's own login, not to *administrators*."""


_DATABASE_RESOURCE = "https://ossrdbms-aad.database.windows.net"

FLEXIBLE_SERVER = Product(
    superuser="azuresu",
    administrators="azure_pg_admin",
    administrators_may=(
        "pg_monitor",
        "pg_read_all_settings",
        "pg_read_all_stats",
        "pg_signal_backend",
        "pg_stat_scan_tables",
    ),
    directory=("azure_ad_user", "azure_ad_admin"),
    audiences=(_DATABASE_RESOURCE, f"{_DATABASE_RESOURCE}/"),
    transport="require_secure_transport",
    accepted="azure.accepted_password_auth_method",
    prefixes=(
        "azure.",
        "azure_storage.",
        "connection_throttle.",
        "index_tuning.",
        "intelligent_tuning.",
        "logfiles.",
        "metrics.",
        "pg_qs.",
        "pgbouncer.",
        "pgms_wait_sampling.",
    ),
    defaults={
        "log_checkpoints": "on",
        "log_connections": "on",
        "log_disconnections": "on",
        "password_encryption": "scram-sha-256",
        "ssl_min_protocol_version": "TLSv1.2",
    },
)
"""Azure Database for PostgreSQL flexible server.

Sources: Azure documentation, "Create users in Azure Database for PostgreSQL", "Microsoft Entra
authentication with Azure Database for PostgreSQL", "Server parameters"
(azure.accepted_password_auth_method has md5 in it by default), "SCRAM authentication in Azure
Database for PostgreSQL", "Secure connectivity with TLS"."""

RDS = Product(
    superuser="rdsadmin",
    administrators="rds_superuser",
    administrators_may=(
        "pg_checkpoint",
        "pg_monitor",
        "pg_signal_backend",
    ),
    directory=("rds_iam", "rds_password", "rds_replication"),
    audiences=(),
    transport="rds.force_ssl",
    accepted="rds.accepted_password_auth_method",
    prefixes=("rds.", "apg_", "aurora", "orafce."),
    defaults={
        "log_checkpoints": "on",
        "log_connections": "on",
        "log_disconnections": "on",
        "password_encryption": "scram-sha-256",
        "ssl_min_protocol_version": "TLSv1.2",
    },
    token_role="rds_iam",  # noqa: S106 (a role)
    logins=("169.254.169.253", LOGINS_PORT),
    resolver="169.254.169.253",
    owned_by_administrator=True,
)
"""Amazon RDS for PostgreSQL.

Sources: Amazon RDS User Guide, "Understanding the rds_superuser role", "Creating a database account
using IAM authentication" (PostgreSQL: GRANT rds_iam; "IAM authentication takes precedence over
password authentication, so the user must log in as an IAM user"), "Using SSL with a PostgreSQL DB
instance" (rds.force_ssl is 1 from version 15 on), "Using SCRAM for PostgreSQL password encryption"
(rds.accepted_password_auth_method is md5+scram by default)."""
