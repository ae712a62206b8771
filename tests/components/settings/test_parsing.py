"""Settings that are wrong by themselves: type, range, spelling, shape."""

import textwrap
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.settings import SettingsError, parse
from tests.support.environments import AZURE, GONE, SMALLEST, changed, complaints

SCHEDULE = {"name": "x1", "days": ["Monday"], "timezone": "Europe/Berlin"}

CASES: list[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("values.yaml").read_text())


@pytest.mark.parametrize("case", CASES, ids=lambda case: ",".join(map(str, case["change"])))
def test_a_setting_that_is_wrong_by_itself(case: dict[str, Any]) -> None:
    changes = {key: GONE if new == "(gone)" else new for key, new in case["change"].items()}
    base = SMALLEST[case.get("topology", "enterprise"), "azure"]
    found = [textwrap.dedent(text) for text in complaints(changed(base, changes))]
    assert found == [case["problem"]]


def test_a_time_that_yaml_read_as_a_number() -> None:
    schedule = {**SCHEDULE, "start": 1140, "end": "7:30", "minimum": 2, "maximum": 3}
    assert complaints(changed(AZURE, {"compute.autoscale.schedules": [schedule]})) == [
        (
            "  compute.autoscale.schedules[0].start: must be text (got 1140)\n"
            '    fix: put it in quotes: "1140"'
        ),
        (
            '  compute.autoscale.schedules[0].end: must be a time of day such as "07:30" '
            '(got "7:30")\n'
            "    fix: write it like 19:00"
        ),
    ]


def test_wrong_types_do_not_hide_rules_that_do_not_need_them() -> None:
    value = changed(
        AZURE,
        {
            "location": 7,
            "protection": "yes",
            "web": {"size": "m6i.large", "autoscale": {"minimum": "x", "maximum": 3}},
            "compute.autoscale": {"minimum": 1, "maximum": 20, "surprise": 1},
            "database": {"engine": "postgresql", "storage": "64", "name": "postgres"},
            "access.clients": ["10.20.7.0/24"],
        },
    )
    with pytest.raises(SettingsError) as raised:
        parse(value, stack="dev")
    assert str(raised.value) == EVERYTHING.rstrip()


EVERYTHING = """\
stack 'dev' cannot be deployed:
  location: must be text (got 7)
    fix: put it in quotes: "7"
  protection: must be true or false (got "yes")
    fix: write true without quotes
  database.storage: must be a whole number (got "64")
    fix: write 64 without quotes
  web.autoscale.minimum: must be a whole number (got "x")
    fix: write a number such as 2
  compute.autoscale.surprise: is not a known setting
    fix: remove it; known here are minimum, maximum, scaleOut, scaleIn, schedules
  web.size: must be a machine size of azure that this project knows (got "m6i.large")
    fix: it is a size of aws: choose one of azure, such as Standard_D4s_v5
  compute.autoscale.scaleIn.below: must be low enough that the nodes that stay are under \
scaleOut.above, 50: 30 percent on 2 nodes are 60 percent on 1 (got 30)
    fix: write 24 or less, or raise minimum or scaleOut.above
  database.name: is a database that the server has already (got "postgres")
    fix: choose another name
  access.clients[0]: must not overlap with network.addressSpace, 10.20.0.0/16 (got "10.20.7.0/24")
    fix: name the ranges outside it, or choose another addressSpace
"""


def nested(levels: int) -> object:
    value: object = "x"
    for _ in range(levels):
        value = {"tags": value}
    return value


SHAPES: list[tuple[object, str]] = [
    (
        None,
        (
            "  environment: is required\n"
            "    fix: add the object operationalization:environment under config"
        ),
    ),
    (
        [1, 2],
        (
            "  environment: must be a mapping of keys to values (got a list of 2)\n"
            "    fix: indent the settings under environment"
        ),
    ),
    (
        "enterprise",
        (
            '  environment: must be a mapping of keys to values (got "enterprise")\n'
            "    fix: indent the settings under environment"
        ),
    ),
    (
        nested(100_000),
        "  " + ".".join(["tags"] * 12) + ": must be nested at most 12 levels deep\n"
        "    fix: remove the levels that are no setting",
    ),
    (
        {"web": list(range(100_000))},
        "  environment: must have at most 5000 values\n    fix: remove what is not a setting",
    ),
    (
        {"location": "x" * 5_000},
        (
            "  location: must be at most 4096 characters long "
            f'(got "{"x" * 56}...)\n    fix: shorten it'
        ),
    ),
    (
        {"tags": {1: "x"}},
        "  tags: must have keys that are text (got 1)\n    fix: put it in quotes",
    ),
]


@pytest.mark.parametrize(("value", "expected"), SHAPES, ids=lambda case: str(type(case)))
def test_what_no_stack_file_means_is_an_error_and_no_crash(value: object, expected: str) -> None:
    assert complaints(value) == [expected]
