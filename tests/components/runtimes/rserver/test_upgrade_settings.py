"""Settings come along to the next version, where they have another place; none is lost unsaid."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = (
    Path(__file__).resolve().parents[4] / "components/runtimes/rserver/node/upgrade_settings.py"
)

OLD = {
    "Kestrel": {"Port": 12801, "Host": "localhost"},
    "Logging": {"LogLevel": {"Default": "Warning", "AllowedLogLevels": "x"}, "LogsPath": "/logs"},
    "MaxNumberOfThreadsPerBatchExecution": 42,
    "Authentication": {
        "AdminPassword": "old hash",
        "LDAP": {
            "Enabled": True,
            "Values": [{"Host": "ldap", "BindFilter": "CN={0}", "SearchBase": "DC=x"}],
        },
        "AzureActiveDirectory": {"Enabled": False, "Values": [{"Authority": "a"}]},
        "JWTKey": "old key",
    },
    "ConnectionStrings": {"defaultDb": {"Enabled": False, "Connection": "./deployrdb_9.0.0.db"}},
    "BackEndConfiguration": {"Uris": {"Values": ["http://10.0.0.4:12805"]}, "Own": 1},
    "AdminPassword": "old hash",
    "Mine": {"Own": "é"},
    "configured": "configured",
}
NEW = {
    "Kestrel": {"Port": 12801, "Host": "localhost"},
    "Logging": {"LogLevel": {"Default": "Warning"}, "LogsPath": ""},
    "MaxNumberOfThreadsPerBatchExecution": 100,
    "Authentication": {
        "AdminPassword": "new hash",
        "LDAP": {"Enabled": False, "Host": ""},
        "AzureActiveDirectory": {"Enabled": False},
    },
    "ConnectionStrings": {"defaultDb": {"Enabled": False, "Connection": "deployrdb_9.1.0.db"}},
    "ComputeNodesConfiguration": {"Uris": {"Values": ["http://10.0.0.5:12805"], "Ranges": []}},
    "configured": "configured",
}
OVERLAY = {
    "Kestrel": {"Port": 12801},
    "Authentication": {"LDAP": {"Host": {"$secret": "x"}}},
    "BackEndConfiguration|ComputeNodesConfiguration": {
        "Uris": {"Values": {"$node": "computeNodes.values"}}
    },
}
MOVE = {
    "role": "web",
    "of": {"directoryValues": True},
    "to": {"directoryValues": False},
    "document": {"web": {"appsettings": {"web": {"overlay": OVERLAY}}}},
}


def run(*arguments):
    command = [sys.executable, "-BI", SCRIPT, *arguments]
    return subprocess.run(command, capture_output=True, check=True).stdout


@pytest.fixture
def files(tmp_path):
    """An old file, a new one as installed, and what is to change."""
    old, new, move = (tmp_path / name for name in ("old.json", "new.json", "move.json"))
    old.write_text(json.dumps(OLD))
    new.write_bytes(
        b"\xef\xbb\xbf" + json.dumps(NEW, indent=2).replace("\n", "\r\n").encode() + b"\r\n"
    )
    move.write_text(json.dumps(MOVE))
    return old, new, move


def test_what_only_a_person_says_is_carried_to_its_new_place(files):
    old, new, move = files
    made = run("carry", move, "web", old, new)
    found = json.loads(made.decode("utf-8-sig"))

    assert found["MaxNumberOfThreadsPerBatchExecution"] == 42
    assert found["Mine"] == {"Own": "é"}
    assert found["Logging"]["LogsPath"] == "/logs"
    assert found["Authentication"]["LDAP"] == {"Enabled": True, "Host": "", "SearchBase": "DC=x"}
    assert found["Authentication"]["AzureActiveDirectory"] == {"Enabled": False, "Authority": "a"}
    assert found["ComputeNodesConfiguration"] == {
        "Uris": {"Values": ["http://10.0.0.5:12805"], "Ranges": []},
        "Own": 1,
    }
    assert "BackEndConfiguration" not in found


def test_what_the_new_version_makes_and_what_we_say_stays(files):
    old, new, move = files
    found = json.loads(run("carry", move, "web", old, new).decode("utf-8-sig"))

    assert found["Authentication"]["AdminPassword"] == "new hash"
    assert "JWTKey" not in found["Authentication"]
    assert "AdminPassword" not in found
    assert found["ConnectionStrings"]["defaultDb"]["Connection"] == "deployrdb_9.1.0.db"


def test_a_role_that_the_settings_do_not_declare_any_more_is_not_carried(files):
    old, new, move = files
    old.write_text(json.dumps({**OLD, "Authorization": {"Reader": ["all"], "Own": 1}}))
    said = {**OVERLAY, "Authorization": {"Reader": {"$absent": True}}}
    move.write_text(
        json.dumps({**MOVE, "document": {"web": {"appsettings": {"web": {"overlay": said}}}}})
    )
    found = json.loads(run("carry", move, "web", old, new).decode("utf-8-sig"))

    assert found["Authorization"] == {"Own": 1}


def test_mark_and_line_ends_of_the_installed_file_stay(files):
    old, new, move = files
    made = run("carry", move, "web", old, new)

    assert made.startswith(b"\xef\xbb\xbf{\r\n")
    assert made.count(b"\n") == made.count(b"\r\n")


def test_carrying_twice_changes_nothing_more(files):
    old, new, move = files
    once = run("carry", move, "web", old, new)
    new.write_bytes(once)

    assert run("carry", move, "web", old, new) == once


def test_the_report_has_names_and_no_value(files):
    old, new, move = files
    report = run("report", move, "web", old, new)
    found = json.loads(report)

    assert found["made anew"] == [
        "AdminPassword",
        "Authentication.AdminPassword",
        "Authentication.JWTKey",
        "ConnectionStrings.defaultDb.Connection",
    ]
    assert found["ours"] == [
        "Authentication.LDAP.Host",
        "ComputeNodesConfiguration.Uris.Values",
    ]
    assert "Mine.Own" in found["lost"]
    assert b"old key" not in report
    new.write_bytes(run("carry", move, "web", old, new))
    assert json.loads(run("report", move, "web", old, new))["lost"] == []


def test_values_are_read_a_line_each(files):
    _, _, move = files
    move.write_text('{"a": {"b": ["x", "y"]}, "c": {"r": 1, "s": 2}}')

    assert run("get", move, "a.b", "c") == b"x\ny\nr\ns\n"
    with pytest.raises(subprocess.CalledProcessError) as error:
        run("get", move, "a.z")
    assert b"says nothing of a.z" in error.value.stderr
