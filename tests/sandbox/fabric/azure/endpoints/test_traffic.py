"""Who gets a request, and who a copy of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.fabric.azure.endpoints.traffic import choose, mirrored

BOTH = {"blue": 90, "green": 10}
NAMES = ["blue", "green"]


@pytest.mark.parametrize(
    ("dice", "chosen"), [(0.0, "blue"), (0.899, "blue"), (0.9, "green"), (0.999, "green")]
)
def test_a_request_goes_by_the_percentages(dice, chosen):
    assert choose(BOTH, NAMES, dice) == chosen


@given(st.floats(0, 1, exclude_max=True))
def test_who_is_not_able_leaves_its_share_to_the_others(dice):
    assert choose(BOTH, ["green"], dice) == "green"
    assert choose({"blue": 100, "green": 0}, ["green"], dice) is None
    assert choose(BOTH, [], dice) is None
    assert choose({}, NAMES, dice) is None


@given(
    st.dictionaries(st.sampled_from("abcd"), st.integers(0, 100), min_size=1),
    st.floats(0, 1, exclude_max=True),
)
def test_whoever_is_chosen_has_traffic(traffic, dice):
    chosen = choose(traffic, traffic, dice)

    assert (chosen is None) == (sum(traffic.values()) == 0)
    assert chosen is None or traffic[chosen] > 0


@pytest.mark.parametrize(("dice", "copied"), [(0.0, "green"), (0.099, "green"), (0.1, None)])
def test_a_part_of_the_requests_is_copied(dice, copied):
    assert mirrored({"green": 10}, dice) == copied
    assert mirrored({}, dice) is None
