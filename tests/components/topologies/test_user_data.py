"""The user data of every stack, as its nodes get it."""

import base64
import gzip
import json
from typing import Any

import jsonschema
import pytest
import yaml

from components.bootstrap import user_data
from components.settings import NodesEnvironment, parse
from tests.support import stacks
from tests.support.azure import ROOT, walk
from tests.support.programs import world

SCHEMA = ROOT / ".cache" / "cloud-init" / "schema-cloud-config-v1.json"
PLACES = ("customData", "userData", "userDataBase64")


def packed(stack: str) -> dict[str, bytes]:
    """What the cloud hands a node at its first boot, by the resource that says it."""
    return {
        urn: base64.b64decode(value, validate=True)
        for urn, inputs in world(stack).items()
        for path, value in walk(inputs)
        if path.rpartition(".")[2] in PLACES
    }


def documents(stack: str) -> list[Any]:
    texts = [gzip.decompress(content).decode() for content in packed(stack).values()]
    # cloud-init takes for cloud-config what says so in its first line, and ignores all else.
    assert [text.splitlines()[0] for text in texts] == ["#cloud-config"] * len(texts)
    return [yaml.safe_load(text) for text in texts]


@pytest.mark.parametrize("stack", stacks.NAMES)
def test_each_kind_of_nodes_has_user_data(stack: str) -> None:
    environment = parse(stacks.config(stack)[stacks.ENVIRONMENT], stack=stack)
    kinds = environment.groups if isinstance(environment, NodesEnvironment) else {}
    found = packed(stack)
    assert len(set(found.values())) == len(kinds)
    # A fixed group has one machine a node, and all of them the same.
    machines = [group.count or 0 if group.nodes == "fixed" else 1 for group in kinds.values()]
    assert len(found) == sum(machines)


@pytest.mark.skipif(not SCHEMA.exists(), reason="scripts/setup brings cloud-init's own schema")
@pytest.mark.parametrize("stack", stacks.of("enterprise"))
def test_it_is_valid_under_cloud_inits_own_schema(stack: str) -> None:
    schema = json.loads(SCHEMA.read_text())
    for document in documents(stack):
        jsonschema.validate(document, schema)


@pytest.mark.parametrize("stack", stacks.of("enterprise"))
def test_it_is_within_the_clouds_limit(stack: str) -> None:
    cloud = stacks.config(stack)[stacks.ENVIRONMENT]["cloud"]
    for content in packed(stack).values():
        assert len(content) <= user_data.LIMITS[cloud]
