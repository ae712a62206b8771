"""User data of nodes on Linux: golden documents, and sizes."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.bootstrap import user_data
from components.bootstrap.bundle import bundle, split
from components.bootstrap.user_data import render
from components.runtimes import flows, recipe
from tests.support.environments import AWS, AZURE, ONE_BOX, ONE_BOX_AWS, environment, of_family
from tests.support.nodes import aws_facts, facts

GOLDEN = Path(__file__).resolve().parents[4] / "tests" / "golden" / "user_data"
UPDATE = os.environ.get("UPDATE_GOLDEN") == "1"
BASES = {
    ("azure", False): AZURE,
    ("aws", False): AWS,
    ("azure", True): ONE_BOX,
    ("aws", True): ONE_BOX_AWS,
}
CASES = [
    (cloud, version, role)
    for cloud in ("azure", "aws")
    for version, role in (
        ("9.0.1", "web"),
        ("9.1.0", "compute"),
        ("9.4.7", "web"),
        ("9.3.0", "one-box"),
    )
]


def rendered(cloud: str, version: str, role: Any) -> user_data.UserData:
    one_box = role == "one-box"
    made = environment(of_family(BASES[cloud, one_box], version))
    recipes = {each: recipe.for_role(made, each) for each in made.groups}
    place: dict[str, Any] = {
        "flows": flows.allowed(made, recipes, artifacts=cloud == "aws"),
    }
    if one_box:
        server = ("host", "name", "principal", "bootstrap_secret")
        place |= {f"database_{name}": "" for name in server}
        place |= {"web_subnet": "", "compute_subnet": "", "one_box_subnet": "10.20.0.0/28"}
    if role == "web":
        port = recipes["compute"].port
        place["compute_values"] = tuple(f"https://10.20.16.{last}:{port}" for last in (4, 5))
    standing = (aws_facts if cloud == "aws" else facts)(**place)
    return render(recipes[role], standing)


def outline(text: str) -> str:
    """The document with each static file as its length, then the one file that varies."""
    document = yaml.safe_load(text)
    node = ""
    for entry in document["write_files"]:
        if entry["path"] == user_data.NODE_FILE:
            node = entry["content"]
            entry["content"] = "the next document"
        else:
            entry["content"] = f"{len(entry['content'].splitlines())} lines"
    node = re.sub(r'("bundle": \{\s*"sha256": ")[0-9a-f]{64}', r"\1that of the bundle", node)
    return f"#cloud-config\n{yaml.safe_dump(document, sort_keys=False)}---\n{node}"


@pytest.mark.parametrize(("cloud", "version", "role"), CASES)
def test_user_data_is_the_golden_document(cloud, version, role):
    found = outline(rendered(cloud, version, role).text)
    golden = GOLDEN / f"{cloud}-{version}-{role}.yaml"
    if UPDATE:
        golden.write_text(found)

    assert found == golden.read_text(), "run with UPDATE_GOLDEN=1 if the change is meant"


@pytest.mark.parametrize(("cloud", "version", "role"), CASES)
def test_user_data_fits_the_cloud_with_room_to_spare(cloud, version, role):
    assert rendered(cloud, version, role).size < 0.8 * user_data.LIMITS[cloud]


@pytest.mark.parametrize(("version", "role"), [case[1:] for case in CASES if case[0] == "aws"])
def test_a_node_on_aws_takes_what_its_bundle_brings(tmp_path, version, role):
    base = ONE_BOX_AWS if role == "one-box" else AWS
    made = recipe.for_role(environment(of_family(base, version)), role)
    _, fetched = split(made, "aws")
    files = yaml.safe_load(rendered("aws", version, role).text)["write_files"]
    [program] = [each["content"] for each in files if each["path"].endswith("/unpack_bundle.py")]
    packed = bundle(made, "aws")
    assert packed is not None
    (tmp_path / "archive").write_bytes(packed.content)
    command = [sys.executable, "-", tmp_path / "archive", packed.sha256, tmp_path / "root"]

    done = subprocess.run(command, input=program, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert all((tmp_path / "root" / file.path[1:]).is_file() for file in fetched)


def node_json(*case: str) -> Any:
    files = yaml.safe_load(rendered(*case).text)["write_files"]
    [content] = [each["content"] for each in files if each["path"] == user_data.NODE_FILE]
    return json.loads(content)


@pytest.mark.parametrize("role", ["web", "compute"])
def test_only_web_nodes_hear_where_compute_nodes_are(role):
    assert ("computeNodes" in node_json("azure", "9.1.0", role)) == (role == "web")


@pytest.mark.parametrize("cloud", ["azure", "aws"])
def test_no_node_installs_what_the_shared_scripts_need(cloud):
    assert "python3-botocore" not in node_json(cloud, "9.1.0", "web")["packages"]
