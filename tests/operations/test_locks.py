"""Locks: who holds one, whether they are still there, and what an update left half done."""

import json
import os
import shutil
import socket
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from operations.errors import OperationError
from operations.locks import pending
from operations.locks.holder import holder_of
from operations.locks.reading import Asking, Lock, folder_of, in_folder, locks
from tests.support.waiting import until

HERE = socket.gethostname()
NOW = datetime.now(UTC)


@pytest.fixture
def pulumi(tmp_path: Path):
    """A process that is called pulumi."""
    program = tmp_path / "pulumi"
    program.symlink_to(shutil.which("cat") or "cat")
    with subprocess.Popen([program], stdin=subprocess.PIPE) as process:
        until(lambda: psutil.Process(process.pid).name() == "pulumi", "it never began")
        yield process
        process.kill()


def lock(process: int | None, host: str = HERE, since: datetime | None = None) -> Lock:
    return Lock(where="l.json", user="me", host=host, process=process, since=since)


def test_a_pulumi_that_is_there_lives(pulumi: subprocess.Popen[bytes]) -> None:
    found = holder_of(lock(pulumi.pid, since=datetime.now(UTC)))

    assert found.state == "living"
    assert found.why == f"pulumi (process {pulumi.pid}) is at work on this machine"


def test_one_that_began_after_the_lock_is_another(pulumi: subprocess.Popen[bytes]) -> None:
    found = holder_of(lock(pulumi.pid, since=NOW - timedelta(hours=1)))

    assert found.state == "gone"
    assert "is another pulumi, which began later" in found.why


def test_one_that_was_killed_is_gone_before_its_parent_takes_note(
    pulumi: subprocess.Popen[bytes],
) -> None:
    pulumi.kill()
    until(lambda: psutil.Process(pulumi.pid).status() == psutil.STATUS_ZOMBIE, "it lives on")

    assert holder_of(lock(pulumi.pid)).state == "gone"


def test_a_number_that_another_program_has_now_is_gone() -> None:
    found = holder_of(lock(os.getpid()))

    assert found.state == "gone"
    assert found.why.endswith("now, not pulumi")


def test_a_number_that_nobody_has_is_gone() -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()

    assert holder_of(lock(ended.pid)).state == "gone"


@pytest.mark.parametrize(
    ("process", "host", "why"),
    [
        (1, "elsewhere", f"it was made on elsewhere, and this is {HERE}"),
        (None, HERE, "the lock does not say who made it"),
        (1, "", "the lock does not say who made it"),
    ],
)
def test_what_cannot_be_seen_is_never_taken_for_gone(
    process: int | None, host: str, why: str
) -> None:
    found = holder_of(lock(process, host))

    assert (found.state, found.why) == ("unknown", why)


def test_a_process_of_which_the_kernel_tells_nothing_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    def hidden(process: int) -> psutil.Process:
        raise psutil.NoSuchProcess(process)

    monkeypatch.setattr(psutil, "Process", hidden)

    assert holder_of(lock(os.getpid())).state == "living"


def test_locks_of_both_layouts_are_found_and_one_that_nobody_can_read_too(tmp_path: Path) -> None:
    top = tmp_path / ".pulumi/locks"
    new, old = top / "organization/operationalization/dev", top / "dev"
    for folder in (new, old):
        folder.mkdir(parents=True)
    made = {"pid": 7, "username": "me", "hostname": "h", "timestamp": "2026-11-30T20:00:00+01:00"}
    (new / "a.json").write_text(json.dumps(made))
    (old / "b.json").write_text('{"pid": ')

    first, second = in_folder(tmp_path, "dev")

    assert (first.user, first.host, first.process) == ("me", "h", 7)
    assert first.since == datetime(2026, 11, 30, 19, tzinfo=UTC)
    assert second == Lock(where=str(old / "b.json"))
    assert list(in_folder(tmp_path, "test")) == []


@pytest.mark.parametrize("process", [0, -1, 2**31, 10**30])
def test_a_lock_that_somebody_made_up_is_nobodys_and_writes_nothing_to_the_terminal(
    tmp_path: Path, process: int
) -> None:
    folder = tmp_path / ".pulumi/locks/dev"
    folder.mkdir(parents=True)
    made = {"pid": process, "username": "\x1b[2Jme\r", "hostname": HERE, "timestamp": "2026"}
    (folder / "a.json").write_text(json.dumps(made))

    (found,) = in_folder(tmp_path, "dev")

    assert (found.user, found.process, holder_of(found).state) == ("[2Jme", None, "unknown")


@pytest.mark.parametrize(
    ("url", "folder"),
    [
        ("file:///srv/my%20stacks?no_tmp_dir=true", Path("/srv/my stacks")),
        ("file://~/stacks", Path.home() / "stacks"),
        ("file://~", Path.home()),
    ],
)
def test_the_folder_of_a_backend(url: str, folder: Path) -> None:
    assert folder_of(url) == folder


PULUMI = """#!/bin/sh
case "$1" in
whoami) echo '{"url": "https://app.pulumi.com/me"}' ;;
stack) echo '[{"name": "me/dev", "updateInProgress": true}, {"name": "other/test"}]' ;;
*) echo "error: no such thing" >&2; exit 1 ;;
esac
"""


def test_of_pulumi_cloud_only_an_update_is_known(tmp_path: Path) -> None:
    (tmp_path / "pulumi").write_text(PULUMI)
    (tmp_path / "pulumi").chmod(0o755)
    variables = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}

    (held,) = locks(Asking("dev", variables, tmp_path / "none.yaml"))

    assert held == Lock(where="https://app.pulumi.com/me")
    assert holder_of(held).state == "unknown"
    assert locks(Asking("test", variables, tmp_path / "none.yaml")) == ()


def test_a_backend_that_does_not_answer_is_no_backend_without_locks(tmp_path: Path) -> None:
    text = PULUMI.replace("https://app.pulumi.com/me", "s3://state")
    (tmp_path / "pulumi").write_text(text)
    (tmp_path / "pulumi").chmod(0o755)
    variables = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}

    with pytest.raises(OperationError, match="the lock of the stack cannot be read") as refused:
        locks(Asking("dev", variables, tmp_path / "none.yaml"))

    assert refused.value.why == "no such thing"


def test_what_was_under_way_is_said_with_what_it_means() -> None:
    under_way = [
        {"type": "creating", "resource": {"urn": "urn:pulumi:dev::p::t::database"}},
        {"type": "dancing", "resource": {"urn": "urn:pulumi:dev::p::t::web"}},
    ]
    state = json.dumps({"deployment": {"pending_operations": under_way}})

    found = pending.read(state, "dev")

    assert [(each.kind, each.meaning) for each in found] == [
        ("creating", "it may exist in the cloud, and the state does not know it"),
        ("dancing", "how it ended is not known"),
    ]
    assert pending.read('{"deployment": {}}', "dev") == ()


@pytest.mark.parametrize("text", ["", "[]", '{"deployment": {"pending_operations": [1]}}'])
def test_what_is_no_state_is_refused(text: str) -> None:
    with pytest.raises(OperationError, match="the state cannot be read"):
        pending.read(text, "dev")
