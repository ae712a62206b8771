"""Databases and the vault."""

from collections.abc import Mapping

from operations.export.azurerm.common import common
from operations.export.azurerm.network import in_its_parent
from operations.export.parts import Part, Source, Translation, block
from operations.export.reading import Reader

ENABLED = "Enabled"
RETENTION = "azure-native:sql:BackupShortTermRetentionPolicy"
TIERS: Mapping[str, str] = {"Burstable": "B", "GeneralPurpose": "GP", "MemoryOptimized": "MO"}
"""azurerm puts a PostgreSQL server's tier before its size: `GP_Standard_D4ds_v5`."""


def postgresql_server(r: Reader, source: Source) -> list[Part]:
    """Return the server."""
    tier = r("sku.tier", "")
    values = {
        **common(r, source),
        "version": r("version"),
        "sku_name": f"{TIERS.get(tier, tier)}_{r('sku.name')}",
        "zone": r("availabilityZone") or None,
        "administrator_login": r("administratorLogin"),
        "administrator_password": r("administratorLoginPassword"),
        "storage_mb": r("storage.storageSizeGB", 0) * 1024,
        "auto_grow_enabled": r("storage.autoGrow") == ENABLED,
        "backup_retention_days": r("backup.backupRetentionDays"),
        "geo_redundant_backup_enabled": r("backup.geoRedundantBackup") == ENABLED,
        "public_network_access_enabled": r("network.publicNetworkAccess") == ENABLED,
        "high_availability": [
            each
            for each in block(
                mode=r("highAvailability.mode"),
                standby_availability_zone=r("highAvailability.standbyAvailabilityZone") or None,
            )
            if each["mode"] != "Disabled"
        ],
        "authentication": block(
            active_directory_auth_enabled=r("authConfig.activeDirectoryAuth") == ENABLED,
            password_auth_enabled=r("authConfig.passwordAuth") == ENABLED,
            tenant_id=r("authConfig.tenantId"),
        ),
    }
    return [Part("azurerm_postgresql_flexible_server", values, source.resource.id)]


def postgresql_setting(r: Reader, source: Source) -> list[Part]:
    """Return one setting of a server; that a user made it goes without saying."""
    r.skip("source", "resourceGroupName", "serverName")
    values = {
        "name": r("configurationName"),
        "value": r("value"),
        "server_id": source.parent_id(),
    }
    return [Part("azurerm_postgresql_flexible_server_configuration", values, source.resource.id)]


def postgresql_database(r: Reader, source: Source) -> list[Part]:
    """Return a database on a server."""
    r.skip("resourceGroupName", "serverName")
    values = {
        "name": r("databaseName"),
        "charset": r("charset"),
        "collation": r("collation"),
        "server_id": source.parent_id(),
    }
    return [Part("azurerm_postgresql_flexible_server_database", values, source.resource.id)]


def postgresql_administrator(r: Reader, source: Source) -> list[Part]:
    """Return an administrator from the directory."""
    kind = r("principalType", "")
    values = {
        "resource_group_name": r("resourceGroupName"),
        "server_name": r("serverName"),
        "object_id": r("objectId"),
        "principal_name": r("principalName"),
        "principal_type": kind[:1].upper() + kind[1:],
        "tenant_id": r("tenantId"),
    }
    name = "azurerm_postgresql_flexible_server_active_directory_administrator"
    return [Part(name, values, source.resource.id)]


