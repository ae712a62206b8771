"""A saved plan, with the real engine: an update does what was planned, or nothing.

The program is one component, so that what is tested is the scripts and the engine's own constraint.
"""

import shutil
from pathlib import Path

import pytest

from tests.support.tree import Tree, plant

pytestmark = pytest.mark.engine

SECRET = "in-nobodys-hands"
PROGRAM = f"""
import os
import pulumi

config = pulumi.Config("operationalization")
for name in ("database", *filter(None, [os.environ.get("TEST_MORE")])):
    pulumi.ComponentResource("demo:index:Database", name).register_outputs(
        {{"password": pulumi.Output.secret("{SECRET}")}}
    )
pulumi.export("size", config.require("size"))
pulumi.export("password", pulumi.Output.secret("{SECRET}"))
"""
ELSEWHERE = {"PULUMI_BACKEND_URL": "file:///nowhere/at/all"}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    planted = plant(tmp_path_factory.mktemp("planned"))
    (planted.root / "__main__.py").write_text(PROGRAM)
    return planted


@pytest.fixture(scope="module")
def plan(tree: Tree) -> Path:
    """A plan of `dev` that no test but the last one may make old."""
    saved = tree.root.parent / "a plan's file.json"
    done = tree.run("preview", "--save-plan", str(saved))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr.endswith(
        f"the plan is saved: scripts/up --stack dev --plan {saved} does nothing that is not in it\n"
    )
    return saved


def refusal(tree: Tree, plan: Path, *arguments: str) -> str:
    """Why an update with the plan is refused; it must leave the state as it is."""
    before = tree.state.read_bytes()
    done = tree.run("up", "--plan", str(plan), *arguments)
    assert done.returncode == 1, done.stdout + done.stderr
    assert tree.state.read_bytes() == before
    _, _, error = done.stderr.partition("error: the plan is not for what would be deployed now\n")
    where, why, fix = error.splitlines()
    assert where.startswith(f"  where: {plan}, made 20")
    assert fix == (
        f"  fix:   make it anew, and read it: scripts/preview --stack dev --save-plan {plan}"
    )
    return why.removeprefix("  why:   ")


def test_a_program_and_settings_that_changed_meanwhile_are_refused_by_name(
    tree: Tree, plan: Path
) -> None:
    more = tree.root / "components/more.py"
    more.parent.mkdir()
    more.write_text("")
    stack_file = tree.stack("dev", "config:\n  operationalization:size: large\n")

    why = refusal(tree, plan)

    assert why == "changed since: components/more.py, stacks/Pulumi.dev.yaml"
    more.unlink()
    stack_file.write_text("config:\n  operationalization:size: small\n")


def test_what_only_the_run_shows_is_refused_by_the_engine_before_anything_is_done(
    tree: Tree, plan: Path
) -> None:
    before = tree.state.read_bytes()

    done = tree.run("up", "--plan", str(plan), variables={"TEST_MORE": "another"})

    assert done.returncode not in (0, 130)
    assert "create is not allowed by the plan: no steps were expected for" in done.stdout
    assert tree.state.read_bytes() == before
    assert done.stderr.endswith(
        "nothing that is not in the plan was done. To go on, make a new one and read it: "
        f"scripts/preview --stack dev --save-plan {plan}\n"
    )


def test_a_plan_is_for_one_stack(tree: Tree, plan: Path) -> None:
    shutil.copy(tree.root / "stacks/Pulumi.dev.yaml", tree.root / "stacks/Pulumi.test.yaml")

    done = tree.run("up", "--stack", "test", "--plan", str(plan))

    assert done.returncode == 1
    assert "  why:   it is for stack 'dev', and this is 'test'; changed since: " in done.stderr


def test_a_preview_that_fails_leaves_no_plan(tree: Tree, tmp_path: Path) -> None:
    tree.stack("unready", "config: {}\n")

    done = tree.run("preview", "--stack", "unready", "--save-plan", str(tmp_path / "plan"))

    assert done.returncode != 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("place", "why"),
    [("{folder}", "it is a folder"), ("{folder}/none/x", "{folder}/none/ is no folder that can")],
)
def test_a_plan_needs_a_place(tree: Tree, tmp_path: Path, place: str, why: str) -> None:
    done = tree.run("preview", "--save-plan", place.format(folder=tmp_path))

    assert done.returncode == 1
    assert f"  why:   {why.format(folder=tmp_path)}" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_no_plan_has_secrets_in_clear(tree: Tree, tmp_path: Path) -> None:
    done = tree.run("preview", "--save-plan", str(tmp_path / "plan"), "--", "--show-secrets")

    assert done.returncode == 2
    assert "error: --show-secrets would write secrets into the plan in clear\n" in done.stderr


def test_a_real_cloud_is_reached_with_a_plan_only(tree: Tree) -> None:
    done = tree.run("up", "--cloud", "--stack", "dev")

    assert done.returncode == 2
    assert done.stderr.startswith(
        "error: --cloud goes with --plan; without a plan use Pulumi itself: pulumi up -s dev\n"
    )


def test_on_your_own_backend_a_plan_is_held_to_the_same(tree: Tree, plan: Path) -> None:
    own = {
        "PULUMI_BACKEND_URL": f"file://{tree.sandbox}/stacks",
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(tree.sandbox / "passphrase"),
        "PULUMI_HOME": str(tree.sandbox / "pulumi"),
    }
    file = tree.root / "stacks/Pulumi.dev.yaml"
    before = file.read_text()
    salted = (tree.sandbox / "project/stacks/Pulumi.dev.yaml").read_text()
    cloud = ("--cloud", "--stack", "dev", "--yes")

    file.write_text(salted)
    refused = tree.run("up", *cloud, "--plan", str(plan), variables=own)
    elsewhere = tree.run("up", *cloud, "--plan", str(plan), variables=own | ELSEWHERE)
    file.write_text(before)

    assert refused.returncode == elsewhere.returncode == 1
    assert "  why:   changed since: stacks/Pulumi.dev.yaml\n" in refused.stderr
    assert "and read it: scripts/preview --cloud --stack dev --save-plan" in refused.stderr
    assert "error: nobody knows whether the plan is for this stack\n" in elsewhere.stderr


def test_an_update_with_a_plan_does_what_was_planned_and_then_the_plan_is_old(
    tree: Tree, plan: Path
) -> None:
    assert plan.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in plan.parent.glob(".plan.*")] == []
    text = plan.read_text()
    assert SECRET not in text
    assert '"ciphertext"' in text

    done = tree.run("up", f"--plan={plan}")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 created" in done.stdout
    assert "going by the plan of 20" in done.stderr
    assert refusal(tree, plan) == "the stack was worked on since"
