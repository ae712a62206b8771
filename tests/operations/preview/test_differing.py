"""What differs between two states of a resource, and nothing secret in it."""

import base64
import gzip
from typing import Any

import pytest

from operations.export.state import SECRET, UNKNOWN
from operations.preview import user_data
from operations.preview.differing import differences
from operations.preview.values import HIDDEN, LATER, said, told


def lines(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    return [line for each in differences(before, after) for line in each.lines()]


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 2}, ["- a: 1", "+ a: 2"]),
        ({"a": {"b": "x"}}, {"a": {"b": "y"}}, ["- a.b: x", "+ a.b: y"]),
        ({}, {"a": {"b": 1, "c": [2]}}, ["+ a.b: 1", "+ a.c[]: 2"]),
        ({"a": {"b": 1}}, {}, ["- a.b: 1"]),
        ({"a": ["x", "y"]}, {"a": ["y", "z"]}, ["- a[]: x", "+ a[]: z"]),
        ({"a": ["x", "y"]}, {"a": ["y", "x"]}, ['- a: ["x", "y"]', '+ a: ["y", "x"]']),
        ({"a": []}, {"a": {}}, ["- a: []", "+ a: {}"]),
        ({"a": [{"b": 1}]}, {"a": [{"b": 2}]}, ["- a[0].b: 1", "+ a[0].b: 2"]),
        ({"a": UNKNOWN}, {"a": UNKNOWN}, [f"- a: {LATER}", f"+ a: {LATER}"]),
        ({"a": "x"}, {"a": UNKNOWN}, ["- a: x", f"+ a: {LATER}"]),
        ({"a": "x"}, {"a": f"https://{UNKNOWN}/"}, ["- a: x", f"+ a: https://{LATER}/"]),
    ],
)
def test_each_property_that_differs_is_said(before: Any, after: Any, shown: list[str]) -> None:
    assert lines(before, after) == shown


def test_items_of_a_list_are_known_by_their_name_not_by_their_place() -> None:
    before = [{"name": "ssh", "port": "22"}, {"name": "web", "port": "12800"}]
    after = [{"name": "new", "port": "1"}, {"name": "web", "port": "12801"}]

    assert lines({"rules": before}, {"rules": after}) == [
        "- rules[ssh].name: ssh",
        "- rules[ssh].port: 22",
        "- rules[web].port: 12800",
        "+ rules[web].port: 12801",
        "+ rules[new].name: new",
        "+ rules[new].port: 1",
    ]


def test_names_that_are_not_one_each_tell_nothing_apart() -> None:
    before = [{"name": "x", "port": 1}, {"name": "x", "port": 2}]
    assert lines({"r": before}, {"r": before[:1]}) == ["- r[1].name: x", "- r[1].port: 2"]


PLANTED = "hunter2-SECRET"


@pytest.mark.parametrize(
    "value",
    [
        {"administratorLoginPassword": PLANTED},
        {"properties": {"value": SECRET}},
        {"settings": [{"name": "k", "privateKeyPem": PLANTED}]},
        {"text": f"-----BEGIN RSA PRIVATE KEY-----\n{PLANTED}\n-----END RSA PRIVATE KEY-----"},
        {"url": f"postgres://me:{PLANTED}@host/db"},
        {"connection_string": f"Server=x;Password={PLANTED}"},
        {"any": f"Server=x;Pwd={PLANTED};Y=z"},
        {"token": f"eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0xx.{PLANTED}"},
        {"key": "AKIAIOSFODNN7EXAMPLE"},
        {"protectedSettings": {"commandToExecute": PLANTED}},
        {"environment": [{"name": "DB_PASSWORD", "value": PLANTED}]},
        {"tags": [{"key": "apiKey", "value": PLANTED}]},
        {"blob": f"https://x.blob.core.windows.net/a?sv=1&sig={PLANTED}xxxxxxxxxxxxxxx"},
    ],
)
def test_what_looks_like_a_secret_is_not_shown_whoever_forgot_to_mark_it(value: Any) -> None:
    shown = "\n".join([*lines({}, value), *lines(value, {}), *lines({"x": 1}, {"x": value})])

    assert HIDDEN in shown
    assert "hunter2" not in shown
    assert "AKIA" not in shown


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("keyName", "operations"),
        ("secretName", "admin-password"),
        ("secretUri", "https://vault.example/secrets/admin-password"),
        ("minPasswordLength", 12),
        ("publicKey", "ssh-ed25519 AAAA"),
        ("password", ""),
    ],
)
def test_what_only_names_a_secret_is_shown(key: str, value: Any) -> None:
    assert said(key, value) == str(value)


def test_what_a_cloud_says_is_told_without_keys() -> None:
    message = f"refused:\n-----BEGIN PRIVATE KEY-----\n{PLANTED}\n-----END PRIVATE KEY-----\nretry"
    assert told(message) == f"refused:\n{HIDDEN}\nretry"
    assert told(f"-----BEGIN PRIVATE KEY-----\n{PLANTED}") == HIDDEN
    assert told(f"see https://me:{PLANTED}@x/ and {UNKNOWN}") == f"see {HIDDEN}x/ and {LATER}"


def test_a_long_value_is_cut_and_an_id_of_azure_is_its_end() -> None:
    assert said("a", "x" * 200) == f"{'x' * 160}… (200 characters)"
    subnet = (
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/n/subnets/s"
    )
    assert said("a", subnet) == "…/subnets/s"


def cloud_config(**files: str) -> str:
    text = "#cloud-config\nlocale: C.UTF-8\nwrite_files:\n" + "".join(
        f'- path: "/{name}"\n  owner: "root:root"\n  content: |\n    {content}\n'
        for name, content in files.items()
    )
    packed = gzip.compress(f"{text}runcmd:\n- [true]\n".encode(), mtime=0)
    return base64.b64encode(packed).decode()


def test_of_user_data_the_files_that_differ_are_named_and_their_content_is_not_shown() -> None:
    before = cloud_config(kept="one", changed="old secret", gone="x")
    after = cloud_config(kept="one", changed="new secret", come="y")

    shown = lines({"userData": before}, {"userData": after})

    assert shown == [
        f"- userData: {user_data.digest(before)}",
        f"+ userData: {user_data.digest(after)}",
        "    changed /changed",
        "    added /come",
        "    removed /gone",
    ]


@pytest.mark.parametrize(
    "content", ["", "%%%", "#!/bin/sh\necho hunter2", base64.b64encode(b"\x1f\x8b broken").decode()]
)
def test_of_user_data_of_another_form_there_is_a_digest(content: str) -> None:
    shown = lines({"customData": content}, {"customData": f"{content}x"})
    assert shown == [
        f"- customData: {user_data.digest(content)}",
        f"+ customData: {user_data.digest(content + 'x')}",
    ]
    assert lines({}, {"customData": content}) == [f"+ customData: {user_data.digest(content)}"]


def test_a_packed_bomb_is_not_unpacked() -> None:
    bomb = base64.b64encode(gzip.compress(b"#cloud-config\n" + b" " * 50_000_000, 9)).decode()
    assert user_data.files(bomb) == {}
