"""Settings that protect less after a change."""

from typing import Any

import pytest

from operations.preview.changes import changes
from operations.preview.escaping import said
from operations.preview.weakened import RULES, Weakening, weakened
from tests.support import previews, states

KIND = "azure-native:x:X"


def found(before: Any, after: Any, kind: str = KIND, **more: Any) -> tuple[Weakening, ...]:
    old, new = (
        {**states.resource(kind, "it", "id", {**more, **side}), "protect": side.get("protect")}
        for side in (before, after)
    )
    plan = previews.made(previews.step("update", old, new))
    return weakened(plan, changes(plan))


ON_OFF = {
    "publiclyAccessible": (False, True),
    "publicNetworkAccess": ("Disabled", "Enabled"),
    "allowBlobPublicAccess": (False, True),
    "associatePublicIpAddress": ("false", "true"),
    "httpTokens": ("required", "optional"),
    "backupRetentionPeriod": (35, 7),
    "backupRetentionDays": (35, 7),
    "geoRedundantBackup": ("Enabled", "Disabled"),
    "skipFinalSnapshot": (False, True),
    "deleteAutomatedBackups": (False, True),
    "recoveryWindowInDays": (30, 0),
    "deletionWindowInDays": (30, 7),
    "softDeleteRetentionInDays": (90, 7),
}


@pytest.mark.parametrize("key", sorted(RULES))
def test_each_setting_is_told_when_it_protects_less_and_not_when_more(key: str) -> None:
    strong, weak = ON_OFF.get(key, (True, False))

    (told,) = found({"a": {key: strong}}, {"a": {key: weak}})

    assert told.kind == RULES[key][0]
    assert said(told.words).startswith(f"it: a.{key} is ")
    assert found({"a": {key: weak}}, {"a": {key: strong}}) == ()


@pytest.mark.parametrize(
    ("kind", "private", "public"),
    [
        (
            "azure-native:network:LoadBalancer",
            {"frontendIPConfigurations": [{"subnet": {"id": "s"}}]},
            {"frontendIPConfigurations": [{"publicIPAddress": {"id": "p"}}]},
        ),
        ("aws:lb/loadBalancer:LoadBalancer", {"internal": True}, {"internal": False}),
    ],
)
def test_a_balancer_that_gets_a_public_address(
    kind: str, private: dict[str, Any], public: dict[str, Any]
) -> None:
    old, new = (
        states.resource(kind, name, "id", side) for name, side in (("in", private), ("out", public))
    )
    plan = previews.made(previews.step("delete", old, None), previews.step("create", None, new))
    (told,) = weakened(plan, changes(plan))
    assert (told.kind, said(told.words)) == ("EXPOSED", "out: it has an address on the internet")
    assert found(public, public, kind) == ()
    assert found(public, private, kind) == ()


def test_what_a_cloud_does_only_where_it_is_told_to() -> None:
    (told,) = found({"storageEncrypted": True}, {})
    assert (told.kind, said(told.what)) == (
        "ENCRYPTION OFF",
        "storageEncrypted is true and will not be set",
    )
    assert found({"storageEncrypted": False}, {}) == ()
    assert found({"enableSoftDelete": True}, {}) == ()


@pytest.mark.parametrize(
    ("key", "strong", "weak"),
    [("minimalTlsVersion", "1.2", "1.0"), ("minimumTlsVersion", "TLS1_2", "TLS1_1")],
)
def test_a_server_that_speaks_an_older_tls(key: str, strong: str, weak: str) -> None:
    (told,) = found({key: strong}, {key: weak})
    assert told.kind == "ENCRYPTION OFF"
    assert [each.kind for each in found({key: strong}, {})] == ["ENCRYPTION OFF"]
    assert found({key: weak}, {key: strong}) == ()


@pytest.mark.parametrize("name", ["require_secure_transport", "rds.force_ssl"])
def test_a_server_that_does_not_insist_on_tls_any_more(name: str) -> None:
    (told,) = found({"value": "on"}, {"value": "off"}, configurationName=name)
    assert (told.kind, said(told.what)) == ("ENCRYPTION OFF", "value is on and will be off")
    assert found({"value": "on"}, {"value": "off"}, configurationName="log_checkpoints") == ()


def test_a_parameter_group_that_does_not_insist_on_tls_any_more() -> None:
    old, new = ({"parameters": [{"name": "rds.force_ssl", "value": v}]} for v in ("1", "0"))
    (told,) = found(old, new)
    assert told.kind == "ENCRYPTION OFF"


def test_the_engines_own_protection() -> None:
    (told,) = found({"protect": True}, {"protect": False})
    assert said(told.words) == "it: the engine refuses to delete it, and will not any more"


def test_encryption_comes_first() -> None:
    before = {"deletionProtection": True, "storageEncrypted": True, "publiclyAccessible": False}
    after = {"deletionProtection": False, "storageEncrypted": False, "publiclyAccessible": True}
    kinds = [each.kind for each in found(before, after)]
    assert kinds == ["ENCRYPTION OFF", "EXPOSED", "PROTECTION OFF"]
