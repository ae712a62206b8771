"""Resource groups (Microsoft.Resources)."""

from sandbox.control.kinds import Context, Kind, Name, Outputs


def _outputs(_: Context) -> Outputs:
    return {
        "properties": {"provisioningState": "Succeeded"},
        "type": "Microsoft.Resources/resourceGroups",
    }


RESOURCE_GROUP = Kind(
    type="azure-native:resources:ResourceGroup",
    id_template="/subscriptions/{subscription}/resourceGroups/{resourceGroupName}",
    name=Name(
        pattern=r"[\w().-]*[\w()-]",
        maximum=90,
        words="letters, digits and _ ( ) - . but no period at the end",
    ),
    outputs=_outputs,
    # Azure deletes a group with all that is in it; azure-native does the same.
    owns_children=True,
)

KINDS = (RESOURCE_GROUP,)
