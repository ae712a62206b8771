"""Azure's resources as the azurerm provider of Terraform has them.

azurerm is made by hand, resource by resource, and so is this: attribute names are those of its
documentation (registry.terraform.io/providers/hashicorp/azurerm/4). Inputs that azurerm has no
attribute for are listed as left out.
"""

from collections.abc import Mapping

from operations.errors import OperationError
from operations.export.azurerm import compute, data, endpoint, monitor, network
from operations.export.parts import Source, Translated, Translation
from operations.export.reading import Reader
from operations.export.state import Deployment, LeftOut, Resource

TYPES: Mapping[str, Translation] = {
    **network.TYPES,
    **compute.TYPES,
    **data.TYPES,
    **monitor.TYPES,
    **endpoint.TYPES,
}
"""By azure-native's token, without the package."""


def translate(resource: Resource, deployment: Deployment) -> Translated:
    """Return *resource* as azurerm has it, and what azurerm has no attribute for."""
    translation = TYPES.get(resource.type.partition(":")[2])
    if translation is None:
        raise OperationError(
            "a resource cannot be written as Terraform",
            str(resource),
            "nobody has said what azurerm calls it",
            "add its type to operations/export/azurerm",
        )
    if translation is endpoint.nowhere:
        return [], [LeftOut(str(resource), "azurerm has no resource for it")]
    reader = Reader(resource.inputs)
    parts = translation(reader, Source(resource, deployment))
    reader.skip("azureApiVersion")
    why = f"{parts[0].type if parts else 'azurerm'} has no attribute for it"
    return parts, [LeftOut(f"{resource}: {path}", why) for path in reader.unread()]
