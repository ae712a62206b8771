"""Real boots of the image `base`."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from sandbox.fabric.contract import FabricError, Machine
from sandbox.fabric.hosts import Host, Hosts, end_all_below, enter, found, journal
from sandbox.home import PROJECT
from tests.sandbox.fabric.hosts.conftest import USER_DATA, leftovers, machine

pytestmark = pytest.mark.root

Room = Callable[..., Hosts]
NEVER = threading.Event()


@dataclass
class Booted:
    hosts: Hosts
    machine: Machine

    def sh(self, script: str, timeout: float = 20) -> str:
        done = self.hosts.run(self.machine.id, ["sh", "-c", script], timeout)
        assert done.code == 0, done.output
        return done.output.strip()

    @property
    def host(self) -> Host:
        host = self.hosts.find(self.machine.id)
        assert host is not None
        return host


@pytest.fixture(scope="module")
def booted(room: Room, namespace: str) -> Booted:
    """A host that is provisioned; tests leave it as it is."""
    wanted = machine(
        image="complete", script="test -f /srv/data && echo served >/srv/script && echo ready"
    )
    hosts = room()
    hosts.start(wanted, namespace)
    done = hosts.provisioned(wanted, NEVER)
    assert (done.code, done.output) == (0, "ready\n")
    return Booted(hosts, wanted)


@pytest.fixture
def started(room: Room, namespace: str) -> Iterator[Booted]:
    """A host of the test's own, whose systemd has just begun."""
    wanted = machine(number=1)
    hosts = room()
    hosts.start(wanted, namespace)
    yield Booted(hosts, wanted)
    hosts.remove(wanted.id)


def until(condition: Callable[[], object], seconds: float = 60) -> float:
    """Seconds that it took."""
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() < begun + seconds, "it did not happen in time"
        time.sleep(0.01)
    return time.monotonic() - begun


def abandon(folder: Path, namespace: str, wanted: Machine) -> None:
    """Have a daemon start the host and wait for a command in it, and kill that daemon."""
    program = Path(__file__).with_name("daemon.py")
    number = wanted.id.rpartition("/")[2]
    other = subprocess.Popen(
        [sys.executable, program, str(folder), namespace, wanted.incarnation, number],
        cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        stdout=subprocess.PIPE,
    )
    with other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"runs a command\n"
        other.kill()


# A host is the machine that was declared.


def test_cloud_init_receives_the_user_data_byte_for_byte(booted: Booted) -> None:
    root = Path(f"/proc/{booted.host.leader}/root")
    instance = root / "var/lib/cloud/instances" / booted.machine.incarnation
    assert (instance / "user-data.txt").read_bytes() == USER_DATA
    assert (root / "srv/data").read_text() == "é tab\t end"


def test_the_script_of_the_machine_has_run_as_root(booted: Booted) -> None:
    assert booted.sh("stat -c %U /srv/script; cat /srv/script") == "root\nserved"


def test_it_has_its_own_name_and_identity(booted: Booted) -> None:
    incarnation = booted.machine.incarnation.replace("-", "")
    assert booted.sh("hostname; cat /etc/machine-id").split() == ["web000000", incarnation]


def test_it_asks_the_resolver_that_it_is_told_of(
    booted: Booted, room: Room, namespace: str
) -> None:
    assert booted.sh("cat /etc/resolv.conf") == "nameserver 168.63.129.16"

    told = Booted(room(), machine(number=7, resolver=IPv4Address("10.0.0.2")))
    told.hosts.start(told.machine, namespace)
    assert told.hosts.provisioned(told.machine, NEVER).code == 0
    assert told.sh("cat /etc/resolv.conf") == "nameserver 10.0.0.2"
    told.hosts.remove(told.machine.id)


def test_it_has_the_processors_and_the_memory_of_its_size(booted: Booted) -> None:
    assert booted.host.unlimited == ()
    assert booted.sh("nproc") == "1"
    # The kernel ends what takes more; the machine's own systemd goes on.
    greedy = booted.hosts.run(booted.machine.id, ["python3", "-c", "len(bytearray(300 << 20))"], 20)
    assert greedy.code == 137
    assert booted.host.running


def test_what_it_uses_is_measured(booted: Booted) -> None:
    before = booted.hosts.usage(booted.machine.id)
    busy = "import time\nwhile time.process_time() < 0.3: pass"
    booted.hosts.run(booted.machine.id, ["python3", "-c", busy], 20)
    after = booted.hosts.usage(booted.machine.id)

    assert before.memory is not None
    assert 1 << 20 < before.memory < 256 << 20
    assert before.cpu_seconds is not None
    assert after.cpu_seconds is not None
    assert after.cpu_seconds - before.cpu_seconds > 0.2


