"""User-assigned managed identities (Microsoft.ManagedIdentity/userAssignedIdentities).

Source: Azure documentation, "Manage user-assigned managed identities".
"""

from sandbox.control.azure.arm import provider, standard
from sandbox.control.kinds import Context, Kind, Name, Outputs, Values, World
from sandbox.control.reading import text

IDENTITY = "Microsoft.ManagedIdentity/userAssignedIdentities"
KIND = "azure-native:managedidentity:UserAssignedIdentity"


def is_principal(world: World, object_id: str) -> bool:
    """Whether the tenant knows this object id: who deploys, or a managed identity.

    Machines come last: there can be a thousand of them, and few have an identity of their own.
    """
    wanted = object_id.casefold()
    if wanted == world.principal.casefold():
        return True
    if any(_is(record.outputs, "principalId", wanted) for record in world.of(KIND)):
        return True
    return any(
        _is(record.outputs, "identity.principalId", wanted)
        for kind in _SYSTEM_ASSIGNED
        for record in world.of(kind)
    )


def is_application(world: World, client_id: str) -> bool:
    """Whether an application (client) id is a user-assigned identity's, or who deploys."""
    wanted = client_id.casefold()
    return wanted == world.principal.casefold() or any(
        _is(record.outputs, "clientId", wanted) for record in world.of(KIND)
    )


def _is(outputs: Values, path: str, wanted: str) -> bool:
    return (text(outputs, path) or "").casefold() == wanted


_SYSTEM_ASSIGNED = (
    "azure-native:storage:StorageAccount",
    "azure-native:containerregistry:Registry",
    "azure-native:containerregistry:TaskRun",
    "azure-native:machinelearningservices:Workspace",
    "azure-native:machinelearningservices:OnlineEndpoint",
    "azure-native:compute:VirtualMachineScaleSet",
    "azure-native:compute:VirtualMachine",
)


def _outputs(context: Context) -> Outputs:
    return {
        "principalId": context.identifier("principalId"),
        "clientId": context.identifier("clientId"),
        "tenantId": context.world.tenant,
    }


KINDS = (
    Kind(
        type=KIND,
        id_template=provider(IDENTITY, "resourceName"),
        name=Name(
            pattern=r"[A-Za-z0-9][\w-]*",
            minimum=3,
            maximum=128,
            words="letters, digits, hyphens and underscores; starts with a letter or digit",
        ),
        rules=standard(IDENTITY),
        outputs=_outputs,
    ),
)
