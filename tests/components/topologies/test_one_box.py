"""A one-box on both clouds: the parts of an enterprise, less what one machine does not need."""

from typing import Any

import pytest

from components.topologies import one_box
from tests.support.azure import changed, walk
from tests.support.cloud import World
from tests.support.programs import deployed, world

STACKS = {"azure": "dev-onebox", "aws": "dev-onebox-aws"}
MACHINE = {"azure": "azure-native:compute:VirtualMachine", "aws": "aws:ec2/instance:Instance"}
SERVER = {
    "azure": "azure-native:dbforpostgresql:Server",
    "aws": "aws:rds/instance:Instance",
}
SERVED = {"engine": "postgresql"}


def on(cloud: str, **changes: Any) -> World:
    return deployed(changed(STACKS[cloud], **changes))


def protected(deployment: World) -> set[str]:
    """The names of what is protected."""
    return {
        urn.partition("::")[2] for urn, options in deployment.options.items() if options.protect
    }


def leaves(deployment: World) -> list[Any]:
    return [value for inputs in deployment.values() for _, value in walk(inputs)]


@pytest.mark.parametrize("cloud", STACKS)
def test_it_is_one_machine_behind_the_balancer(cloud: str) -> None:
    deployment = world(STACKS[cloud])

    assert len(deployment.of_type(MACHINE[cloud])) == 1
    outputs = deployment.result.outputs
    assert set(outputs["groups"]) == {"one-box"}
    assert outputs["groups"]["one-box"]["kind"] == "fixed"
    assert deployment.value(outputs["endpoint"]).startswith("https://")
    assert deployment.value(outputs["endpoint"]).endswith(":12800")


@pytest.mark.parametrize("cloud", STACKS)
@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_nothing_anywhere_knows_the_compute_nodes_port(cloud: str, engine: str) -> None:
    found = leaves(on(cloud, database={"engine": engine}))

    assert not [value for value in found if value in (12805, 12805.0, "12805")]


@pytest.mark.parametrize("cloud", STACKS)
def test_an_embedded_database_is_no_server_no_secret_and_no_alert(cloud: str) -> None:
    deployment = world(STACKS[cloud])

    assert not deployment.of_type(SERVER[cloud])
    assert not [urn for urn in deployment if "database" in urn.partition("::")[2]]
    assert deployment.result.outputs["database"] == {"engine": "sqlite"}
    assert 5432 not in leaves(deployment)


@pytest.mark.parametrize("cloud", STACKS)
def test_a_managed_database_is_as_on_an_enterprise(cloud: str) -> None:
    deployment = on(cloud, database=SERVED)

    assert len(deployment.of_type(SERVER[cloud])) == 1
    names = {urn.partition("::")[2] for urn in deployment}
    assert {"test-secrets-database-api", "test-secrets-database-loader"} <= names
    assert "test-monitoring-database-cpu" in names
    output = deployment.result.outputs["database"]
    assert (output["engine"], output["port"]) == ("postgresql", 5432)


@pytest.mark.parametrize("cloud", STACKS)
def test_what_joins_web_and_compute_nodes_is_not_made(cloud: str) -> None:
    for database in ({"engine": "sqlite"}, SERVED):
        names = {urn.partition("::")[2] for urn in on(cloud, database=database)}
        assert not [name for name in names if "web-client" in name or "compute" in name]


@pytest.mark.parametrize("cloud", STACKS)
def test_a_machine_with_the_database_is_protected_like_one(cloud: str) -> None:
    assert protected(world(STACKS[cloud])) == set()

    kept = protected(on(cloud, protection=True))
    assert "test-one-box-nodes-1" in kept

    given_up = protected(on(cloud, protection=True, database__discard="operationalization"))
    assert kept - given_up == {"test-one-box-nodes-1"}


@pytest.mark.parametrize("cloud", STACKS)
def test_a_machine_with_a_server_behind_it_can_be_replaced(cloud: str) -> None:
    kept = protected(on(cloud, protection=True, database=SERVED))

    assert "test-one-box-nodes-1" not in kept
    assert [name for name in kept if name.startswith("test-database")]


def test_on_aws_the_network_has_a_second_zone_for_a_server_only() -> None:
    alone = world(STACKS["aws"]).of_type("aws:ec2/subnet:Subnet")
    served = on("aws", database=SERVED, machine__zone=2).of_type("aws:ec2/subnet:Subnet")

    assert {subnet["availabilityZone"] for subnet in alone.values()} == {"eu-central-1a"}
    assert {subnet["availabilityZone"] for subnet in served.values()} == {
        "eu-central-1a",
        "eu-central-1b",
    }
    machine = on("aws", database=SERVED, machine__zone=2).of_type(MACHINE["aws"])
    (subnet,) = (made["subnetId"] for made in machine.values())
    assert subnet == "test-network-one-box-b-id", "the machine is where the settings say"


@pytest.mark.parametrize("cloud", STACKS)
def test_a_second_zone_moves_no_subnet(cloud: str) -> None:
    kind, key = {
        "azure": ("azure-native:network:Subnet", "addressPrefix"),
        "aws": ("aws:ec2/subnet:Subnet", "cidrBlock"),
    }[cloud]
    before = {name: made[key] for name, made in world(STACKS[cloud]).of_type(kind).items()}
    after = {name: made[key] for name, made in on(cloud, database=SERVED).of_type(kind).items()}

    assert {name: after[name] for name in before} == before


@pytest.mark.parametrize("cloud", STACKS)
def test_a_preview_of_what_does_not_exist_yet_declares_everything(cloud: str) -> None:
    for changes in ({"loadBalancer__exposure": "internal"}, {"database": SERVED}):
        config = changed(STACKS[cloud], **changes)
        assert list(deployed(config, unknowns=True)) == list(deployed(config))


def test_the_module_declares_no_other_topology() -> None:
    settings = type("Settings", (), {"environment": type("E", (), {"topology": "enterprise"})()})

    with pytest.raises(TypeError, match="enterprise is not the topology one-box"):
        one_box.declare("x", "x", settings())  # type: ignore[arg-type]
