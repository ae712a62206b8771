"""User data: golden documents, and the laws that hold for any."""

import base64
import gzip
import json
import os
import re
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from components.bootstrap import user_data
from components.bootstrap.bundle import bundle
from components.bootstrap.user_data import UserDataTooLarge, render
from components.runtimes.node import NodeFile
from tests.support.nodes import KINDS, aws_facts, facts, facts_of, recipe_of

REPOSITORY = Path(__file__).resolve().parents[3]
GOLDEN = REPOSITORY / "tests" / "golden" / "user_data"
SCHEMA = REPOSITORY / ".cache" / "cloud-init" / "schema-cloud-config-v1.json"
UPDATE = os.environ.get("UPDATE_GOLDEN") == "1"
WITHOUT_FILES = replace(recipe_of("web"), files=())
SHA256 = re.compile(r"(?<=\"sha256\": \")[0-9a-f]{64}")
"""A bundle's hash says no more than its files do."""

CLOUDS = ("azure", "aws")
CIDRS = st.ip_addresses(v=4).map(lambda address: f"{address}/32")


def outline(text):
    """The document with each static file as its length, then the one file that varies.

    The static files are reviewed where they are.
    """
    document = yaml.safe_load(text)
    for entry in document["write_files"]:
        if entry["path"] == user_data.NODE_FILE:
            node = SHA256.sub("that of the bundle", entry["content"])
            entry["content"] = "the next document"
        else:
            entry["content"] = f"{len(entry['content'].splitlines())} lines"
    return f"#cloud-config\n{yaml.safe_dump(document, sort_keys=False)}---\n{node}"


def rendered(kind, cloud="azure", **changes):
    return render(recipe_of(kind, cloud), facts_of(kind, cloud, **changes))


def node_json_of(found):
    files = yaml.safe_load(found.text)["write_files"]
    [content] = [entry["content"] for entry in files if entry["path"] == user_data.NODE_FILE]
    return json.loads(content)


every_cloud = pytest.mark.parametrize("cloud", CLOUDS)
every_kind = pytest.mark.parametrize("kind", KINDS)


@every_cloud
@every_kind
def test_user_data_is_the_golden_document(kind, cloud):
    found = outline(rendered(kind, cloud).text)
    golden = GOLDEN / f"{cloud}-plumber-{kind}.yaml"
    if UPDATE:
        golden.write_text(found)

    assert found == golden.read_text(), "run with UPDATE_GOLDEN=1 if the change is meant"


@every_kind
def test_azures_user_data_has_all_files_as_they_are_in_the_repository(kind):
    files = yaml.safe_load(rendered(kind).text)["write_files"]
    written = {entry["path"]: entry["content"] for entry in files}

    for file in recipe_of(kind).files:
        assert written[file.path] == file.content


@every_cloud
@every_kind
def test_the_same_settings_give_the_same_bytes(kind, cloud):
    first, second = (rendered(kind, cloud) for _ in range(2))

    assert first.compressed == second.compressed
    assert first.compressed[4:8] == b"\0\0\0\0", "gzip's header must hold no time"


@every_cloud
@every_kind
def test_what_the_cloud_gets_unpacks_to_the_document(kind, cloud):
    found = rendered(kind, cloud)

    assert gzip.decompress(base64.b64decode(found.base64)).decode() == found.text
    assert found.size == len(base64.b64decode(found.base64))


@every_kind
def test_user_data_fits_azure_with_room_to_spare(kind):
    assert rendered(kind).size < 0.8 * user_data.LIMITS["azure"]


@every_kind
def test_user_data_on_aws_leaves_room_for_hundreds_of_clients(kind):
    assert rendered(kind, "aws").size < 12 * 1024

    clients = tuple(f"203.{index % 256}.{index // 256}.0/24" for index in range(400))
    assert rendered(kind, "aws", clients=clients).size < user_data.LIMITS["aws"]


@every_kind
def test_a_node_on_aws_learns_where_the_rest_of_its_files_is(kind):
    found = node_json_of(rendered(kind, "aws"))

    assert found["region"] == "eu-central-1"
    assert found["bundle"] == {
        "uri": "s3://test-artifacts-1a2b3c4d/the-key",
        "sha256": bundle(recipe_of(kind, "aws"), "aws").sha256,
    }
    assert "python3-botocore" in found["packages"]


