"""The pipelines: what they call exists, what they promise holds, and a bad one is refused."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from operations.comment.reports import LIST, NAME
from scripts.lib.azure_pipelines.rules import problems
from scripts.lib.azure_pipelines.schema import violations
from scripts.lib.azure_pipelines.shell import complaints
from scripts.lib.azure_pipelines.tree import Unreadable, read
from tests.support import pipelines
from tests.support.pipelines import ROOT

STEPS = pipelines.steps()
WORKFLOWS = pipelines.workflows()
JOBS = [
    pytest.param(file, job, body, id=f"{file}-{job}")
    for file, workflow in WORKFLOWS.items()
    for job, body in workflow["jobs"].items()
]
CALLS = [
    pytest.param(name, words, id=f"{step}: {name}")
    for step in STEPS
    for name, words in step.calls()
]
MAY_WRITE = {("comment.yml", "pull-requests"), ("drift.yml", "issues")}
"""Beside id-token, which writes nothing."""


@pytest.mark.parametrize(("name", "words"), CALLS)
def test_a_script_that_is_called_is_there_and_knows_the_options(name, words):
    script = ROOT / name
    assert os.access(script, os.X_OK)
    if name.startswith("./.ci/"):
        assert words == []
        return
    done = subprocess.run([str(script), "--help"], capture_output=True, text=True, check=True)
    usage = done.stdout.partition("\n\n")[2]
    known = set(re.findall(r"--[a-z][a-z-]*", usage))
    given = [word.partition("=")[0] for word in words if word.startswith("--")]
    assert set(given) <= known
    # What is no option, nor the value of one, is an array that an `if` fills.
    values = [word for word in words if not word.startswith("--")]
    assert all(
        re.fullmatch(r"\$\{?\w+(\[@\])?\}?|[\w.^-]+|Stack \$STACK .*", each) for each in values
    )


def test_every_script_that_pipelines_are_for_is_called():
    called = {name.rpartition("/")[2] for step in STEPS for name, _ in step.calls()}

    wanted = {"comment", "drift", "expire", "preview", "review", "setup", "stacks", "up", "run"}
    assert called == wanted


@pytest.mark.parametrize(("file", "job", "body"), JOBS)
def test_a_job_has_the_least_permissions_and_nobodys_secrets(file, job, body):
    assert WORKFLOWS[file]["permissions"] == {}
    written = {what for what, level in body["permissions"].items() if level == "write"}
    assert {(file, what) for what in written - {"id-token"}} <= MAY_WRITE
    assert "pull_request_target" not in WORKFLOWS[file]["on"]
    assert "secrets." not in repr(body)
    # An identity in a cloud is given by an environment, which says who may use it.
    assert ("id-token" in written) == ("environment" in body)
    assert body["timeout-minutes"] <= 120
    assert body["runs-on"] == "ubuntu-24.04"


def test_what_a_fork_may_start_can_write_nothing_and_is_nobody_in_a_cloud():
    for file, workflow in WORKFLOWS.items():
        if "pull_request" not in workflow["on"]:
            continue
        for job, body in workflow["jobs"].items():
            if "id-token" in body["permissions"]:
                own = "github.event.pull_request.head.repo.full_name == github.repository"
                assert own in body["if"], (file, job)
                # What an earlier push kept is of code that nobody approved.
                (set_up,) = (s for s in body["steps"] if s.get("uses", "").endswith("set-up"))
                assert set_up["with"] == {"kept": "false"}, (file, job)
            assert set(body["permissions"].values()) <= {"read", "write"}


def test_two_updates_of_a_stack_never_run_at_once():
    up = WORKFLOWS["deploy.yml"]["jobs"]["up"]
    review = WORKFLOWS["review.yml"]

    assert up["concurrency"] == {"group": "stack-${{ matrix.stack }}", "cancel-in-progress": False}
    assert up["environment"] == "${{ matrix.stack }}"
    assert review["concurrency"]["cancel-in-progress"] is False
    group = review["concurrency"]["group"]
    assert group.startswith("review-${{ github.event.pull_request.number }}-")
    assert group.endswith("&& 'environment' || github.run_id }}")


def test_reports_are_left_under_the_name_that_is_looked_for():
    left = [
        each["with"]["name"]
        for job in WORKFLOWS["preview.yml"]["jobs"].values()
        for each in job["steps"]
        if "upload-artifact" in each.get("uses", "")
    ]
    assert left == [LIST, "preview-${{ matrix.stack }}", "preview-${{ matrix.stack }}"]
    assert NAME.fullmatch("preview-azure-production")
    assert WORKFLOWS["comment.yml"]["on"]["workflow_run"]["workflows"] == [
        WORKFLOWS["preview.yml"]["name"]
    ]


def test_an_action_is_of_one_commit_everywhere_and_says_its_version():
    seen: dict[str, set[str]] = {}
    for path in sorted(pipelines.GITHUB.rglob("*.yml")):
        for line in path.read_text().splitlines():
            found = re.search(r"uses: ([^.\s]\S*)@(\S+)(.*)", line)
            if found:
                assert re.fullmatch(r"[0-9a-f]{40}", found[2]), line
                assert re.fullmatch(r" # v\d+\.\d+\.\d+", found[3]), line
                seen.setdefault(found[1], set()).add(found[2] + found[3])
    assert all(len(pins) == 1 for pins in seen.values()), seen
    assert len(seen) == 7


def lint_github(folder: Path) -> subprocess.CompletedProcess[str]:
    script = (
        "set -euo pipefail; source scripts/lib/project.sh; source scripts/lib/python.sh;"
        "source scripts/lib/workflows.sh; PATH=$ROOT/.venv/bin:$PATH;"
        '(take_lock actionlint && ensure_actionlint); actionlint_wanted; lint_github "$1"'
    )
    return subprocess.run(
        ["bash", "-c", script, "bash", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


GOOD = """\
name: Good
on:
  pull_request:
