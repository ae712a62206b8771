# ruff: noqa: E501 -- the full text of an error is one string
"""The daemon as a person meets it: scripts/sandbox."""

import json
import os
import signal
import subprocess

import psutil
import pytest

from sandbox.control.kinds import Record
from sandbox.control.store import Store
from sandbox.home import PROJECT
from tests.support.waiting import until

GROUP = Record(
    id="/subscriptions/s/resourceGroups/g",
    type="azure-native:resources:ResourceGroup",
    inputs={},
    outputs={},
    incarnation="i",
)


class Cli:
    """`scripts/sandbox` with a home of its own."""

    def __init__(self, home):
        self.home = home

    def __call__(self, *arguments, check=True):
        done = subprocess.run(
            [PROJECT / "scripts/sandbox", *arguments],
            env={**os.environ, "OPERATIONALIZATION_SANDBOX_HOME": str(self.home)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if check:
            assert done.returncode == 0, done.stderr
        return done

    def status(self):
        return json.loads(self("status", "--json", check=False).stdout)


def has_ended(pid):
    """Its parent, the machine's first process, may have yet to take note."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.fixture
def cli(tmp_path):
    made = Cli(tmp_path / "home")
    yield made
    made("stop")


def test_start_status_env_stop(cli):
    assert "Point this shell at it" in cli("start").stdout
    status = cli.status()
    assert sorted(status["ports"]) == ["aws", "azure-native", "random", "tls"]
    ports = ",".join(f"{name}:{port}" for name, port in sorted(status["ports"].items()))
    exports = cli("env").stdout.splitlines()
    assert f"export PULUMI_DEBUG_PROVIDERS={ports}" in exports
    assert f"export PULUMI_BACKEND_URL=file://{cli.home}/stacks" in exports
    assert "unset PULUMI_ACCESS_TOKEN" in exports
    assert cli("stop").stdout == "The sandbox stopped.\n"
    assert has_ended(status["pid"])
    assert cli("stop").stdout == "The sandbox was not running.\n"


def test_a_second_start_finds_the_first(cli):
    cli("start")
    pid = cli.status()["pid"]
    assert cli("start").stdout.startswith(f"The sandbox runs already (pid {pid}).\n")
    assert cli.status()["pid"] == pid


def test_a_second_daemon_is_refused(cli):
    cli("start")
    pid = cli.status()["pid"]
    done = cli("start", "--foreground", check=False)
    assert done.returncode == 1
    assert done.stderr == (
        f"sandbox: the sandbox in {cli.home} is running already (pid {pid}); "
        "scripts/sandbox stop ends it\n"
    )


def test_a_killed_daemon_is_found_dead_and_started_again(cli):
    cli("start")
    pid = cli.status()["pid"]
    process = psutil.Process(pid)
    os.kill(pid, signal.SIGKILL)
    process.wait(10)
    assert cli.status()["running"] is False
    cli("start")
    assert cli.status()["pid"] != pid


def test_a_state_file_that_names_another_process_counts_for_nothing(cli):
    cli.home.mkdir()
    stale = {"pid": os.getpid(), "started": 1.0, "ports": {"tls": 1}, "code": ""}
    (cli.home / "daemon.json").write_text(json.dumps(stale))
    assert cli.status()["running"] is False
    assert cli("stop").stdout == "The sandbox was not running.\n"
    assert psutil.pid_exists(os.getpid())


def test_a_dead_daemon_that_nobody_has_taken_note_of_counts_for_nothing(cli):
    cli.home.mkdir()
    with subprocess.Popen(["sleep", "60"]) as process:
        started = psutil.Process(process.pid).create_time()
        state = {"pid": process.pid, "started": started, "ports": {"tls": 1}, "code": ""}
        (cli.home / "daemon.json").write_text(json.dumps(state))
        assert cli.status()["running"] is True
        process.kill()
        until(lambda: has_ended(process.pid), "it lives")
        assert cli.status()["running"] is False


def test_a_daemon_of_other_code_is_replaced(cli):
    cli("start")
    file = cli.home / "daemon.json"
    pid = cli.status()["pid"]
    file.write_text(json.dumps({**json.loads(file.read_text()), "code": "old"}))
    cli("start")
    assert cli.status()["pid"] != pid


def test_a_port_that_is_taken_is_named(cli, tmp_path):
    other = Cli(tmp_path / "other")
    other("start")
    try:
        port = other.status()["ports"]["tls"]
        done = cli("start", "--port", f"tls={port}", check=False)
        assert done.returncode == 1
        assert (
            f"sandbox: port {port} on 127.0.0.1 is taken by another program; "
            "choose another with --port NAME=PORT"
        ) in done.stderr
    finally:
        other("stop")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("env",), 1, "sandbox: no sandbox runs in {home}; start it with: scripts/sandbox start\n"),
        (("resources",), 1, "sandbox: there is no sandbox in {home}; scripts/sandbox start makes one\n"),
        (("reset",), 1, "sandbox: reset forgets every resource and stack; say so with --yes\n"),
        (("start", "--port", "gcp=1"), 2, "argument --port: 'gcp' is no package; use one of aws, azure-native, random, tls\n"),
        (("start", "--port", "tls=0"), 2, "argument --port: '0' is no port; use 1 to 65535\n"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_said(cli, arguments, code, message):
    done = cli(*arguments, check=False)
    assert done.returncode == code
    assert done.stderr.endswith(message.format(home=cli.home))


def test_an_empty_one_is_stopped_on_request_and_only_that(cli):
    cli("start")
    lock = cli.home / "stacks/.pulumi/locks/organization/operationalization/dev/1.json"
    lock.parent.mkdir(parents=True)
    lock.touch()
    assert "pulumi is at work on it" in cli("stop", "--if-empty").stdout
    lock.unlink()

    store = Store(cli.home / "cloud.sqlite")
    with store.change() as rows:
        rows.put(GROUP, {})
    assert cli("stop", "--if-empty").stdout.startswith("The sandbox runs on: it is not empty")
    assert cli.status()["running"]
    with store.change() as rows:
        rows.remove(GROUP.id)
    store.close()

    assert cli("stop", "--if-empty").stdout == "The sandbox stopped.\n"


def test_reset_is_refused_while_it_runs_and_empties_it_afterwards(cli):
    cli("start")
    done = cli("reset", "--yes", check=False)
    assert done.stderr == ("sandbox: the sandbox is running; stop it first: scripts/sandbox stop\n")
    cli("stop")
    for cloud in ("databases", "databases-aws"):
        (cli.home / cloud / "server").mkdir(parents=True)
    assert cli("reset", "--yes").stdout == "The sandbox is empty.\n"
    assert not (cli.home / "cloud.sqlite").exists()
    assert list(cli.home.glob("databases*")) == []


def test_its_files_are_for_its_owner_only(cli):
    cli("start")
    assert cli.home.stat().st_mode & 0o77 == 0
    assert (cli.home / "passphrase").stat().st_mode & 0o777 == 0o600


def test_types_lists_what_is_emulated(cli):
    assert "azure-native:resources:ResourceGroup" in cli("types").stdout.splitlines()


def test_help_lists_the_commands(cli):
    shown = cli("--help").stdout
    for command in (
        *("start", "stop", "status", "env", "reset", "resources", "edit", "delete", "orphans"),
        *("fault", "types"),
    ):
        assert f"\n    {command} " in shown
