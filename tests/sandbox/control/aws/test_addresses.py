"""Private addresses of a subnet: lowest first, none twice, back again."""

from itertools import islice

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.control.aws import addresses
from sandbox.control.kinds import ApiError
from sandbox.control.world import StoreTransaction


@pytest.fixture
def transaction(site):
    with site.aws.store.trial() as rows:
        yield StoreTransaction(rows, changes=rows)


def lowest(transaction, subnet, taken):
    """What the lowest free address is, by looking at each."""
    inside = addresses.block(subnet)
    usable = list(inside)[4:-1]
    return next(str(each) for each in usable if str(each) not in taken)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(st.integers(min_value=-20, max_value=20), max_size=40))
def test_the_lowest_free_address_comes_next_whatever_came_and_went(site, steps):
    with site.aws.store.trial() as rows:
        transaction = StoreTransaction(rows, changes=rows)
        taken = []
        for step in steps:
            if step < 0 and taken:
                addresses.give_back(transaction, site.subnet, taken.pop(step % len(taken)))
            else:
                ahead = list(islice(addresses.free(transaction, site.subnet), max(step, 0) + 1))
                addresses.take(transaction, site.subnet, ahead[-1], "x")
                taken.append(ahead[-1])
            found = addresses.next_free(transaction, site.subnet)
            assert found == lowest(transaction, site.subnet, taken)


def test_a_subnet_has_all_but_five(site, transaction):
    everything = list(addresses.free(transaction, site.subnet))
    for each in everything:
        addresses.take(transaction, site.subnet, each, "x")

    assert (len(everything), everything[0], everything[-1]) == (251, "10.30.0.4", "10.30.0.254")
    assert not addresses.has_room(transaction, site.subnet, 1)
    with pytest.raises(ApiError, match="api error InsufficientFreeAddressesInSubnet: The spec"):
        addresses.next_free(transaction, site.subnet)
    for each in everything:
        addresses.give_back(transaction, site.subnet, each)
    assert addresses.has_room(transaction, site.subnet, 251)
    assert transaction.note(f"address/{site.subnet.id}/first") is None
