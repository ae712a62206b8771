"""The stack file that is recommended says what was recommended, and everything else as before."""

import json
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import settings as timing
from hypothesis import strategies as st

from components import settings
from operations.capacity import checking, facts
from operations.capacity.change import UnwritableError, changed, difference, fragment
from operations.capacity.recommendation import Change, Target, recommend
from operations.capacity.samples import Busy
from operations.capacity.saturation import Workload, find
from tests.operations.capacity.test_saturation import measured
from tests.support.planted import Planted, Tier

ROOT = Path(__file__).resolve().parents[3]
ROLES = ("web", "compute")
STAGES = measured(Planted(compute=Tier(4, 0.040)), maximum=20)
SETTINGS = """{"groups": {
  "web": {"autoscale": {"minimum": 2, "maximum": 3, "above": 50, "below": 20, "step": 1}},
  "compute": {"autoscale": {"minimum": 2, "maximum": 4, "above": 50, "below": 20, "step": 1}}
}}"""


def change(path, value):
    return Change(path=tuple(path.split(".")), value=value, why="")


GROWN = [
    change("compute.autoscale.minimum", 3),
    change("compute.autoscale.maximum", 8),
    change("compute.autoscale.scaleOut.above", 55),
    change("web.count", 3),
]


def test_the_stack_files_of_this_repository_can_be_changed_and_are_valid_then(tmp_path):
    source = ROOT / "stacks"
    (tmp_path / "bases").mkdir()
    for base in (source / "bases").glob("*.yaml"):
        (tmp_path / "bases" / base.name).write_text(base.read_text())
    file = tmp_path / "Pulumi.dev.yaml"

    file.write_text(changed((source / "Pulumi.dev.yaml").read_text(), GROWN))

    found = settings.parse_file(file)
    assert (found.web.count, found.compute.autoscale.minimum) == (3, 3)
    assert (found.compute.autoscale.maximum, found.compute.autoscale.scale_out.above) == (8, 55)
    kept = "# B-series machines are cheap and slow down"
    assert kept in file.read_text()


def test_values_change_in_their_place_and_comments_stay():
    text = """\
config:
  operationalization:environment:
    web:
      # two, for now
      count: 2  # see the wiki
    compute:
      autoscale: { minimum: 2, maximum: 4 }
"""

    assert (
        changed(text, GROWN)
        == """\
config:
  operationalization:environment:
    web:
      # two, for now
      count: 3  # see the wiki
    compute:
      autoscale: { scaleOut: { above: 55 }, minimum: 3, maximum: 8 }
"""
    )


def test_what_a_base_says_is_written_over_it():
    text = "config:\n  operationalization:environment:\n    cloud: azure\n"

    after = changed(text, GROWN[:2])

    assert yaml.safe_load(after)["config"]["operationalization:environment"] == {
        "cloud": "azure",
        "compute": {"autoscale": {"minimum": 3, "maximum": 8}},
    }


@pytest.mark.parametrize(
    "text",
    [
        "",
        "config: {}\n",
        "config: [\n",
        "config:\n  operationalization:environment:\n    web:\n      count: { a: 1 }\n",
        "config:\n  operationalization:environment:\n    web:\n",
        "config:\n  operationalization:environment:\n    a: &a { count: 1 }\n    web: *a\n",
    ],
)
def test_a_file_that_is_written_in_another_way_is_refused(text):
    with pytest.raises(UnwritableError):
        changed(text, [change("web.count", 3)])


def test_the_difference_is_a_patch_and_the_fragment_is_yaml():
    before = "config:\n  operationalization:environment:\n    web: { count: 2 }\n"

    patch = difference("stacks/Pulumi.dev.yaml", before, changed(before, GROWN[-1:]))

    assert patch.splitlines()[:2] == [
        "--- a/stacks/Pulumi.dev.yaml",
        "+++ b/stacks/Pulumi.dev.yaml",
    ]
    assert "+    web: { count: 3 }" in patch
    assert yaml.safe_load(fragment(GROWN[:1])) == {
        "config": {"operationalization:environment": {"compute": {"autoscale": {"minimum": 3}}}}
    }


# It takes as long as this machine has other things to do.
@timing(deadline=None)
@given(
    rate=st.floats(1, 2000),
    cpu=st.floats(0.01, 1.0),
    tier=st.sampled_from(["web", "compute", "client"]),
)
def test_whatever_is_recommended_for_nodes_is_what_the_settings_take(rate, cpu, tier):
    stages = [replace(each, busy=dict.fromkeys(ROLES, Busy(cpu=cpu, nodes=1))) for each in STAGES]
    known = facts.read(json.loads(SETTINGS), {}, {})
    saturation = replace(find(stages, Workload()), tier=tier)

    advice = recommend(Target(rate=rate, latency=0.25), stages, saturation, known)

    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(ROOT / "stacks", folder, dirs_exist_ok=True)
        file = Path(folder) / "Pulumi.azure-staging.yaml"
        file.write_text(changed(file.read_text(), advice.changes))
        wrong = {each.key for each in problems(file)}
    # More nodes may need a larger database, which the report then says.
    assert wrong <= {"database.size"}


def problems(file):
    try:
        settings.parse_file(file)
    except settings.SettingsError as error:
        return error.problems
    return ()


def test_what_the_settings_refuse_of_it_is_said():
    file = ROOT / "stacks" / "Pulumi.azure-staging.yaml"
    text = file.read_text()

    [problem] = checking.refused(file, changed(text, [change("web.autoscale.maximum", 100)]))

    assert problem.startswith("database.size: must allow ")
    assert "write Standard_D4ds_v5" in problem
    assert checking.refused(file, text) == ()
