"""How a node changes an installed appsettings.json: as JSON, and nothing that nobody named."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.runtimes.rserver.expressions import ABSENT
from components.runtimes.rserver.node import product

MARK = "\ufeff"
KEYS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=6)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3)
)
NAMED = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text("abcd", min_size=1), inner, max_size=3)
    ),
)
"""What we name: keys that differ by more than their case, without the sign for alternatives."""

DOCUMENTS = st.dictionaries(KEYS, VALUES, max_size=5)
OVERLAYS = st.dictionaries(st.sampled_from(["Kestrel", "CORS", "Authentication"]), NAMED)


def installed(document, mark=MARK, ends="\r\n", indent=2, tail=True):
    text = json.dumps(document, indent=indent, ensure_ascii=False) + ("\n" if tail else "")
    return (mark + text.replace("\n", ends)).encode()


def read(content):
    return json.loads(content.decode("utf-8-sig"))


@given(
    document=DOCUMENTS,
    overlay=OVERLAYS,
    mark=st.sampled_from(["", MARK]),
    ends=st.sampled_from(["\n", "\r\n"]),
    indent=st.sampled_from([1, 2, 4, "\t"]),
    tail=st.booleans(),
)
@settings(max_examples=100, deadline=None)
def test_mark_ends_order_and_all_that_is_not_named_stay(
    document, overlay, mark, ends, indent, tail
):
    content = installed(document, mark, ends, indent, tail)
    found = product.changed(content, overlay)
    after = read(found)

    assert found.startswith(mark.encode() or b"{")
    if ends == "\r\n" and "\n" in content.decode():
        assert found.count(b"\n") == found.count(b"\r\n")
    else:
        assert b"\r\n" not in found
    spelled = {key.lower() for key in overlay}
    untouched = [key for key in document if key.lower() not in spelled]
    assert [key for key in after if key in untouched] == untouched
    assert {key: after[key] for key in untouched} == {key: document[key] for key in untouched}
    assert product.changed(found, overlay) == found, "a second time changes nothing"


def test_a_file_that_says_it_already_is_not_written_anew():
    content = b'{ "Kestrel":{"Port":12801} ,"other": 1.50}'

    assert product.changed(content, {"Kestrel": {"Port": 12801}}) == content


def test_objects_are_merged_and_everything_else_is_replaced():
    before = {"Kestrel": {"Port": 12800, "Host": "localhost"}, "CORS": {"Origins": ["a", "b"]}}
    found = product.changed(installed(before), {"Kestrel": {"Port": 1}, "CORS": {"Origins": ["c"]}})

    assert read(found) == {"Kestrel": {"Port": 1, "Host": "localhost"}, "CORS": {"Origins": ["c"]}}


def test_what_is_to_be_absent_goes_and_its_neighbours_stay():
    before = installed({"Authorization": {"owner": ["a"], "Reader": ["b"], "Mine": 1}, "Other": 2})
    roles = {"Owner": product.ABSENT, "Reader": ["c"], "Contributor": product.ABSENT}
    after = product.changed(before, {"Authorization": roles})

    assert read(after) == {"Authorization": {"Reader": ["c"], "Mine": 1}, "Other": 2}
    assert product.changed(after, {"Authorization": roles}) == after


def test_nothing_is_written_only_to_say_what_is_absent():
    before = installed({"Other": 2})
    absent = {"Authorization": {"Owner": product.ABSENT}}

    assert product.changed(before, absent) == before
    assert read(product.changed(before, {"New": absent})) == {"Other": 2}


def test_nodes_know_what_stands_for_no_value():
    assert product.value_of(None, ABSENT) is product.ABSENT


@pytest.mark.parametrize(
    ("has", "key"),
    [
        ({"ComputeNodesConfiguration": {"ConnectionTimeout": "01:00:00"}}, 0),
        ({"BackEndConfiguration": {"ClientCertificate": {}}}, 1),
        ({"Other": 1}, 1),
    ],
)
def test_the_section_of_uris_is_the_one_that_the_installed_file_has(has, key):
    name = ["ComputeNodesConfiguration", "BackEndConfiguration"][key]
    wanted = {"BackEndConfiguration|ComputeNodesConfiguration": {"Uris": {"Values": ["x"]}}}
    found = read(product.changed(installed(has), wanted))

    assert found[name]["Uris"] == {"Values": ["x"]}
    assert set(found) == {*has, name}


def test_keys_keep_the_files_spelling():
    found = product.changed(installed({"kestrel": {"PORT": 1}}), {"Kestrel": {"Port": 2}})

    assert read(found) == {"kestrel": {"PORT": 2}}


def test_a_file_that_is_not_there_is_made():
    assert product.changed(b"", {"a": {"b": 1}}) == b'{\n  "a": {\n    "b": 1\n  }\n}\n'


def test_half_a_character_stays_its_escape():
    found = product.changed(b'{"a": "\\ud800", "b": "\xc3\xa9"}', {"c": 1})

    assert read(found) == {"a": "\ud800", "b": "é", "c": 1}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b'{"a": 1,}', "it is not JSON: "),
        (b'// a comment\n{"a": 1}', "it is not JSON: "),
        (b"[1]", "it is no JSON object"),
    ],
)
def test_what_is_no_json_object_is_left_alone(content, why):
    with pytest.raises(product.Refused) as refused:
        product.changed(content, {"a": 2})

    assert str(refused.value).startswith(why)
