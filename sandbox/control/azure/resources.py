"""Resource groups (Microsoft.Resources).

Source: Azure documentation, "Naming rules and restrictions for Azure resources".
"""

from collections.abc import Iterator

from sandbox.control.azure.arm import valid_tags
from sandbox.control.azure.locations import LOCATIONS, normal
from sandbox.control.kinds import Context, Kind, Name, Outputs, Problem, Values


def _rules(values: Values) -> Iterator[Problem]:
    location = values.get("location")
    if isinstance(location, str) and normal(location) not in LOCATIONS:
        yield Problem(
            "location",
            f"The provided location '{location}' is not available for resource group. "
            f"List of available regions is '{','.join(sorted(LOCATIONS))}'.",
            "LocationNotAvailableForResourceGroup",
        )
    yield from valid_tags(values)


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
    rules=_rules,
    outputs=_outputs,
    # Azure deletes a group with all that is in it; azure-native does the same.
    owns_children=True,
)

KINDS = (RESOURCE_GROUP,)
