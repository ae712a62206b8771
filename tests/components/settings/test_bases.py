"""What stacks share: a base below, the stack above, and errors that say who said what."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.settings import SettingsError, parse_file
from components.settings.bases import NAMED_BY_USERS, examine_over, merge
from components.settings.model import Model
from components.settings.parsing import examine
from components.settings.topology import MODELS
from tests.support import stacks
from tests.support.environments import AZURE

GOLDEN = Path(__file__).parents[2] / "golden" / "settings"
BASE = """\
# shared
environment:
  topology: enterprise
  cloud: azure
  location: westeurope
  tags: { owner: us, stage: test }
  runtime: { product: plumber }
  web: { count: 2, zones: [1, 2, 3] }
  compute:
    autoscale:
      minimum: 2
      maximum: 20
  database: { engine: postgresql }
  access:
    clients: [203.0.113.0/24, 198.51.100.0/24]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "bases"
    made.mkdir()
    (made / "shared.yaml").write_text(BASE)
    return made


def together(folder: Path, name: object, above: object) -> Any:
    environment, problems, _ = examine_over(name, above, folder, "dev")
    assert [str(problem) for problem in problems] == []
    assert environment is not None
    return environment


def refused(folder: Path, name: object, above: object = None) -> str:
    environment, problems, _ = examine_over(name, above, folder, "dev")
    assert environment is None or problems
    found = "\n".join(str(problem) for problem in problems)
    return found.replace(str(folder), "FOLDER")


@pytest.mark.parametrize("name", stacks.NAMES)
def test_the_settings_of_a_stack_are_these(name: str) -> None:
    # To accept a change: UPDATE_GOLDEN=1 scripts/test tests/components/settings
    found = parse_file(stacks.STACKS / f"Pulumi.{name}.yaml").model_dump_json(indent=2) + "\n"
    # What a stand-in's sum is changes with the stand-in: tests/scripts/test_stand_ins.py.
    found = re.sub(r'"sha256": "[0-9a-f]{64}"', '"sha256": "SUM"', found)
    golden = GOLDEN / f"{name}.json"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(found)
    assert found == golden.read_text()


def test_a_stack_may_be_nothing_but_its_base(folder: Path) -> None:
    assert together(folder, "shared", None).web.count == 2


def test_mappings_merge_at_every_depth(folder: Path) -> None:
    made = together(
        folder,
        "shared",
        {"tags": {"stage": "live"}, "compute": {"autoscale": {"maximum": 30}}},
    )
    assert made.tags == {"owner": "us", "stage": "live"}
    assert (made.compute.autoscale.minimum, made.compute.autoscale.maximum) == (2, 30)
    assert made.location == "westeurope"


def test_lists_replace(folder: Path) -> None:
    made = together(folder, "shared", {"access": {"clients": ["192.0.2.0/24"]}})
    assert [str(client) for client in made.access.clients] == ["192.0.2.0/24"]


def test_null_makes_room(folder: Path) -> None:
    made = together(folder, "shared", {"compute": {"autoscale": None, "count": 3}})
    assert (made.compute.autoscale, made.compute.count) == (None, 3)


def test_null_takes_an_entry_away_whose_name_is_the_users(folder: Path) -> None:
    assert together(folder, "shared", {"tags": {"stage": None}}).tags == {"owner": "us"}


def test_null_takes_nothing_away_that_no_base_says(folder: Path) -> None:
    said = refused(folder, "shared", {"tags": {"cost": None}, "web": {"zones": None}})

    assert "  tags.cost: must be text (got null)" in said
    assert "  web.zones: must be a list (got null)" in said, "a value that somebody forgot"


def test_entries_with_users_names_are_those_of_the_models() -> None:
    def found(model: type[Model], at: str) -> Iterator[str]:
        for name, field in model.model_fields.items():
            path = f"{at}.{field.alias or name}".lstrip(".")
            if get_origin(field.annotation) is dict:
                yield path
            for inner in (field.annotation, *get_args(field.annotation)):
                if isinstance(inner, type) and issubclass(inner, Model):
                    yield from found(inner, path)

    assert {path for model in MODELS.values() for path in found(model, "")} == {*NAMED_BY_USERS}


def test_a_base_may_lie_over_a_base(folder: Path) -> None:
    (folder / "live.yaml").write_text("base: shared\nenvironment:\n  web: { count: 5 }\n")
    made = together(folder, "live", {"tags": {"stage": "live"}})
    assert (made.web.count, made.compute.autoscale.maximum) == (5, 20)
    assert made.tags["stage"] == "live"


def test_an_error_says_which_line_a_value_is_from(folder: Path) -> None:
    (folder / "live.yaml").write_text(
        "base: shared\nenvironment:\n  location: westeurop\n  compute:\n"
        "    autoscale: { minimum: 40 }\n"
    )
    assert (
        refused(folder, "live", {"web": {"zones": [1, 9]}, "tgas": {}})
        == """\
  web.zones[1]: must be 1 to 6 (got 9)
    fix: write 6
  tgas: is not a known setting
    fix: did you mean tags?
  location: must be a location of azure that this project knows (got "westeurop", \
from stacks/bases/live.yaml:3)
    fix: did you mean westeurope?
  compute.autoscale.maximum: must be at least the minimum, 40 (got 20, \
from stacks/bases/shared.yaml:12)
    fix: raise it to 40, or lower compute.autoscale.minimum"""
    )