def test_the_units_of_a_compute_node_are_isolated_in_it(booted: Booted) -> None:
    """The very hardening of an R worker: a user of its own, no network, a read-only system."""
    unit = PROJECT / "components/runtimes/plumber/node/compute/units"
    text = (unit / "operationalization-worker@.service").read_text()
    service = text.partition("[Service]")[2]
    own = ("Exec", "Restart", "User=", "RuntimeDirectory", "Environment", "TimeoutStartSec")
    lines = [line for line in service.splitlines() if line and not line.startswith(("#", *own))]
    options = " ".join(f"-p '{line}'" for line in lines)
    probe = "id -u; grep -c : /proc/self/net/dev; touch /etc/x 2>&1 || touch /tmp/x; ls -A /tmp"

    said = booted.sh(f"systemd-run --quiet --wait --pipe {options} sh -c '{probe}'").splitlines()

    assert 61184 <= int(said[0]) <= 65519  # systemd's range of dynamic users
    assert said[1] == "1", "it has more than a loopback interface"
    assert said[-1] == "x"


def test_the_hosts_own_firewall_filters_in_it(booted: Booted) -> None:
    rules = "add table inet t; add chain inet t c { type filter hook input priority 0; }"
    booted.sh(
        f"nft '{rules}' && nft list ruleset | grep -q 'hook input' && nft delete table inet t"
    )


def test_everything_in_it_has_started(booted: Booted) -> None:
    booted.sh("cloud-init status --wait >/dev/null; systemctl is-system-running --wait")


# Commands.


def test_a_command_gives_its_code_and_both_outputs(booted: Booted) -> None:
    done = booted.hosts.run(booted.machine.id, ["sh", "-c", "echo a; echo b >&2; exit 7"], 20)
    assert (done.code, done.output) == (7, "a\nb\n")


def test_a_command_gets_a_clean_environment(
    booted: Booted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "secret")
    names = {line.partition("=")[0] for line in booted.sh("env").splitlines()}
    assert names == {"PATH", "LANG", "HOME", "USER", "LOGNAME", "PWD"}


def test_only_the_end_of_a_long_output_is_kept(booted: Booted) -> None:
    done = booted.hosts.run(booted.machine.id, ["seq", "100000"], 20)
    assert len(done.output) == 64 * 1024
    assert done.output.endswith("\n99999\n100000\n")


def test_a_command_may_do_what_root_may_there_and_no_more(booted: Booted) -> None:
    mask = "grep CapBnd /proc/self/status"
    systemd = booted.sh("grep CapBnd /proc/1/status")
    assert booted.sh(mask) == systemd
    assert int(systemd.split()[1], 16) >> 12 & 1, "CAP_NET_ADMIN"
    assert not int(systemd.split()[1], 16) >> 16 & 1, "CAP_SYS_MODULE"


def test_a_command_that_takes_too_long_is_killed_with_all_that_it_started(booted: Booted) -> None:
    script = "setsid sleep 7777 & echo begun; sleep 7777"
    done = booted.hosts.run(booted.machine.id, ["sh", "-c", script], 0.5)

    assert done.code == 124
    assert done.output.startswith("begun\n")
    assert "took more than" in done.output
    assert booted.sh("pgrep -x --runstates RSD sleep || echo none") == "none"


def test_a_command_that_nobody_waits_for_any_more_is_killed(booted: Booted) -> None:
    cancelled = threading.Event()
    threading.Timer(0.2, cancelled.set).start()
    begun = time.monotonic()
    done = booted.hosts.run(booted.machine.id, ["sleep", "7777"], 60, cancelled)

    assert done.code == 130
    assert time.monotonic() - begun < 2
    assert booted.sh("pgrep -x --runstates RSD sleep || echo none") == "none"


def test_what_a_command_leaves_in_the_background_goes_on(booted: Booted) -> None:
    begun = time.monotonic()
    assert booted.sh("sleep 8888 & echo done") == "done"
    assert time.monotonic() - begun < 3
    booted.sh("pkill -x sleep")


def test_a_command_can_be_run_before_systemd_is_up(started: Booted) -> None:
    assert started.sh("cat /proc/1/comm") == "systemd"


def test_another_process_finds_the_host_and_enters_it(booted: Booted) -> None:
    (host,) = found(booted.host.folder.parent)
    assert host == booted.host

    line = enter(host, ["sh", "-c", "echo $TERM; hostname; exit 9"], terminal="xterm")
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (9, "xterm\nweb000000\n")


def test_its_journal_is_read_while_it_runs(booted: Booted) -> None:
    line = journal(booted.host.folder, lines=10_000)
    done = subprocess.run(line, capture_output=True, text=True, check=True)
    assert "cloud-init" in done.stdout


