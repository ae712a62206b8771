"""The storage account of the workspace, and the container that models are registered from."""

from dataclasses import dataclass

import pulumi
from pulumi_azure_native import storage

from components.parts import Site

MODELS = "models"
"""Container of an account of our own that models are registered from."""

KEPT_DAYS = 7
"""Days that deleted blobs and containers can be brought back."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StorageArgs:
    """What the account takes."""

    site: Site
    name: pulumi.Output[str]
    private: bool


class Storage(pulumi.ComponentResource):
    """Owns the account; it knows no keys, so whoever reads a model does so as somebody."""

    id: pulumi.Output[str]
    name: pulumi.Output[str]

    def __init__(
        self, name: str, args: StorageArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("operationalization:azure:EndpointStorage", name, None, opts)
        site = args.site
        account = storage.StorageAccount(
            f"{name}-account",
            account_name=args.name,
            resource_group_name=site.resource_group,
            location=site.location,
            tags=site.tags,
            kind=storage.Kind.STORAGE_V2,
            # Of models whose training is repeatable one location has enough; production has two.
            sku=storage.SkuArgs(name="Standard_GRS" if site.protection else "Standard_LRS"),
            access_tier=storage.AccessTier.HOT,
            allow_blob_public_access=False,
            allow_cross_tenant_replication=False,
            allow_shared_key_access=False,
            default_to_o_auth_authentication=True,
            enable_https_traffic_only=True,
            minimum_tls_version="TLS1_2",
            public_network_access="Disabled" if args.private else "Enabled",
            network_rule_set=storage.NetworkRuleSetArgs(
                bypass="AzureServices",
                default_action=(
                    storage.DefaultAction.DENY if args.private else storage.DefaultAction.ALLOW
                ),
            ),
            # No key signs anything here; it holds if somebody lets keys in again.
            sas_policy=storage.SasPolicyArgs(
                expiration_action="Log", sas_expiration_period="1.00:00:00"
            ),
            opts=pulumi.ResourceOptions(parent=self, protect=site.protection),
        )
        storage.BlobServiceProperties(
            f"{name}-blobs",
            account_name=account.name,
            resource_group_name=site.resource_group,
            blob_services_name="default",
            is_versioning_enabled=True,
            delete_retention_policy=storage.DeleteRetentionPolicyArgs(enabled=True, days=KEPT_DAYS),
            container_delete_retention_policy=storage.DeleteRetentionPolicyArgs(
                enabled=True, days=KEPT_DAYS
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.id, self.name = account.id, account.name
        self.register_outputs({"id": self.id, "name": self.name})


def models(
    name: str,
    *,
    resource_group: pulumi.Input[str],
    account: pulumi.Input[str],
    container: pulumi.Input[str],
    parent: pulumi.Resource,
) -> storage.BlobContainer:
    """Declare the container of models in *account*, through the resource manager."""
    return storage.BlobContainer(
        f"{name}-models",
        resource_group_name=resource_group,
        account_name=account,
        container_name=container,
        public_access=storage.PublicAccess.NONE,
        opts=pulumi.ResourceOptions(parent=parent),
    )
