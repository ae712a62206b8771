"""What a managed endpoint stands on. azurerm has neither endpoints nor what is registered."""

import json
from collections.abc import Mapping
from typing import Any

from operations.export.azurerm.common import common, identity
from operations.export.azurerm.network import in_its_parent
from operations.export.parts import Part, Source, Translation, block
from operations.export.reading import Reader

ENABLED = "Enabled"
BLOBS = "azure-native:storage:BlobServiceProperties"


def insights(r: Reader, source: Source) -> list[Part]:
    """Return Application Insights; who asked for it, and over what, goes without saying."""
    r.skip("kind", "flowType", "requestSource", "ingestionMode")
    values = {
        **common(r, source),
        "application_type": r("applicationType"),
        "workspace_id": r("workspaceResourceId"),
        "internet_ingestion_enabled": r("publicNetworkAccessForIngestion", ENABLED) == ENABLED,
        "internet_query_enabled": r("publicNetworkAccessForQuery", ENABLED) == ENABLED,
    }
    return [Part("azurerm_application_insights", values, source.resource.id)]


def account(r: Reader, source: Source) -> list[Part]:
    """Return the account, with what is said of its blobs in a resource of its own."""
    tier, _, replication = r("sku.name", "").partition("_")
    values = {
        **common(r, source),
        "account_kind": r("kind"),
        "account_tier": tier,
        "account_replication_type": replication,
        "access_tier": r("accessTier"),
        "allow_nested_items_to_be_public": r("allowBlobPublicAccess"),
        "cross_tenant_replication_enabled": r("allowCrossTenantReplication"),
        "default_to_oauth_authentication": r("defaultToOAuthAuthentication"),
        "https_traffic_only_enabled": r("enableHttpsTrafficOnly"),
        "min_tls_version": r("minimumTlsVersion"),
        "public_network_access_enabled": r("publicNetworkAccess") == ENABLED,
        "shared_access_key_enabled": r("allowSharedKeyAccess"),
        "network_rules": block(
            bypass=r("networkRuleSet.bypass", "").split(", "),
            default_action=r("networkRuleSet.defaultAction"),
        ),
        "sas_policy": block(
            expiration_action=r("sasPolicy.expirationAction"),
            expiration_period=r("sasPolicy.sasExpirationPeriod"),
        ),
        "blob_properties": [_blobs(Reader(each.inputs)) for each in source.children(BLOBS)],
    }
    return [Part("azurerm_storage_account", values, source.resource.id)]


def _blobs(r: Reader) -> dict[str, Any]:
    return {
        "versioning_enabled": r("isVersioningEnabled"),
        "delete_retention_policy": block(days=r("deleteRetentionPolicy.days")),
        "container_delete_retention_policy": block(days=r("containerDeleteRetentionPolicy.days")),
    }


def container(r: Reader, source: Source) -> list[Part]:
    """Return a container of blobs."""
    r.skip("resourceGroupName", "accountName")
    access = r("publicAccess", "None")
    values = {
        "name": r("containerName"),
        "storage_account_id": source.parent_id(2),
        "container_access_type": "private" if access == "None" else access.lower(),
    }
    return [Part("azurerm_storage_container", values, source.resource.id)]


def registry(r: Reader, source: Source) -> list[Part]:
    """Return the registry."""
    retention = r("policies.retentionPolicy.days")
    kept = r("policies.retentionPolicy.status") == "enabled"
    values = {
        **common(r, source),
        "sku": r("sku.name"),
        "admin_enabled": r("adminUserEnabled"),
        "anonymous_pull_enabled": r("anonymousPullEnabled"),
        "data_endpoint_enabled": r("dataEndpointEnabled"),
        "network_rule_bypass_option": r("networkRuleBypassOptions"),
        "network_rule_set": [
            {"default_action": action} for action in [r("networkRuleSet.defaultAction")] if action
        ],
        "public_network_access_enabled": r("publicNetworkAccess") == ENABLED,
        "zone_redundancy_enabled": r("zoneRedundancy") == ENABLED,
        "retention_policy_in_days": retention if kept else None,
    }
    return [Part("azurerm_container_registry", values, source.resource.id)]


