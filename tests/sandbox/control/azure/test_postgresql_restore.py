from datetime import UTC, datetime, timedelta

import pytest

from sandbox.control import ids
from sandbox.fabric.azure.blueprint import blueprint
from sandbox.fabric.contract import Origin
from tests.sandbox.control.azure.test_postgresql import SERVER, server
from tests.support.world import CREATED, RefusedError, problems

SETTINGS = {key: SERVER[key] for key in ("authConfig", "network", "sku", "storage", "version")}


def moment(**back):
    return (datetime.now(UTC) - timedelta(**back)).strftime("%Y-%m-%dT%H:%M:%SZ")


def restored(world, source, **changes):
    inputs = {
        **SETTINGS,
        "serverName": "restored",
        "createMode": "PointInTimeRestore",
        "sourceServerResourceId": source.id,
        "pointInTimeUTC": moment(seconds=1),
        **changes,
    }
    return world.create("dbforpostgresql:Server", **inputs)


@pytest.fixture
def source(world):
    return server(world, backup={"backupRetentionDays": 35})


def at(monkeypatch, now):
    """Let it be *now*, near enough to when the world's resources were made."""

    class Clock(datetime):
        @classmethod
        def now(cls, tz=None):
            return now.astimezone(tz)

    monkeypatch.setattr("sandbox.control.azure.postgresql_restore.datetime", Clock)


def test_it_has_the_sources_login_and_what_nobody_said(world, source, monkeypatch):
    at(monkeypatch, datetime.fromisoformat(CREATED) + timedelta(days=1))
    less = {"sku": None, "storage": None, "version": None}
    made = restored(world, source, pointInTimeUTC="2026-01-02T04:00:00Z", **less)

    assert made.outputs["administratorLogin"] == "breakglass"
    assert made.outputs["version"] == "16"
    assert made.outputs["storage"]["storageSizeGB"] == 64
    assert made.outputs["sku"] == SERVER["sku"]
    (first, second) = sorted(blueprint(world, "").databases, key=lambda one: one.name)
    assert first.origin is None
    assert second.origin == Origin(id=ids.key(source.id), incarnation=source.incarnation)
    assert (second.administrator, second.password, second.version) == ("breakglass", "", "16")


def test_its_source_may_go_and_it_may_change_then(world, source, monkeypatch):
    at(monkeypatch, datetime.fromisoformat(CREATED) + timedelta(days=1))
    made = restored(world, source, pointInTimeUTC="2026-01-02T04:00:00Z")
    world.delete(source)
    changed = world.update(made, tags={"a": "b"})

    assert changed.outputs["administratorLogin"] == "breakglass"
    (left,) = blueprint(world, "").databases
    assert left.origin == Origin(id=ids.key(source.id), incarnation="")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sourceServerResourceId": None}, "sourceServerResourceId: is needed with createMode"),
        ({"pointInTimeUTC": None}, "pointInTimeUTC: is needed with createMode PointInTimeRestore"),
        ({"pointInTimeUTC": "2026-01-04T00:00:00Z"}, "pointInTimeUTC: lies in the future: it is"),
        (
            {"pointInTimeUTC": "2026-01-02T03:00:00Z"},
            "pointInTimeUTC: is before the earliest restore point, 2026-01-02T03:04:05Z",
        ),
        ({"version": "15"}, "version: a restored server has its source's version, 16, got 15"),
        (
            {"storage": {"storageSizeGB": 32}},
            "storage.storageSizeGB: must be at least the source's 64 GiB, got 32",
        ),
        (
            {"location": "northeurope"},
            "location: a restored server is where its source is, in westeurope, got northeurope",
        ),
    ],
)
def test_a_restore_that_azure_refuses(world, monkeypatch, changes, words):
    at(monkeypatch, datetime.fromisoformat(CREATED) + timedelta(days=1))
    source = server(world, location="westeurope")
    asked = {"location": "westeurope", "pointInTimeUTC": "2026-01-02T04:00:00Z", **changes}

    with pytest.raises(RefusedError) as refusal:
        restored(world, source, **asked)
    assert words in str(refusal.value)


def test_what_is_no_longer_kept_can_not_be_restored(world, monkeypatch):
    at(monkeypatch, datetime.fromisoformat(CREATED) + timedelta(days=20))
    source = server(world)

    with pytest.raises(RefusedError, match=r"earliest restore point, 2026-01-15T.* kept 7 days"):
        restored(world, source, pointInTimeUTC="2026-01-14T00:00:00Z")


def test_a_source_that_is_not_there_is_told(world, source):
    with pytest.raises(RefusedError, match=r"The source server .*/nowhere was not found"):
        restored(world, source, sourceServerResourceId=f"{source.id}/nowhere")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"createMode": "GeoRestore"}, "createMode: must be one of Default, Create, PointInTimeR"),
        ({"pointInTimeUTC": "yesterday"}, "pointInTimeUTC: must be a moment in UTC such as 2026-"),
        ({"pointInTimeUTC": "2026-01-02T04:00:00"}, "pointInTimeUTC: must be a moment in UTC such"),
        ({"createMode": None}, "pointInTimeUTC: needs createMode PointInTimeRestore"),
        (
            {"administratorLogin": "breakglass"},
            "administratorLogin: leave it out with createMode PointInTimeRestore: it is the sour",
        ),
    ],
)
def test_inputs_that_azure_refuses(changes, words):
    asked = {**SETTINGS, "createMode": "PointInTimeRestore", "pointInTimeUTC": moment(), **changes}
    found = problems("dbforpostgresql:Server", **asked)

    assert any(line.startswith(words) for line in found), found