def vault(r: Reader, source: Source) -> list[Part]:
    """Return the vault; soft deletion can no more be switched off."""
    at = "properties"
    r.skip(f"{at}.enableSoftDelete", f"{at}.sku.family")
    values = {
        **common(r, source),
        "sku_name": r(f"{at}.sku.name"),
        "tenant_id": r(f"{at}.tenantId"),
        "rbac_authorization_enabled": r(f"{at}.enableRbacAuthorization"),
        "purge_protection_enabled": bool(r(f"{at}.enablePurgeProtection")),
        "soft_delete_retention_days": r(f"{at}.softDeleteRetentionInDays"),
        "public_network_access_enabled": r(f"{at}.publicNetworkAccess") == ENABLED,
        "enabled_for_deployment": r(f"{at}.enabledForDeployment"),
        "enabled_for_disk_encryption": r(f"{at}.enabledForDiskEncryption"),
        "enabled_for_template_deployment": r(f"{at}.enabledForTemplateDeployment"),
        "network_acls": block(
            bypass=r(f"{at}.networkAcls.bypass"),
            default_action=r(f"{at}.networkAcls.defaultAction"),
            ip_rules=[each("value") for each in r.each(f"{at}.networkAcls.ipRules")],
            virtual_network_subnet_ids=[
                each("id") for each in r.each(f"{at}.networkAcls.virtualNetworkRules")
            ],
        ),
    }
    return [Part("azurerm_key_vault", values, source.resource.id)]


def vault_secret(r: Reader, source: Source) -> list[Part]:
    """Return a secret of a vault. azurerm's are enabled always."""
    r.skip("resourceGroupName", "vaultName", "properties.attributes.enabled")
    values = {
        "name": r("secretName"),
        "key_vault_id": source.parent_id(),
        "value": r("properties.value"),
        "content_type": r("properties.contentType"),
        "expiration_date": r("properties.attributes.expires"),
        "not_before_date": r("properties.attributes.notBefore"),
        "tags": r("tags"),
    }
    return [Part("azurerm_key_vault_secret", values, source.resource.id)]


def sql_server(r: Reader, source: Source) -> list[Part]:
    """Return the server."""
    r.skip("administrators.administratorType", "administrators.principalType")
    values = {
        **common(r, source),
        "version": r("version"),
        "administrator_login": r("administratorLogin"),
        "administrator_login_password": r("administratorLoginPassword"),
        "minimum_tls_version": r("minimalTlsVersion"),
        "public_network_access_enabled": r("publicNetworkAccess") == ENABLED,
        "outbound_network_restriction_enabled": r("restrictOutboundNetworkAccess") == ENABLED,
        "azuread_administrator": block(
            login_username=r("administrators.login"),
            object_id=r("administrators.sid"),
            tenant_id=r("administrators.tenantId"),
            azuread_authentication_only=r("administrators.azureADOnlyAuthentication"),
        ),
    }
    return [Part("azurerm_mssql_server", values, source.resource.id)]


def sql_database(r: Reader, source: Source) -> list[Part]:
    """Return the database, with the retention that is a resource of its own in Azure."""
    r.skip("resourceGroupName", "serverName", "location", "sku.tier")
    values = {
        "name": r("databaseName"),
        "server_id": source.parent_id(),
        "sku_name": r("sku.name"),
        "max_size_gb": r("maxSizeBytes", 0) // 1024**3,
        "zone_redundant": r("zoneRedundant"),
        "storage_account_type": r("requestedBackupStorageRedundancy"),
        "tags": r("tags"),
        "short_term_retention_policy": [
            {"retention_days": each.inputs.get("retentionDays")}
            for each in source.children(RETENTION)
        ],
    }
    return [Part("azurerm_mssql_database", values, source.resource.id)]


def sql_auditing(r: Reader, source: Source) -> list[Part]:
    """Return the auditing of a server."""
    r.skip("resourceGroupName", "serverName", "blobAuditingPolicyName")
    values = {
        "server_id": source.parent_id(),
        "enabled": r("state") == ENABLED,
        "log_monitoring_enabled": r("isAzureMonitorTargetEnabled"),
    }
    return [Part("azurerm_mssql_server_extended_auditing_policy", values, source.resource.id)]


TYPES: Mapping[str, Translation] = {
    "dbforpostgresql:Administrator": postgresql_administrator,
    "dbforpostgresql:Configuration": postgresql_setting,
    "dbforpostgresql:Database": postgresql_database,
    "dbforpostgresql:Server": postgresql_server,
    "keyvault:Secret": vault_secret,
    "keyvault:Vault": vault,
    "sql:BackupShortTermRetentionPolicy": in_its_parent,
    "sql:Database": sql_database,
    "sql:ExtendedServerBlobAuditingPolicy": sql_auditing,
    "sql:Server": sql_server,
}
