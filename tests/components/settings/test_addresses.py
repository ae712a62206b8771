"""The address plan: what is known of it by heart, and the laws that hold for any environment."""

from ipaddress import IPv4Network
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.settings.addresses import (
    RESERVED,
    AddressPlan,
    Need,
    TooSmallError,
    cut,
    divide,
    plan,
)
from tests.support.environments import AWS, environment

NODES = st.integers(1, 1000)
NEEDS = st.builds(
    Need,
    cloud=st.sampled_from(["azure", "aws"]),
    web=NODES,
    compute=NODES,
    zones=st.integers(1, 6),
)
SPACES = st.builds(
    lambda prefix, number: IPv4Network(
        ((10 << 24) + (number % 2 ** (prefix - 8) << 32 - prefix), prefix)
    ),
    st.integers(8, 24),
    st.integers(0, 2**24),
)


def attempt(space: IPv4Network, need: Need) -> AddressPlan | None:
    try:
        return cut(space, need)
    except TooSmallError:
        return None


def test_plan_of_the_default_environment() -> None:
    assert plan(environment()) == AddressPlan(
        network=IPv4Network("10.20.0.0/16"),
        nodes={"web": IPv4Network("10.20.0.0/24"), "compute": IPv4Network("10.20.128.0/24")},
        endpoints=IPv4Network("10.20.64.0/25"),
        public=IPv4Network("10.20.96.0/25"),
    )


def test_on_aws_a_zone_holds_what_the_others_lose() -> None:
    """A /22 in three zones has 251 addresses in each; two of them carry twice 251 nodes."""
    fits = environment(AWS, compute__autoscale={"minimum": 2, "maximum": 251})
    grown = environment(AWS, compute__autoscale={"minimum": 2, "maximum": 252})
    assert plan(fits).nodes["compute"] == IPv4Network("10.20.128.0/22")
    assert plan(grown).nodes["compute"] == IPv4Network("10.20.128.0/20")


def test_zones_share_a_subnet_in_equal_parts() -> None:
    assert divide(IPv4Network("10.0.0.0/24"), 3) == (
        IPv4Network("10.0.0.0/26"),
        IPv4Network("10.0.0.64/26"),
        IPv4Network("10.0.0.128/26"),
    )


def test_another_zone_moves_no_subnet() -> None:
    whole = IPv4Network("10.0.0.0/24")
    assert divide(whole, 4)[:3] == divide(whole, 3)
    assert divide(whole, 3)[:2] == divide(whole, 2)


def test_a_range_that_is_too_small_names_the_one_that_would_do() -> None:
    need = Need("azure", web=10, compute=500, zones=3)
    with pytest.raises(TooSmallError, match=r"^needs a /21$"):
        cut(IPv4Network("10.0.0.0/24"), need)
    assert cut(IPv4Network("10.0.0.0/21"), need).nodes["compute"] == IPv4Network("10.0.4.0/22")


@given(space=SPACES, need=NEEDS)
def test_subnets_are_inside_the_range_and_apart(space: IPv4Network, need: Need) -> None:
    made = attempt(space, need)
    if made is None:
        return
    assert made.network == space
    assert all(subnet.subnet_of(space) for subnet in made.subnets)
    assert not any(one.overlaps(other) for one, other in combinations(made.subnets, 2))


@given(space=SPACES, need=NEEDS)
def test_subnets_hold_two_groups_of_the_largest_size(space: IPv4Network, need: Need) -> None:
    made = attempt(space, need)
    if made is None:
        return
    for subnet, maximum in ((made.nodes["web"], need.web), (made.nodes["compute"], need.compute)):
        if need.cloud == "azure":
            assert subnet.num_addresses - RESERVED >= 2 * maximum
        else:
            parts = divide(subnet, need.zones)
            left = parts[1:] or parts
            assert sum(part.num_addresses - RESERVED for part in left) >= 2 * maximum


@given(space=SPACES, need=NEEDS)
def test_a_plan_or_the_prefix_that_would_do(space: IPv4Network, need: Need) -> None:
    if attempt(space, need) is not None:
        return
    with pytest.raises(TooSmallError) as raised:
        cut(space, need)
    smallest = raised.value.smallest
    assert smallest is not None
    assert attempt(space.supernet(new_prefix=smallest), need) is not None
    for tighter in range(smallest + 1, space.prefixlen):
        assert attempt(space.supernet(new_prefix=tighter), need) is None


@given(space=SPACES, need=NEEDS, more=NODES)
def test_growth_of_one_group_moves_no_other(space: IPv4Network, need: Need, more: int) -> None:
    before, after = attempt(space, need), attempt(space, need._replace(compute=more))
    if before is None or after is None:
        return
    assert (after.nodes["web"], after.endpoints, after.public) == (
        before.nodes["web"],
        before.endpoints,
        before.public,
    )
    assert after.nodes["compute"].network_address == before.nodes["compute"].network_address


@given(space=SPACES, need=NEEDS)
def test_a_group_keeps_its_subnet_while_it_fits(space: IPv4Network, need: Need) -> None:
    made = attempt(space, need._replace(cloud="azure"))
    if made is None:
        return
    filled = (made.nodes["compute"].num_addresses - RESERVED) // 2
    assert (
        cut(space, need._replace(cloud="azure", compute=filled)).nodes["compute"]
        == made.nodes["compute"]
    )


@given(space=SPACES, need=NEEDS)
def test_the_same_settings_give_the_same_plan(space: IPv4Network, need: Need) -> None:
    assert attempt(space, need) == attempt(space, need)
