"""What brings a node to another version is what a fresh node of it would get."""

import base64
import gzip
import io
import json
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path, PureWindowsPath

import pytest
import yaml

from components.bootstrap import upgrade
from components.bootstrap.bundle import bundle
from components.bootstrap.upgrade import configuration, content
from components.bootstrap.user_data import node_json, render
from components.runtimes import recipe
from components.settings import SettingsError, parse
from components.settings.newer import Archive, Installers
from components.settings.stack_file import NAMESPACE
from tests.support.environments import (
    AWS,
    AZURE,
    ENDPOINT,
    ONE_BOX,
    ONE_BOX_AWS,
    changed,
    of_family,
)
from tests.support.nodes import aws_facts, facts

MEDIA = Installers(server=Archive(url="https://downloads.example.com/new.tar", sha256="c" * 64))
WINDOWS_MEDIA = Installers(
    server=Archive(url="https://downloads.example.com/new.zip", sha256="c" * 64),
    dotnet=Archive(url="https://downloads.example.com/hosting.exe", sha256="d" * 64),
)
SETTINGS = "components/runtimes/rserver/node/upgrade_settings.py"


def stack(folder, environment):
    path = folder / "Pulumi.shop.yaml"
    path.write_text(yaml.safe_dump({"config": {f"{NAMESPACE}:environment": environment}}))
    return path


def unpacked(found, role):
    archive = io.BytesIO(base64.b64decode(found["archives"][role]))
    with tarfile.open(fileobj=archive) as tar:
        return {entry.name: tar.extractfile(entry).read().decode() for entry in tar}


@pytest.mark.parametrize("role", ["web", "compute"])
@pytest.mark.parametrize("base", [AZURE, AWS], ids=["azure", "aws"])
def test_a_node_comes_to_the_files_and_the_json_of_a_fresh_one(tmp_path, base, role):
    old = of_family(base, "9.1.0")
    found = content(stack(tmp_path, old), "9.4.7", MEDIA)
    files = unpacked(found, role)
    move = json.loads(files.pop("move.json"))
    fresh = recipe.for_role(
        parse(
            yaml.safe_load(found["stackFile"])["config"][f"{NAMESPACE}:environment"], stack="shop"
        ),
        role,
    )

    before = recipe.for_role(parse(old, stack="shop"), role)
    cloud = base["cloud"]

    def known(made):
        packed = bundle(made, cloud)
        if not packed:
            return facts(cloud="azure")
        return aws_facts(bundle_uri=f"s3://bucket/{role}/{packed.sha256}.tar.gz")

    node, new = tmp_path / "node.json", tmp_path / "move.json"
    node.write_text(node_json(before, known(before)))
    new.write_text(json.dumps(move))
    merged = subprocess.run(
        [sys.executable, SETTINGS, "merge", node, new], capture_output=True, check=True
    ).stdout.decode()

    assert merged == node_json(fresh, known(fresh))
    assert {f"files{file.path}": file.content for file in fresh.files}.items() <= files.items()
    assert (found["of"], found["to"], found["server"]) == ("rserver 9.1.0", "mlserver 9.4.7", True)


def zipped(found, role):
    """The files of an archive for Windows, whose paths the node makes."""
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(found["archives"][role]))) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


WINDOWS = "windows-server-2016"