def test_what_a_stack_says_itself_is_the_stacks(folder: Path) -> None:
    assert refused(folder, "shared", {"web": {"count": 0}}) == (
        "  web.count: must be 1 to 1000 (got 0)\n    fix: write 1"
    )


@pytest.mark.parametrize(
    "name",
    [
        "../shared",
        "/etc/passwd",
        "shared.yaml",
        "Shared",
        "",
        "a" * 64,
        "shared\n",
        "sh\x1bared",
        "bäse",
        7,
        ["shared"],
        {"a": 1},
    ],
    ids=ascii,
)
def test_hostile_names_are_refused(folder: Path, name: object) -> None:
    (folder.parent / "shared.yaml").write_text(BASE)
    found = refused(folder, name)
    assert "must be the name of a file in stacks/bases: lower-case letters, digits" in found
    assert found.isascii()
    assert "\x1b" not in found


NO_FILE = "  base: names no file in stacks/bases "


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("shraed", f'{NO_FILE}(got "shraed")\n    fix: did you mean shared?'),
        ("xyz", f'{NO_FILE}(got "xyz")\n    fix: take one of: shared'),
    ],
)
def test_a_base_that_is_not_there(folder: Path, name: str, expected: str) -> None:
    assert refused(folder, name) == expected


def test_a_folder_and_a_pipe_are_no_bases(folder: Path) -> None:
    (folder / "one.yaml").mkdir()
    os.mkfifo(folder / "two.yaml")
    assert NO_FILE in refused(folder, "one")
    assert NO_FILE in refused(folder, "two")


ROUND = "must end in a base that has none, and"


def test_bases_in_a_circle_are_refused(folder: Path) -> None:
    (folder / "a.yaml").write_text("base: b\nenvironment: {}\n")
    (folder / "b.yaml").write_text("base: a\nenvironment: {}\n")
    assert refused(folder, "a") == (
        f'  stacks/bases/b.yaml: base: {ROUND} lies over itself: a over b over a (got "a")\n'
        "    fix: remove one of the keys"
    )


def test_a_tower_of_bases_is_refused(folder: Path) -> None:
    for level in range(9):
        (folder / f"b{level}.yaml").write_text(f"base: b{level + 1}\nenvironment: {{}}\n")
    assert f"{ROUND} is the base number 6: b0 over b1" in refused(folder, "b0")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "stacks/bases/x.yaml: must have a mapping environment with the settings"),
        ("environment: 7", "stacks/bases/x.yaml: must have a mapping environment"),
        ("config: {}\nenvironment: {}", '  stacks/bases/x.yaml: "config": is not a known key'),
        ("environment: {", "FOLDER/x.yaml:1:15: is not YAML"),
        (
            "environment: {web: " + "[" * 20 + "]" * 20 + "}",
            "stacks/bases/x.yaml: web[0][0][0][0][0][0][0][0][0][0][0]: must be nested at most 12",
        ),
        (
            "environment:\n  x0: &x0 [1,1,1,1,1,1,1,1,1,1]\n"
            + "".join(f"  x{n}: &x{n} [{','.join([f'*x{n - 1}'] * 10)}]\n" for n in range(1, 9)),
            "stacks/bases/x.yaml: environment: must have at most 5000 values",
        ),
        ("base: {a: 1}\nenvironment: {}", "stacks/bases/x.yaml: base: must be the name of a file"),
        ("1: x\nenvironment: {}", "  stacks/bases/x.yaml: 1: is not a known key"),
    ],
    ids=range(8),
)
def test_what_is_no_base(folder: Path, text: str, expected: str) -> None:
    (folder / "x.yaml").write_text(text)
    assert expected in refused(folder, "x")


def test_the_stacks_own_part_is_checked_before_it_is_merged(folder: Path) -> None:
    deep: dict[str, Any] = {}
    for _ in range(100_000):
        deep = {"web": deep}
    assert "must be nested at most 12 levels deep" in refused(folder, "shared", deep)
    assert "must be a mapping of keys to values" in refused(folder, "shared", [1])


def test_a_stack_file_and_its_base(folder: Path) -> None:
    path = folder.parent / "Pulumi.qa.yaml"
    path.write_text("config: { operationalization:base: shared }\n")
    assert parse_file(path).location == "westeurope"
    path.write_text(
        "config: { operationalization:base: shared, operationalization:environment: {cloud: x}}\n"
    )
    with pytest.raises(SettingsError, match=r"cloud: must be azure or aws \(got \"x\"\)"):
        parse_file(path)


VALUES = st.recursive(
    st.none() | st.integers() | st.lists(st.integers(), max_size=2),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=12,
)
MAPPINGS = st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3)


@given(MAPPINGS, MAPPINGS)
def test_above_has_the_last_word_and_below_what_nobody_says(
    below: dict[str, Any], above: dict[str, Any]
) -> None:
    before = json.dumps([below, above])
    made = merge(below, above)
    assert json.dumps([below, above]) == before
    assert merge(made, above) == made
    assert merge({}, above) == above
    assert merge(below, {}) == below
    assert set(made) == {*below, *above}


def test_without_a_base_nothing_changes(folder: Path) -> None:
    assert examine_over(None, AZURE, folder, "dev")[:2] == examine(AZURE)
