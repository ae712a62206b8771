"""Two stacks side by side: what differs, where that is from, and what is expected to differ."""

import json
from pathlib import Path

import pytest

from components.settings import SettingsError
from components.settings.comparison.__main__ import main
from components.settings.comparison.differences import Comparison, compare
from components.settings.comparison.effective import read
from components.settings.comparison.words import as_json, markdown, terminal
from tests.support.stacks import STACKS

BASE = """\
environment:
  topology: enterprise
  cloud: azure
  location: westeurope
  protection: false
  runtime: { product: plumber }
  web: { count: 2 }
  compute:
    autoscale:
      minimum: 2
      maximum: 4
      schedules:
        - name: night
          days: [Sunday]
          start: "01:00"
          end: "02:00"
          timezone: Europe/Berlin
          minimum: 2
          maximum: 2
  database: { engine: postgresql }
  access:
    clients: [203.0.113.0/24, 198.51.100.0/24]
"""
FIRST = "config:\n  operationalization:base: shared\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "bases").mkdir()
    (tmp_path / "bases/shared.yaml").write_text(BASE)
    (tmp_path / "Pulumi.test.yaml").write_text(FIRST)
    return tmp_path


def beside(folder: Path, settings: str, keys: str = "") -> Comparison:
    """The stack of the base alone, and one with *settings* and configuration *keys* of its own."""
    environment = f"  operationalization:environment:\n{settings}" if settings else ""
    (folder / "Pulumi.live.yaml").write_text(FIRST + environment + keys)
    return compare(read(folder / "Pulumi.test.yaml"), read(folder / "Pulumi.live.yaml"))


def test_what_a_promotion_looks_at_comes_with_the_lines_that_say_it(folder: Path) -> None:
    settings = '    runtime: { version: "1.2" }\n    access:\n      clients: [10.0.0.0/16]\n'

    (found,) = beside(folder, settings).look_at

    assert found.path == "access.clients"
    assert found.first is not None
    assert found.second is not None
    assert found.first.value == ["203.0.113.0/24", "198.51.100.0/24"]
    assert found.first.origin == "stacks/bases/shared.yaml:22"
    assert (found.second.value, found.second.origin) == (
        ["10.0.0.0/16"],
        "stacks/Pulumi.live.yaml:6",
    )


def test_a_value_that_no_file_says_is_the_default(folder: Path) -> None:
    (found,) = beside(
        folder,
        "    access: { egress: none }\n    runtime: { image: complete, imageId: "
        "/subscriptions/5a9d0b0e-0000-4000-8000-000000000002/resourceGroups/i/providers/"
        "Microsoft.Compute/images/i }\n",
    ).look_at[:1]

    assert found.first is not None
    assert found.first.origin == "default"


@pytest.mark.parametrize(
    ("settings", "path", "kind"),
    [
        ("    location: northeurope\n", "location", "place"),
        ("    tags: { owner: live }\n", "tags.owner", "name"),
        ("    web: { size: Standard_D4s_v5 }\n", "web.size", "size"),
        ("    compute: { autoscale: { maximum: 9 } }\n", "compute.autoscale.maximum", "count"),
        ("    protection: true\n", "protection", "protection"),
        (
            "    database: { backupRetentionDays: 30 }\n",
            "database.backupRetentionDays",
            "protection",
        ),
    ],
)
def test_what_such_stacks_differ_in_is_told_apart(
    folder: Path, settings: str, path: str, kind: str
) -> None:
    found = beside(folder, settings)

    assert found.look_at == ()
    assert [(each.path, each.expected) for each in found.expected] == [(path, kind)]


def test_less_protection_than_in_the_stack_before_is_to_be_looked_at(folder: Path) -> None:
    forth = beside(folder, "    protection: true\n    tags: { owner: live }\n")
    back = compare(forth.second, forth.first)

    assert [each.path for each in back.look_at] == ["protection", "tags.owner"]


def test_an_exemption_that_only_the_promoted_stack_has_is_to_be_looked_at(folder: Path) -> None:
    exempt = (
        "    exemptions:\n"
        "      - policy: database-standby\n"
        "        resource: live-*\n"
        "        reason: It may stand still for a day.\n"
    )

    forth = beside(folder, exempt)
    back = compare(forth.second, forth.first)

    assert [each.path for each in forth.look_at] == ["exemptions[database-standby]"]
    assert [(each.path, each.expected) for each in back.expected] == [
        ("exemptions[database-standby]", "protection")
    ]


def test_the_order_of_a_list_is_no_difference(folder: Path) -> None:
    assert beside(folder, "    access: { clients: [198.51.100.0/24, 203.0.113.0/24] }\n").same


def test_an_entry_that_only_one_has_is_one_difference(folder: Path) -> None:
    (found,) = beside(folder, "    compute: { autoscale: { schedules: [] } }\n").look_at

    assert found.path == "compute.autoscale.schedules[night]"
    assert found.first is not None
    assert found.first.value["start"] == "01:00"
    assert found.first.origin == "stacks/bases/shared.yaml:13"
    assert found.second is None


