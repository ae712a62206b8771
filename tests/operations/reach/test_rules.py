"""Sets of numbers, and what a list of rules lets through, against the plain way to say it."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operations.reach import addresses, rules
from operations.reach.rules import Part, Rule, passed
from operations.reach.spans import Spans

FEW = range(6)
SETS = st.sets(st.sampled_from(FEW)).map(lambda found: Spans.of(*((n, n) for n in found)))
RULES = st.lists(
    st.builds(
        lambda allow, a, b, c: Rule(allow=allow, sources=a, destinations=b, ports=c),
        st.booleans(),
        SETS,
        SETS,
        SETS,
    ),
    max_size=6,
)


def members(spans: Spans) -> set[int]:
    return {n for low, high in spans.spans for n in range(low, high + 1)}


@given(SETS, SETS)
def test_spans_are_sets(a: Spans, b: Spans) -> None:
    assert members(a | b) == members(a) | members(b)
    assert members(a & b) == members(a) & members(b)
    assert members(a - b) == members(a) - members(b)
    assert a.covers(b) == (members(a) >= members(b))
    assert Spans.of(*a.spans) == a


@given(RULES, SETS, SETS, SETS)
def test_the_first_rule_that_fits_decides_and_the_rest_is_denied(
    ordered: list[Rule], sources: Spans, destinations: Spans, ports: Spans
) -> None:
    asked = Part(sources, destinations, ports)
    plain = set()
    for packet in product(members(sources), members(destinations), members(ports)):
        for rule in ordered:
            sides = (rule.sources, rule.destinations, rule.ports)
            if all(n in members(side) for n, side in zip(packet, sides, strict=True)):
                if rule.allow:
                    plain.add(packet)
                break

    found = [
        packet
        for part in passed(ordered, asked, "TCP")
        for packet in product(*map(members, (part.sources, part.destinations, part.ports)))
    ]

    assert sorted(found) == sorted(plain)  # each packet once


def test_rules_of_another_protocol_say_nothing() -> None:
    everything = Spans.of((0, 9))
    rule = Rule(
        allow=True,
        sources=everything,
        destinations=everything,
        protocols=frozenset({"UDP"}),
    )
    assert passed([rule], Part(everything, everything, everything), "TCP") == []


def test_rules_that_cut_everything_to_pieces_are_given_up() -> None:
    cuts = [
        Rule(allow=False, sources=one, destinations=two, ports=Spans.of((n, n)))
        for n in range(40)
        for one, two in [(Spans.of((n, 3 * n)), Spans.of((2 * n, 5 * n)))]
        for _ in range(4)
    ]
    everything = Spans.of((0, 500))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rules, "LIMIT", 20)
        with pytest.raises(rules.TooManyError):
            passed(cuts, Part(everything, everything, everything), "TCP")


@pytest.mark.parametrize(
    "prefixes",
    [
        ["10.0.0.0/8"],
        ["0.0.0.0/0"],
        ["::/0"],
        ["192.0.2.0/25", "192.0.2.192/26"],
        ["2001:db8::/32"],
    ],
)
def test_addresses_are_told_as_they_were_written(prefixes: list[str]) -> None:
    assert list(addresses.prefixes(Spans.union(map(addresses.of, prefixes)))) == prefixes


def test_a_range_of_addresses() -> None:
    assert list(addresses.prefixes(addresses.of("192.0.2.2-192.0.2.5"))) == [
        "192.0.2.2/31",
        "192.0.2.4/31",
    ]


@pytest.mark.parametrize(
    "text", ["", "web", "10.0.0.0/40", "1.2.3", "10.0.0.1-web", "10.0.0.0/8/8"]
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        addresses.of(text)
