"""Who nodes are on Azure: one user-assigned identity a role.

It exists before the nodes, so that what it may read is settled when they boot; a system-assigned
one would begin with the machine and lose that race.
"""

import pulumi
from pulumi_azure_native import managedidentity

from components.parts import IdentityArgs, IdentityPart


class Identity(IdentityPart):
    """Owns the identity and grants it nothing: whoever owns a resource grants access to it."""

    def __init__(
        self, name: str, args: IdentityArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("operationalization:azure:Identity", name, None, opts)
        identity = managedidentity.UserAssignedIdentity(
            name,
            resource_group_name=args.site.resource_group,
            location=args.site.location,
            tags=args.site.tags,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.id = identity.id
        self.name = identity.name
        self.client_id = identity.client_id
        self.principal_id = identity.principal_id
        self.tenant_id = identity.tenant_id
        self.register_outputs(
            {"client_id": self.client_id, "id": self.id, "principal_id": self.principal_id}
        )
