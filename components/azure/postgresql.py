"""Azure Database for PostgreSQL, flexible server.

A server takes one change at a time and refuses a second one while it works, so that everything on
it is made in a chain.
"""

from collections.abc import Mapping
from typing import Final

import pulumi
from pulumi_azure_native import dbforpostgresql

from components.parts import DatabaseArgs

TIERS: Mapping[str, str] = {"B": "Burstable", "D": "GeneralPurpose", "E": "MemoryOptimized"}
"""Tier by the first letter of a size's family."""

MASTER = "breakglass"
"""Login of the server's first administrator. Its password is in the vault for a person; no node
may read it, and everything else is done by the web nodes' identity."""

CONFIGURATION: Mapping[str, str] = {
    "require_secure_transport": "on",
    "ssl_min_protocol_version": "TLSv1.2",
    "connection_throttle.enable": "on",
    "log_checkpoints": "on",
    "log_connections": "on",
    "log_disconnections": "on",
}
"""Server parameters that must not depend on Azure's defaults."""


BROUGHT: Final = (
    "administratorLogin",
    "administratorLoginPassword",
    "createMode",
    "pointInTimeUTC",
    "sourceServerResourceId",
)
"""What a server that began with a backup is made with once, and never again."""


class PostgreSql:
    """Makes the server and what is on it as children of the database component."""

    ENDPOINT_GROUP: Final = "postgresqlServer"
    DNS_ZONE: Final = "privatelink.postgres.database.azure.com"

    def __init__(
        self, name: str, args: DatabaseArgs, protect: bool, parent: pulumi.Resource
    ) -> None:
        self._name = name
        self._args = args
        self._protect = protect
        self._parent = parent
        server = self._server()
        self.id = server.id
        self.server_name = server.name
        self.host = server.fully_qualified_domain_name
        last: pulumi.Resource = server
        for key, value in CONFIGURATION.items():
            last = self._configuration(server, key, value, last)
        if not args.suffix:
            # Azure refuses to make what a backup has brought.
            last = self._database(server, last)
        self.last: pulumi.Resource = self._owner(server, last)

    def _server(self) -> dbforpostgresql.Server:
        site, settings, origin = self._args.site, self._args.settings, self._args.origin
        return dbforpostgresql.Server(
            f"{self._name}-server",
            resource_group_name=site.resource_group,
            location=site.location,
            tags=site.tags,
            version=settings.version,
            sku=dbforpostgresql.SkuArgs(
                name=settings.size, tier=TIERS[settings.size.removeprefix("Standard_")[0]]
            ),
            storage=dbforpostgresql.StorageArgs(
                storage_size_gb=settings.storage, auto_grow="Enabled"
            ),
            backup=dbforpostgresql.BackupArgs(
                backup_retention_days=settings.backup_retention_days,
                geo_redundant_backup="Enabled" if settings.geo_redundant_backup else "Disabled",
            ),
            high_availability=dbforpostgresql.HighAvailabilityArgs(
                mode="ZoneRedundant" if settings.high_availability else "Disabled"
            ),
            network=dbforpostgresql.NetworkArgs(public_network_access="Disabled"),
            auth_config=dbforpostgresql.AuthConfigArgs(
                active_directory_auth=dbforpostgresql.MicrosoftEntraAuth.ENABLED,
                password_auth=dbforpostgresql.PasswordBasedAuth.ENABLED,
                tenant_id=self._args.owner.tenant_id,
            ),
            # A backup brings its login, with its password.
            administrator_login=None if origin else MASTER,
            administrator_login_password=None if origin else self._args.master_password,
            create_mode="PointInTimeRestore" if origin else None,
            source_server_resource_id=origin.part.id if origin else None,
            point_in_time_utc=origin.moment if origin else None,
            opts=pulumi.ResourceOptions(
                parent=self._parent,
                protect=self._protect,
                # The server grows its storage and cannot shrink it: the setting is where it began.
                ignore_changes=[
                    "storage.storageSizeGB",
                    *(BROUGHT if self._args.suffix else ()),
                ],
            ),
        )

    def _configuration(
        self, server: dbforpostgresql.Server, key: str, value: str, after: pulumi.Resource
    ) -> dbforpostgresql.Configuration:
        return dbforpostgresql.Configuration(
            f"{self._name}-{key.replace('.', '-').replace('_', '-')}",
            resource_group_name=self._args.site.resource_group,
            server_name=server.name,
            configuration_name=key,
            value=value,
            source="user-override",
            opts=self._on(server, after),
        )

    def _database(
        self, server: dbforpostgresql.Server, after: pulumi.Resource
    ) -> dbforpostgresql.Database:
        return dbforpostgresql.Database(
            f"{self._name}-database",
            resource_group_name=self._args.site.resource_group,
            server_name=server.name,
            database_name=self._args.settings.name,
            charset="UTF8",
            collation="en_US.utf8",
            opts=pulumi.ResourceOptions(
                parent=self._parent, depends_on=[after], protect=self._protect
            ),
        )

    def _owner(
        self, server: dbforpostgresql.Server, after: pulumi.Resource
    ) -> dbforpostgresql.Administrator:
        owner = self._args.owner
        return dbforpostgresql.Administrator(
            f"{self._name}-owner",
            resource_group_name=self._args.site.resource_group,
            server_name=server.name,
            object_id=owner.principal_id,
            principal_name=owner.name,
            principal_type=dbforpostgresql.PrincipalType.SERVICE_PRINCIPAL,
            tenant_id=owner.tenant_id,
            opts=self._on(server, after),
        )

    def _on(self, server: dbforpostgresql.Server, after: pulumi.Resource) -> pulumi.ResourceOptions:
        """Options of what has no life without the server and is made after *after*."""
        return pulumi.ResourceOptions(parent=self._parent, depends_on=[after], deleted_with=server)
