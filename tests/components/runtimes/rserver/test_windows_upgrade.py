"""A Windows node comes to another version and back, as `tests/support/powershell` reads scripts.

That is no PowerShell, and the product is a pretend one: these tests find slips in the order of the
steps and in what they leave, not in how Windows understands them.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.environments import AZURE, ONE_BOX, of_family
from tests.support.powershell import Thrown
from tests.support.powershell.family import DATA, ID, PROGRAMS, SITE, STASH, WORK, Killed, Node

WINDOWS = "windows-server-2016"


def node(folder: Path, role: str = "web", of: str = "9.1.0", to: str = "9.4.7") -> Node:
    base = ONE_BOX if role == "one-box" else AZURE
    return Node(folder, of_family(base, of, WINDOWS), role, to)


def by_hand(machine: Node, part: str = "web", **settings: Any) -> bytes:
    """Have somebody change the installed file; return it as it is then."""
    file = machine.real(f"{machine.place(machine.old, part)}\\appsettings.json")
    file.write_text(json.dumps({**json.loads(file.read_text()), **settings}, indent=2))
    return file.read_bytes()


def report(machine: Any) -> Any:
    return json.loads(machine.said[-1])


def test_a_node_is_prepared_while_it_serves(tmp_path: Path) -> None:
    machine = node(tmp_path)
    machine.step("prepare")

    assert (machine.version, machine.state) == ("9.1.0", "ready")
    assert machine.running == {"web"}
    kept = {each.name for each in machine.real(f"{DATA}\\kept").iterdir()}
    files = [
        machine.documents[each]["web"]["install"]["files"]["server"]["sha256"]
        for each in ("9.1.0", "9.4.7")
    ]
    assert kept >= set(files)
    backup = machine.text(f"{WORK}\\backup\\manifest").splitlines()
    assert {line.split("  ")[1] for line in backup} >= {
        "node.json",
        "web\\appsettings.json",
        "programs\\configure.ps1",
    }


def test_a_web_node_comes_to_the_new_version_with_what_somebody_has_set(tmp_path: Path) -> None:
    machine = node(tmp_path)
    by_hand(machine, Ours="mine", BackEndConfiguration={"ConnectionTimeout": "00:09:00"})
    for step in ("prepare", "leave", "save-database"):
        machine.step(step)
    done = machine.step("replace")

    assert (machine.version, machine.state) == ("9.4.7", "ready")
    found = machine.settings("9.4.7")
    assert found["Ours"] == "mine"
    assert found["ComputeNodesConfiguration"]["ConnectionTimeout"] == "00:09:00"
    assert found["AdminPassword"] == "hash 9.4.7"
    assert found["Logging"]["Description"] == "of 9.4.7"
    assert report(done) == {"lost": [], "made anew": ["AdminPassword"], "ours": []}
    assert not machine.text(f"{PROGRAMS}\\watch.ps1").startswith("# 9.1.0")
    assert not machine.real(f"{PROGRAMS}\\upgrade.ps1").exists()
    assert not machine.real(f"{PROGRAMS}\\move.json").exists()
    assert json.loads(machine.text(f"{DATA}\\node.json")) == machine.documents["9.4.7"]
    assert not machine.real(machine.place("9.1.0", "web")).exists()
    assert not machine.real(f"{DATA}\\diagnosed").exists()


def test_a_compute_node_is_closed_until_it_is_opened(tmp_path: Path) -> None:
    machine = node(tmp_path, "compute")
    machine.step("prepare")
    machine.step("replace-and-hold")
    assert (machine.version, machine.running, machine.state) == ("9.4.7", set(), "starting")

    machine.step("open")
    assert (machine.running, machine.state) == ({"compute"}, "ready")


def test_a_node_of_another_version_is_refused(tmp_path: Path) -> None:
    machine = node(tmp_path)
    document = {**machine.documents["9.1.0"], "version": "9.0.1"}
    machine.put(f"{DATA}\\node.json", json.dumps(document))
    with pytest.raises(Thrown, match=r"rserver 9\.0\.1, not rserver 9\.1\.0: versions are mixed"):
        machine.step("prepare")


def test_a_node_that_does_not_serve_is_refused(tmp_path: Path) -> None:
    machine = node(tmp_path)
    machine.put(f"{DATA}\\state", "failed")
    with pytest.raises(Thrown, match="does not serve now: mend that first"):
        machine.step("prepare")


def test_an_installer_that_is_gone_stops_it_before_anything_changes(tmp_path: Path) -> None:
    machine = node(tmp_path)
    del machine.media[f"{SITE}/9.4.7.zip"]
    with pytest.raises(Thrown, match=r"9\.4\.7\.zip: 404"):
        machine.step("prepare")
    assert (machine.version, machine.state) == ("9.1.0", "ready")


def test_a_database_that_no_administrator_sees_stops_it_before_anything_changes(
    tmp_path: Path,
) -> None:
    machine = node(tmp_path)
    del machine.databases["operationalization"]
    with pytest.raises(Thrown, match="the database cannot be copied from here"):
        machine.step("prepare")


def test_a_backup_that_was_changed_is_not_gone_on_with(tmp_path: Path) -> None:
    machine = node(tmp_path)
    machine.step("prepare")
    machine.put(f"{WORK}\\backup\\web\\appsettings.json", "{}")
    with pytest.raises(Thrown, match="is not what was backed up"):
        machine.step("replace")
    assert machine.version == "9.1.0"


def test_a_product_that_stays_where_it_was_stops_it(tmp_path: Path) -> None:
    machine = node(tmp_path)
    machine.step("prepare")
    machine.stuck = True
    with pytest.raises(Thrown, match="the product was not removed: there is still"):
        machine.step("replace")

    machine.stuck = False
    machine.step("replace")
    assert machine.version == "9.4.7"


def test_a_node_that_cannot_be_configured_says_what_its_log_says(tmp_path: Path) -> None:
    machine = node(tmp_path)
    machine.step("prepare")
    machine.broken = True
    with pytest.raises(Thrown, match=r"(?s)not be configured; .* says why:\nfailed: it broke"):
        machine.step("replace")

    machine.broken = False
    machine.step("take-back")
    assert (machine.version, machine.state) == ("9.1.0", "ready")


def everything(machine: Node) -> dict[str, bytes]:
    """What makes the node what it is."""
    places = [PROGRAMS, machine.place(machine.old, "web"), f"{DATA}\\node.json"]
    files = (file for place in places for file in _files(machine.real(place)))
    return {str(file): file.read_bytes() for file in files}


def _files(place: Path) -> list[Path]:
    return [place] if place.is_file() else [each for each in place.rglob("*") if each.is_file()]


@pytest.mark.parametrize("version", ["9.1.0", "9.3.0"])
def test_the_way_back_leads_to_the_same_bytes(tmp_path: Path, version: str) -> None:
    machine = node(tmp_path, of=version)
    by_hand(machine, Ours="mine")
    before = everything(machine)
    machine.step("prepare")
    machine.step("replace")
    assert machine.version == "9.4.7"
    machine.step("settle")
    machine.put(f"{DATA}\\incoming\\upgrade-{ID}.zip", machine.archive)
    machine.media.clear()

    machine.step("take-back")
    assert (machine.version, machine.state) == (version, "ready")
    after = everything(machine)
    assert {name: after[name] for name in before} == before


# Cut short. Each part of the step is noted when it begins and when it is done: an even number is a
# part that had come to its end, and nobody knows.


@pytest.mark.parametrize("at", range(2, 22, 2))
def test_a_step_that_is_cut_short_is_gone_on_with(tmp_path: Path, at: int) -> None:
    machine = node(tmp_path)
    by_hand(machine, Ours="mine")
    machine.step("prepare")
    machine.dies_at = machine.noted + at
    with pytest.raises(Killed):
        machine.step("replace")
    machine.step("replace")
    assert (machine.version, machine.state) == ("9.4.7", "ready")
    assert machine.settings("9.4.7")["Ours"] == "mine"


@pytest.mark.parametrize(
    ("at", "version"),
    [
        *((2, "9.1.0"), (8, "9.1.0"), (8, "9.3.0"), (9, "9.3.0"), (12, "9.1.0"), (12, "9.3.0")),
        *((14, "9.3.0"), (16, "9.1.0"), (18, "9.3.0"), (20, "9.3.0")),
    ],
)
def test_a_step_that_is_cut_short_is_taken_back(tmp_path: Path, at: int, version: str) -> None:
    machine = node(tmp_path, of=version)
    by_hand(machine, Ours="mine")
    before = everything(machine)
    machine.step("prepare")
    machine.dies_at = machine.noted + at
    with pytest.raises(Killed):
        machine.step("replace")

    machine.dies_at = machine.noted + 4
    try:
        machine.step("take-back")
    except Killed:
        machine.step("take-back")
    assert (machine.version, machine.state) == (version, "ready")
    after = everything(machine)
    assert {name: after[name] for name in before} == before


# A database.


def test_the_database_is_copied_once_and_put_back_by_names(tmp_path: Path) -> None:
    machine = node(tmp_path)
    machine.step("prepare")
    machine.step("save-database")
    machine.databases["operationalization"] = "migrated"
    machine.step("save-database")
    assert machine.databases[f"operationalization-before-{ID}"] == "9.1.0"

    machine.step("restore-database")
    machine.step("restore-database")
    assert machine.databases == {
        "master": "",
        "operationalization": "9.1.0",
        f"operationalization-after-{ID}": "migrated",
    }


def test_a_database_that_was_not_copied_is_not_put_back(tmp_path: Path) -> None:
    machine = node(tmp_path)
    machine.step("prepare")
    with pytest.raises(Thrown, match="no copy of the database is on the server"):
        machine.step("restore-database")
    assert machine.databases["operationalization"] == "9.1.0"


def test_a_one_box_takes_its_file_along_and_back(tmp_path: Path) -> None:
    machine = node(tmp_path, "one-box")
    file = f"{machine.place('9.1.0', 'web')}\\deployrdb_9.1.0.db"
    machine.put(file, "services")
    machine.step("prepare")
    machine.step("replace")
    assert machine.version == "9.4.7"
    assert machine.text(f"{STASH}\\frontend\\deployrdb_9.1.0.db") == "services"
    assert machine.real(f"{STASH}\\backend\\appsettings.json").exists()

    machine.step("take-back")
    assert (machine.version, machine.running) == ("9.1.0", {"web", "compute"})
    assert machine.text(file) == "services"


# The end.


def test_what_only_the_upgrade_needed_goes_and_is_not_missed(tmp_path: Path) -> None:
    machine = node(tmp_path)
    machine.step("prepare")
    machine.step("replace")
    machine.step("diagnose")
    assert machine.real(f"{DATA}\\diagnosed").exists()
    machine.step("settle")
    machine.step("settle")
    assert not machine.real(f"{WORK}\\files").exists()
    assert not machine.real(f"{DATA}\\incoming\\upgrade-{ID}.zip").exists()
    assert machine.real(f"{WORK}\\backup\\manifest").exists()


def test_what_is_not_what_was_sent_is_not_run(tmp_path: Path) -> None:
    machine = node(tmp_path)
    machine.put(f"{DATA}\\incoming\\upgrade-{ID}.zip", b"another")
    with pytest.raises(Thrown, match="is not what was sent"):
        machine.step("prepare")


def test_a_step_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Thrown, match="no step of an upgrade: jump"):
        node(tmp_path).step("jump")


# Other settings, and the same version.


def configuring(folder: Path, role: str = "web", **changes: Any) -> Node:
    base = of_family(AZURE, "9.4.7", WINDOWS)
    return Node(folder, base, role, "9.4.7", {"runtime.server.logLevel": "Information", **changes})


def test_a_node_gets_what_was_deployed_last_and_keeps_its_product(tmp_path: Path) -> None:
    machine = configuring(tmp_path)
    by_hand(machine, Ours="mine")
    machine.step("prepare-settings")
    assert machine.state == "ready"
    machine.step("apply")

    assert (machine.version, machine.state) == ("9.4.7", "ready")
    assert json.loads(machine.text(f"{DATA}\\node.json")) == machine.documents["9.4.7"]
    assert machine.before != machine.documents["9.4.7"]
    assert machine.settings("9.4.7")["Ours"] == "mine"
    assert not machine.text(f"{PROGRAMS}\\watch.ps1").startswith("# 9.4.7")


@pytest.mark.parametrize("at", [3, 6, 8, 10, 12, 14])
def test_settings_that_were_cut_short_are_taken_back(tmp_path: Path, at: int) -> None:
    machine = configuring(tmp_path)
    by_hand(machine, Ours="mine")
    before = everything(machine)
    machine.step("prepare-settings")
    machine.dies_at = machine.noted + at
    for step in ("apply", "undo", "undo"):
        try:
            machine.step(step)
        except Killed:
            continue
        if step == "undo":
            break

    assert machine.state == "ready"
    assert everything(machine) == before


def test_settings_with_another_installer_are_refused_before_anything_changes(
    tmp_path: Path,
) -> None:
    machine = configuring(tmp_path, **{"runtime.server.installers.server.sha256": "a" * 64})
    with pytest.raises(Thrown, match="the settings name another installer"):
        machine.step("prepare-settings")
    assert json.loads(machine.text(f"{DATA}\\node.json")) == machine.before
