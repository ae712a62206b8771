"""The harness itself: what component tests rely on when they read a `World`."""

import gc

import pulumi
import pytest
from pulumi_random import RandomPassword, RandomPet

from tests.support.cloud import UNKNOWN, EchoCloud, Secret, World, deploy

PET = "test:demo:Kennel$random:index/randomPet:RandomPet"


class Kennel(pulumi.ComponentResource):
    """A component with two pets, the second named after the first."""

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("test:demo:Kennel", name, None, opts)
        kept = pulumi.ResourceOptions(parent=self, protect=True, ignore_changes=["length"])
        self.first = RandomPet(f"{name}-first", length=2, opts=kept)
        second = pulumi.ResourceOptions(parent=self, depends_on=[self.first])
        self.second = RandomPet(f"{name}-second", prefix=self.first.id, opts=second)
        self.register_outputs({"first": self.first.id})


def test_a_world_is_the_inputs_of_all_resources_by_their_place_in_the_program() -> None:
    world = deploy(lambda: Kennel("dogs"))

    assert world == {
        "test:demo:Kennel::dogs": {},
        f"{PET}::dogs-first": {"length": 2},
        f"{PET}::dogs-second": {"prefix": "dogs-first-id"},
    }
    assert list(world) == sorted(world)


def test_options_that_reached_the_engine_can_be_read() -> None:
    options = deploy(lambda: Kennel("dogs")).options_of("random:index/randomPet:RandomPet")

    assert options["dogs-first"].protect
    assert options["dogs-first"].ignore_changes == ("length",)
    assert not options["dogs-second"].protect
    assert options["dogs-second"].depends_on == (f"{PET}::dogs-first",)


def test_a_first_preview_knows_no_ids() -> None:
    world = deploy(lambda: Kennel("dogs"), unknowns=True)

    assert world[f"{PET}::dogs-second"] == {"prefix": UNKNOWN}
    assert world.value(world.result.second.id) is UNKNOWN


def test_computed_outputs_are_what_the_cloud_says_and_unknown_before() -> None:
    cloud = EchoCloud({"random:index/randomPassword:RandomPassword": {"result": "hunter2"}})

    def build() -> RandomPassword:
        return RandomPassword("p", length=8)

    after = deploy(build, cloud=cloud)
    before = deploy(build, cloud=cloud, unknowns=True)

    assert after.value(after.result.result) == Secret("hunter2")
    assert before.value(before.result.result) is UNKNOWN


def test_secrets_stay_where_they_are() -> None:
    def build() -> RandomPet:
        return RandomPet("p", keepers={"a": pulumi.Output.secret("x"), "b": "y"})

    assert deploy(build)["random:index/randomPet:RandomPet::p"] == {
        "keepers": {"a": Secret("x"), "b": "y"}
    }


def test_configuration_is_this_programs_and_secret_where_it_was_secret() -> None:
    def build() -> tuple[object, pulumi.Output[str]]:
        config = pulumi.Config("operationalization")
        return config.get_object("environment"), config.require_secret("adminPassword")

    world = deploy(
        build,
        config={"operationalization:environment": {"web": {"count": 2}}},
        secrets={"operationalization:adminPassword": "hunter2"},
    )
    environment, password = world.result

    assert environment == {"web": {"count": 2}}
    assert world.value(password) == Secret("hunter2")
    assert deploy(lambda: pulumi.Config("operationalization").get("environment")).result is None


def test_what_the_program_raises_is_raised_and_leaves_nothing_behind() -> None:
    def build() -> None:
        RandomPet("p")
        raise pulumi.RunError("no")

    with pytest.raises(pulumi.RunError, match=r"^no$"):
        deploy(build)
    gc.collect()

    assert deploy(lambda: None) == {}


def test_a_look_up_that_nobody_planned_is_a_failure() -> None:
    def build() -> pulumi.Output[object]:
        return pulumi.Output.from_input(pulumi.runtime.invoke_async("cloud:who:am", {}))

    with pytest.raises(AssertionError, match=r"^cloud:who:am was looked up: pass the value in"):
        deploy(build)

    cloud = EchoCloud(answers={"cloud:who:am": {"name": "me"}})
    world: World = deploy(build, cloud=cloud)
    assert world.value(world.result) == {"name": "me"}


def test_the_same_name_twice_is_refused_as_the_engine_would() -> None:
    def build() -> None:
        RandomPet("p")
        RandomPet("p")

    with pytest.raises(AssertionError, match=r"::p is registered twice: the engine refuses that$"):
        deploy(build)
