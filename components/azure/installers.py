"""The nodes' right to read installers out of a private storage account of the user's.

The account, its network rules and its files are the user's; the environment reads, and nothing
else. What is public needs no right.
"""

import uuid

import pulumi
from pulumi_azure_native import authorization

from components.azure.naming import role_definition, subscription
from components.parts import InstallersArgs, InstallersPart
from components.runtimes.node import Role

BLOB_READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
"""Built-in role "Storage Blob Data Reader" ("Azure built-in roles")."""

_ASSIGNMENTS = uuid.UUID("e0c56a76-2f0d-4d0c-9a1b-6a7b5a0f8f4e")
"""Namespace of the names of these assignments, which Azure wants to be UUIDs."""


class Installers(InstallersPart):
    """Owns a role assignment a role of nodes, on the account as a whole: its files have no ids."""

    def __init__(
        self, name: str, args: InstallersArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("operationalization:azure:Installers", name, None, opts)
        self._name = name
        self._args = args
        store = args.store
        self.grants = {role: (self._grant(role, store),) for role in args.identities if store}
        self.register_outputs({})

    def _grant(self, role: Role, store: str) -> pulumi.Resource:
        principal = self._args.identities[role].principal_id
        return authorization.RoleAssignment(
            f"{self._name}-{role}-reads",
            role_assignment_name=principal.apply(
                lambda found: str(uuid.uuid5(_ASSIGNMENTS, f"{store}/{found}".lower()))
            ),
            scope=store,
            role_definition_id=role_definition(subscription(store), BLOB_READER),
            principal_id=principal,
            # Without it, Azure looks the identity up in a directory that may not know it yet.
            principal_type="ServicePrincipal",
            opts=pulumi.ResourceOptions(parent=self),
        )
