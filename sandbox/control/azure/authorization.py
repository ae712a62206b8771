"""Role assignments and role definitions (Microsoft.Authorization).

Sources: Azure documentation, "Azure built-in roles", "Assign Azure roles using the REST API",
"Troubleshoot Azure RBAC", and azure-native's provider/pkg/gen/replacement.go.
"""

import re
from collections.abc import Iterator

from sandbox.control.azure.arm import name_of, not_emulated, one_of, same, unchangeable
from sandbox.control.azure.managed_identities import is_principal
from sandbox.control.kinds import (
    Call,
    Context,
    Function,
    Kind,
    Name,
    Naming,
    Outputs,
    Problem,
    Values,
    World,
)
from sandbox.control.reading import present, text, texts

ASSIGNMENT = "azure-native:authorization:RoleAssignment"
DEFINITION = "azure-native:authorization:RoleDefinition"

BUILT_IN_ROLES = {
    "8e3af657-a8ff-443c-a75c-2fe8c4bcb635": "Owner",
    "b24988ac-6180-42a0-ab88-20f7382dd24c": "Contributor",
    "acdd72a7-3385-48ef-bd42-f606fba81ae7": "Reader",
    "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9": "User Access Administrator",
    "00482a5a-887f-4fb3-b363-3b7fe8e74483": "Key Vault Administrator",
    "4633458b-17de-408a-b874-0445c86b69e6": "Key Vault Secrets User",
    "b86a8fe4-44ce-4948-aee5-eccb2c155cd7": "Key Vault Secrets Officer",
    "a4417e6f-fecd-4de8-b567-7b0420556985": "Key Vault Certificates Officer",
    "db79e9a7-68ee-4b58-9aeb-b90e7c24fcba": "Key Vault Certificate User",
    "14b46e9e-c2b7-41b4-b07b-48a6ebf60603": "Key Vault Crypto Officer",
    "12338af0-0e69-4776-bea7-57ae8d297424": "Key Vault Crypto User",
    "21090545-7ca7-4776-b22c-e363652d74d2": "Key Vault Reader",
    "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1": "Storage Blob Data Reader",
    "ba92f5b4-2d11-453d-a403-e96b0029c9fe": "Storage Blob Data Contributor",
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": "Storage Blob Data Owner",
    "9980e02c-c2be-4d73-94e8-173b1dc7cf3c": "Virtual Machine Contributor",
    "4d97b98b-1d4f-4787-a291-c67834d212e7": "Network Contributor",
    "f1a07417-d97a-45cb-824c-7a7467783830": "Managed Identity Operator",
    "749f88d5-cbae-40b8-bcfc-e573ddc772fa": "Monitoring Contributor",
    "43d0d8ad-25c7-4714-9337-8ba259a9fe05": "Monitoring Reader",
    "3913510d-42f4-4e42-8a64-420c390055eb": "Monitoring Metrics Publisher",
    "92aaf0da-9dab-42b6-94a3-d43ce8d16293": "Log Analytics Contributor",
    "73c42c96-874c-492b-b04d-ab87d138a893": "Log Analytics Reader",
    "7f951dda-4ed3-4680-a7ca-43fe172d538d": "AcrPull",
    "8311e382-0749-4cb8-b61a-304f252e45ec": "AcrPush",
    "f6c7c914-8db3-469d-8ca1-694a8f32e121": "AzureML Data Scientist",
}

_UUID = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_ROLES = re.compile(
    rf"(/subscriptions/[^/]+)?(/resourceGroups/[^/]+)?(/.*)?/providers/Microsoft\.Authorization"
    rf"/roleDefinitions/(?P<role>{_UUID})",
    re.IGNORECASE,
)


def is_builtin_role(target: str) -> bool:
    """Whether the id names a role definition that Azure provides, at whatever scope."""
    match = _ROLES.fullmatch(target)
    return match is not None and match["role"].casefold() in BUILT_IN_ROLES


def _role_exists(world: World, wanted: str) -> bool:
    if is_builtin_role(wanted) or world.find(wanted) is not None:
        return True
    role = name_of(wanted)
    return any(same(name_of(record.id), role) for record in world.of(DEFINITION))


def _assignment_rules(values: Values) -> Iterator[Problem]:
    role = text(values, "roleDefinitionId")
    if role is not None and not _ROLES.fullmatch(role):
        yield Problem(
            "roleDefinitionId",
            f"{role!r} is not a role definition's id: write /subscriptions/SUBSCRIPTION/providers/"
            "Microsoft.Authorization/roleDefinitions/UUID",
            "InvalidRoleDefinitionId",
        )
    principal = text(values, "principalId")
    if principal is not None and not re.fullmatch(_UUID, principal):
        yield Problem(
            "principalId",
            f"The principal ID '{principal}' is not valid. Principal ID must be a GUID.",
            "InvalidPrincipalId",
        )
    yield from one_of(
        values,
        "principalType",
        ("User", "Group", "ServicePrincipal", "ForeignGroup", "Device"),
        "UnmatchedPrincipalType",
    )
    yield from not_emulated(
        values,
        {
            "condition": "assign the role at a narrower scope",
            "delegatedManagedIdentityResourceId": "leave it out",
        },
    )


