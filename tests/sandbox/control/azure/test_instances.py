"""The machines of scale sets: as many as the capacity, each with what is its own."""

from ipaddress import IPv4Address, IPv4Network

import pytest

from sandbox.control.azure import instances
from sandbox.control.kinds import CloudError
from tests.sandbox.control.azure.test_scale_sets import inputs, make
from tests.support.world import RefusedError


def sku(capacity):
    return {"name": "Standard_D2s_v5", "capacity": capacity}


@pytest.fixture
def real(site):
    """A site whose machines run: a fabric routes public addresses for it."""
    site.world.remember("public-pool", str(IPv4Network("198.18.16.0/20")))
    return site


def numbers(site, made):
    return [each.number for each in instances.of(site.world, made.id)]


def leaving(site, made):
    return [each.number for each in instances.of(site.world, made.id) if each.leaving]


def test_a_machine_has_the_names_and_ids_that_azure_gives(site):
    made = make(site)
    first, second = instances.of(site.world, made.id)

    assert first.id == f"{made.id}/virtualMachines/0"
    assert first.interface == f"{made.id}/virtualMachines/0/networkInterfaces/main"
    assert (first.name, first.computer_name) == ("web_0", "web000000")
    assert (second.name, second.computer_name) == ("web_1", "web000001")
    assert (first.address, second.address) == (IPv4Address("10.20.0.4"), IPv4Address("10.20.0.5"))
    assert first.vm_id == first.incarnation != second.vm_id


def test_the_computer_name_counts_in_base_36(site):
    big = site.world.create(
        "network:Subnet",
        virtualNetworkName="vnet",
        subnetName="big",
        addressPrefix="10.20.64.0/24",
    )
    made = site.world.create(
        "compute:VirtualMachineScaleSet", **inputs(big.id, sku=sku(40), vmScaleSetName="big")
    )
    found = instances.of(site.world, made.id)

    assert [found[number].computer_name for number in (9, 10, 35, 36)] == [
        "web000009",
        "web00000A",
        "web00000Z",
        "web000010",
    ]


def test_machines_are_spread_over_the_zones(site):
    made = make(site, sku=sku(5))

    assert [each.zone for each in instances.of(site.world, made.id)] == ["1", "2", "3", "1", "2"]
    without = {key: value for key, value in inputs(site.subnet.id).items() if key != "zones"}
    other = site.world.create(
        "compute:VirtualMachineScaleSet", **{**without, "vmScaleSetName": "other"}
    )
    assert [each.zone for each in instances.of(site.world, other.id)] == [None, None]


def test_growing_leaves_machines_as_they_are(site):
    made = make(site)
    before = instances.of(site.world, made.id)
    site.world.update(made, sku=sku(4))

    assert instances.of(site.world, made.id)[:2] == before
    assert numbers(site, made) == [0, 1, 2, 3]


def test_a_change_of_something_else_changes_no_machine(site):
    made = make(site)
    before = instances.of(site.world, made.id)
    site.world.update(made, tags={"owner": "us"})

    assert instances.of(site.world, made.id) == before


def test_shrinking_lets_the_highest_numbers_of_the_fullest_zones_leave(real):
    made = make(real, sku=sku(5))  # zones 1 2 3 1 2
    real.world.update(made, sku=sku(3))

    assert leaving(real, made) == [3, 4]
    assert numbers(real, made) == [0, 1, 2, 3, 4]


def test_shrinking_balances_zones_before_it_looks_at_numbers(real):
    made = make(real, sku=sku(4))  # zones 1 2 3 1
    instances.forget(real.world, f"{made.id}/virtualMachines/1")
    real.world.update(made, sku=sku(2))

    # Zone 1 had two machines, zone 3 one with a lower number than the one that leaves.
    assert leaving(real, made) == [3]


def test_without_a_fabric_who_leaves_is_gone_at_once(site):
    made = make(site, sku=sku(5))
    site.world.update(made, sku=sku(2))

    assert numbers(site, made) == [0, 1]


def test_growing_again_makes_new_machines_while_others_leave(real):
    made = make(real, sku=sku(3))
    real.world.update(made, sku=sku(2))
    real.world.update(made, sku=sku(3))

    assert leaving(real, made) == [2]
    assert numbers(real, made) == [0, 1, 2, 3]
    assert len({each.address for each in instances.of(real.world, made.id)}) == 4


def test_a_number_is_never_given_twice_but_an_address_is(real):
    made = make(real, sku=sku(3))
    last = instances.of(real.world, made.id)[2]
    real.world.update(made, sku=sku(2))
    instances.forget(real.world, last.id)
    real.world.update(made, sku=sku(3))

    assert numbers(real, made) == [0, 1, 3]
    assert instances.of(real.world, made.id)[2].address == last.address


def test_who_leaves_keeps_its_address_until_it_is_forgotten(real):
    made = make(real, sku=sku(6))  # of the subnet's 11 addresses
    real.world.update(made, sku=sku(1))

    with pytest.raises(RefusedError, match="SubnetIsFull"):
        real.world.update(made, sku=sku(7))
    for number in (5, 4, 3):
        instances.forget(real.world, f"{made.id}/virtualMachines/{number}")
    real.world.update(made, sku=sku(7))
    assert len(numbers(real, made)) == 9