@pytest.mark.parametrize("role", ["web", "compute"])
def test_a_node_with_windows_gets_the_files_of_a_fresh_one_and_what_brings_them(tmp_path, role):
    found = content(stack(tmp_path, of_family(AZURE, "9.1.0", WINDOWS)), "9.4.7", WINDOWS_MEDIA)
    files = zipped(found, role)
    move = json.loads(files.pop("move.json"))
    environment = yaml.safe_load(found["stackFile"])["config"][f"{NAMESPACE}:environment"]
    fresh = recipe.for_role(parse(environment, stack="shop"), role)
    own = {
        PureWindowsPath(file.path).name: file.content
        for file in upgrade.files(fresh, parse(environment, stack="shop"))
    }

    assert (found["system"], found["server"]) == ("windows", True)
    assert sorted(own) == move["files"]
    assert own.items() <= files.items()
    assert {each for each in files if each not in own} == {
        file.name for file in Path("components/runtimes/rserver/windows/upgrade").iterdir()
    }
    assert move["document"][role] == json.loads(json.dumps(fresh.data))
    assert move["of"] == {
        "product": "rserver",
        "version": "9.1.0",
        "stash": "C:\\Users\\Default\\AppData\\Local\\DeployR\\current",
    }


def test_the_same_settings_give_the_same_archive_for_windows(tmp_path):
    path = stack(tmp_path, of_family(AZURE, "9.3.0", WINDOWS))

    assert content(path, "9.4.7", WINDOWS_MEDIA) == content(path, "9.4.7", WINDOWS_MEDIA)


def test_a_machine_of_its_own_with_windows_is_upgraded_on_aws_too(tmp_path):
    found = content(
        stack(tmp_path, of_family(ONE_BOX_AWS, "9.1.0", WINDOWS)), "9.4.7", WINDOWS_MEDIA
    )
    move = json.loads(zipped(found, "one-box")["move.json"])

    assert (move["parts"], move["database"]) == (["compute", "web"], "file")
    assert found["server"] is False


def test_it_says_how_the_old_version_goes(tmp_path):
    found = content(stack(tmp_path, of_family(AZURE, "9.0.1")), "rserver 9.1.0", MEDIA)
    move = json.loads(unpacked(found, "web")["move.json"])

    assert move["of"]["trees"] == ["/usr/lib64/microsoft-r", "/usr/lib64/microsoft-deployr"]
    assert move["of"]["services"] == {"web": ["frontend"], "compute": ["rserve", "backend"]}
    assert move["of"]["stash"] == "/etc/deployr/current"
    assert (move["of"]["directoryValues"], move["to"]["directoryValues"]) == (True, False)
    assert move["to"]["packages"][:3] == [
        "microsoft-r-open-*",
        "microsoft-r-server-adminutil-9.1",
        "microsoft-r-server-webnode-9.1",
    ]
    assert (move["parts"], move["database"]) == (["web"], "server")


def test_a_one_box_takes_its_file_along(tmp_path):
    found = content(stack(tmp_path, of_family(ONE_BOX)), "9.2.1", MEDIA)
    move = json.loads(unpacked(found, "one-box")["move.json"])

    assert (move["parts"], move["database"]) == (["compute", "web"], "file")
    assert "/opt/microsoft/mlserver/9.2.1" in move["to"]["trees"]


@pytest.mark.parametrize(
    ("of", "to"),
    [
        ("9.0.1", "9.1.0"),
        ("9.0.1", "9.4.7"),
        ("9.1.0", "9.2.1"),
        ("9.1.0", "9.3.0"),
        ("9.2.1", "9.3.0"),
        ("9.3.0", "9.4.7"),
    ],
)
def test_the_documents_paths_are_there(tmp_path, of, to):
    assert content(stack(tmp_path, of_family(AZURE, of)), to, MEDIA)["to"].endswith(to)