def test_of_secrets_it_says_no_more_than_whether_they_are_set(folder: Path) -> None:
    (folder / "Pulumi.test.yaml").write_text(
        FIRST + "  operationalization:adminPassword: { secure: v1:one }\n"
    )
    keys = (
        "  operationalization:adminPassword: { secure: v1:other }\n"
        "  aws:secretKey: { secure: v1:third }\n  aws:profile: live\n"
    )

    found = beside(folder, "", keys)

    assert [(each.name, each.first, each.second) for each in found.secrets] == [
        ("adminPassword", True, True),
        ("aws:secretKey", False, True),
    ]
    assert [each.path for each in found.look_at] == ["aws:profile"]
    assert not found.same
    for text in (terminal(found), markdown(found), as_json(found)):
        assert "v1:" not in text
    assert "  aws:secretKey: set in the second only\n" in terminal(found)


def test_a_stack_file_that_is_wrong_is_refused_with_its_problems(folder: Path) -> None:
    with pytest.raises(SettingsError, match="location: must be a location of azure"):
        beside(folder, "    location: westeurop\n")


def test_it_ends_as_diff_does(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    beside(folder, "    location: northeurope\n")
    first, second = str(folder / "Pulumi.test.yaml"), str(folder / "Pulumi.live.yaml")

    assert main([first, first]) == 0
    assert capsys.readouterr().out.endswith("\nTheir settings are the same.\n")
    assert main([first, second]) == 1
    assert main([first, second, "--accept-expected"]) == 0
    capsys.readouterr()
    assert main([first, str(folder / "Pulumi.none.yaml")]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "cannot be read: No such file" in said.err


def test_a_stack_alone_is_all_of_its_settings_and_the_lines_that_say_them(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    beside(folder, "    location: northeurope\n", "  operationalization:aadKey: { secure: v1:a }\n")
    # Nodes of plumber read no such key.
    assert main([str(folder / "Pulumi.live.yaml")]) == 0
    shown = capsys.readouterr().out

    lines = [" ".join(line.split()) for line in shown.splitlines()]
    assert lines[0] == "live stacks/Pulumi.live.yaml over shared"
    assert "location northeurope (stacks/Pulumi.live.yaml:4)" in lines
    assert "cloud azure (stacks/bases/shared.yaml:3)" in lines
    assert "web.nodes scaleSet (default)" in lines
    assert lines[-1] == "aadKey set (stacks/Pulumi.live.yaml:5)"

    for form in ("markdown", "json"):
        assert main([str(folder / "Pulumi.live.yaml"), "--format", form]) == 0
        shown = capsys.readouterr().out
        assert "v1:a" not in shown
        assert "stacks/bases/shared.yaml:3" in shown


def test_the_terminal_says_it_line_by_line(folder: Path) -> None:
    settings = "    location: northeurope\n    access:\n      clients: [10.0.0.0/16]\n"

    assert (
        terminal(beside(folder, settings))
        == """\
test  stacks/Pulumi.test.yaml over shared
live  stacks/Pulumi.live.yaml over shared

To look at (1):
  access.clients
    test  [203.0.113.0/24, 198.51.100.0/24]  (stacks/bases/shared.yaml:22)
    live  [10.0.0.0/16]  (stacks/Pulumi.live.yaml:6)

Expected to differ (1 place):
  location
    test  westeurope  (stacks/bases/shared.yaml:4)
    live  northeurope  (stacks/Pulumi.live.yaml:4)
"""
    )


def test_markdown_folds_what_is_expected_and_holds_no_markup_of_others(folder: Path) -> None:
    settings = '    tags: { owner: "a|b`<b>" }\n    location: northeurope\n'

    text = markdown(beside(folder, settings))

    assert "Nothing but what is expected to differ.\n" in text
    assert "<details><summary>Expected to differ: 1 place, 1 name</summary>" in text
    assert "`a\\|b'<b>`" in text


def test_the_programs_form_has_both_sides_and_their_lines(folder: Path) -> None:
    found = json.loads(as_json(beside(folder, "    location: northeurope\n")))

    assert found["same"] is False
    assert found["lookAt"] == found["secrets"] == []
    assert found["expected"] == [
        {
            "setting": "location",
            "first": {"value": "westeurope", "origin": "stacks/bases/shared.yaml:4"},
            "second": {"value": "northeurope", "origin": "stacks/Pulumi.live.yaml:4"},
            "kind": "place",
        }
    ]


def test_of_a_promotion_of_ours_three_things_are_to_be_looked_at() -> None:
    stacks = (STACKS / f"Pulumi.azure-{name}.yaml" for name in ("staging", "production"))

    found = compare(*(read(path) for path in stacks))

    assert [each.path for each in found.look_at] == [
        "web.autoscale.scaleIn.below",
        "compute.autoscale.scaleOut.step",
        "compute.autoscale.schedules[office-hours]",
    ]
