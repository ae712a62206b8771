"""The way up from a one-box: the stack file changes where it must, and nowhere else."""

from pathlib import Path

import pytest

from components.settings import EnterpriseEnvironment, SettingsError, parse_file
from components.settings.upward import BY_HAND, enterprise, main

BASE = """\
environment:
  topology: one-box
  cloud: azure
  location: westeurope
  protection: false
  runtime: { product: plumber }
  machine: { disk: { size: 64, performance: standard }, workers: 3 }
  database: { engine: sqlite }
  access: { clients: [203.0.113.0/24] }
"""
ALONE = """\
# Ours.
config:
  operationalization:environment:
    topology: one-box   # small
    cloud: aws
    location: eu-central-1
    protection: false
    runtime: { product: plumber }
    # Where it all runs.
    machine:
      size: m6i.large   # enough
      disk: { size: 50 }
      zone: 2
    database:
      engine: sqlite    # a file
      discard: operationalization
    access:
      clients: [203.0.113.0/24]
  aws:skipMetadataApiCheck: "false"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "bases").mkdir()
    (tmp_path / "bases" / "small.yaml").write_text(BASE)
    return tmp_path


def changed(folder: Path, text: str, *, beside: bool = False) -> str:
    path = folder / "Pulumi.box.yaml"
    path.write_text(text)
    found = enterprise(path, beside=beside)
    assert path.read_text() == text, "it only says how the file would be"
    path.write_text(found)
    assert isinstance(parse_file(path), EnterpriseEnvironment)
    return found


def refused(folder: Path, text: str, *, beside: bool = False) -> str:
    path = folder / "Pulumi.box.yaml"
    path.write_text(text)
    with pytest.raises(SettingsError) as raised:
        enterprise(path, beside=beside)
    return str(raised.value)


def test_a_file_of_its_own_changes_where_it_must(folder: Path) -> None:
    assert (
        changed(folder, ALONE)
        == """\
# Ours.
config:
  operationalization:environment:
    topology: enterprise   # small
    cloud: aws
    location: eu-central-1
    protection: false
    runtime: { product: plumber }
    # Where it all runs.
    web: { count: 2, size: m6i.large, disk: { size: 50, performance: premium } }
    compute: { count: 2, size: m6i.large, disk: { size: 50, performance: premium } }
    database:
      engine: postgresql    # a file
    access:
      clients: [203.0.113.0/24]
  aws:skipMetadataApiCheck: "false"
"""
    )


def test_over_a_base_the_stack_says_what_the_base_says_otherwise(folder: Path) -> None:
    text = (
        "config:\n  operationalization:base: small\n  operationalization:environment:\n"
        "    tags: { owner: us }  # all of us\n"
    )
    assert (
        changed(folder, text)
        == """\
config:
  operationalization:base: small
  operationalization:environment:
    topology: enterprise
    machine: null
    web: { count: 2, size: Standard_D4s_v5, disk: { size: 64, performance: standard } }
    compute: { count: 2, size: Standard_D4s_v5, disk: { size: 64, performance: standard }, \
workersPerNode: 3 }
    database: { engine: postgresql }
    tags: { owner: us }  # all of us
"""
    )


@pytest.mark.parametrize(
    ("database", "expected"),
    [
        ("{ engine: sqlite }", "{ engine: postgresql }"),
        ("{ engine: sqlite, name: models }", "{ engine: postgresql, name: models }"),
        ('{ engine: sqlite, version: "3" }', "{ engine: postgresql }"),
        ('{ version: "3", engine: sqlite }', "{ engine: postgresql }"),
        ("{ discard: a, name: a, engine: sqlite }", "{ name: a, engine: postgresql }"),
        (
            "{ engine: postgresql, size: db.m6i.large }",
            "{ engine: postgresql, size: db.m6i.large }",
        ),
    ],
)
def test_a_databases_own_settings_stay(folder: Path, database: str, expected: str) -> None:
    before = ALONE.index("    database:")
    after = ALONE.index("    access:")
    text = f"{ALONE[:before]}    database: {database}\n{ALONE[after:]}"

    assert f"    database: {expected}\n" in changed(folder, text)


FAMILY = """\
    runtime:
      product: rserver
      version: {version}
      operatingSystem: {system}
      imageId: ami-0123456789abcdef0
      server:
        licenseAccepted: true
        installers:
          server:
            url: https://downloads.example.com/server.{ending}
            sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
"""


@pytest.mark.parametrize(
    ("version", "system", "ending", "engine"),
    [
        ("9.0-preview", "ubuntu-16.04", "tar", "postgresql"),
        ("9.1.0", "windows-server-2016", "zip", "sqlserver"),
    ],
)
def test_nodes_of_the_family_become_machines_of_their_own(
    folder: Path, version: str, system: str, ending: str, engine: str
) -> None:
    runtime = FAMILY.format(version=version, system=system, ending=ending)
    if system.startswith("windows"):
        runtime = runtime.replace("imageId", "image: complete\n      imageId")
    text = ALONE.replace("    runtime: { product: plumber }\n", runtime)
    found = changed(folder, text)

    assert f"      engine: {engine}    # a file\n" in found
    for role in ("web", "compute"):
        assert f"    {role}: {{ nodes: fixed, count: 2, size: m6i.large, disk: " in found
    environment = parse_file(folder / "Pulumi.box.yaml")
    assert isinstance(environment, EnterpriseEnvironment)
    assert environment.runtime.server is not None
    assert environment.runtime.server.https.compute


def test_what_is_no_one_box_is_refused(folder: Path) -> None:
    path = folder / "Pulumi.box.yaml"
    path.write_text(ALONE)
    path.write_text(enterprise(path))

    assert (
        refused(folder, path.read_text())
        == """\
stack 'box' cannot be deployed:
  topology: must be one-box, to become an enterprise (got "enterprise")
    fix: name the stack of a one-box"""
    )


def test_a_protected_one_gets_a_stack_of_its_own(folder: Path) -> None:
    text = ALONE.replace("protection: false", "protection: true")

    assert "protection: must be false and deployed" in refused(folder, text)
    assert "protection: true" in changed(folder, text, beside=True)


def test_a_joined_network_has_no_room_for_both(folder: Path) -> None:
    hub = (
        "/subscriptions/0b1f6471-1bf0-4dda-aec3-cb9272f09590/resourceGroups/net/providers"
        "/Microsoft.Network/virtualNetworks/hub"
    )
    text = (
        "config:\n  operationalization:base: small\n  operationalization:environment:\n"
        f"    network: {{ existing: {hub} }}\n"
    )

    for beside in (False, True):
        found = refused(folder, text, beside=beside)
        assert "network.existing: holds the one-box's subnets" in found


def test_what_is_written_in_braces_is_changed_by_hand(folder: Path) -> None:
    text = (
        "config:\n  operationalization:base: small\n"
        "  operationalization:environment: { tags: { owner: us } }\n"
    )
    assert f"fix: {BY_HAND}" in refused(folder, text)


def test_a_wrong_file_is_said_to_be_wrong(folder: Path) -> None:
    assert "machine.zone: must be 1 to 3" in refused(folder, ALONE.replace("zone: 2", "zone: 4"))


def test_the_command_prints_the_file_or_the_reason(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder / "Pulumi.box.yaml"
    path.write_text(ALONE)

    assert main([str(path)]) == 0
    path.write_text(capsys.readouterr().out)
    assert main([str(path)]) == 1
    found = capsys.readouterr()
    assert found.out == ""
    assert found.err.startswith("stack 'box' cannot be deployed:\n  topology: must be one-box")
