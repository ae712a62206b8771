"""The Azure ML workspace: a new one with all that it needs, or one that is there already.

A new one is itself to Azure: its system-assigned identity gets its rights on storage, vault and
registry from the service, which names those assignments, so that ours could only collide with them
("Set up authentication between Azure Machine Learning and other services", identity types).
"""

import re
from dataclasses import dataclass
from typing import NamedTuple

import pulumi
from pulumi_azure_native import keyvault, machinelearningservices

from components.azure.managed_endpoint import storage
from components.azure.managed_endpoint.names import Names
from components.azure.managed_endpoint.registry import Registry, RegistryArgs
from components.azure.managed_endpoint.storage import Storage, StorageArgs
from components.azure.secrets import RETENTION_DAYS
from components.parts import Site

SERVER = ".azurecr.io"
"""Domain of registries; their login server is name and domain ("Registry concepts")."""

_RESOURCE_ID = re.compile(
    r"/subscriptions/(?P<subscription>[^/]+)/resourceGroups/(?P<group>[^/]+)"
    r"/providers/[^/]+/[^/]+/(?P<name>[^/]+)",
    re.IGNORECASE,
)


class ResourceName(NamedTuple):
    """What Azure's own calls want apart of an id."""

    group: str
    name: str


def resource_name(text: str) -> ResourceName:
    """Return group and name of the resource with id *text*.

    Raises ValueError for any other text.
    """
    found = _RESOURCE_ID.fullmatch(text)
    if not found:
        raise ValueError(f"{text!r} is not the id of a resource in a resource group of Azure")
    return ResourceName(found["group"], found["name"])


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkspaceArgs:
    """What a new workspace takes."""

    site: Site
    names: Names
    tenant_id: pulumi.Output[str]
    insights_id: pulumi.Output[str]
    private: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class ExistingWorkspaceArgs:
    """What joining a workspace takes."""

    workspace_id: str
    names: Names
    provider: pulumi.ProviderResource


class Workspace(pulumi.ComponentResource):
    """A workspace, and where its images and models are."""

    id: pulumi.Output[str]
    name: pulumi.Output[str]
    resource_group: pulumi.Output[str]
    registry_id: pulumi.Output[str]
    registry_name: pulumi.Output[str]
    registry_group: pulumi.Output[str]
    storage_id: pulumi.Output[str]
    storage_name: pulumi.Output[str]
    models_id: pulumi.Output[str]
    """Of the container of models."""

    models_container: pulumi.Output[str]
    own: pulumi.Output[str] | None = None
    """What tells our names from others', where the workspace is not ours alone."""

    vault_id: pulumi.Output[str] | None = None
    """Of a vault that is ours."""

    @property
    def login_server(self) -> pulumi.Output[str]:
        """What the registry's images are named after."""
        return pulumi.Output.concat(self.registry_name, SERVER)

    def _outputs(self) -> None:
        self.register_outputs({"id": self.id, "name": self.name})