@pytest.mark.parametrize(
    ("of", "to", "ways"),
    [
        ("9.1.0", "9.0.1", "mlserver 9.2.1, mlserver 9.3.0, mlserver 9.4.7"),
        ("9.1.0", "9.1.0", "mlserver 9.2.1, mlserver 9.3.0, mlserver 9.4.7"),
        ("9.2.1", "9.4.7", "mlserver 9.3.0"),
        ("9.4.7", "9.5.0", "nothing: build a new environment"),
        ("9.0-preview", "9.1.0", "nothing: build a new environment"),
    ],
)
def test_other_steps_are_refused_with_those_that_there_are(tmp_path, of, to, ways):
    with pytest.raises(SettingsError) as error:
        content(stack(tmp_path, of_family(AZURE, of)), to, MEDIA)

    assert f"from here one may go to: {ways}" in str(error.value)


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        (AZURE, "is upgraded by pulumi up alone"),
        (ENDPOINT, "has no nodes of its own"),
        (of_family(AWS, "9.1.0", "windows-server-2016"), "cannot be copied by a node on RDS"),
        (
            changed(of_family(AZURE, "9.1.0"), {"web": {"count": 2, "nodes": "scaleSet"}}),
            "has machines that come and go",
        ),
    ],
    ids=["plumber", "endpoint", "windows", "scale set"],
)
def test_what_cannot_be_upgraded_in_place_is_refused_by_name(environment, words):
    found = list(upgrade.problems(parse(environment, stack="shop"), "9.4.7"))

    assert words in found[0].rule


def test_the_installer_of_the_new_version_must_be_given(tmp_path, capsys):
    path = stack(tmp_path, of_family(AZURE))

    assert upgrade.main([str(path), "--to", "9.4.7"]) == 1
    assert "give it with --installer URL --sha256 SUM" in capsys.readouterr().err


def deployed(environment, known, role="web"):
    """What the stack's outputs have of a role, deployed with these facts."""
    made = render(recipe.for_role(parse(environment, stack="shop"), role), known)
    packed = base64.b64encode(gzip.compress(made.node_file.encode(), mtime=0)).decode()
    return {role: {"rendered": made.digest, "machines": [], "nodeFile": packed}}


@pytest.mark.parametrize("base", [AZURE, AWS], ids=["azure", "aws"])
def test_a_node_gets_the_settings_and_the_addresses_that_were_deployed_last(tmp_path, base):
    environment = of_family(base, "9.1.0")
    made = recipe.for_role(parse(environment, stack="shop"), "web")
    packed = bundle(made, base["cloud"])
    more = {"compute_values": ("https://10.0.0.4:12805", "https://10.0.0.5:12805")}
    known = (
        aws_facts(**more, bundle_uri=f"s3://bucket/web/{packed.sha256}.tar.gz")
        if packed
        else facts(cloud="azure", **more)
    )
    found = configuration(stack(tmp_path, environment), deployed(environment, known))
    files = unpacked(found, "web")
    move = json.loads(files.pop("move.json"))
    node, new = tmp_path / "node.json", tmp_path / "move.json"
    old = parse(changed(environment, {"runtime.server.logLevel": "Information"}), stack="shop")
    before = recipe.for_role(old, "web")
    node.write_text(node_json(before, replace(known, compute_values=("https://10.0.0.4:12805",))))
    new.write_text(json.dumps(move))
    merged = subprocess.run(
        [sys.executable, SETTINGS, "merge", node, new], capture_output=True, check=True
    ).stdout.decode()

    assert merged == node_json(made, known)
    assert {f"files{file.path}": file.content for file in made.files}.items() <= files.items()
    assert (found["of"], found["to"]) == ("rserver 9.1.0", "rserver 9.1.0")
    assert found["archives"].keys() == {"web"}


def test_what_was_not_deployed_is_brought_to_no_node(tmp_path):
    environment = of_family(AZURE, "9.1.0")
    before = deployed(environment, facts(cloud="azure"))
    path = stack(tmp_path, changed(environment, {"runtime.server.logLevel": "Information"}))
    with pytest.raises(SettingsError) as error:
        configuration(path, before)

    assert "group web: is not what was deployed last, or another release deployed it" in str(
        error.value
    )


def test_machines_that_come_and_go_get_other_settings_by_themselves():
    environment = changed(of_family(AZURE, "9.1.0"), {"web": {"count": 2, "nodes": "scaleSet"}})
    found = list(upgrade.problems(parse(environment, stack="shop")))

    assert [each.rule for each in found] == [
        "has machines that pulumi up replaces for other settings"
    ]
