import pytest

from components.azure.naming import NetworkId, network_id, role_definition, subscription

HUB = "/subscriptions/s/resourceGroups/net/providers/Microsoft.Network/virtualNetworks/hub"


def test_a_network_id_names_group_and_network() -> None:
    assert network_id(HUB) == NetworkId("net", "hub")


def test_azure_writes_ids_in_any_case() -> None:
    assert network_id(HUB.replace("resourceGroups", "resourcegroups")) == NetworkId("net", "hub")


def test_another_id_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^network.existing: '/subnets/x' is not the id of an"):
        network_id("/subnets/x")


def test_a_role_is_named_as_azure_reads_it_back() -> None:
    assert role_definition(subscription(HUB), "role") == (
        "/subscriptions/s/providers/Microsoft.Authorization/roleDefinitions/role"
    )
