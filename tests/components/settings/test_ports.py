"""A stack file with other ports: only they change, and only where they can."""

import json
import shutil
from pathlib import Path

import pytest
import yaml

from components.settings.ports import change, main
from components.settings.problems import SettingsError
from components.settings.stack_file import parse_file

STACKS = Path(__file__).parents[3] / "stacks"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "bases").symlink_to(STACKS / "bases")
    return tmp_path


def copied(folder: Path, stack: str, old: str = "", new: str = "") -> Path:
    """A stack's file, with one text in place of another."""
    text = (STACKS / f"Pulumi.{stack}.yaml").read_text()
    assert old in text
    path = folder / f"Pulumi.{stack}.yaml"
    path.write_text(text.replace(old, new, 1) if old else text)
    return path


def ports(path: Path) -> tuple[int, int]:
    found = parse_file(path).ports
    return found.web, found.compute


@pytest.mark.parametrize(
    "stack", ["dev-rserver", "dev-mlserver-aws", "dev-mlserver-onebox", "dev", "azure-production"]
)
def test_ports_are_added_and_nothing_else_changes(folder: Path, stack: str) -> None:
    path = copied(folder, stack)
    before = path.read_text()
    found = change(path, 443, None)

    assert (found["of"], found["to"]) == (
        {"web": 12800, "compute": 12805},
        {"web": 443, "compute": 12805},
    )
    assert found["before"] == before
    added = [line for line in found["after"].splitlines() if line not in before.splitlines()]
    lines = [line.strip() for line in added if line.strip() != "runtime:"]
    assert lines == ["ports: { web: 443, compute: 12805 }"]
    path.write_text(found["after"])
    assert ports(path) == (443, 12805)


def test_ports_that_are_there_are_replaced(folder: Path) -> None:
    path = copied(folder, "dev-rserver")
    path.write_text(change(path, 9000, 9010)["after"])
    again = change(path, 12800, 12805)
    assert again["of"] == {"web": 9000, "compute": 9010}
    path.write_text(again["after"])
    assert ports(path) == (12800, 12805)
    assert again["after"].count("ports:") == 1


def test_ports_of_plumber_go_there_and_back(folder: Path) -> None:
    path = copied(folder, "dev-aws")
    there = change(path, 9443, 9450)
    path.write_text(there["after"])
    assert ports(path) == (9443, 9450)
    again = change(path, 12800, 12805)
    assert (again["of"], again["keeping"]) == ({"web": 9443, "compute": 9450}, [])
    path.write_text(again["after"])
    assert ports(path) == (12800, 12805)
    assert again["after"].count("ports:") == 1


def test_a_one_box_of_plumber_has_one_port(folder: Path) -> None:
    engine = "    database: { engine: postgresql, size: db.t3.medium }\n"
    path = copied(folder, "dev-onebox-aws", "    location: eu-central-1\n", engine)
    path.write_text(path.read_text().replace(engine, "    location: eu-central-1\n" + engine))
    found = change(path, 9443, None)
    assert "ports: { web: 9443 }" in found["after"]
    assert (found["roles"], found["keeping"]) == (["one-box"], [])
    path.write_text(found["after"])
    assert ports(path) == (9443, 12805)
    with pytest.raises(SettingsError, match="where nothing listens on it"):
        change(path, None, 9450)


def test_a_block_is_replaced_with_what_stands_in_it(folder: Path) -> None:
    block = "      server:\n        ports:\n          web: 9000\n          compute: 9010\n"
    path = copied(folder, "dev-rserver", "      server:\n", block)
    after = change(path, 9001, None)["after"]
    assert yaml.safe_load(after)["config"]["operationalization:environment"]["runtime"]["server"][
        "ports"
    ] == {"web": 9001, "compute": 9010}
    assert "# scripts/stand-ins renews it" in after


def test_the_same_ports_are_no_change(folder: Path) -> None:
    path = copied(folder, "dev-rserver")
    found = change(path, None, 12805)
    assert found["after"] == found["before"]


def test_who_keeps_what_it_was_made_from_is_told(folder: Path) -> None:
    assert change(copied(folder, "dev-rserver"), None, None)["keeping"] == ["web", "compute"]
    assert change(copied(folder, "dev-mlserver-aws"), None, None)["keeping"] == []
    assert change(copied(folder, "dev-mlserver-onebox"), None, None)["roles"] == ["one-box"]


@pytest.mark.parametrize(
    ("stack", "words"),
    [
        ("dev-onebox", "database.engine: is on the machine, which another port replaces"),
        ("dev-endpoint", "topology: has no ports of its own"),
    ],
)
def test_who_has_no_ports_to_choose_is_refused(folder: Path, stack: str, words: str) -> None:
    text = (STACKS / f"Pulumi.{stack}.yaml").read_text()
    path = folder / f"Pulumi.{stack}.yaml"
    path.write_text(text)
    with pytest.raises(SettingsError) as refused:
        change(path, 443, None)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("web", "compute", "words"),
    [
        (12804, 12805, "runtime.server.ports.compute: must be two or more away from ports.web"),
        (22, None, "runtime.server.ports.web: must leave 22 to "),
        (70_000, None, "runtime.server.ports.web: "),
        (0, None, "runtime.server.ports.web: "),
    ],
)
def test_ports_that_the_settings_refuse(
    folder: Path, web: int, compute: int | None, words: str
) -> None:
    with pytest.raises(SettingsError) as refused:
        change(copied(folder, "dev-rserver"), web, compute)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("web", "compute", "words"),
    [
        (12805, None, "runtime.ports.compute: must differ from ports.web"),
        (None, 22, "runtime.ports.compute: must leave 22 to SSH"),
        (0, None, "runtime.ports.web: must be 1 to 65533"),
    ],
)
def test_ports_that_the_settings_refuse_plumber(
    folder: Path, web: int | None, compute: int | None, words: str
) -> None:
    with pytest.raises(SettingsError) as refused:
        change(copied(folder, "dev"), web, compute)
    assert words in str(refused.value)


def test_a_file_whose_server_is_in_its_base_says_what_to_write(tmp_path: Path) -> None:
    """What several stacks share is nobody's to change for one of them."""
    content = yaml.safe_load((STACKS / "Pulumi.dev-rserver.yaml").read_text())["config"]
    shutil.copytree(STACKS / "bases", tmp_path / "bases")
    shared = {"base": "family", "environment": content["operationalization:environment"]}
    (tmp_path / "bases" / "shared.yaml").write_text(yaml.safe_dump(shared))
    path = tmp_path / "Pulumi.mine.yaml"
    own = {"operationalization:base": "shared", "operationalization:environment": {"tags": {}}}
    path.write_text(yaml.safe_dump({"config": own}))
    with pytest.raises(SettingsError) as refused:
        change(path, 443, None)
    assert "write runtime.server.ports.web and runtime.server.ports.compute" in str(refused.value)


def test_the_command_prints_json_or_the_reasons(folder: Path, capsys) -> None:
    path = copied(folder, "dev-rserver")
    assert main([str(path), "--web", "443"]) == 0
    assert json.loads(capsys.readouterr().out)["to"]["web"] == 443
    assert main([str(path), "--web", "22"]) == 1
    assert "must leave 22 to" in capsys.readouterr().err
