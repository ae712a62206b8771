"""up, preview and destroy with the real engine, on a stand-in sandbox: a backend and no provider.

The program is one component, so that what is tested is the scripts.
"""

import os
import shutil
import signal
import subprocess
from pathlib import Path

import psutil
import pytest

from tests.support.tree import Tree, plant
from tests.support.waiting import until

pytestmark = pytest.mark.engine

REFUSES = """
from pulumi_policy import EnforcementLevel, PolicyPack, StackValidationPolicy

wrong = lambda args, report: report("the whole stack is wrong", None)
policy = StackValidationPolicy("strict", "Refuses all.", wrong, EnforcementLevel.MANDATORY)
PolicyPack("strict", [policy])
"""
LOOKS = ("orphans", "orphans")
"""For creations of a killed update before, and for what no state knows afterwards."""


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return plant(tmp_path)


def test_a_stack_goes_up_stays_and_goes_away(tree: Tree) -> None:
    file = tree.root / "stacks/Pulumi.dev.yaml"
    before = file.read_text()

    first = tree.run("up")
    second = tree.run("up")
    gone = tree.run("destroy")
    again = tree.run("destroy")

    assert first.returncode == 0, first.stdout + first.stderr
    assert 'size: "small"' in first.stdout
    assert first.stderr.endswith(
        "stack 'dev' is up on the sandbox; scripts/destroy --stack dev takes it down, "
        "scripts/sandbox status shows it\n"
    )
    assert "2 unchanged" in second.stdout
    assert gone.returncode == 0, gone.stdout + gone.stderr
    assert gone.stderr.endswith("stack 'dev' is gone from the sandbox\n")
    assert again.returncode == 0
    assert again.stderr == "stack 'dev' is not on the sandbox: nothing to destroy\n"
    assert file.read_text() == before, "stacks/ is only read"
    up, down = ["start", "env", *LOOKS, "wait"], ["start", "env", *LOOKS, "stop"]
    nothing_to_do = ["start", "env", "stop"]
    calls = (tree.root / "calls").read_text().split()
    assert calls == [*up, *up, *down, *nothing_to_do]


def test_a_preview_changes_nothing_and_passes_arguments_on(tree: Tree) -> None:
    shown = tree.run("preview", "--", "--json")

    assert shown.returncode == 0, shown.stderr
    assert '"create": 2' in shown.stdout
    assert "2 created" in tree.run("up").stdout


def test_a_protected_stack_goes_only_with_the_users_word(tree: Tree) -> None:
    protected = "{operationalization:size: small, operationalization:protection: true}"
    tree.stack("dev", f"config: {protected}\n")
    tree.run("up")

    refused = tree.run("destroy", "--yes")
    agreed = tree.run("destroy", "--yes", "--unprotect")

    assert refused.returncode == 1
    assert refused.stderr.endswith(
        "stack 'dev' protects what would be lost for ever:\n"
        "  urn:pulumi:dev::operationalization::demo:index:Database::database\n"
        "error: stack 'dev' is protected\n"
        f"  where: {tree.root}/stacks/Pulumi.dev.yaml\n"
        "  why:   nobody is there to ask\n"
        "  fix:   add --yes --unprotect to destroy it with its data\n"
    )
    assert agreed.returncode == 0, agreed.stdout + agreed.stderr
    assert agreed.stderr.endswith("stack 'dev' is gone from the sandbox\n")


def test_an_update_of_a_protected_stack_begins_with_what_policies_refuse(tree: Tree) -> None:
    (tree.root / "policies/__main__.py").write_text(REFUSES)
    others = tree.run("up")
    (tree.root / "scripts/lib/protection.py").write_text("print('protected')\n")
    tree.stack("dev", "config:\n  operationalization:size: large\n")
    protected = tree.run("up")

    assert others.returncode == 0, others.stdout + others.stderr
    assert protected.returncode != 0
    assert "the whole stack is wrong" in protected.stdout
    assert '"size": "small"' in tree.state.read_text()


def test_values_that_only_another_key_decrypts_are_refused(tree: Tree) -> None:
    file = tree.stack("real", "config:\n  operationalization:adminPassword:\n    secure: v1:abc\n")

    done = tree.run("up", "--stack", "real")

    assert done.returncode == 1
    assert done.stderr == (
        f"error: stack 'real' holds encrypted values\n  where: {file}\n"
        "  why:   only its own backend can decrypt them; the sandbox has a key of its own\n"
        "  fix:   leave them out (passwords are then generated), "
        "or try the stack under another name without them\n"
    )


def test_another_backends_key_is_left_out_of_the_sandboxs_copy(tree: Tree) -> None:
    tree.stack(
        "real",
        "secretsprovider: azurekeyvault://vault/keys/k\nencryptedkey: abc\n"
        "config:\n  operationalization:size: large\n",
    )

    assert tree.run("up", "--stack", "real").returncode == 0
    assert 'size: "large"' in tree.run("up", "--stack", "real").stdout


def test_the_lock_of_a_dead_pulumi_is_removed_with_a_word(tree: Tree) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    lock = tree.lock(ended.pid)

    done = tree.run("up")

    assert done.returncode == 0, done.stdout + done.stderr
    assert not lock.exists()
    assert f"process {ended.pid}, which had locked stack 'dev', is gone: its lock is" in done.stderr


def test_the_lock_of_a_killed_pulumi_that_nobody_has_taken_note_of_is_removed(
    tree: Tree, tmp_path: Path
) -> None:
    killed = tmp_path / "pulumi"
    killed.symlink_to(shutil.which("cat") or "cat")
    with subprocess.Popen([killed], stdin=subprocess.PIPE) as process:
        process.kill()
        until(lambda: psutil.Process(process.pid).status() == psutil.STATUS_ZOMBIE, "it lives on")
        lock = tree.lock(process.pid)
        done = tree.run("up")

    assert done.returncode == 0, done.stdout + done.stderr
    assert not lock.exists()


def test_the_lock_of_a_living_pulumi_is_respected(tree: Tree, tmp_path: Path) -> None:
    living = tmp_path / "pulumi"
    living.symlink_to(shutil.which("cat") or "cat")
    with subprocess.Popen([living], stdin=subprocess.PIPE) as process:
        lock = tree.lock(process.pid)
        done = tree.run("up")

    assert done.returncode == 1
    assert done.stderr.endswith(
        f"error: stack 'dev' is in use\n  where: {lock}\n"
        f"  why:   pulumi (process {process.pid}) is at work on it\n"
        f"  fix:   wait for it, or stop it: kill -INT {process.pid}\n"
    )
    assert lock.exists()


def test_ctrl_c_ends_pulumi_in_good_order(tree: Tree, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    # A suite in the background (`scripts/test &`) has SIGINT ignored, and would pass that on.
    with subprocess.Popen(
        ["env", "--default-signal=INT", str(tree.root / "scripts/up")],
        cwd=tree.root,
        env={**tree.environment, "TEST_GATE": str(gate)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as script:
        gate.open().close()  # opens when the program runs
        script.send_signal(signal.SIGINT)
        _, said = script.communicate(timeout=60)

    assert script.returncode == 130, said
    assert said.endswith(
        "interrupted: what Pulumi had begun is in its state; "
        "run the same command to go on, or scripts/destroy\n"
    )
    after = tree.run("up")
    assert after.returncode == 0, after.stdout + after.stderr
    assert "which had locked" not in after.stderr
