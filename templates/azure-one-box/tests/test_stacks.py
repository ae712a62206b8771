"""What the stacks of this project declare, without engine or cloud: .venv/bin/python -m pytest"""

from pathlib import Path

import pytest

from operationalization.testing import Project

PROJECT = Project(Path(__file__).parents[1])
BASES = ("development", "production")

pytestmark = pytest.mark.parametrize("stack", PROJECT.stacks)


@pytest.mark.parametrize("base", BASES)
def test_settings_are_valid_over_either_base(stack, base):
    assert PROJECT.environment(stack, base=base).topology == "one-box"


def test_there_is_one_machine(stack):
    assert len(PROJECT.declare(stack).of_type("VirtualMachine")) == 1


def test_in_production_data_is_kept(stack):
    """In a database that is a server, or on the machine that has the file."""
    declared = PROJECT.declare(stack, base="production")
    holders = declared.of_type("dbforpostgresql:Server") or declared.of_type("VirtualMachine")
    assert all(each.protect for each in holders)
