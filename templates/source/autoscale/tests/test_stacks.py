"""What the stacks of this project declare, without engine or cloud: .venv/bin/python -m pytest"""

from pathlib import Path

import pytest

from operationalization.testing import Project

PROJECT = Project(Path(__file__).parents[1])
BASES = ("development", "production")

pytestmark = pytest.mark.parametrize("stack", PROJECT.stacks)


@pytest.mark.parametrize("base", BASES)
def test_settings_are_valid_over_either_base(stack, base):
    assert PROJECT.environment(stack, base=base).topology == "enterprise"


def test_compute_nodes_scale_as_the_stack_says(stack):
    wanted = PROJECT.environment(stack).compute.autoscale
    assert scaling(PROJECT.declare(stack)) == {
        (wanted.minimum, wanted.maximum),
        *((each.minimum, each.maximum) for each in wanted.schedules),
    }


def test_only_web_nodes_reach_compute_nodes(stack):
    assert openings_of_compute(PROJECT.declare(stack)) == {"12805"}


def test_in_production_data_is_kept(stack):
    database = PROJECT.declare(stack, base="production").of_type("@{database_type}")
    assert database
    assert all(each.protect for each in database)


@{cloud_tests}
