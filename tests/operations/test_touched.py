"""Which stacks a change may touch."""

import json
import subprocess

import pytest
import yaml

from operations import touched
from operations.errors import OperationError
from operations.touched import ROOT
from tests.support import stacks

REAL = [name for name in stacks.NAMES if name != "dev" and not name.startswith("dev-")]


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        ([], []),
        (["docs/azure.md", "tests/conftest.py", ".github/workflows/ci.yml", "README.md"], []),
        (["stacks/Pulumi.dev.yaml"], ["dev"]),
        (["stacks/Pulumi.gone.yaml"], []),
        (["stacks/bases/staging.yaml"], ["aws-staging", "azure-staging"]),
        (
            ["stacks/bases/production.yaml"],
            ["aws-production", "aws-staging", "azure-production", "azure-staging"],
        ),
        (["components/azure/firewall.py"], stacks.NAMES),
        (["requirements.txt"], stacks.NAMES),
        (["policies/new.py", "docs/azure.md"], stacks.NAMES),
        (["docs.py"], stacks.NAMES),
        (["a file that nobody thought of"], stacks.NAMES),
    ],
)
def test_a_change_touches(paths, expected):
    assert touched.touched(ROOT, paths) == expected


def test_every_folder_is_either_of_the_program_or_named_as_none_of_it():
    """A new folder is the program's until somebody says otherwise; none is named for nothing."""
    made_later = {"pipelines/", "templates/", ".github/"}

    assert {each for each in touched.NOTHING if not (ROOT / each).exists()} <= made_later


def test_what_lies_over_what_is_read_as_the_program_reads_it():
    for name in stacks.NAMES:
        said = yaml.safe_load((ROOT / f"stacks/Pulumi.{name}.yaml").read_text())["config"]
        chain = []
        base = said.get("operationalization:base")
        while base:
            chain.append(base)
            file = ROOT / f"stacks/bases/{base}.yaml"
            base = yaml.safe_load(file.read_text()).get("base")
        assert list(touched.below(ROOT, name)) == chain


@pytest.fixture
def clone(tmp_path):
    def git(*arguments):
        who = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
        done = subprocess.run(
            ["git", "-C", str(tmp_path), *who, *arguments],
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    git("init", "--quiet", "--initial-branch", "main")
    for name in ("dev", "qa", "old"):
        file = tmp_path / f"stacks/Pulumi.{name}.yaml"
        file.parent.mkdir(exist_ok=True)
        file.write_text("config: {}\n")
    git("add", "--all")
    git("commit", "--quiet", "-m", "first")
    git("switch", "--quiet", "--create", "change")
    return tmp_path, git


def test_what_changed_is_seen_from_where_the_branch_left(clone):
    folder, git = clone
    git("mv", "stacks/Pulumi.old.yaml", "stacks/Pulumi.new.yaml")
    git("commit", "--quiet", "-am", "renamed")
    (folder / "stacks/Pulumi.qa.yaml").write_text("config: {a: 1}\n")  # not even committed
    (folder / "stacks/Pulumi.a blank.yaml").write_text("config: {}\n")
    git("switch", "--quiet", "--create", "ahead", "main")
    (folder / "stacks/Pulumi.dev.yaml").write_text("config: {b: 2}\n")
    git("commit", "--quiet", "-m", "main goes on", "stacks/Pulumi.dev.yaml")
    git("switch", "--quiet", "change")

    paths = touched.changed(folder, "ahead")

    assert sorted(paths) == [
        "stacks/Pulumi.a blank.yaml",
        "stacks/Pulumi.new.yaml",
        "stacks/Pulumi.old.yaml",
        "stacks/Pulumi.qa.yaml",
    ]


@pytest.mark.parametrize("ref", ["nowhere", "--output=/tmp/x"])
def test_a_commit_that_is_not_there_is_an_error_that_says_what_to_do(clone, ref):
    folder, _ = clone

    with pytest.raises(OperationError, match=r"fetch-depth: 0"):
        touched.changed(folder, ref)


def test_the_script_lists_them_for_a_matrix():
    done = subprocess.run(
        [str(ROOT / "scripts/stacks"), "--real", "--json"],
        cwd="/",
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == REAL


def test_azure_pipelines_takes_an_object_a_leg(capsys):
    assert touched.main(["--only=azure-staging dev", "--matrix"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "azure_staging": {"stack": "azure-staging"},
        "dev": {"stack": "dev"},
    }


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--only=dev  azure-production nobody"], ["azure-production", "dev"]),
        (["--only="], []),
        (["--real", f"--without={' '.join(REAL[1:])}"], REAL[:1]),
        (["--without="], stacks.NAMES),
    ],
)
def test_a_list_takes_some_or_leaves_some(options, expected, capsys):
    assert touched.main(options) == 0
    said = capsys.readouterr()
    assert said.out.split() == expected
    assert ("no stack 'nobody' in stacks/" in said.err) == ("nobody" in options[0])
