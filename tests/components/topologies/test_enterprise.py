import base64
import gzip
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pulumi
import pytest

from components.runtimes import recipe
from components.runtimes.node import NodeRecipe, Role
from components.settings import Environment
from tests.support import stacks
from tests.support.azure import SECRET_VALUE, changed, stack, walk
from tests.support.cloud import World
from tests.support.programs import CLOUDS, deployed, world

EVERY_STACK = stacks.NAMES
SMALL = {"azure": "dev", "aws": "dev-aws"}
"""The small stack of each cloud."""
TOPOLOGIES = {
    f"operationalization:topologies:{each}" for each in ("Enterprise", "OneBox", "ManagedEndpoint")
}
GOLDEN = Path(__file__).parents[2] / "golden" / "urns"
VARIATIONS = {
    "fixed": {
        "web": {"nodes": "fixed", "count": 2},
        "compute": {"nodes": "fixed", "count": 3},
    },
    "internal": {"loadBalancer__exposure": "internal"},
}


def decoded(value: object) -> str:
    """A text, and what is packed into it."""
    text = str(value)
    try:
        return gzip.decompress(base64.b64decode(text, validate=True)).decode()
    except (ValueError, OSError):
        return text


@pytest.mark.parametrize("name", EVERY_STACK)
def test_the_resources_of_a_stack_are_these(name: str) -> None:
    # To accept a change: UPDATE_GOLDEN=1 scripts/test tests/components/topologies
    golden = GOLDEN / f"{name}.txt"
    found = "".join(f"{urn}\n" for urn in sorted(world(name)))
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(found)
    assert found == golden.read_text(), f"{golden} says otherwise: a new name is a new resource"


@pytest.mark.parametrize("name", EVERY_STACK)
def test_everything_lies_under_a_part_and_parts_under_the_environment(name: str) -> None:
    # Under mocks a URN has the type of the parent only, not of those above it.
    for urn in world(name):
        parent, _, kind = urn.partition("::")[0].rpartition("$")
        if kind in TOPOLOGIES:
            assert parent == ""
        elif kind.startswith("operationalization:"):
            assert parent.startswith("operationalization:")
        else:
            assert parent.startswith("operationalization:")
            assert parent not in TOPOLOGIES


@pytest.mark.parametrize("name", EVERY_STACK)
def test_no_secret_is_in_plain_sight(name: str) -> None:
    leaks = [
        f"{urn}{path}"
        for urn, inputs in world(name).items()
        for path, value in walk(inputs)
        if isinstance(value, str) and SECRET_VALUE in decoded(value)
    ]
    assert leaks == []


def test_the_walk_would_see_a_secret_in_custom_data() -> None:
    packed = base64.b64encode(gzip.compress(f"x {SECRET_VALUE} y".encode())).decode()
    assert SECRET_VALUE in decoded(packed)


LARGE = {
    "azure": {"size": "Standard_D2s_v5", "database": "Standard_E48ds_v4"},
    "aws": {"size": "m6i.large", "database": "db.r6i.24xlarge"},
}


def counted(cloud: str, nodes: int) -> int:
    group = {"count": nodes, "size": LARGE[cloud]["size"]}
    large = changed(
        SMALL[cloud],
        web=group,
        compute=group,
        database__connectionsPerWebNode=1,
        database__size=LARGE[cloud]["database"],
    )
    return len(deployed(large))


@pytest.mark.parametrize("cloud", SMALL)
def test_a_thousand_nodes_are_as_many_resources_as_two(cloud: str) -> None:
    assert counted(cloud, 2) == counted(cloud, 1000)


@pytest.mark.parametrize("cloud", SMALL)
@pytest.mark.parametrize("variation", [*VARIATIONS, "closed"])
def test_a_preview_of_what_does_not_exist_yet_declares_everything(
    variation: str, cloud: str
) -> None:
    config = changed(SMALL[cloud], **VARIATIONS.get(variation, CLOUDS[cloud].CLOSED))
    preview, update = deployed(config, unknowns=True), deployed(config)
    assert list(preview) == list(update)


@pytest.mark.parametrize("name", EVERY_STACK)
def test_a_stacks_preview_declares_everything(name: str) -> None:
    assert list(deployed(stack(name), unknowns=True)) == list(world(name))


def test_the_same_settings_declare_the_same() -> None:
    assert deployed(stack("dev")) == world("dev")


def waits_for(deployment: World, part: str) -> set[str]:
    """The names of what *part* waits for."""
    (options,) = [o for urn, o in deployment.options.items() if urn.endswith(part)]
    return {urn.partition("::")[2] for urn in options.depends_on}


def test_parts_come_in_order() -> None:
    dev = world("dev")

    assert "test-database-server" in waits_for(dev, "NodeGroup::test-compute-nodes")
    assert "test-database-server" in waits_for(dev, "NodeGroup::test-web-nodes")
    assert {"test-web-nodes", "test-compute-nodes"} <= waits_for(dev, "Monitoring::test-monitoring")


def test_nodes_of_plumber_start_together() -> None:
    dev = world("dev")

    assert "test-compute-nodes" not in waits_for(dev, "NodeGroup::test-web-nodes")
    assert "test-web-nodes" not in waits_for(dev, "NodeGroup::test-compute-nodes")


def test_a_product_may_have_its_nodes_start_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    original = recipe.for_role

    def ordered(environment: Environment, role: Role) -> NodeRecipe:
        after: tuple[Role, ...] = ("compute",) if role == "web" else ()
        return replace(original(environment, role), starts_after=after)

    monkeypatch.setattr(recipe, "for_role", ordered)

    assert "test-compute-nodes" in waits_for(deployed(stack("dev")), "NodeGroup::test-web-nodes")


def flat(deployment: World, value: Any, path: str = "") -> dict[str, Any]:
    """The leaves of an output by path."""
    if isinstance(value, pulumi.Output):
        value = deployment.value(value)
    match value:
        case dict():
            items = [(f"{path}.{key}" if path else key, item) for key, item in value.items()]
        case list():
            items = [(f"{path}[{index}]", item) for index, item in enumerate(value)]
        case _:
            return {path: value}
    return {k: v for at, item in items for k, v in flat(deployment, item, at).items()}


def test_operations_learn_where_everything_is() -> None:
    outputs = flat(world("dev"), world("dev").result.outputs)
    wanted = {
        "endpoint": "https://20.50.2.80:12800",
        "loadBalancerAddress": "20.50.2.80",
        "loadBalancerAddresses[0]": "20.50.2.80",
        "location": "westeurope",
        "resourceGroup": "test-foundation-group",
        "vault.name": "test-abc123",
        "vault.uri": "https://test-abc123.vault.azure.net/",
        "database.engine": "postgresql",
        "database.host": "test-database-server.postgres.database.azure.com",
        "database.port": 5432,
        "database.name": "operationalization",
        "groups.web.kind": "scaleSet",
        "groups.web.names[0]": "test-web-nodes",
        "groups.web.port": 12800,
        "groups.compute.minimum": 2,
        "groups.compute.maximum": 4,
        "groups.compute.identity.clientId": "test-compute-identity-client",
        "subnets.compute.range": "10.20.128.0/24",
        "certificateAuthority": "certificate of test-credentials-ca\n",
    }
    assert {key: outputs[key] for key in wanted} == wanted
