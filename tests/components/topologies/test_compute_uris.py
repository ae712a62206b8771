from ipaddress import IPv4Address, IPv4Network
from itertools import product
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.aws import addresses as aws
from components.azure import addresses as azure
from components.parts.addresses import Span
from components.settings import NodesEnvironment, addresses
from components.settings.addresses import AddressPlan, divide, seats
from components.topologies.compute_uris import compute_uris, fixed_addresses, octet_ranges
from tests.support.environments import AWS, AZURE, ONE_BOX
from tests.support.environments import environment as environment_of

CLOUDS = {"azure": azure, "aws": aws}


def expanded(ranges: tuple[str, ...]) -> list[IPv4Address]:
    """What the product makes of ranges: each octet may be one, and all of their products count."""
    found = []
    for each in ranges:
        octets = [part.partition("-") for part in each.split(".")]
        spans = [range(int(low), int(high or low) + 1) for low, _, high in octets]
        found += [IPv4Address(".".join(map(str, one))) for one in product(*spans)]
    return found


@given(
    prefix=st.integers(20, 29),
    number=st.integers(0, 2**32 - 1),
    first=st.integers(0, 4),
    last=st.integers(-3, -1),
)
def test_ranges_are_exactly_the_addresses_of_the_span(
    prefix: int, number: int, first: int, last: int
) -> None:
    subnet = IPv4Network((number, prefix), strict=False)
    span = Span(subnet[first], subnet[last])
    ranges = octet_ranges((span,))
    size = int(span.last) - int(span.first) + 1
    found = expanded(ranges)
    assert (found[0], found[-1], len(found)) == (*span, size)
    assert len(set(found)) == size
    assert all("-" not in each.rpartition(".")[0] for each in ranges), "9.1 knows no other"


def test_one_address_is_no_range() -> None:
    one = IPv4Address("10.0.1.4")
    assert octet_ranges((Span(one, one),)) == ("10.0.1.4",)


def plan_of(environment: NodesEnvironment) -> AddressPlan:
    return addresses.plan(environment)


def found(environment: NodesEnvironment, module: ModuleType, scheme: str = "http") -> object:
    return compute_uris(environment, module.ADDRESSES, plan_of(environment), 12805, scheme)


def test_a_scale_set_on_azure_is_the_subnet_without_what_azure_keeps() -> None:
    environment = environment_of(AZURE)
    assert found(environment, azure) == ((), ("http://10.20.128.4-254:12805",))


def test_a_group_on_aws_is_a_range_in_each_zone() -> None:
    environment = environment_of(AWS)
    assert found(environment, aws) == (
        (),
        tuple(f"http://10.20.{octet}.4-254:12805" for octet in (128, 129, 130)),
    )


@pytest.mark.parametrize(
    ("start", "module", "expected"),
    [
        (AZURE, azure, ("10.20.128.4", "10.20.128.5", "10.20.128.6", "10.20.128.7")),
        (AWS, aws, ("10.20.128.253", "10.20.129.253", "10.20.130.253", "10.20.128.252")),
    ],
)
def test_fixed_nodes_are_listed_one_by_one(
    start: dict[str, object], module: ModuleType, expected: tuple[str, ...]
) -> None:
    environment = environment_of(start, compute={"nodes": "fixed", "count": 4})
    assert fixed_addresses(environment, module.ADDRESSES, plan_of(environment)) == expected
    uris = tuple(f"https://{each}:12805" for each in expected)
    assert found(environment, module, "https") == (uris, ())


@pytest.mark.parametrize("cloud", CLOUDS)
@given(count=st.integers(1, 160), zones=st.integers(1, 3), seat=st.integers(0, 1))
def test_fixed_nodes_stand_where_the_cloud_lets_machines_stand(
    cloud: str, count: int, zones: int, seat: int
) -> None:
    plan = plan_of(environment_of({"azure": AZURE, "aws": AWS}[cloud]))
    module = CLOUDS[cloud]
    usable = expanded(octet_ranges(module.usable(plan, "compute", zones)))
    parts = divide(plan.of("compute"), zones) if cloud == "aws" else [plan.of("compute")]
    both = count <= seats(parts[0]) * len(parts)
    count = min(count, seats(parts[0]) * len(parts)) if seat else count
    stand = [IPv4Address(each) for each in module.fixed(plan, "compute", zones, count, seat)]
    assert set(stand) <= set(usable)
    assert len(set(stand)) == count
    if both:
        other = module.fixed(plan, "compute", zones, count, 1 - seat)
        assert not {str(each) for each in stand} & {*other}
    assert all(any(each in part for part in parts) for each in stand)


def test_a_one_box_has_no_compute_nodes_to_find() -> None:
    environment = environment_of(ONE_BOX)
    assert found(environment, azure) == ((), ())
    assert fixed_addresses(environment, azure.ADDRESSES, plan_of(environment)) == ()
