# ruff: noqa: E501 -- the full text of an error is one string
"""Values of the random package: their rules and their forms."""

import base64
import string
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.control import random
from sandbox.control.kinds import Context

KINDS = {kind.type.rpartition(":")[2]: kind for kind in random.KINDS}


def make(kind, **inputs):
    """(id, outputs) of a new resource."""
    context = Context(type="", name="x", id="", inputs=inputs, world=None, incarnation="i")
    outputs = KINDS[kind].outputs(context)
    return KINDS[kind].make_id(context, outputs), outputs


def problems(kind, **inputs):
    return [f"{problem.path}: {problem.reason}" for problem in KINDS[kind].rules(inputs)]


@given(
    least=st.tuples(*[st.integers(0, 5)] * 4),
    more=st.integers(1, 10),
    special=st.text("!?-", min_size=1, max_size=3),
)
def test_a_string_has_its_length_and_at_least_what_was_asked_of_each_class(least, more, special):
    upper, lower, numeric, other = least
    _, outputs = make(
        "RandomString",
        length=sum(least) + more,
        minUpper=upper,
        minLower=lower,
        minNumeric=numeric,
        minSpecial=other,
        overrideSpecial=special,
    )
    result = outputs["result"]
    assert len(result) == sum(least) + more
    for minimum, characters in zip(
        least,
        (string.ascii_uppercase, string.ascii_lowercase, string.digits, special),
        strict=True,
    ):
        assert sum(c in characters for c in result) >= minimum
    assert set(result) <= set(string.ascii_letters + string.digits + special)


def test_a_class_that_is_off_does_not_occur():
    _, outputs = make("RandomPassword", length=60, special=False, number=False)
    assert set(outputs["result"]) <= set(string.ascii_letters)
    assert outputs["numeric"] is False


def test_a_password_has_its_bcrypt_hash_and_no_telling_id():
    target, outputs = make("RandomPassword", length=20)
    assert target == "none"
    crypt = random.crypt  # importing it again would warn again
    assert crypt.crypt(outputs["result"], outputs["bcryptHash"]) == outputs["bcryptHash"]


@pytest.mark.parametrize(
    ("kind", "inputs", "expected"),
    [
        ("RandomPassword", {"length": 0}, ["length: must be at least 1, got 0"]),
        (
            "RandomPassword",
            {"length": 3, "minUpper": 2, "minLower": 2},
            [
                "length: must be at least the sum of minUpper, minLower, minNumeric and minSpecial (4), got 3"
            ],
        ),
        (
            "RandomString",
            {"length": 3, "upper": False, "lower": False, "numeric": False, "special": False},
            [": at least one of upper, lower, numeric and special must be true"],
        ),
        ("RandomId", {"byteLength": 0}, ["byteLength: must be at least 1, got 0"]),
        ("RandomInteger", {"min": 3, "max": 2}, ["min: must be at most max (2), got 3"]),
        ("RandomPet", {"length": 0}, ["length: must be at least 1, got 0"]),
    ],
)
def test_impossible_wishes_are_refused(kind, inputs, expected):
    assert problems(kind, **inputs) == expected


def test_all_forms_of_an_id_are_the_same_bytes():
    target, outputs = make("RandomId", byteLength=6, prefix="p-")
    data = bytes.fromhex(outputs["hex"].removeprefix("p-"))
    assert len(data) == 6
    assert outputs["dec"] == f"p-{int.from_bytes(data, 'big')}"
    assert outputs["b64Std"] == "p-" + base64.b64encode(data).decode()
    assert outputs["b64Url"] == "p-" + target
    assert base64.urlsafe_b64decode(target + "=" * (-len(target) % 4)) == data


@given(st.integers(-5, 5), st.integers(0, 5))
def test_an_integer_lies_between_its_bounds(low, span):
    target, outputs = make("RandomInteger", min=low, max=low + span)
    assert low <= outputs["result"] <= low + span
    assert target == str(outputs["result"])


def test_a_seed_makes_the_same_shuffle():
    inputs = {"inputs": list("abcdef"), "seed": "s"}
    first, second = make("RandomShuffle", **inputs)[1], make("RandomShuffle", **inputs)[1]
    assert first == second
    assert sorted(first["results"]) == list("abcdef")


def test_a_shuffle_longer_than_its_inputs_uses_each_before_one_again():
    _, outputs = make("RandomShuffle", inputs=["a", "b"], resultCount=5)
    assert len(outputs["results"]) == 5
    assert sorted(outputs["results"][:2]) == sorted(outputs["results"][2:4]) == ["a", "b"]


@pytest.mark.parametrize("length", [1, 2, 4])
def test_a_pet_has_its_words_after_its_prefix(length):
    target, _ = make("RandomPet", length=length, separator="_", prefix="my")
    assert target.startswith("my_")
    assert len(target.split("_")) == length + 1


def test_a_uuid_is_one():
    target, outputs = make("RandomUuid")
    assert str(uuid.UUID(outputs["result"])) == target


def test_every_change_replaces():
    assert all(kind.replace_on == ("*",) and not kind.kept for kind in random.KINDS)