def test_another_owner_never_gets_a_machines_address(site):
    make(site, sku=sku(2))
    nic = site.world.create(
        "network:NetworkInterface",
        networkInterfaceName="nic",
        ipConfigurations=[{"name": "main", "subnet": {"id": site.subnet.id}}],
    )

    assert nic.outputs["ipConfigurations"][0]["privateIPAddress"] == "10.20.0.6"
    with pytest.raises(RefusedError, match="PrivateIPAddressIsAllocated"):
        site.world.create(
            "network:NetworkInterface",
            networkInterfaceName="other",
            ipConfigurations=[
                {
                    "name": "main",
                    "subnet": {"id": site.subnet.id},
                    "privateIPAddress": "10.20.0.5",
                    "privateIPAllocationMethod": "Static",
                }
            ],
        )


def test_a_replacement_beside_the_old_group_has_addresses_of_its_own(site):
    old = make(site)
    new = make(site, vmScaleSetName="web2")
    site.world.delete(old)
    third = make(site, vmScaleSetName="web3")

    addresses = [str(each.address) for each in instances.of(site.world, new.id)]
    assert addresses == ["10.20.0.6", "10.20.0.7"]
    assert [str(each.address) for each in instances.of(site.world, third.id)] == [
        "10.20.0.4",
        "10.20.0.5",
    ]
    assert instances.of(site.world, old.id) == ()


def test_a_scale_set_deleted_without_its_hooks_leaves_nothing(site):
    made = make(site)
    site.world.remove(made.id)
    assert instances.all_of(site.world) == ()
    nic = site.world.create(
        "network:NetworkInterface",
        networkInterfaceName="nic",
        ipConfigurations=[{"name": "main", "subnet": {"id": site.subnet.id}}],
    )
    again = make(site)

    assert nic.outputs["ipConfigurations"][0]["privateIPAddress"] == "10.20.0.4"
    assert [str(each.address) for each in instances.of(site.world, again.id)] == [
        "10.20.0.5",
        "10.20.0.6",
    ]
    with pytest.raises(RefusedError, match="PrivateIPAddressIsAllocated"):
        site.world.create(
            "network:NetworkInterface",
            networkInterfaceName="other",
            ipConfigurations=[
                {
                    "name": "main",
                    "subnet": {"id": site.subnet.id},
                    "privateIPAddress": "10.20.0.4",
                    "privateIPAllocationMethod": "Static",
                }
            ],
        )


def test_a_repair_by_replacement_gives_another_machine(real):
    made = make(real)
    old = instances.of(real.world, made.id)[0]
    new = instances.renew(real.world, old.id.upper())

    assert new is not None
    assert (new.number, new.zone, new.address) == (2, old.zone, old.address)
    assert new.vm_id != old.vm_id
    assert numbers(real, made) == [1, 2]
    assert not instances.unsettled(real.world)


def test_a_repair_by_reimage_keeps_the_machine_and_empties_its_disk(real):
    made = make(real, automaticRepairsPolicy={"enabled": True, "repairAction": "Reimage"})
    old = instances.of(real.world, made.id)[0]
    new = instances.renew(real.world, old.id)

    assert new is not None
    assert new.incarnation != old.incarnation
    assert (new.number, new.vm_id, new.address) == (0, old.vm_id, old.address)
    assert instances.of(real.world, made.id)[0] == new


def test_a_repair_by_restart_keeps_everything(real):
    made = make(real, automaticRepairsPolicy={"enabled": True, "repairAction": "Restart"})
    old = instances.of(real.world, made.id)[0]

    assert instances.renew(real.world, old.id) == old


def test_who_leaves_is_not_replaced(real):
    made = make(real)
    real.world.update(made, sku=sku(1))

    assert instances.renew(real.world, f"{made.id}/virtualMachines/1") is None
    assert numbers(real, made) == [0]
    assert instances.renew(real.world, f"{made.id}/virtualMachines/1") is None


def test_a_capacity_that_was_changed_from_outside_is_followed(real):
    made = make(real)
    changed = {**made.inputs, "sku": sku(3)}
    real.world.records[made.id.casefold()] = type(made)(
        id=made.id,
        type=made.type,
        inputs=changed,
        outputs=made.outputs,
        incarnation=made.incarnation,
    )

    assert instances.unsettled(real.world)
    instances.settle_all(real.world)
    assert numbers(real, made) == [0, 1, 2]
    assert not instances.unsettled(real.world)


def test_one_group_without_room_holds_no_other_up(real):
    full = make(real)
    small = real.world.create(
        "network:Subnet", virtualNetworkName="vnet", subnetName="b", addressPrefix="10.20.1.0/28"
    )
    other = real.world.create(
        "compute:VirtualMachineScaleSet", **inputs(small.id, vmScaleSetName="z")
    )
    for made, capacity in ((full, 12), (other, 3)):
        changed = {**made.inputs, "sku": sku(capacity)}
        real.world.records[made.id.casefold()] = type(made)(
            id=made.id,
            type=made.type,
            inputs=changed,
            outputs=made.outputs,
            incarnation=made.incarnation,
        )

    with pytest.raises(CloudError, match="SubnetIsFull"):
        instances.settle_all(real.world)
    assert numbers(real, full) == [0, 1]
    assert numbers(real, other) == [0, 1, 2]
