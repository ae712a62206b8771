"""The vault on Azure: secrets that only the node that needs one may read.

Rights are per secret, not per vault: a compute node cannot read the token-signing key. Secrets are
written through the resource manager, because the vault itself answers in the private network
only, where whoever runs `pulumi up` is not.
"""

import uuid
from collections.abc import Mapping

import pulumi
import pulumi_random as random
from pulumi_azure_native import authorization, keyvault

from components.azure.naming import role_definition, subscription
from components.azure.private_endpoint import PrivateEndpoint, PrivateEndpointArgs
from components.parts import SecretStoreArgs, SecretStorePart, StoredSecret, naming
from components.runtimes.node import Role

SECRETS_USER = "4633458b-17de-408a-b874-0445c86b69e6"
"""Built-in role "Key Vault Secrets User": reads values, lists nothing ("Azure built-in roles")."""

LONGEST_NAME = 24
"""Characters of a vault's name, which the whole of Azure shares."""

SUFFIX = 6
RETENTION_DAYS = {True: 90, False: 7}
"""How long a deleted vault can be brought back, by protection; Azure allows 7 to 90."""

_ASSIGNMENTS = uuid.UUID("5c1f1d0e-7f0a-4b57-9d0b-3f3f6c1a2f10")
"""Namespace of the names of our role assignments, which Azure wants to be UUIDs."""


class SecretStore(SecretStorePart):
    """Owns the vault, its secrets, its private endpoint, and who may read what."""

    def __init__(
        self, name: str, args: SecretStoreArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("operationalization:azure:SecretStore", name, None, opts)
        self._name = name
        self._args = args
        vault = self._vault()
        self.id = vault.id
        self.name = vault.name
        self.uri = vault.properties.apply(lambda properties: properties.vault_uri or "")
        PrivateEndpoint(
            f"{name}-endpoint",
            PrivateEndpointArgs(
                site=args.site,
                service_id=vault.id,
                group="vault",
                dns_zone="privatelink.vaultcore.azure.net",
                network=args.network,
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        secrets = {key: self._secret(key, value, vault) for key, value in args.secrets.items()}
        self.secret_names = tuple(sorted(secrets))
        self.grants = self._grants(secrets)
        self.register_outputs({"id": self.id, "name": self.name, "uri": self.uri})

    def _vault(self) -> keyvault.Vault:
        site = self._args.site
        suffix = random.RandomString(
            f"{self._name}-suffix",
            length=SUFFIX,
            special=False,
            upper=False,
            opts=pulumi.ResourceOptions(parent=self),
        )
        # A deleted vault keeps its name for weeks: the suffix lets the environment come back.
        stem = naming.shorten(naming.environment_name(site.stack), LONGEST_NAME - SUFFIX - 1)
        return keyvault.Vault(
            f"{self._name}-vault",
            vault_name=pulumi.Output.concat(stem, "-", suffix.result),
            resource_group_name=site.resource_group,
            location=site.location,
            tags=site.tags,
            properties=keyvault.VaultPropertiesArgs(
                tenant_id=next(iter(self._args.identities.values())).tenant_id,
                sku=keyvault.SkuArgs(family="A", name=keyvault.SkuName.STANDARD),
                enable_rbac_authorization=True,
                enable_soft_delete=True,
                soft_delete_retention_in_days=RETENTION_DAYS[site.protection],
                # Azure refuses `false`: off is to say nothing.
                enable_purge_protection=True if site.protection else None,
                public_network_access="Disabled",
                network_acls=keyvault.NetworkRuleSetArgs(
                    bypass="None", default_action="Deny", ip_rules=[], virtual_network_rules=[]
                ),
            ),
            opts=pulumi.ResourceOptions(
                parent=self,
                protect=site.protection,
                # Azure fixes it with the vault: an environment that is protected later keeps it.
                ignore_changes=["properties.softDeleteRetentionInDays"],
            ),
        )

    def _secret(self, key: str, secret: StoredSecret, vault: keyvault.Vault) -> keyvault.Secret:
        return keyvault.Secret(
            f"{self._name}-{key}",
            resource_group_name=self._args.site.resource_group,
            vault_name=vault.name,
            secret_name=key,
            properties=keyvault.SecretPropertiesArgs(
                value=pulumi.Output.secret(secret.value),
                content_type=secret.content_type,
                attributes=keyvault.SecretAttributesArgs(enabled=True, expires=secret.expires),
            ),
            tags=self._args.site.tags,
            # The resource manager cannot delete a secret, and the vault is closed to us: secrets
            # go when the vault goes.
            opts=pulumi.ResourceOptions(parent=self, retain_on_delete=True),
        )

    def _grants(
        self, secrets: Mapping[str, keyvault.Secret]
    ) -> dict[Role, tuple[pulumi.Resource, ...]]:
        return {
            role: tuple(self._grant(role, key, secrets[key]) for key in keys)
            for role, keys in self._args.readers.items()
        }

    def _grant(self, role: Role, key: str, secret: keyvault.Secret) -> authorization.RoleAssignment:
        principal = self._args.identities[role].principal_id
        assignment = pulumi.Output.all(secret.id, principal).apply(
            lambda found: str(uuid.uuid5(_ASSIGNMENTS, "/".join(found).lower()))
        )
        definition = self._args.site.resource_group_id.apply(
            lambda group: role_definition(subscription(group), SECRETS_USER)
        )
        return authorization.RoleAssignment(
            f"{self._name}-{role}-reads-{key}",
            role_assignment_name=assignment,
            scope=secret.id,
            role_definition_id=definition,
            principal_id=principal,
            # Without it, Azure looks the identity up in a directory that may not know it yet.
            principal_type="ServicePrincipal",
            opts=pulumi.ResourceOptions(parent=self),
        )
