"""Endpoints as a blueprint: networks of the service's own, and machines that run containers."""

from ipaddress import IPv4Address
from pathlib import Path

import pytest

from sandbox.control import ids, public_pool
from sandbox.control.azure import endpoint_instances
from sandbox.fabric.azure.endpoints import blueprint
from sandbox.fabric.containers import Built
from sandbox.fabric.contract import PLATFORM_PROBE, Probe, Protocol
from tests.sandbox.control.azure.test_endpoint_instances import (
    BLUE,
    ENDPOINT,
    deploy,
    record,
    world,
)

assert world  # a fixture

IMAGE = "r.azurecr.io/iris:1"


class Shelf:
    """A registry with what it is given."""

    def __init__(self, *references):
        self.built = Built(
            key="k", layers=(Path("/layer"),), command=("R",), user="scoring", folder="/tmp",
            environment={"A": "image", "B": "image"},
        )  # fmt: skip
        self.references = references

    def find(self, reference):
        return self.built if reference in self.references else None


def routes(world):
    target = next(r.id for r in world.records.values() if r.id.endswith("/versions/1"))
    inputs = {
        "properties": {
            "image": IMAGE,
            "inferenceConfig": {
                "livenessRoute": {"path": "/live", "port": 8000},
                "readinessRoute": {"path": "/ready", "port": 8000},
                "scoringRoute": {"path": "/score", "port": 8000},
            },
        }
    }
    world.put(record("azure-native:machinelearningservices:EnvironmentVersion", target, inputs))


@pytest.fixture
def one(world):
    """An endpoint with one instance."""
    routes(world)
    deploy(
        world, BLUE, instanceType="Standard_DS2_v2", environmentVariables={"B": "own"},
        readinessProbe={"initialDelay": "PT3S", "period": "PT4S", "timeout": "PT2S",
                        "failureThreshold": 5},
        requestSettings={"requestTimeout": "PT7S"},
    )  # fmt: skip
    endpoint_instances.settle_all(world)
    return world


def test_an_instance_runs_its_image_with_the_deployments_variables_and_size(one):
    (machine,) = blueprint(one, Shelf(IMAGE)).machines

    assert (machine.name, machine.group) == ("blue-0", ids.key(BLUE))
    assert (machine.vcpus, machine.memory) == (2, 7168)
    assert machine.notice == 12
    assert machine.container.command == ("R",)
    assert machine.container.environment == {"A": "image", "B": "own"}
    assert machine.container.readiness == machine.health
    assert machine.health == Probe(
        protocol=Protocol.HTTP, port=8000, path="/ready", delay=3, interval=4, timeout=2, failures=5
    )
    assert machine.container.liveness.path == "/live"


def test_an_image_that_nobody_built_is_the_machines_problem(one):
    (machine,) = blueprint(one, Shelf()).machines

    assert f"the image {IMAGE} is not in a registry of the sandbox" in machine.container.problem


def test_callers_come_by_the_public_address_and_nobody_else_anywhere(one):
    (network,) = blueprint(one, Shelf(IMAGE)).networks
    front, instance = network.ports
    (frontend,) = network.frontends

    assert network.id == ids.key(ENDPOINT)
    assert str(frontend.address) == public_pool.lent(one, one.find(ENDPOINT))
    assert (frontend.port, [each.address for each in frontend.members]) == (443, [front.address])
    assert [[r.name for r in stage.rules] for stage in instance.inbound] == [["endpoint"]]
    assert str(instance.inbound[0].rules[0].sources[0].network_address) == str(PLATFORM_PROBE)
    assert network.given == (PLATFORM_PROBE,), "no metadata"


def test_an_instance_has_a_way_out_as_its_deployment_says(one):
    def instance():
        return blueprint(one, Shelf(IMAGE)).networks[0].ports[1]

    assert instance().nat == IPv4Address(public_pool.lent(one, one.find(ENDPOINT)))
    deploy(one, BLUE, egressPublicNetworkAccess="Disabled")
    assert instance().nat is None
    assert [stage.rules for stage in instance().outbound] == [()]


def test_a_private_endpoint_has_no_public_address(one):
    inputs = {"properties": {"publicNetworkAccess": "Disabled"}}
    one.put(record("azure-native:machinelearningservices:OnlineEndpoint", ENDPOINT, inputs))

    (network,) = blueprint(one, Shelf(IMAGE)).networks

    assert network.frontends == ()
    assert network.ports[1].nat is None