def agents(r: Reader, source: Source) -> list[Part]:
    """Return the machines that build."""
    r.skip("os")
    values = {
        "name": r("agentPoolName"),
        "resource_group_name": r("resourceGroupName"),
        "location": r("location"),
        "container_registry_name": r("registryName"),
        "tier": r("tier"),
        "instance_count": r("count"),
        "virtual_network_subnet_id": r("virtualNetworkSubnetResourceId"),
        "tags": r("tags"),
    }
    return [Part("azurerm_container_registry_agent_pool", values, source.resource.id)]


def run(r: Reader, source: Source) -> list[Part]:
    """Return a run as a task, which azurerm has, and the order to run it now."""
    at = "runRequest"
    r.skip("resourceGroupName", "registryName", "location", f"{at}.type", f"{at}.isArchiveEnabled")
    r.skip(f"{at}.credentials.sourceRegistry")
    settings = {each("name"): each("value") for each in r.each(f"{at}.values")}
    r.skip(f"{at}.values")
    task = {
        "name": r("taskRunName"),
        "container_registry_id": source.parent_id(),
        "timeout_in_seconds": r(f"{at}.timeout"),
        "agent_pool_name": r(f"{at}.agentPoolName"),
        "platform": block(os=r(f"{at}.platform.os"), architecture=r(f"{at}.platform.architecture")),
        "encoded_step": block(task_content=r(f"{at}.encodedTaskContent"), values=settings),
        "identity": [
            {
                "type": r("identity.type"),
                "identity_ids": sorted(r("identity.userAssignedIdentities", {})),
            }
        ],
    }
    return [
        Part("azurerm_container_registry_task", task, source.resource.id),
        Part(
            "azurerm_container_registry_task_schedule_run_now",
            {"container_registry_task_id": source.resource.id},
            "",
            "now",
        ),
    ]


def workspace(r: Reader, source: Source) -> list[Part]:
    """Return the workspace of Azure ML."""
    r.skip("sku.tier")
    values = {
        **common(r, source),
        "kind": r("kind"),
        "sku_name": r("sku.name"),
        "friendly_name": r("friendlyName"),
        "application_insights_id": r("applicationInsights"),
        "container_registry_id": r("containerRegistry"),
        "key_vault_id": r("keyVault"),
        "storage_account_id": r("storageAccount"),
        "public_network_access_enabled": r("publicNetworkAccess") == ENABLED,
        "v1_legacy_mode_enabled": r("v1LegacyMode"),
        "identity": identity(r),
        "managed_network": block(
            isolation_mode=r("managedNetwork.isolationMode"),
            provision_on_creation_enabled=r("provisionNetworkNow"),
        ),
    }
    return [Part("azurerm_machine_learning_workspace", values, source.resource.id)]


def template(r: Reader, source: Source) -> list[Part]:
    """Return the deployment of a template."""
    r.skip("deploymentName")
    values = {
        "name": source.name,
        "resource_group_name": r("resourceGroupName"),
        "deployment_mode": r("properties.mode"),
        "template_content": json.dumps(r("properties.template"), sort_keys=True),
        "tags": r("tags"),
    }
    return [Part("azurerm_resource_group_template_deployment", values, source.resource.id)]


def nowhere(r: Reader, source: Source) -> list[Part]:  # noqa: ARG001
    """Return nothing: azurerm has no resource for it."""
    return []


TYPES: Mapping[str, Translation] = {
    "applicationinsights:Component": insights,
    "containerregistry:AgentPool": agents,
    "containerregistry:Registry": registry,
    "containerregistry:TaskRun": run,
    "machinelearningservices:EnvironmentVersion": nowhere,
    "machinelearningservices:ModelVersion": nowhere,
    "machinelearningservices:OnlineDeployment": nowhere,
    "machinelearningservices:OnlineEndpoint": nowhere,
    "machinelearningservices:Workspace": workspace,
    "resources:Deployment": template,
    "storage:BlobContainer": container,
    "storage:BlobServiceProperties": in_its_parent,
    "storage:StorageAccount": account,
}
