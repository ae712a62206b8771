"""What the stacks of this project declare, without engine or cloud: .venv/bin/python -m pytest"""

from pathlib import Path

import pytest

from operationalization.testing import Project

PROJECT = Project(Path(__file__).parents[1])
BASES = ("development", "production")

pytestmark = pytest.mark.parametrize("stack", PROJECT.stacks)


@pytest.mark.parametrize("base", BASES)
def test_settings_are_valid_over_either_base(stack, base):
    assert PROJECT.environment(stack, base=base).topology == "managed-endpoint"


def test_each_model_is_deployed(stack):
    wanted = PROJECT.environment(stack).endpoint.deployments
    assert len(PROJECT.declare(stack).of_type("OnlineDeployment")) == len(wanted)


def test_in_production_nobody_calls_from_the_internet(stack):
    [endpoint] = PROJECT.declare(stack, base="production").of_type("OnlineEndpoint")
    assert endpoint.inputs["properties"]["publicNetworkAccess"] == "Disabled"
