"""Each rule between settings: where it holds, and the full text where it refuses."""

import textwrap
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.settings.defaults import complete
from components.settings.environment import Environment
from components.settings.rules import RULES
from tests.support.environments import AWS, AZURE, GONE, changed, complaints

CASES: dict[str, dict[str, Any]] = yaml.safe_load(
    Path(__file__).with_name("rules.yaml").read_text()
)


def described(case: dict[str, Any]) -> dict[str, Any]:
    changes = {key: GONE if new is None else new for key, new in case["change"].items()}
    return changed(AWS if case.get("cloud") == "aws" else AZURE, changes)


@pytest.mark.parametrize("name", CASES["holds"])
def test_a_good_environment_is_accepted(name: str) -> None:
    assert complaints(described(CASES["holds"][name])) == []


@pytest.mark.parametrize("name", CASES["refused"])
def test_a_bad_environment_is_refused_in_full_words(name: str) -> None:
    case = CASES["refused"][name]
    found = [textwrap.dedent(problem) for problem in complaints(described(case))]
    assert found == case["problems"]


def test_every_rule_refuses_some_case() -> None:
    """A rule that no case breaks could be deleted without a test that notices."""
    bad = [
        Environment.model_validate(complete(described(case))) for case in CASES["refused"].values()
    ]
    breaking = {rule.__name__ for rule in RULES for each in bad if list(rule(each))}
    assert {rule.__name__ for rule in RULES} - breaking == set()
