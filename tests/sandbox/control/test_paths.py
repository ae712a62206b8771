"""Property paths and patterns."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.control import paths

STEPS = st.one_of(st.integers(0, 99), st.text(min_size=1, max_size=8))


@given(st.lists(STEPS, min_size=1, max_size=5))
def test_every_path_can_be_written_and_read_again(steps):
    assert paths.parse(paths.write(tuple(steps))) == tuple(steps)


def test_a_path_is_written_as_the_engine_writes_it():
    assert paths.write(("subnets", 0, "id")) == "subnets[0].id"
    assert paths.write(("tags", "a.b")) == 'tags["a.b"]'


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("subnets[*].id", ("subnets", 3, "id"), True),
        ("subnets", ("subnets", 3, "id"), True),
        ("subnets[*].id", ("subnets",), False),
        ("tags.*", ("tags", "a"), True),
        ("*", ("anything",), True),
        ("tags", ("tagsToo",), False),
    ],
)
def test_a_pattern_names_what_it_leads_to_and_all_below(pattern, path, expected):
    assert paths.matches(pattern, path) is expected


def test_what_a_pattern_names_is_found_with_its_path():
    value = {"subnets": [{"id": "a"}, {}, {"id": "b"}]}
    assert list(paths.find(value, "subnets[*].id")) == [("subnets[0].id", "a"), ("subnets[2].id", "b")]  # fmt: skip  # noqa: E501
    assert paths.get(value, "subnets[*].name") is None


def test_what_is_no_path_is_refused():
    with pytest.raises(ValueError, match=r"^'a\[b' is not a property path: see position 1$"):
        paths.parse("a[b")