class NewWorkspace(Workspace):
    """Owns the workspace with its storage, vault and registry."""

    def __init__(
        self, name: str, args: WorkspaceArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("operationalization:azure:Workspace", name, None, opts)
        site, child = args.site, pulumi.ResourceOptions(parent=self)
        account = Storage(
            f"{name}-storage",
            StorageArgs(site=site, name=args.names.plain, private=args.private),
            child,
        )
        registry = Registry(
            f"{name}-registry",
            RegistryArgs(site=site, name=args.names.plain, private=args.private),
            child,
        )
        vault = _vault(name, args, self)
        workspace = machinelearningservices.Workspace(
            f"{name}-workspace",
            workspace_name=args.names.endpoint,
            resource_group_name=site.resource_group,
            location=site.location,
            tags=site.tags,
            kind="Default",
            sku=machinelearningservices.SkuArgs(
                name="Basic", tier=machinelearningservices.SkuTier.BASIC
            ),
            identity=machinelearningservices.ManagedServiceIdentityArgs(type="SystemAssigned"),
            friendly_name=site.stack,
            storage_account=account.id,
            key_vault=vault.id,
            container_registry=registry.id,
            application_insights=args.insights_id,
            public_network_access="Disabled" if args.private else "Enabled",
            # The account knows no keys: the workspace's datastores are entered as somebody, too.
            system_datastores_auth_mode="Identity",
            v1_legacy_mode=False,
            managed_network=machinelearningservices.ManagedNetworkSettingsArgs(
                isolation_mode="AllowOnlyApprovedOutbound" if args.private else "Disabled"
            ),
            # Without it, the first deployment waits for the network, and may give up.
            provision_network_now=True if args.private else None,
            opts=pulumi.ResourceOptions(parent=self, protect=site.protection),
        )
        self.id, self.name = workspace.id, workspace.name
        self.resource_group = self.registry_group = site.resource_group
        self.registry_id, self.registry_name = registry.id, registry.name
        self.storage_id, self.storage_name = account.id, account.name
        self.vault_id = vault.id
        self.models_container = pulumi.Output.from_input(storage.MODELS)
        self.models_id = storage.models(
            name,
            resource_group=site.resource_group,
            account=account.name,
            container=self.models_container,
            parent=self,
        ).id
        self._outputs()


class ExistingWorkspace(Workspace):
    """A workspace of somebody else: ours is the container of models in its account."""

    def __init__(
        self, name: str, args: ExistingWorkspaceArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("operationalization:azure:Workspace", name, None, opts)
        given = resource_name(args.workspace_id)
        found = machinelearningservices.get_workspace_output(
            resource_group_name=given.group,
            workspace_name=given.name,
            opts=pulumi.InvokeOutputOptions(parent=self, provider=args.provider),
        )
        self.id = found.apply(lambda workspace: workspace.id)
        self.name = found.apply(lambda workspace: workspace.name)
        self.resource_group = pulumi.Output.from_input(given.group)
        self.registry_id = found.apply(
            lambda workspace: _part(workspace.container_registry, "container registry", given)
        )
        self.storage_id = found.apply(
            lambda workspace: _part(workspace.storage_account, "storage account", given)
        )
        self.registry_name = self.registry_id.apply(lambda text: resource_name(text).name)
        self.registry_group = self.registry_id.apply(lambda text: resource_name(text).group)
        self.storage_name = self.storage_id.apply(lambda text: resource_name(text).name)
        # Another environment may be here as well, even with the same model.
        self.own = self.models_container = args.names.endpoint
        self.models_id = storage.models(
            name,
            resource_group=self.storage_id.apply(lambda text: resource_name(text).group),
            account=self.storage_name,
            container=self.models_container,
            parent=self,
        ).id
        self._outputs()


def _part(text: str | None, what: str, workspace: ResourceName) -> str:
    """Return the id of what an existing workspace must have: registries come late to some."""
    if not text:
        raise pulumi.RunError(
            f"azure: workspace {workspace.name} has no {what}\n"
            f"  fix: attach one: az ml workspace update --name {workspace.name} "
            f"--resource-group {workspace.group}, or leave workspace.existing out"
        )
    return text


def _vault(name: str, args: WorkspaceArgs, parent: pulumi.Resource) -> keyvault.Vault:
    """Declare the workspace's vault: connections of the workspace, and none of ours, are in it."""
    site = args.site
    return keyvault.Vault(
        f"{name}-vault",
        vault_name=args.names.vault,
        resource_group_name=site.resource_group,
        location=site.location,
        tags=site.tags,
        properties=keyvault.VaultPropertiesArgs(
            tenant_id=args.tenant_id,
            sku=keyvault.SkuArgs(family="A", name=keyvault.SkuName.STANDARD),
            enable_rbac_authorization=True,
            enable_soft_delete=True,
            soft_delete_retention_in_days=RETENTION_DAYS[site.protection],
            # Azure refuses `false`: off is to say nothing.
            enable_purge_protection=True if site.protection else None,
            public_network_access="Disabled",
            # The workspace is one of the services that Key Vault lets pass all the same.
            network_acls=keyvault.NetworkRuleSetArgs(
                bypass="AzureServices",
                default_action="Deny",
                ip_rules=[],
                virtual_network_rules=[],
            ),
        ),
        opts=pulumi.ResourceOptions(
            parent=parent,
            protect=site.protection,
            # Azure fixes it with the vault: an environment that is protected later keeps it.
            ignore_changes=["properties.softDeleteRetentionInDays"],
        ),
    )
