"""Property values survive the wire, and what can't be values ends in an error."""

import pytest
from google.protobuf import struct_pb2
from hypothesis import given
from hypothesis import strategies as st
from pulumi.runtime import rpc

from sandbox.control import wire
from sandbox.control.wire import UNKNOWN, Secret, WireError

TEXT = st.text(max_size=20)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**53) + 1, 2**53 - 1),
    st.floats(allow_nan=False, allow_infinity=False).filter(lambda x: not x.is_integer()),
    TEXT,
    st.just(UNKNOWN),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(TEXT, inner, max_size=4),
        inner.filter(lambda v: not isinstance(v, Secret) and v is not UNKNOWN).map(Secret),
    ),
    max_leaves=20,
)


@given(st.dictionaries(TEXT, VALUES, max_size=5))
def test_values_come_back_as_they_went(properties):
    assert wire.decode(wire.encode(properties)) == properties


def test_a_whole_number_comes_back_as_an_int_and_not_as_a_boolean():
    found = wire.decode(wire.encode({"count": 2, "ratio": 0.5, "on": True}))
    assert [(key, type(value)) for key, value in sorted(found.items())] == [
        ("count", int),
        ("on", bool),
        ("ratio", float),
    ]


def test_an_output_value_is_its_value_and_keeps_its_secret():
    marked = {wire.SIGNATURE: wire.OUTPUT, "value": "x", "secret": True, "dependencies": []}
    assert wire.decode(wire.encode({"a": marked})) == {"a": Secret("x")}


def test_an_output_without_value_is_unknown():
    marked = {wire.SIGNATURE: wire.OUTPUT, "secret": True}
    assert wire.decode(wire.encode({"a": marked})) == {"a": UNKNOWN}


@pytest.mark.parametrize("sentinel", sorted(wire._UNKNOWNS))
def test_every_marker_of_the_engine_is_unknown(sentinel):
    assert wire.decode(wire.encode({"a": sentinel})) == {"a": UNKNOWN}


def test_unknown_goes_out_as_the_marker_that_the_sdk_reads():
    assert wire.encode({"a": UNKNOWN}).fields["a"].string_value == rpc.UNKNOWN


def test_values_that_are_nested_too_deep_are_refused():
    deep: object = "x"
    for _ in range(wire.MAX_DEPTH + 1):
        deep = [deep]
    message = struct_pb2.Struct()
    value = message.fields["a"]
    for _ in range(wire.MAX_DEPTH + 1):
        value = value.list_value.values.add()
    value.string_value = "x"
    with pytest.raises(WireError, match=r"^values are nested more than 64 levels deep$"):
        wire.encode({"a": deep})
    with pytest.raises(WireError, match=r"^values are nested more than 64 levels deep$"):
        wire.decode(message)


def test_the_deepest_values_that_are_accepted_come_back():
    deep: object = "x"
    for _ in range(wire.MAX_DEPTH - 1):
        deep = [deep]
    assert wire.decode(wire.encode({"a": deep})) == {"a": deep}


def test_too_many_values_are_refused():
    many = wire.encode({"a": [True] * (wire.MAX_NODES + 1)})
    with pytest.raises(WireError, match=r"^more than 200000 values in one call$"):
        wire.decode(many)


def test_too_many_bytes_are_refused():
    large = wire.encode({"a": "x" * (wire.MAX_BYTES + 1)})
    with pytest.raises(WireError, match=r"^\d+ bytes in one call, at most 16777216 are accepted$"):
        wire.decode(large)


def test_a_number_that_json_cannot_hold_is_refused():
    message = struct_pb2.Struct()
    message.fields["a"].number_value = float("nan")
    with pytest.raises(WireError, match=r"^nan is not a number that JSON can hold$"):
        wire.decode(message)


def test_an_unknown_signature_is_refused():
    with pytest.raises(WireError, match=r"^an object with the unknown signature 'x'$"):
        wire.decode(wire.encode({"a": {wire.SIGNATURE: "x"}}))


def test_a_rule_sees_neither_unknowns_nor_marks():
    values = {"a": UNKNOWN, "b": Secret({"c": UNKNOWN, "d": 1}), "e": [1, Secret("x")]}
    assert wire.known(values) == {"b": {"d": 1}, "e": [1, "x"]}


def test_a_list_that_is_not_wholly_known_is_absent_for_a_rule():
    assert wire.known({"a": [1, UNKNOWN], "b": [{"c": UNKNOWN}]}) == {"b": [{}]}


def outermost(value):
    """What is inside a secret needs no mark of its own."""
    match value:
        case Secret():
            return Secret(wire.reveal(value))
        case dict():
            return {key: outermost(member) for key, member in value.items()}
        case list():
            return [outermost(element) for element in value]
    return value


@given(st.dictionaries(TEXT, VALUES, max_size=5))
def test_what_was_secret_is_marked_again(properties):
    assert wire.mark_like(wire.reveal(properties), properties) == outermost(properties)


def test_a_list_that_lost_an_element_hides_the_rest():
    assert wire.mark_like([1], [Secret(1), 2]) == Secret([1])


def test_a_secret_never_shows_in_a_representation():
    assert repr(Secret("hunter2")) == "Secret(...)"
