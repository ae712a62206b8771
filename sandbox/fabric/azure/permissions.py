"""Who may do what with data: role assignments (Azure RBAC) and access policies of vaults.

Sources: Azure documentation, "Azure built-in roles for Security" (data actions of the Key Vault
roles), "Azure built-in roles for Storage", "Understand Azure role definitions" (wildcards;
NotDataActions are taken from DataActions of the same role), "Understand scope for Azure RBAC" (an
assignment holds below its scope), "Assign a Key Vault access policy".
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from sandbox.control import ids
from sandbox.control.azure.authorization import ASSIGNMENT, DEFINITION
from sandbox.control.kinds import Record, World
from sandbox.control.reading import elements, text, texts

GET_SECRET = "Microsoft.KeyVault/vaults/secrets/getSecret/action"  # noqa: S105 (an action)
READ_METADATA = "Microsoft.KeyVault/vaults/secrets/readMetadata/action"
READ_BLOB = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read"

BUILT_IN_DATA_ACTIONS = {
    # Key Vault Administrator
    "00482a5a-887f-4fb3-b363-3b7fe8e74483": ("Microsoft.KeyVault/vaults/*",),
    # Key Vault Secrets User
    "4633458b-17de-408a-b874-0445c86b69e6": (GET_SECRET, READ_METADATA),
    # Key Vault Secrets Officer
    "b86a8fe4-44ce-4948-aee5-eccb2c155cd7": ("Microsoft.KeyVault/vaults/secrets/*",),
    # Key Vault Reader
    "21090545-7ca7-4776-b22c-e363652d74d2": ("Microsoft.KeyVault/vaults/*/read", READ_METADATA),
    # Key Vault Certificate User
    "db79e9a7-68ee-4b58-9aeb-b90e7c24fcba": (
        "Microsoft.KeyVault/vaults/certificates/read",
        GET_SECRET,
        READ_METADATA,
        "Microsoft.KeyVault/vaults/keys/read",
    ),
    # Storage Blob Data Reader, Contributor, Owner
    "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1": (READ_BLOB,),
    "ba92f5b4-2d11-453d-a403-e96b0029c9fe": (READ_BLOB,),
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": (READ_BLOB,),
}
"""Role id -> data actions. Every other built-in role that the sandbox knows reads no data: also
Owner and Contributor manage a vault and an account, and don't see what is in them."""

_POLICY_WORDS = {GET_SECRET: "get", READ_METADATA: "list"}


def allowed(world: World, principal_id: str, scope_id: str, data_action: str) -> bool:
    """Whether role assignments at *scope_id*, or at something above it, allow the action."""
    principal = principal_id.casefold()
    return any(
        _role_allows(world, _role(assignment), data_action)
        for assignment in _assignments(world, scope_id)
        if (text(assignment.inputs, "principalId") or "").casefold() == principal
    )


def allowed_by_policy(vault: Record, principal_id: str, data_action: str) -> bool:
    """Whether an access policy of the vault allows the action (vaults without RBAC)."""
    wanted = _POLICY_WORDS.get(data_action, "")
    for _, policy in elements(vault.inputs, "properties.accessPolicies"):
        if (text(policy, "objectId") or "").casefold() == principal_id.casefold():
            words = {word.casefold() for _, word in texts(policy, "permissions.secrets[*]")}
            if words & {wanted, "all"}:
                return True
    return False


def _assignments(world: World, scope_id: str) -> Iterator[Record]:
    for scope in (scope_id, *ids.ancestors(scope_id)):
        for child in world.children(scope):
            if child.type == ASSIGNMENT:
                yield child


def _role(assignment: Record) -> str:
    return ids.name_of(text(assignment.inputs, "roleDefinitionId") or "")


def _role_allows(world: World, role: str, action: str) -> bool:
    if (known := BUILT_IN_DATA_ACTIONS.get(role.casefold())) is not None:
        return _covers(known, action)
    return any(
        _covers(_written(permission, "dataActions"), action)
        and not _covers(_written(permission, "notDataActions"), action)
        for definition in world.of(DEFINITION)
        if ids.name_of(definition.id).casefold() == role.casefold()
        for _, permission in elements(definition.inputs, "permissions")
    )


def _written(permission: object, name: str) -> tuple[str, ...]:
    return tuple(action for _, action in texts(permission, f"{name}[*]"))


def _covers(patterns: tuple[str, ...], action: str) -> bool:
    return any(_pattern(pattern).fullmatch(action) for pattern in patterns)


@lru_cache(maxsize=256)
def _pattern(written: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, written.split("*"))), re.IGNORECASE)
