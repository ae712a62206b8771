"""Worlds that tests of Azure's kinds begin with."""

from dataclasses import dataclass

import pytest

from sandbox.control.kinds import Record
from tests.support.world import World


@dataclass(frozen=True)
class Site:
    """A virtual network 10.20.0.0/16 with a subnet 10.20.0.0/28."""

    world: World
    network: Record
    subnet: Record


@pytest.fixture
def world() -> World:
    made = World()
    made.create("resources:ResourceGroup", location="westeurope")
    return made


@pytest.fixture
def site(world: World) -> Site:
    network = world.create(
        "network:VirtualNetwork",
        virtualNetworkName="vnet",
        addressSpace={"addressPrefixes": ["10.20.0.0/16"]},
    )
    subnet = world.create(
        "network:Subnet",
        virtualNetworkName="vnet",
        subnetName="web",
        addressPrefix="10.20.0.0/28",
    )
    return Site(world, network, subnet)
