"""scripts/unlock with the real engine: a pulumi that lives, one that was killed, one elsewhere."""

import json
import os
import pty
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from operations.locks.reading import Asking, in_folder, told_by_pulumi
from tests.support.engine import BINARIES
from tests.support.tree import Tree, plant

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    planted = plant(tmp_path_factory.mktemp("locked"))
    done = planted.run("up")
    assert done.returncode == 0, done.stdout + done.stderr
    return planted


@contextmanager
def at_work(tree: Tree) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """An update whose program runs until somebody ends it, and its lock."""
    gate = tree.root / "gate"
    os.mkfifo(gate)
    with subprocess.Popen(
        [str(tree.root / "scripts/up")],
        cwd=tree.root,
        env={**tree.environment, "TEST_GATE": str(gate)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as script:
        try:
            gate.open().close()  # opens when the program runs
            (lock,) = tree.locks.glob("*.json")
            yield script, lock
        finally:
            if script.poll() is None:
                os.killpg(script.pid, signal.SIGKILL)
            script.communicate()
            gate.unlink()


def test_a_living_pulumi_keeps_its_lock_and_a_killed_one_loses_it(tree: Tree) -> None:
    with at_work(tree) as (script, lock):
        process = json.loads(lock.read_text())["pid"]
        living = tree.run("unlock", "--yes")
        there = lock.exists()
        family = psutil.Process(process).children(recursive=True)
        os.kill(process, signal.SIGKILL)
        for each in family:
            each.kill()
        script.communicate(timeout=60)

    assert (living.returncode, there) == (1, True)
    assert living.stderr.endswith(
        "error: the lock stays\n  where: stack 'dev'\n"
        f"  why:   pulumi (process {process}) is at work on this machine\n"
        "  fix:   wait for it; Ctrl-C where it runs, or kill -INT, has it end in good order\n"
    )
    assert lock.exists(), "a killed pulumi leaves it"

    cleared = tree.run("unlock")

    assert cleared.returncode == 0, cleared.stderr
    assert f"  now:   process {process} of this machine is gone\n" in cleared.stderr
    assert "the lock of stack 'dev' is taken away\n" in cleared.stderr
    assert not lock.exists()
    (kept,) = (tree.root / "saved").glob("dev.*.state.json")
    assert kept.stat().st_mode & 0o777 == 0o600
    assert json.loads(kept.read_text())["deployment"]["resources"]
    assert tree.run("unlock").stderr == "stack 'dev' is not locked\n"


def test_a_lock_of_another_machine_takes_the_stacks_name_typed_by_a_person(tree: Tree) -> None:
    lock = tree.lock(1, host="elsewhere")

    shown = tree.run("unlock", "--show")
    refused = tree.run("unlock", "--yes")
    slip = typed(tree, "yes")
    looked = tree.run("drift")

    assert looked.returncode == 1, "neither drift nor none"
    assert looked.stderr.endswith("  fix:   wait, or look: scripts/unlock --stack dev\n")
    assert shown.returncode == 0
    assert shown.stderr.startswith(
        "locked by me@elsewhere, process 1, since 2026-11-30 20:00:00 UTC"
    )
    assert refused.returncode == slip.returncode == 1
    assert (
        "whether it still works cannot be seen from here, and --yes is no answer" in refused.stderr
    )
    assert "  why:   the answer was not the stack's name\n" in slip.stderr
    assert lock.exists()

    agreed = typed(tree, "dev")

    assert agreed.returncode == 0, agreed.stderr
    assert "Type the stack's name to take the lock away: " in agreed.stderr
    assert not lock.exists()


def typed(tree: Tree, answer: str) -> subprocess.CompletedProcess[str]:
    """scripts/unlock in a terminal where somebody types *answer*."""
    person, terminal = pty.openpty()
    try:
        os.write(person, f"{answer}\n".encode())
        return subprocess.run(
            [str(tree.root / "scripts/unlock")],
            env=tree.environment,
            stdin=terminal,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        os.close(person)
        os.close(terminal)


def test_pulumi_tells_of_the_same_lock_in_backends_that_are_no_folder(tree: Tree) -> None:
    folder = tree.sandbox / "stacks"
    variables = {
        **tree.environment,
        "PATH": f"{BINARIES}:{os.environ['PATH']}",
        "PULUMI_BACKEND_URL": folder.as_uri(),
        "PULUMI_HOME": str(tree.sandbox / "pulumi"),
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(tree.sandbox / "passphrase"),
    }
    asking = Asking("dev", variables, tree.sandbox / "project/stacks/Pulumi.dev.yaml")
    before = tree.state.read_bytes()

    lock = tree.lock(7, host="runner-1.example")
    (told,), (read,) = told_by_pulumi(asking), in_folder(folder, "dev")
    lock.unlink()

    assert (told.user, told.host, told.process) == (read.user, read.host, read.process)
    assert told.since is not None
    assert read.since is not None
    assert told.since == read.since.replace(microsecond=0)
    assert told_by_pulumi(asking) == ()
    assert tree.state.read_bytes() == before
    assert list(tree.locks.glob("*.json")) == []