def test_a_node_on_azure_hears_nothing_of_a_bundle():
    found = node_json_of(render(recipe_of("web"), facts(bundle_uri="s3://other/key")))

    assert not {"region", "bundle"} & set(found)
    assert found["packages"] == sorted(recipe_of("web").packages)


def test_a_bundle_without_a_place_is_refused():
    with pytest.raises(ValueError, match="bundle_uri") as refused:
        render(recipe_of("web", "aws"), aws_facts(bundle_uri=""))

    assert str(refused.value) == "nodes on aws fetch a bundle: bundle_uri must say from where"


@every_cloud
@pytest.mark.skipif(not SCHEMA.exists(), reason="scripts/setup brings cloud-init's own schema")
@every_kind
def test_user_data_is_valid_under_cloud_inits_own_schema(kind, cloud):
    document = yaml.safe_load(rendered(kind, cloud).text)

    jsonschema.validate(document, json.loads(SCHEMA.read_text()))


@pytest.mark.skipif(not SCHEMA.exists(), reason="scripts/setup brings cloud-init's own schema")
def test_that_schema_refuses_a_wrong_document():
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"write_files": "all"}, json.loads(SCHEMA.read_text()))


@given(
    environment=st.from_regex(r"[a-z][a-z0-9-]{0,30}", fullmatch=True),
    host=st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=80),
    principal=st.text(max_size=40).filter(lambda text: text.isprintable()),
    clients=st.lists(CIDRS, max_size=8).map(tuple),
    egress=st.sampled_from(["packages", "none"]),
)
@settings(max_examples=20, deadline=None)
def test_any_facts_reach_the_node_unchanged(environment, host, principal, clients, egress):
    found = node_json_of(
        render(
            WITHOUT_FILES,
            facts(
                environment=environment,
                database_host=host,
                database_principal=principal,
                clients=clients,
                egress=egress,
            ),
        )
    )

    assert found["environment"] == environment
    assert (found["database"]["host"], found["database"]["principal"]) == (host, principal)
    assert (tuple(found["clients"]), found["egress"]) == (clients, egress)


@every_cloud
@every_kind
def test_only_the_json_file_differs_between_environments(kind, cloud):
    ours, theirs = (
        {
            entry["path"]: entry["content"]
            for entry in yaml.safe_load(rendered(kind, cloud, **changes).text)["write_files"]
        }
        for changes in ({}, {"environment": "other", "database_host": "db.example"})
    )

    assert [path for path in ours if ours[path] != theirs[path]] == [user_data.NODE_FILE]


def test_a_compute_node_does_not_learn_who_the_clients_are():
    assert node_json_of(render(recipe_of("compute"), facts()))["clients"] == []


def test_user_data_over_the_limit_is_refused_with_what_is_largest():
    noise = base64.b85encode(os.urandom(40_000)).decode()
    files = (
        NodeFile(path="/large", content=noise),
        NodeFile(path="/small", content="x"),
        NodeFile(path="/node", content="y" * 100),
    )
    compressed = b"z" * 50_000
    weight = len(gzip.compress(noise.encode(), mtime=0))
    with pytest.raises(UserDataTooLarge) as refused:
        user_data.check_size(compressed, files, "azure")

    assert str(refused.value) == (
        "user data is 50000 bytes compressed, over the limit of 49152 on azure; "
        f"largest: /large ({weight} bytes), /node ({_weight('y' * 100)} bytes), "
        f"/small ({_weight('x')} bytes). Shorten access.clients, or bake the files into an image "
        "(runtime.image: complete) and take them out of the recipe."
    )


def _weight(text):
    return len(gzip.compress(text.encode(), mtime=0))


def test_a_cloud_has_a_limit_of_its_own():
    user_data.check_size(b"z" * 16_384, (), "aws")
    with pytest.raises(UserDataTooLarge, match="over the limit of 16384 on aws"):
        user_data.check_size(b"z" * 16_385, (), "aws")


def test_a_web_node_that_is_told_where_compute_nodes_are_has_it_in_its_json():
    assert "computeNodes" not in node_json_of(rendered("web"))
    told = rendered("web", compute_ranges=("http://10.20.128.4-254:12805",))
    assert node_json_of(told)["computeNodes"] == {
        "values": [],
        "ranges": ["http://10.20.128.4-254:12805"],
    }