def _verify_assignment(context: Context) -> Iterator[Problem]:
    role = text(context.inputs, "roleDefinitionId") or ""
    principal = text(context.inputs, "principalId") or ""
    scope = text(context.inputs, "scope") or ""
    if not _role_exists(context.world, role):
        yield Problem(
            "roleDefinitionId",
            f"The specified role definition with ID '{name_of(role)}' does not exist.",
            "RoleDefinitionDoesNotExist",
        )
    if not is_principal(context.world, principal):
        yield Problem(
            "principalId",
            f"Principal {principal.replace('-', '')} does not exist in the directory "
            f"{context.world.tenant}. Check that you have the correct principal ID. If you are "
            "creating this principal and then immediately assigning a role, this error might be "
            "related to a replication delay.",
            "PrincipalNotFound",
        )
    for other in context.world.of(ASSIGNMENT):
        if (
            not same(other.id, context.id)
            and same(text(other.inputs, "scope") or "", scope)
            and same(text(other.inputs, "principalId") or "", principal)
            and same(name_of(text(other.inputs, "roleDefinitionId") or ""), name_of(role))
        ):
            yield Problem(
                "",
                "The role assignment already exists. The ID of the conflicting role assignment is "
                f"{name_of(other.id).replace('-', '')}.",
                "RoleAssignmentExists",
            )
    for problem in unchangeable(context, {"roleDefinitionId": "roleDefinitionId"}):
        yield problem._replace(
            reason="Tenant ID, application ID, principal ID, role definition ID and scope are not "
            "allowed to be updated.",
            code="RoleAssignmentUpdateNotPermitted",
        )


def _assignment_outputs(context: Context) -> Outputs:
    return {
        "principalType": text(context.inputs, "principalType") or "ServicePrincipal",
        "createdBy": context.world.principal,
        "createdOn": context.created,
        "updatedBy": context.world.principal,
        "updatedOn": context.created,
    }


def _definition_rules(values: Values) -> Iterator[Problem]:
    if "roleName" in values and not text(values, "roleName"):
        yield Problem("roleName", "is missing", "RoleDefinitionNameRequired")
    if "assignableScopes" in values and not present(values, "assignableScopes"):
        yield Problem("assignableScopes", "needs at least one scope", "RoleDefinitionScopeRequired")
    for path, action in texts(values, "permissions[*].actions[*]"):
        if action != "*" and not re.fullmatch(r"[\w.*]+(/[\w.*-]+)+", action):
            yield Problem(
                path,
                f"'{action}' does not match any of the actions supported by the providers.",
                "InvalidActionOrNotAction",
            )


def _verify_definition(context: Context) -> Iterator[Problem]:
    wanted = (text(context.inputs, "roleName") or "").casefold()
    if wanted in {name.casefold() for name in BUILT_IN_ROLES.values()} or any(
        (text(other.inputs, "roleName") or "").casefold() == wanted
        and not same(other.id, context.id)
        for other in context.world.of(DEFINITION)
    ):
        yield Problem(
            "roleName",
            "A custom role with the same name already exists in this directory. Use a different "
            "name.",
            "RoleDefinitionWithSameNameExists",
        )


def _client_config(call: Call) -> Outputs:
    return {
        "clientId": call.world.principal,
        "objectId": call.world.principal,
        "subscriptionId": call.world.subscription,
        "tenantId": call.world.tenant,
    }


_NAME = Name(pattern=_UUID, minimum=36, maximum=36, words="a UUID", naming=Naming.UUID)

KINDS = (
    Kind(
        type=ASSIGNMENT,
        id_template="/{scope}/providers/Microsoft.Authorization/roleAssignments/{roleAssignmentName}",
        name=_NAME,
        replace_on=("principalId", "scope"),
        references={"roleDefinitionId": ("Microsoft.Authorization/roleDefinitions",)},
        rules=_assignment_rules,
        verify=_verify_assignment,
        outputs=_assignment_outputs,
    ),
    Kind(
        type=DEFINITION,
        id_template="/{scope}/providers/Microsoft.Authorization/roleDefinitions/{roleDefinitionId}",
        name=_NAME,
        replace_on=("scope",),
        rules=_definition_rules,
        verify=_verify_definition,
        outputs=lambda context: {
            "roleType": "CustomRole",
            "createdBy": context.world.principal,
            "createdOn": context.created,
            "updatedBy": context.world.principal,
            "updatedOn": context.created,
        },
        in_use=(
            "RoleDefinitionHasAssignments",
            "There are existing role assignments referencing role (code: {by}).",
        ),
    ),
)

FUNCTIONS = (Function(name="azure-native:authorization:getClientConfig", run=_client_config),)