permissions: {}
concurrency:
  group: good-${{ github.ref }}
  cancel-in-progress: true
jobs:
  job:
    name: Job
    runs-on: ubuntu-24.04
    permissions:
      contents: read # to check out
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
        with:
          persist-credentials: false
      - run: echo "$TITLE"
        env:
          TITLE: ${{ github.event.pull_request.title }}
"""


BAD = [
    ("@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1", "@v7", "unpinned-uses"),
    ("          persist-credentials: false", "          fetch-depth: 1", "artipacked"),
    ("  pull_request:", "  pull_request_target:", "dangerous-triggers"),
    ("contents: read # to check out", "contents: write", "undocumented-permissions"),
    ('echo "$TITLE"', 'echo "${{ github.event.pull_request.title }}"', "template-injection"),
    ("permissions: {}\n", "permissions: write-all\n", "excessive-permissions"),
    ('echo "$TITLE"', "echo $TITLE", "SC2086"),
    ("github.event.pull_request.title", "github.evnt.title", 'property "evnt"'),
    ("    runs-on: ubuntu-24.04", "    runs-on: ubuntu-24.4", "label"),
    ("    name: Job\n", "    nam: Job\n", "nam"),
]


@pytest.fixture(scope="module")
def linted(tmp_path_factory):
    """What is said of all of them, at once: each judge takes a second to start."""
    folder = tmp_path_factory.mktemp("linted") / ".github"
    (folder / "workflows").mkdir(parents=True)
    (folder / "workflows/good.yml").write_text(GOOD)
    for number, (old, new, _) in enumerate(BAD):
        assert GOOD.count(old) == 1
        (folder / f"workflows/bad-{number}.yml").write_text(GOOD.replace(old, new))
    return lint_github(folder)


@pytest.mark.parametrize(("number", "finding"), [*enumerate(each[2] for each in BAD)])
def test_a_bad_workflow_is_refused(linted, number, finding):
    said = linted.stdout + linted.stderr
    file, what = rf"/bad-{number}\.yml:", re.escape(finding)

    assert linted.returncode == 1
    # actionlint and the schema name the file first, zizmor the finding.
    assert re.search(rf"{file}.*{what}|\[{what}\].*\n.*{file}", said), said


def test_a_good_workflow_is_not(linted):
    assert "good.yml:" not in linted.stdout


AZURE = """\
trigger: none
pr: [main]
pool: { vmImage: ubuntu-24.04 }
jobs:
  - job: work
    condition: and(succeeded(), ne(variables['System.PullRequest.IsFork'], 'True'))
    steps:
      - checkout: self
        persistCredentials: false
      - template: steps/in-cloud.yml
        parameters: { script: './scripts/drift --stack "$STACK"' }
      - task: Cache@2
        inputs: { key: a, path: b }
      - bash: ./scripts/comment --stack "$STACK"
        env:
          STACK: $(stack)
          SYSTEM_ACCESSTOKEN: $(System.AccessToken)
