"""Each rule between settings: where it holds, and the full text where it refuses."""

import textwrap
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from components.settings import Environment
from components.settings.defaults import complete
from components.settings.rules import ENDPOINT, ENTERPRISE, ONE_BOX, broken
from components.settings.topology import MODELS, model_of
from tests.support.environments import GONE, SMALLEST, changed, complaints, of_family

HERE = Path(__file__).parent
CASES: dict[str, dict[str, Any]] = {"holds": {}, "refused": {}}
for file in ("rules.yaml", "rules-server.yaml"):
    for kind, cases in yaml.safe_load((HERE / file).read_text()).items():
        CASES[kind] |= cases


def described(case: dict[str, Any]) -> dict[str, Any]:
    changes = {key: GONE if new is None else new for key, new in case["change"].items()}
    base = SMALLEST[case.get("topology", "enterprise"), case.get("cloud", "azure")]
    if "family" in case:
        base = of_family(base, *str(case["family"]).split(" on "))
    return changed(base, changes)


def typed(case: dict[str, Any]) -> Environment | None:
    """Return the environment of *case*, unless one of its settings is wrong by itself."""
    value = complete(described(case))
    try:
        return model_of(value).model_validate(value)
    except ValidationError:
        return None


@pytest.mark.parametrize("name", CASES["holds"])
def test_a_good_environment_is_accepted(name: str) -> None:
    assert complaints(described(CASES["holds"][name])) == []


@pytest.mark.parametrize("name", CASES["refused"])
def test_a_bad_environment_is_refused_in_full_words(name: str) -> None:
    case = CASES["refused"][name]
    found = [textwrap.dedent(problem) for problem in complaints(described(case))]
    assert found == case["problems"]


@pytest.mark.parametrize(
    ("topology", "rules"),
    [("enterprise", ENTERPRISE), ("one-box", ONE_BOX), ("managed-endpoint", ENDPOINT)],
)
def test_every_rule_refuses_some_case(topology: Any, rules: tuple[Any, ...]) -> None:
    """A rule that no case breaks could be deleted without a test that notices."""
    bad = [environment for case in CASES["refused"].values() if (environment := typed(case))]
    bad = [environment for environment in bad if isinstance(environment, MODELS[topology])]
    breaking = {rule.__name__ for rule in rules for each in bad if list(broken([rule], each))}
    # What every topology with nodes must do is broken by cases of the enterprise one.
    own = {rule.__name__ for rule in rules if topology == "enterprise" or rule not in ENTERPRISE}
    assert own - breaking == set()
