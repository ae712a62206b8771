"""Who may do what: one role on one resource, for identities that exist before they need it.

The grants are dependencies of what uses them: an instance that starts pulls its image and loads its
model at once, and Azure ML gives up on one that may not ("How to access Azure resources from your
online endpoint with a managed identity", user-assigned).
"""

import uuid
from typing import Final

import pulumi
from pulumi_azure_native import authorization

from components.azure.naming import role_definition, subscription

ACR_PULL: Final = "7f951dda-4ed3-4680-a7ca-43fe172d538d"
"""Built-in role "AcrPull": pulls images, and nothing else ("Azure built-in roles")."""

BLOB_READER: Final = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
"""Built-in role "Storage Blob Data Reader"."""

BLOB_CONTRIBUTOR: Final = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
"""Built-in role "Storage Blob Data Contributor"."""

_ASSIGNMENTS: Final = uuid.UUID("9b0f6c1e-5b0c-4d5c-8f5f-1f6d0a8f7b24")
"""Namespace of the names of these assignments, which Azure wants to be UUIDs."""


def grant(
    name: str,
    *,
    role: str,
    scope: pulumi.Output[str],
    principal: pulumi.Output[str],
    parent: pulumi.Resource,
) -> authorization.RoleAssignment:
    """Give *principal* the built-in *role* on *scope*."""
    return authorization.RoleAssignment(
        name,
        role_assignment_name=pulumi.Output.all(scope, principal).apply(
            lambda found: str(uuid.uuid5(_ASSIGNMENTS, "/".join((*found, role)).lower()))
        ),
        scope=scope,
        role_definition_id=scope.apply(lambda target: role_definition(subscription(target), role)),
        principal_id=principal,
        # Without it, Azure looks the identity up in a directory that may not know it yet.
        principal_type="ServicePrincipal",
        opts=pulumi.ResourceOptions(parent=parent),
    )
