"""Azure SQL Database, for the runtimes that use SQL Server."""

from typing import Final

import pulumi
from pulumi_azure_native import sql

from components.parts import DatabaseArgs

MASTER = "breakglass"
GIB = 2**30


class SqlServer:
    """Makes the logical server and the database on it as children of the database component.

    SQL logins stay on: the R Server family logs in with a user and password (facts.md section 10).
    Data is encrypted at rest by the service itself, with keys that it keeps.
    """

    ENDPOINT_GROUP: Final = "sqlServer"
    DNS_ZONE: Final = "privatelink.database.windows.net"

    def __init__(
        self, name: str, args: DatabaseArgs, protect: bool, parent: pulumi.Resource
    ) -> None:
        self._name = name
        self._args = args
        self._kept = pulumi.ResourceOptions(parent=parent, protect=protect)
        self._child = pulumi.ResourceOptions(parent=parent)
        server = self._server()
        database = self._database(server)
        self._retention(server, database)
        self._auditing(server)
        self.id = server.id
        self.server_name = server.name
        self.host = server.fully_qualified_domain_name
        self.last: pulumi.Resource = database

    def _server(self) -> sql.Server:
        site, owner = self._args.site, self._args.owner
        return sql.Server(
            f"{self._name}-server",
            resource_group_name=site.resource_group,
            location=site.location,
            tags=site.tags,
            version=self._args.settings.version,
            administrator_login=MASTER,
            administrator_login_password=self._args.master_password,
            administrators=sql.ServerExternalAdministratorArgs(
                administrator_type="ActiveDirectory",
                azure_ad_only_authentication=False,
                principal_type="Application",
                login=owner.name,
                # For an application this is the client id, not the object id (`az sql server
                # create`, --external-admin-sid).
                sid=owner.client_id,
                tenant_id=owner.tenant_id,
            ),
            minimal_tls_version="1.2",
            public_network_access="Disabled",
            restrict_outbound_network_access="Enabled",
            opts=self._kept,
        )

    def _database(self, server: sql.Server) -> sql.Database:
        site, settings = self._args.site, self._args.settings
        return sql.Database(
            f"{self._name}-database",
            resource_group_name=site.resource_group,
            location=site.location,
            tags=site.tags,
            server_name=server.name,
            database_name=settings.name,
            sku=sql.SkuArgs(name=settings.size, tier="GeneralPurpose"),
            max_size_bytes=float(settings.storage * GIB),
            zone_redundant=settings.high_availability,
            requested_backup_storage_redundancy=(
                "Geo" if settings.geo_redundant_backup else "Local"
            ),
            opts=self._kept,
        )

    def _retention(self, server: sql.Server, database: sql.Database) -> None:
        sql.BackupShortTermRetentionPolicy(
            f"{self._name}-retention",
            resource_group_name=self._args.site.resource_group,
            server_name=server.name,
            database_name=database.name,
            policy_name="default",
            retention_days=self._args.settings.backup_retention_days,
            opts=self._child,
        )

    def _auditing(self, server: sql.Server) -> None:
        sql.ExtendedServerBlobAuditingPolicy(
            f"{self._name}-auditing",
            resource_group_name=self._args.site.resource_group,
            server_name=server.name,
            blob_auditing_policy_name="default",
            state=sql.BlobAuditingPolicyState.ENABLED,
            # To the workspace that the diagnostic setting of `monitoring` names.
            is_azure_monitor_target_enabled=True,
            opts=self._child,
        )