def test_the_files_of_a_host_are_for_root_only_and_tell_no_user_data(booted: Booted) -> None:
    folder = booted.host.folder
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "host.json").stat().st_mode & 0o777 == 0o600
    assert "write_files" not in (folder / "host.json").read_text()


# Lives.


def test_a_disk_outlives_a_power_off_and_the_instance_begins_once(
    room: Room, namespace: str
) -> None:
    hosts, wanted = room(), machine(number=2)
    host = Booted(hosts, wanted)
    hosts.start(wanted, namespace)
    assert hosts.provisioned(wanted, NEVER).code == 0
    host.sh("cloud-init status --wait; echo kept >/srv/kept")

    hosts.stop(wanted.id, 20)
    assert not host.host.running
    assert not host.host.powered_off, "it did not do so by its own wish"
    ended = subprocess.run(journal(host.host.folder), capture_output=True, text=True, check=True)
    assert re.search(r"Reached target .*[Pp]ower.?[Oo]ff", ended.stdout), ended.stdout[-2000:]

    hosts.start(wanted, namespace)
    assert hosts.provisioned(wanted, NEVER).code == 0
    host.sh("cloud-init status --wait")
    assert host.sh("cat /srv/kept /srv/runs") == "kept\nagain"

    hosts.remove(wanted.id)
    assert leftovers(host.hosts._folder) == []


def test_another_incarnation_begins_with_an_empty_disk(started: Booted, namespace: str) -> None:
    started.sh("touch /srv/old")
    old = started.host.folder
    other = replace(started.machine, incarnation="8a7d8b1e-0000-4000-8000-000000000001")

    started.hosts.start(other, namespace)

    assert not old.exists()
    assert started.hosts.run(other.id, ["ls", "/srv"], 20).output == ""
    started.hosts.remove(other.id, incarnation=started.machine.incarnation)
    assert started.host.running, "the one that was meant is gone already"


def test_a_killed_host_is_noticed_at_once_and_cleaned_up(room: Room, namespace: str) -> None:
    ends: list[str] = []
    hosts, wanted = room(ended=ends.append), machine(number=3)
    hosts.start(wanted, namespace)
    host = hosts.find(wanted.id)
    assert host is not None
    (nspawn,) = _children(host.pid)

    os.kill(nspawn, signal.SIGKILL)

    assert until(lambda: ends) < 1
    after = hosts.find(wanted.id)
    assert after is not None
    assert (after.running, after.powered_off) == (False, False)
    assert not Path(f"/proc/{host.leader}").exists() or _is_zombie(host.leader)
    with pytest.raises(FabricError, match="does not run"):
        hosts.run(wanted.id, ["true"], 5)
    hosts.remove(wanted.id)
    assert leftovers(host.folder.parent) == []


def test_a_host_whose_launcher_is_killed_is_gone_too(started: Booted) -> None:
    before = started.host
    os.kill(before.pid, signal.SIGKILL)
    assert until(lambda: not started.host.running) < 1
    until(lambda: not Path(f"/proc/{before.leader}").exists() or _is_zombie(before.leader))
    started.hosts.remove(started.machine.id)
    assert leftovers(before.folder.parent) == []


def test_a_host_that_powers_itself_off_stays_off(started: Booted) -> None:
    until(
        lambda: (
            started.hosts.run(started.machine.id, ["systemctl", "is-active", "dbus.socket"], 5).code
            == 0
        )
    )
    started.hosts.run(started.machine.id, ["systemctl", "poweroff"], 20)
    until(lambda: not started.host.running, 60)
    assert started.host.powered_off


def test_a_host_that_reboots_itself_comes_back_on_its_disk(started: Booted) -> None:
    started.sh("touch /srv/kept")
    leader = started.host.leader
    until(
        lambda: (
            started.hosts.run(started.machine.id, ["systemctl", "is-active", "dbus.socket"], 5).code
            == 0
        )
    )
    started.hosts.run(started.machine.id, ["systemctl", "reboot"], 20)

    def leader_for_others() -> int:
        (host,) = found(started.host.folder.parent)
        return host.leader

    until(lambda: leader_for_others() not in (0, leader), 60)

    def is_back() -> bool:
        try:
            done = started.hosts.run(started.machine.id, ["ls", "/srv"], 5)
        except FabricError:
            return False
        return started.host.leader != leader and "kept" in done.output

    until(is_back, 60)
    assert started.host.running
    assert not started.host.powered_off


