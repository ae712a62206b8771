from datetime import datetime, timedelta

import pytest

from sandbox.control import ids
from sandbox.control.aws.database_secrets import password_of
from sandbox.fabric.aws import databases
from sandbox.fabric.contract import Origin
from tests.sandbox.control.aws.test_databases import make, problems
from tests.support.world import RefusedError

WHOLE = {"username": None, "dbName": None, "identifier": "restored", "allocatedStorage": 40}
"""What a restored instance has of its source is left out."""


def back(source, **changes):
    return {"sourceDbInstanceIdentifier": source.outputs["identifier"], **changes}


@pytest.fixture
def source(site, monkeypatch):
    made = make(site, backupRetentionPeriod=7, storageEncrypted=True, allocatedStorage=40)
    # As if it were an hour later.
    later = datetime.fromisoformat(made.created) + timedelta(hours=1)

    class Clock(datetime):
        @classmethod
        def now(cls, tz=None):
            return later.astimezone(tz)

    monkeypatch.setattr("sandbox.control.aws.database_restore.datetime", Clock)
    return made


def minutes(source, count):
    return (datetime.fromisoformat(source.created) + timedelta(minutes=count)).isoformat()


def test_it_has_the_sources_login_and_database(site, source):
    made = make(site, **WHOLE, restoreToPointInTime=back(source, restoreTime=minutes(source, 30)))

    assert (made.outputs["username"], made.outputs["dbName"]) == ("master", "models")
    first, found = sorted(databases.of(site.aws.world, []), key=lambda one: one.name)
    assert (first.name, first.origin, found.name) == ("models", None, "restored")
    assert found.origin == Origin(id=ids.key(source.id), incarnation=source.incarnation)
    assert (found.administrator, found.databases) == ("master", ("models",))
    # RDS makes a password of its own for it.
    assert found.password == password_of(site.aws.world, made)
    assert found.password != password_of(site.aws.world, source)


def test_its_source_may_go_and_it_may_change_then(site, source):
    made = make(site, **WHOLE, restoreToPointInTime=back(source, useLatestRestorableTime=True))
    site.aws.delete(source)
    changed = site.aws.update(made, tags={"a": "b"})

    assert (changed.outputs["username"], changed.outputs["dbName"]) == ("master", "models")
    (left,) = databases.of(site.aws.world, [])
    assert left.origin is not None
    assert left.origin.incarnation == ""


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"minutes": 61}, "restoreToPointInTime.restoreTime: The specified instance cannot be re"),
        ({"minutes": -1}, "restoreToPointInTime.restoreTime: The specified instance cannot be re"),
        ({"minutes": None}, "give a restore time, or use the latest restorable time"),
        ({"source": "nowhere"}, "DBInstance nowhere not found. (DBInstanceNotFound)"),
        (
            {"allocatedStorage": 20},
            "allocatedStorage: must be at least the source's 40 GiB, got 20",
        ),
        ({"storageEncrypted": False}, "storageEncrypted: must be true: the source's backup is en"),
    ],
)
def test_a_restore_that_rds_refuses(site, source, changes, words):
    asked = back(source)
    own = dict(changes)
    if (count := own.pop("minutes", 30)) is not None:
        asked["restoreTime"] = minutes(source, count)
    asked["sourceDbInstanceIdentifier"] = own.pop("source", source.outputs["identifier"])

    with pytest.raises(RefusedError) as refusal:
        make(site, **{**WHOLE, **own}, restoreToPointInTime=asked)
    assert words in str(refusal.value)


def test_without_backups_there_is_nothing_to_restore(site):
    source = make(site)

    asked = back(source, useLatestRestorableTime=True)

    with pytest.raises(RefusedError, match="Restore is not enabled for models: its backup reten"):
        make(site, **WHOLE, restoreToPointInTime=asked)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (
            {"restoreTime": "2026-01-02T04:00:00Z", "useLatestRestorableTime": True},
            "restoreToPointInTime.restoreTime: RestoreTime can't be specified if the UseLatest",
        ),
        (
            {"restoreTime": "yesterday"},
            "restoreToPointInTime.restoreTime: must be a moment in UTC such as 2026-",
        ),
        (
            {"sourceDbInstanceAutomatedBackupsArn": "arn:aws:rds:x"},
            "restoreToPointInTime.sourceDbInstanceAutomatedBackupsArn: the sandbox does not em",
        ),
    ],
)
def test_inputs_that_rds_refuses(aws, asked, words):
    found = problems(aws, **WHOLE, restoreToPointInTime=asked)

    assert any(line.startswith(words) for line in found), found
