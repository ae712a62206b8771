"""What somebody does by hand, and what the cloud then does by itself."""

import pytest

from sandbox.control import tamper
from sandbox.control.azure import instances
from sandbox.control.world import StoreWorld
from tests.sandbox.control.azure.test_scale_sets import inputs
from tests.support.provider import GROUP, SUBSCRIPTION, serving

SCALE_SET = "azure-native:compute:VirtualMachineScaleSet"


@pytest.fixture
def azure(tmp_path):
    with serving("azure-native", tmp_path) as client:
        client.configure(location="westeurope")
        client.create(GROUP, "g", {"resourceGroupName": "g"})
        yield client


@pytest.fixture
def subnet(azure):
    names = {"resourceGroupName": "g", "virtualNetworkName": "vnet"}
    space = {"addressPrefixes": ["10.20.0.0/16"]}
    azure.create("azure-native:network:VirtualNetwork", "v", {**names, "addressSpace": space})
    made, _ = azure.create(
        "azure-native:network:Subnet", "web", {**names, "addressPrefix": "10.20.0.0/28"}
    )
    return made


@pytest.fixture
def scale_set(azure, subnet):
    made, _ = azure.create(SCALE_SET, "web", {"resourceGroupName": "g", **inputs(subnet)})
    return made


def machines(azure, scale_set):
    return [each.number for each in instances.of(StoreWorld(azure.store.read()), scale_set)]


def test_a_changed_capacity_changes_the_machines(azure, scale_set):
    assert machines(azure, scale_set) == [0, 1]
    tamper.edit(azure.store, scale_set, "sku.capacity", 4)
    assert machines(azure, scale_set) == [0, 1, 2, 3]
    tamper.edit(azure.store, scale_set, "sku.capacity", 1)
    assert machines(azure, scale_set) == [0]


def test_a_capacity_for_which_there_is_no_room_is_refused(azure, scale_set):
    with pytest.raises(tamper.TamperError, match="SubnetIsFull"):
        tamper.edit(azure.store, scale_set, "sku.capacity", 12)

    assert machines(azure, scale_set) == [0, 1]
    found = azure.store.read().get(scale_set)
    assert found is not None
    assert found.record.inputs["sku"]["capacity"] == 2


@pytest.mark.parametrize("whole_group", [False, True])
def test_a_deleted_scale_set_gives_back_what_it_had(azure, scale_set, whole_group):
    target = f"{SUBSCRIPTION}/resourceGroups/g" if whole_group else scale_set
    tamper.delete(azure.store, target)
    rows = azure.store.read()

    assert rows.get(scale_set) is None
    assert rows.note("vcpus/westeurope") is None
    assert rows.note(f"instances/{scale_set.casefold()}") is None
    assert rows.note(f"instance/{scale_set.casefold()}/0") is None


def test_what_does_not_exist_can_not_be_changed(azure):
    with pytest.raises(tamper.TamperError, match="nothing has the id"):
        tamper.edit(azure.store, f"{SUBSCRIPTION}/resourceGroups/no", "tags", {})
    with pytest.raises(tamper.TamperError, match="nothing has the id"):
        tamper.delete(azure.store, f"{SUBSCRIPTION}/resourceGroups/no")
