"""What a preview doesn't know yet misleads neither a rule nor the program."""

from sandbox.control import wire
from sandbox.control.packages import PACKAGES


def test_a_list_with_an_unknown_element_is_absent_for_rules() -> None:
    inputs = {"ids": [wire.UNKNOWN, "b"], "names": ["a"], "network": {"id": wire.UNKNOWN}}

    assert wire.known(inputs) == {"names": ["a"], "network": {}}


def test_ids_that_come_back_as_a_mapping_are_unknown_in_a_preview() -> None:
    package = next(p for p in PACKAGES if p.name == "azure-native")
    resource = package.schema.resource("azure-native:compute:VirtualMachineScaleSet")

    shown = resource.preview({"identity": {"type": "UserAssigned", "userAssignedIdentities": []}})

    assert shown["identity"]["type"] == "UserAssigned"
    assert shown["identity"]["userAssignedIdentities"] is wire.UNKNOWN
