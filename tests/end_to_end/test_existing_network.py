"""An environment that joins a network of somebody else, under the real engine."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.deployed import ENVIRONMENT, stack_config, succeeded
from tests.support.engine import ROOT, Engine, on_sandbox
from tests.support.environments import changed

pytestmark = pytest.mark.engine

HUB = f"""\
name: hub
runtime:
  name: python
  options:
    virtualenv: {ROOT}/.venv
"""
PROGRAM = """\
import pulumi
from pulumi_azure_native import network, resources

group = resources.ResourceGroup("hub", location="westeurope")
vnet = network.VirtualNetwork(
    "hub",
    resource_group_name=group.name,
    location="westeurope",
    address_space=network.AddressSpaceArgs(address_prefixes=["10.64.0.0/12"]),
)
pulumi.export("id", vnet.id)
"""
STACK = "dev"


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Engine]:
    """A sandbox with a network that another team made, by a program of its own."""
    program = tmp_path / "hub"
    program.mkdir()
    (program / "Pulumi.yaml").write_text(HUB)
    (program / "__main__.py").write_text(PROGRAM)
    with on_sandbox(tmp_path / "sandbox", program) as engine:
        succeeded(engine.up("hub", {}))
        yield engine


def joining(network: str, space: str) -> dict:
    config = stack_config(STACK)
    settings = {"network.existing": network, "network.addressSpace": space}
    config[ENVIRONMENT] = changed(config[ENVIRONMENT], settings)
    return config


def test_it_makes_subnets_there_and_leaves_the_network_alone(hub: Engine, tmp_path: Path) -> None:
    network = hub.outputs("hub")["id"]
    ours = Engine(tmp_path / "ours", ROOT, hub.variables)

    succeeded(ours.up(STACK, joining(network, "10.70.0.0/16")))
    subnets = ours.outputs(STACK)["subnets"]
    succeeded(ours.destroy(STACK))

    assert {name: each["range"] for name, each in subnets.items()} == {
        "web": "10.70.0.0/24",
        "compute": "10.70.128.0/24",
        "endpoints": "10.70.64.0/25",
    }
    ids = [subnet for each in subnets.values() for subnet in each["ids"]]
    assert len(ids) == 3
    assert all(subnet.startswith(f"{network}/subnets/") for subnet in ids)
    assert succeeded(hub.refresh("hub")).drift == []


def test_a_range_outside_of_it_is_refused(hub: Engine, tmp_path: Path) -> None:
    ours = Engine(tmp_path / "ours", ROOT, hub.variables)

    network = hub.outputs("hub")["id"]
    result = ours.up(STACK, joining(network, "10.20.0.0/16"))

    assert result.errors[0] == (
        'Code="NetcfgSubnetRangeOutsideVnet" Message="addressPrefix: Subnet \'dev-network-web\' is '
        "not valid because its IP address range is outside the IP address range of virtual "
        f"network '{network.rpartition('/')[2]}'.\""
    )
