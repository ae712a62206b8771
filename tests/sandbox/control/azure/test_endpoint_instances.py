"""The instances of online deployments: as many as wanted, and one version after the other."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.control import ids, public_pool
from sandbox.control.azure import endpoint_instances as instances
from sandbox.control.azure.endpoint_instances import Instance, machine_id, plan
from sandbox.control.azure.online_deployments import ONLINE_DEPLOYMENT_KIND
from sandbox.control.azure.online_endpoints import ONLINE_ENDPOINT_KIND
from sandbox.control.kinds import Record
from tests.support.world import GROUP, World

ENDPOINT = (
    f"{GROUP}/providers/Microsoft.MachineLearningServices/workspaces/ws/onlineEndpoints/flowers"
)
BLUE, GREEN = f"{ENDPOINT}/deployments/blue", f"{ENDPOINT}/deployments/green"
ENVIRONMENT = (
    f"{GROUP}/providers/Microsoft.MachineLearningServices/workspaces/ws/environments/iris/versions/"
)


def one(number, content="a", **more):
    return Instance(
        number=number,
        incarnation=f"i{number}",
        content=content,
        image="x",
        address="10.0.0.9",
        **more,
    )


def leaving(after):
    return [each.number for each in after if each.leaving]


def test_a_new_deployment_gets_all_its_instances_at_once():
    assert plan((), 3, "a") == ((), 3)


def test_the_new_come_before_the_old_go_a_fifth_at_a_time():
    old = tuple(one(number, ready=True) for number in range(5))

    after, more = plan(old, 5, "b")
    assert (leaving(after), more) == ([], 1)

    after, more = plan((*old, one(5, "b")), 5, "b")
    assert (leaving(after), more) == ([], 0)

    after, more = plan((*old, one(5, "b", ready=True)), 5, "b")
    assert (leaving(after), more) == ([4], 1)


def test_the_last_old_one_goes_when_the_last_new_one_is_ready():
    after, more = plan((one(0, ready=True), one(1, "b", ready=True)), 1, "b")

    assert (leaving(after), more) == ([0], 0)


def test_a_version_that_never_served_goes_at_once_when_another_one_is_wanted():
    found = (one(0, ready=True), one(1, "broken"))

    after, more = plan(found, 1, "a")

    assert (leaving(after), more) == ([1], 0)


def test_of_too_many_those_go_that_never_served_and_then_the_newest():
    found = (one(0, ready=True), one(1, ready=True), one(2, ready=True), one(3))

    assert leaving(plan(found, 2, "a")[0]) == [2, 3]


INSTANCES = st.lists(
    st.builds(
        one, st.integers(0, 99), st.sampled_from("ab"), ready=st.booleans(), leaving=st.booleans()
    ),
    unique_by=lambda each: each.number,
    max_size=12,
)


@given(found=INSTANCES, capacity=st.integers(1, 10))
def test_no_plan_takes_away_what_serves_before_others_do(found, capacity):
    after, more = plan(found, capacity, "b")

    serving = [each for each in found if each.ready and not each.leaving]
    staying = [each for each in after if each.ready and not each.leaving]
    assert len(staying) >= min(capacity, len(serving))
    assert not more or sum(not each.leaving for each in after) + more <= capacity * 1.2 + 1


@given(found=INSTANCES, capacity=st.integers(1, 10))
def test_every_plan_comes_to_an_end_with_what_was_wanted(found, capacity):
    found, number = tuple(found), 100
    for _ in range(40):
        after, more = plan(found, capacity, "b")
        # What leaves has gone, and what is new is ready, by the next look.
        left = [replace(each, ready=True) for each in after if not each.leaving]
        made = [one(number + offset, "b", ready=True) for offset in range(more)]
        number += more
        found = (*left, *made)
    assert len(found) == capacity
    assert {each.content for each in found} == {"b"}


@pytest.fixture
def world():
    made = World()
    made.remember("public-pool", "198.18.16.0/20")
    made.put(record(ONLINE_ENDPOINT_KIND, ENDPOINT, {"properties": {}}))
    for version in ("1", "2"):
        image = {"properties": {"image": f"r.azurecr.io/iris:{version}"}}
        made.put(
            record(
                "azure-native:machinelearningservices:EnvironmentVersion",
                f"{ENVIRONMENT}{version}",
                image,
            )
        )
    return made


def record(kind, target, inputs, incarnation="6d9c1c3e-7c52-4be0-b5f1-6a4ad0f3fbd9"):
    return Record(id=target, type=kind, inputs=inputs, outputs=inputs, incarnation=incarnation)


def deploy(world, target, version="1", capacity=1, **properties):
    inputs = {
        "sku": {"capacity": capacity},
        "properties": {"environmentId": f"{ENVIRONMENT}{version}", **properties},
    }
    made = record(ONLINE_DEPLOYMENT_KIND, target, inputs)
    world.put(made)
    return made


def test_deployments_of_one_endpoint_have_addresses_of_their_own(world):
    blue, green = deploy(world, BLUE, capacity=2), deploy(world, GREEN)

    assert instances.unsettled(world)
    instances.settle_all(world)

    assert not instances.unsettled(world)
    given = [each.address for made in (blue, green) for each in instances.of(world, made)]
    assert sorted(given) == ["10.0.0.5", "10.0.0.6", "10.0.0.7"]
    assert {each.image for each in instances.of(world, blue)} == {"r.azurecr.io/iris:1"}


def test_another_image_or_variable_is_another_content_and_another_timeout_is_not(world):
    first = instances.content_of(world, deploy(world, BLUE))

    timeout = {"requestSettings": {"requestTimeout": "PT9S"}}
    assert instances.content_of(world, deploy(world, BLUE, **timeout)) == first
    assert instances.content_of(world, deploy(world, BLUE, "2")) != first
    variable = {"environmentVariables": {"A": "b"}}
    assert instances.content_of(world, deploy(world, BLUE, **variable)) != first


def test_an_instance_arrives_takes_over_and_the_old_one_is_forgotten(world):
    blue = deploy(world, BLUE)
    instances.settle_all(world)
    (first,) = instances.of(world, blue)
    instances.arrived(world, machine_id(BLUE, first))

    blue = deploy(world, BLUE, "2")
    instances.settle_all(world)
    assert [(e.number, e.image[-1], e.leaving) for e in instances.of(world, blue)] == [
        (0, "1", False),
        (1, "2", False),
    ]
    instances.arrived(world, f"{ids.key(BLUE)}/instances/1")
    instances.settle_all(world)
    assert [each.leaving for each in instances.of(world, blue)] == [True, False]
    instances.forget(world, machine_id(BLUE, first))
    assert [each.number for each in instances.of(world, blue)] == [1]


def test_a_deployment_that_is_gone_leaves_nothing_and_one_made_again_begins_anew(world):
    deploy(world, BLUE)
    instances.settle_all(world)
    del world.records[ids.key(BLUE)]

    assert instances.unsettled(world)
    instances.settle_all(world)

    assert not instances.unsettled(world)
    assert not [key for key in world.notes if key.startswith("online-instances")]


def test_without_a_fabric_there_are_none(world):
    world.remember("public-pool", None)
    blue = deploy(world, BLUE)

    instances.settle_all(world)

    assert not instances.unsettled(world)
    assert instances.of(world, blue) == ()


def test_a_public_endpoint_gets_an_address_that_nobody_else_gets(world):
    instances.settle_all(world)
    endpoint = world.find(ENDPOINT)
    lent = public_pool.lent(world, endpoint)

    assert lent is not None
    assert public_pool.lend(world, endpoint) == lent
    closed = record(
        ONLINE_ENDPOINT_KIND, f"{ENDPOINT}2", {"properties": {"publicNetworkAccess": "Disabled"}}
    )
    world.put(closed)
    instances.settle_all(world)
    assert public_pool.lent(world, closed) is None
    other = record(ONLINE_ENDPOINT_KIND, f"{ENDPOINT}3", {"properties": {}})
    world.put(other)
    assert public_pool.lend(world, other) != lent


def test_a_machine_is_told_from_those_of_scale_sets():
    assert instances.is_one(f"{BLUE}/instances/0")
    assert not instances.is_one(f"{GROUP}/providers/x/virtualMachineScaleSets/a/virtualMachines/0")