"""


@pytest.mark.parametrize(
    ("old", "new", "finding"),
    [
        ("", "", ""),
        ("ubuntu-24.04", "ubuntu-latest", "is whatever is the newest"),
        ("pool: { vmImage: ubuntu-24.04 }\n", "", "names no pool"),
        ("- job: work\n", "- job: work\n    container: debian:12\n", "pin it with @sha256:"),
        ("Cache@2", "Cache", "Cache names no version"),
        ("        persistCredentials: false\n", "", "leaves its token in .git"),
        (
            "      - checkout: self\n        persistCredentials: false\n",
            "",
            "begins with no checkout",
        ),
        ('comment --stack "$STACK"', 'comment --stack "$(stack)"', "is written into shell text"),
        (
            'drift --stack "$STACK"',
            'drift --stack "${{ parameters.stack }}"',
            "is written into shell text",
        ),
        (
            'comment --stack "$STACK"',
            'comment --stack "$(System.PullRequest.SourceBranch)"',
            "is written into shell text",
        ),
        ("STACK: $(stack)", "ARM_CLIENT_SECRET: hunter2", "holds a secret"),
        ("pool:", "variables: [{ name: adminPassword, value: x }]\npool:", "holds a secret"),
        ("pool:", "variables: [{ group: production }]\npool:", "brings the secrets of a group"),
        (
            "./scripts/comment --stack",
            "./scripts/preview --stack",
            "runs more than scripts/comment",
        ),
        ("SYSTEM_ACCESSTOKEN: $", "OTHER: $", "belongs into env: SYSTEM_ACCESSTOKEN"),
        (
            "and(succeeded(), ne(variables['System.PullRequest.IsFork'], 'True'))",
            "succeeded()",
            "a fork would run with a connection",
        ),
        (
            "jobs:",
            "resources: { repositories: [{ repository: x, ref: main }] }\njobs:",
            "no commit",
        ),
        ("    steps:", "    stepz:", "stepz"),
        ('comment --stack "$STACK"', "comment --stack $STACK", "SC2086"),
    ],
)
def test_a_bad_pipeline_of_azure_is_refused(old, new, finding, monkeypatch):
    monkeypatch.setenv("PATH", f"{ROOT}/.venv/bin{os.pathsep}{os.environ['PATH']}")
    assert old in AZURE
    document = read(AZURE.replace(old, new, 1) if old else AZURE)

    found = [*violations(document), *problems(document), *complaints(document)]

    assert bool(found) == bool(finding), found
    assert any(finding in each for each in found) or not finding, found


@pytest.mark.parametrize("text", ["a: [", "- a", ""])
def test_a_file_that_is_no_pipeline_says_so(text):
    with pytest.raises(Unreadable):
        read(text)


def test_a_connection_of_azure_devops_becomes_the_providers_variables(tmp_path):
    (tmp_path / "az").write_text("#!/bin/sh\necho 11111111-2222-3333-4444-555555555555\n")
    (tmp_path / "az").chmod(0o755)
    given = {"servicePrincipalId": "client", "tenantId": "tenant", "idToken": "signed"}

    def signed_in(**more):
        done = subprocess.run(
            [
                "bash",
                "-euc",
                "source pipelines/steps/sign-in.sh; env; cat $AWS_WEB_IDENTITY_TOKEN_FILE",
            ],
            cwd=ROOT,
            env={"PATH": f"{tmp_path}:{os.environ['PATH']}", "TMPDIR": str(tmp_path), **more},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    code, said = signed_in(**given, AWS_ROLE_ARN="arn:aws:iam::1:role/x", AWS_REGION="eu-central-1")
    assert code == 0, said
    for line in (
        "ARM_USE_OIDC=true",
        "ARM_CLIENT_ID=client",
        "ARM_TENANT_ID=tenant",
        "ARM_OIDC_TOKEN=signed",
        "ARM_SUBSCRIPTION_ID=11111111-2222-3333-4444-555555555555",
        "AWS_ROLE_ARN=arn:aws:iam::1:role/x",
    ):
        assert f"\n{line}\n" in f"\n{said}"
    assert said.endswith("signed")
    assert [path.name for path in tmp_path.iterdir()] == ["az"], "the token is gone with the shell"

    code, said = signed_in(servicePrincipalId="client", tenantId="tenant")
    assert (code, "must use workload identity federation" in said) == (1, True)
