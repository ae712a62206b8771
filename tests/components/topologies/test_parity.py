"""The two clouds' parts are the same parts: what one takes and gives, the other does."""

import dataclasses
import inspect
from collections.abc import Iterator, Mapping
from typing import Any, get_type_hints

import pulumi
import pytest

from components import parts
from components.aws.cloud import CLOUD as AWS
from components.azure.cloud import CLOUD as AZURE
from components.parts import Cloud, LoadBalancerPart, NetworkPart, Site
from components.topologies.enterprise import Enterprise
from tests.support import environments, stacks
from tests.support.azure import walk
from tests.support.cloud import World
from tests.support.environments import of_family
from tests.support.programs import deployed, world

STACKS = {"azure": "dev", "aws": "dev-aws"}
CLOUDS = {"azure": AZURE, "aws": AWS}
MAKERS = [
    field.name
    for field in dataclasses.fields(Cloud)
    if field.name not in ("addresses", "keeps_database_password", "transformations")
]
ONE_SIDED = {"artifacts": "user data on Azure has room for all files of a node"}
"""Parts that only one cloud has, with the reason."""


def part_class(maker: str) -> type:
    """The class of `components.parts` whose instances *maker* returns."""
    named = "".join(word.capitalize() for word in maker.split("_")) + "Part"
    return getattr(parts, named, pulumi.ComponentResource)


def made(deployment: World, kind: type) -> Iterator[Any]:
    """The parts of one class in an environment."""
    found = list(vars(deployment.result).values())
    for nodes in deployment.result._sets:
        found += [nodes.database, nodes.groups]
    for value in found:
        for each in value.values() if isinstance(value, Mapping) else [value]:
            if isinstance(each, kind):
                yield each


def private(cloud: str) -> World:
    """An environment whose product is installed from a private store."""
    value = of_family({"azure": environments.AZURE, "aws": environments.AWS}[cloud])
    installers = value["runtime"]["server"]["installers"]
    if cloud == "aws":
        installers["server"]["url"] = "s3://media/server.tar"
    else:
        installers["server"]["url"] = "https://media.blob.core.windows.net/x/server.tar"
        installers["store"] = (
            "/subscriptions/22222222-2222-2222-2222-222222222222/resourceGroups/media/providers/"
            "Microsoft.Storage/storageAccounts/media"
        )
    return deployed({stacks.ENVIRONMENT: value})


@pytest.mark.parametrize("maker", MAKERS)
def test_each_part_exists_on_both_clouds(maker: str) -> None:
    missing = {name for name, cloud in CLOUDS.items() if getattr(cloud, maker) is None}
    assert (missing == {"azure"}) == (maker in ONE_SIDED)


@pytest.mark.parametrize("maker", [each for each in MAKERS if each not in ONE_SIDED])
def test_the_twins_have_one_name_one_signature_and_one_base(maker: str) -> None:
    azure, aws = (getattr(cloud, maker) for cloud in (AZURE, AWS))
    assert azure.__name__ == aws.__name__
    assert azure.__module__.removeprefix("components.azure.") == aws.__module__.removeprefix(
        "components.aws."
    )
    assert inspect.signature(azure.__init__) == inspect.signature(aws.__init__)
    assert issubclass(azure, part_class(maker))
    assert issubclass(aws, part_class(maker))


@pytest.mark.parametrize("cloud", STACKS)
@pytest.mark.parametrize(
    "kind",
    [
        each
        for each in vars(parts).values()
        if inspect.isclass(each) and issubclass(each, pulumi.ComponentResource)
    ],
    ids=lambda kind: kind.__name__,
)
def test_a_part_gives_all_that_it_promises(cloud: str, kind: type) -> None:
    deployment = world(STACKS[cloud])
    if kind.__name__ == "InstallersPart":
        deployment = private(cloud)
    found = list(made(deployment, kind))
    if kind.__name__ == "ArtifactsPart" and cloud == "azure":
        assert found == []
        return
    assert found
    promised = [name for name in kind.__annotations__ if not name.startswith("_")]
    for part in found:
        assert [name for name in promised if getattr(part, name, None) is None] == []


def test_sites_know_the_same_beside_what_is_aws_s() -> None:
    azure, aws = (world(stack).result._site for stack in STACKS.values())
    for field in dataclasses.fields(Site):
        assert type(getattr(azure, field.name)) is type(getattr(aws, field.name))


def test_networks_have_the_same_tiers() -> None:
    azure, aws = (next(made(world(stack), NetworkPart)) for stack in STACKS.values())
    assert set(azure.subnet_ids) <= set(aws.subnet_ids)
    assert set(azure.firewall_ids) <= set(aws.firewall_ids)
    assert {len(ids) for ids in azure.subnet_ids.values()} == {1}
    assert {len(ids) for ids in aws.subnet_ids.values()} == {2}, "one a zone"


@pytest.mark.parametrize("stack", STACKS.values())
def test_clients_have_somewhere_to_call(stack: str) -> None:
    deployment = world(stack)
    balancer = next(made(deployment, LoadBalancerPart))
    assert deployment.value(deployment.result.outputs["endpoint"]).startswith("https://")
    assert balancer.host in (*balancer.host_names, *balancer.addresses)
    assert balancer.probe_sources


def keys(deployment: World) -> set[str]:
    """The paths of an environment's outputs, positions in lists left out."""
    found = set()
    for name, value in deployment.result.outputs.items():
        for path, leaf in walk({name: value}):
            found.add(path.partition("[")[0])
            assert not isinstance(leaf, pulumi.Output) or deployment.value(leaf) is not None, path
    return found


def test_operations_find_the_same_outputs_on_both() -> None:
    azure, aws = (keys(world(stack)) for stack in STACKS.values())
    assert azure == aws


def test_the_arguments_of_parts_name_no_cloud() -> None:
    for named in parts.__all__:
        kind = getattr(parts, named)
        fields = get_type_hints(kind) if dataclasses.is_dataclass(kind) else kind.__annotations__
        assert not [name for name in fields if "azure" in name or "aws" in name]
    source = inspect.getsource(inspect.getmodule(Enterprise))
    assert "azure" not in source.lower()
    assert "aws" not in source.lower().replace("draws", "").replace("laws", "")