def test_hosts_outlive_the_daemon_and_are_adopted(
    room: Room, namespace: str, tmp_path: Path
) -> None:
    folder, wanted = tmp_path / "hosts", machine(number=4)
    abandon(folder, namespace, wanted)

    ends: list[str] = []
    hosts = room(folder, ended=ends.append)
    hosts.recover()

    adopted = Booted(hosts, wanted)
    assert adopted.host.running
    leader = adopted.host.leader
    hosts.start(wanted, namespace)
    assert adopted.host.leader == leader, "it goes on"
    assert (
        adopted.sh("cat /srv/alive; pgrep -x --runstates RSD sleep || echo none") == "yes\nnone"
    ), "what the dead daemon waited for is ended"
    hosts.stop(wanted.id, 0)
    until(lambda: ends == [wanted.id])
    hosts.remove(wanted.id)
    assert leftovers(folder) == []


def test_one_that_died_while_nobody_looked_is_cleaned_up_and_keeps_its_disk(
    started: Booted, room: Room
) -> None:
    started.sh("echo x >/srv/kept")
    folder = started.host.folder
    started.hosts.stop(started.machine.id, 0)
    # As if the daemon had been killed just before it could say so.
    said = json.loads((folder / "host.json").read_text())
    (folder / "host.json").write_text(json.dumps({**said, "phase": "running", "pid": 1}))

    hosts = room(folder.parent)
    hosts.recover()

    host = hosts.find(started.machine.id)
    assert host is not None
    assert not host.running
    assert (folder / "upper/srv/kept").read_text() == "x\n"


def test_a_launcher_that_no_file_tells_of_is_ended(
    room: Room, namespace: str, tmp_path: Path
) -> None:
    """The daemon was killed between the start and the note of it."""
    folder = tmp_path / "hosts"
    abandon(folder, namespace, machine(number=7))
    (before,) = found(folder)
    (before.folder / "host.json").unlink()

    hosts = room(folder)
    hosts.recover()

    assert hosts.all() == []
    assert leftovers(folder) == []


def test_a_host_whose_folder_was_thrown_away_is_ended(started: Booted, room: Room) -> None:
    before = started.host
    shutil.rmtree(before.folder.parent)

    room(before.folder.parent).recover()

    until(lambda: not started.host.running)
    assert leftovers(before.folder.parent) == []


def test_whatever_runs_below_a_folder_that_was_thrown_away_is_ended(started: Booted) -> None:
    before = started.host
    home = before.folder.parent
    shutil.rmtree(home)

    assert end_all_below(home.with_name("elsewhere")) == 0
    assert started.host.running
    assert end_all_below(home) == 1

    until(lambda: not started.host.running)
    assert leftovers(home) == []


def test_a_network_namespace_is_free_when_it_is_deleted(started: Booted) -> None:
    """A host must not keep those of others: their links would stay."""
    name = f"ophostx{os.getpid()}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    other = machine(number=5)
    try:
        started.hosts.start(other, name)
        inode = Path(f"/run/netns/{name}").stat().st_ino
        started.hosts.stop(other.id, 0)
    finally:
        subprocess.run(["ip", "netns", "del", name], check=True)
    held = [
        mounts
        for mounts in Path("/proc").glob("[0-9]*/mountinfo")
        if f"net:[{inode}]" in _text(mounts)
    ]
    assert held == []


# Refusals.


def test_a_host_without_its_network_is_refused(room: Room) -> None:
    with pytest.raises(FabricError, match=r"network namespace ophost-none of .* does not exist"):
        room().start(machine(), "ophost-none")


def test_a_host_that_does_not_boot_says_what_was_said(
    room: Room, namespace: str, tmp_path: Path
) -> None:
    (tmp_path / "usr").mkdir()

    class Empty:
        def layers(self, _: str) -> tuple[Path, ...]:
            return (tmp_path,)

    folder = tmp_path / "hosts"
    hosts = Hosts(folder, Empty())
    wanted = machine(number=6)
    with pytest.raises(
        FabricError, match=r"web000006 did not start; the end of .*console.log says"
    ):
        hosts.start(wanted, namespace)
    assert not hosts.all()[0].running
    hosts.remove(wanted.id)
    assert leftovers(folder) == []


def test_a_full_disk_is_refused_before_a_start(
    room: Room, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = type("Usage", (), {"free": 5 << 20})
    monkeypatch.setattr("sandbox.fabric.hosts.plan.shutil.disk_usage", lambda _: usage)
    with pytest.raises(FabricError, match="only 5 MB free, and a host needs 1000 MB; make room"):
        room().start(machine(), namespace)


def _children(pid: int) -> list[int]:
    done = subprocess.run(
        ["pgrep", "--parent", str(pid)], capture_output=True, text=True, check=False
    )
    return [int(line) for line in done.stdout.split()]


def _is_zombie(pid: int) -> bool:
    return ") Z " in _text(Path(f"/proc/{pid}/stat"))


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""
