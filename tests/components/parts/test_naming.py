import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.parts.naming import LONGEST_ENVIRONMENT, environment_name, shorten, tags


@pytest.mark.parametrize(
    ("stack", "name"),
    [
        ("dev", "dev"),
        ("azure-production", "azure-production"),
        ("Dev", "dev-9c24"),
        ("team.qa_1", "team-qa-1-232b"),
        ("7", "env-7-7902"),
    ],
)
def test_a_stack_names_its_resources(stack: str, name: str) -> None:
    assert environment_name(stack) == name


@given(st.from_regex(r"[A-Za-z0-9_.-]{1,100}", fullmatch=True))
def test_any_stack_makes_a_name_that_every_cloud_accepts(stack: str) -> None:
    name = environment_name(stack)
    assert re.fullmatch(r"[a-z]([a-z0-9-]*[a-z0-9])?", name)
    assert len(name) <= LONGEST_ENVIRONMENT


def test_names_that_begin_alike_stay_different_when_they_are_cut() -> None:
    one, other = shorten("a" * 40 + "1", 24), shorten("a" * 40 + "2", 24)
    assert one != other
    assert len(one) == len(other) == 24


def test_our_tags_stand_beside_the_users() -> None:
    assert tags("Dev", {"owner": "data-science"}) == {
        "owner": "data-science",
        "environment": "Dev",
        "project": "operationalization",
        "managed-by": "pulumi",
    }
