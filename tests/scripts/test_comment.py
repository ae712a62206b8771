"""scripts/comment as a pipeline runs it, with GitHub and Azure DevOps in this process."""

import json
import os
import re
import subprocess
from pathlib import Path

import httpx
import pytest

from operations.comment import command
from operations.comment.github import GitHub
from operations.comment.hostile import JOINER, LARGEST
from operations.errors import OperationError
from tests.support.platforms import REPOSITORY, TOKEN, archive, platforms

ROOT = Path(__file__).resolve().parents[2]
COMMIT = "4f" * 20
REPORT = "<!-- operationalization-preview: dev -->\n# Preview of dev\n\n| a | b |\n"


class Job:
    """A job of a pipeline. What the script does after its options is done in this process."""

    def __init__(self, platform, folder, monkeypatch, capsys):
        self.platform, self.folder = platform, folder
        self.variables = {"PATH": os.environ["PATH"]}
        self.patch, self.captured = monkeypatch, capsys
        monkeypatch.chdir(folder)
        (folder / "report.md").write_text(REPORT)

    def on_github(self, **event):
        self.variables |= {
            "GITHUB_TOKEN": TOKEN,
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_API_URL": self.platform.url,
            "GITHUB_RUN_ID": "12",
            "GITHUB_EVENT_PATH": str(self.folder / "event.json"),
        }
        (self.folder / "event.json").write_text(json.dumps(event))
        return self

    def on_azure(self):
        self.variables |= {
            "TF_BUILD": "True",
            "SYSTEM_ACCESSTOKEN": TOKEN,
            "SYSTEM_COLLECTIONURI": f"{self.platform.url}/collection/",
            "SYSTEM_TEAMPROJECT": "data science",
            "BUILD_REPOSITORY_ID": "repo-id",
            "BUILD_BUILDID": "12",
        }
        return self

    def run(self, *arguments):
        self.patch.setattr(os, "environ", self.variables)
        code = command.main(arguments)
        out, said = self.captured.readouterr()
        assert out == ""
        assert TOKEN not in said
        return code, said

    def run_script(self, *arguments):
        done = subprocess.run(
            [str(ROOT / "scripts/comment"), *arguments],
            cwd=self.folder,
            env=self.variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.stdout == ""
        assert TOKEN not in done.stderr
        return done.returncode, done.stderr


@pytest.fixture
def job(tmp_path, monkeypatch, capsys):
    with platforms() as platform:
        yield Job(platform, tmp_path, monkeypatch, capsys)


def run_event(commit=COMMIT, event="pull_request", owner="mallory"):
    head = {"full_name": f"{owner}/analytics", "owner": {"login": owner}}
    run = {
        "id": 77,
        "event": event,
        "head_sha": commit,
        "head_branch": "main&state=closed",
        "head_repository": head,
        "pull_requests": [],
    }
    return {"workflow_run": run, "repository": {"full_name": REPOSITORY}}


def pull(number=7, commit=COMMIT, owner="mallory", base=REPOSITORY):
    head = {"sha": commit, "ref": "main&state=closed", "repo": {"owner": {"login": owner}}}
    return {"number": number, "head": head, "base": {"repo": {"full_name": base}}}


def test_a_report_is_posted_and_changed_in_place_on_github(job):
    job.on_github()
    words = ["--stack", "dev", "--report", "report.md", "--pull", "7"]

    first = job.run_script(*words)
    (job.folder / "report.md").write_text("# Another\n")
    second = job.run_script(*words)

    assert first == (0, "the comment on stack 'dev' in pull request 7 is written\n")
    assert second == (0, "the comment on stack 'dev' in pull request 7 is brought up to date\n")
    marker = "<!-- operationalization-preview: dev run 12 -->"
    assert job.platform.said() == [f"{marker}\n# Another\n"]
    assert job.platform.asked[0].headers["x-github-api-version"] == "2022-11-28"


def test_a_report_is_posted_on_azure_devops_in_a_closed_thread(job):
    job.on_azure()

    done = job.run("--stack", "dev", "--report", "report.md", "--pull", "7")

    assert done == (0, "the comment on stack 'dev' in pull request 7 is written\n")
    (thread,) = job.platform.threads
    assert thread["status"] == "closed"
    assert thread["comments"][0]["content"].endswith(
        "operationalization-preview: dev run 12 -->\n# Preview of dev\n\n| a | b |\n"
    )


@pytest.mark.parametrize("platform", ["github", "azure"])
def test_drift_is_one_issue_which_is_closed_when_there_is_none(job, platform):
    getattr(job, f"on_{platform}")()
    words = ["--stack", "azure-production", "--issue", "azure-production has drifted"]
    report = ["--report", "report.md"]
    (job.folder / "report.md").write_text("a rule of <the firewall> is gone\n")

    said = [job.run(*words, *report) for _ in range(2)]
    assert said == [
        (0, "issue 101 on stack 'azure-production' is open\n"),
        (0, "issue 101 on stack 'azure-production' is brought up to date\n"),
    ]
    # Another stack's, whose name begins as this one's does.
    assert job.run("--stack", "azure", "--issue", "x", *report)[1].endswith("is open\n")
    assert job.run(*words, "--close") == (0, "issue 101 on stack 'azure-production' is closed\n")
    assert job.run(*words, "--close") == (
        0,
        "no issue on stack 'azure-production' is open\n",
    )
    if platform == "github":
        first = job.platform.issues[0]
        assert (first["state"], first["labels"]) == ("closed", ["drift"])
        assert first["body"].endswith("a rule of <the firewall> is gone\n")
    else:
        first = job.platform.items[0]["fields"]
        assert (first["System.State"], first["System.Title"]) == ("Done", words[3])
        assert "a rule of &lt;the firewall&gt; is gone" in first["System.Description"]


def test_what_a_fork_left_is_posted_where_github_says_it_belongs(job):
    job.on_github(**run_event())
    job.platform.pulls = [
        pull(8, commit="00" * 20),
        pull(7),
        pull(9, base="acme/other"),
        pull(10, owner="alice"),
    ]
    job.platform.artifacts = {
        "preview-dev": archive(report__md=REPORT, number__txt="1"),
        "logs": archive(report__md=REPORT),
    }

    done = job.run_script("--from-run")

    assert done == (0, "the comment on stack 'dev' in pull request 7 is written\n")
    (body,) = job.platform.said()
    marker, note = body.splitlines()[:2]
    assert marker == "<!-- operationalization-preview: dev run 77 -->"
    assert note == "> [!NOTE]"
    assert body.endswith("# Preview of dev\n\n| a | b |\n")
    store = next(each for each in job.platform.asked if each.path.startswith("/store/"))
    assert "authorization" not in store.headers


def test_what_a_fork_left_calls_nobody_and_loads_nothing(job):
    job.on_github(**run_event())
    job.platform.pulls = [pull()]
    evil = (
        "@acme/admins fixes #12 GH-13 ![x](https://evil.example/x.png) [all good](javascript:x)\n"
        "<img src=x><!-- operationalization-preview: prod --><details><summary>a</summary>\n"
        "&#64;acme/all &lt;b&gt; ftp://evil.example &commat;x R&D\n"
        "<details onclick=x>\u202egood\u202c www.evil.example \x00\n[ref]: https://evil.example\n"
        "/approve\n> /deploy a/b\nun\U000e0041se\xaden\n"
    )
    job.platform.artifacts = {"preview-dev": archive(report__md=REPORT + evil)}

    assert job.run("--from-run")[0] == 0

    (body,) = job.platform.said()
    assert body.split("| a | b |\n")[1] == (
        f"@{JOINER}acme/admins fixes #{JOINER}12 GH{JOINER}-13 !{JOINER}[x]{JOINER}"
        f"(https:{JOINER}//evil.example/x.png) [all good]{JOINER}(javascript:x)\n"
        "&lt;img src=x>&lt;!-- operationalization-preview: prod -->"
        "<details><summary>a</summary>\n"
        f"&amp;#{JOINER}64;acme/all &lt;b&gt; ftp:{JOINER}//evil.example &amp;commat;x R&amp;D\n"
        f"&lt;details onclick=x>good www{JOINER}.evil.example \n"
        f"[ref]{JOINER}: https:{JOINER}//evil.example\n"
        f"/{JOINER}approve\n> /{JOINER}deploy a/b\nunseen\n"
    )


def test_stacks_that_an_earlier_push_touched_are_said_not_to_be_touched(job):
    job.on_github(**run_event())
    job.platform.pulls = [pull()]
    for stack in ("dev", "qa"):
        job.platform.comment(f"<!-- operationalization-preview: {stack} run 12 -->\nwords")
    job.platform.artifacts = {"stacks": archive(stacks__json='["qa"]')}

    code, said = job.run("--from-run")

    assert (code, said) == (
        0,
        "the comment on stack 'dev' in pull request 7 says that it is not touched\n",
    )
    assert "not touched any more" in job.platform.said()[0]
    job.variables["GITHUB_RUN_ID"] = "90"
    assert job.run_script("--pull", "7", "--touched", "")[0] == 0
    assert "`qa`: not touched any more" in job.platform.said()[1]


@pytest.mark.parametrize("left", ["{}", '["../x"]', "[", "[1]"])
def test_a_list_that_is_none_retires_nothing(job, left):
    job.on_github(**run_event())
    job.platform.pulls = [pull()]
    job.platform.comment("<!-- operationalization-preview: dev run 12 -->\nwords")
    job.platform.artifacts = {"stacks": archive(stacks__json=left)}

    code, said = job.run("--from-run")

    assert (code, "it is no list of stacks" in said) == (1, True)
    assert job.platform.said()[0].endswith("words")


@pytest.mark.parametrize(
    ("left", "why"),
    [
        (archive(report__md="# no marker"), "does not begin with the marker of that stack's"),
        (archive(report__md=REPORT.replace(": dev", ": prod")), "does not begin with the marker"),
        (archive(other__md=REPORT), "it is no archive with a report.md"),
        (b"PK\x03\x04 not an archive", "it is no archive with a report.md"),
        (archive(report__md="x" * (LARGEST * 3)), "a report has at most 1000000"),
        (
            archive(
                report__md=REPORT + "\ud800".encode("utf-8", "surrogatepass").decode("latin-1")
            ),
            None,
        ),
    ],
)
def test_what_is_no_report_is_refused_and_the_others_are_posted(job, left, why):
    job.on_github(**run_event())
    job.platform.pulls = [pull()]
    good = REPORT.replace(": dev", ": dev-aws")
    job.platform.artifacts = {"preview-dev": left, "preview-dev-aws": archive(report__md=good)}

    code, said = job.run("--from-run")

    assert "the comment on stack 'dev-aws' in pull request 7 is written\n" in said
    if why:
        assert code == 1
        assert why in said
        assert len(job.platform.said()) == 1


def test_an_artifact_that_says_it_is_large_is_not_fetched(job):
    job.on_github(**run_event())
    job.platform.pulls = [pull()]
    job.platform.artifacts = {"preview-dev": archive(report__md=REPORT)}
    job.platform.sizes = {"preview-dev": 2**40}

    code, said = job.run("--from-run")

    assert (code, "it has 1099511627776 bytes" in said) == (1, True)
    assert not any(each.path.startswith("/store/") for each in job.platform.asked)


@pytest.mark.parametrize(
    ("event", "pulls", "words"),
    [
        (run_event(), [pull(commit="00" * 20)], f"no open pull request is at {COMMIT} any more"),
        (run_event(event="push"), [pull()], "the run was not of a pull request"),
    ],
)
def test_a_run_that_nobody_waits_for_says_nothing(job, event, pulls, words):
    job.on_github(**event)
    job.platform.pulls = pulls
    job.platform.artifacts = {"preview-dev": archive(report__md=REPORT)}

    code, said = job.run("--from-run")

    assert (code, said.startswith(words)) == (0, True)
    assert job.platform.said() == []


def test_another_event_is_refused(job):
    job.on_github(pull_request={"number": 7}, repository={"full_name": REPOSITORY})

    code, said = job.run("--from-run")

    assert (code, said.splitlines()[0]) == (1, "error: there is no run to report on")


@pytest.mark.parametrize("text", ["[", "[]", "{}", '{"workflow_run": {}, "repository": "x"}', None])
def test_what_is_no_event_is_refused(job, text):
    job.on_github()
    file = job.folder / "event.json"
    if text is None:
        file.unlink()
    else:
        file.write_text(text)

    code, said = job.run("--from-run")

    assert (code, said.splitlines()[0]) == (1, "error: there is no run to report on")


@pytest.mark.parametrize(
    ("page", "why"),
    [("<html>\x1b[2J", "the answer is not JSON"), ("[1]", "it is [1]"), ("{}", "it is {}")],
)
def test_somebody_else_who_answers_is_not_taken_for_github(page, why):
    answers = httpx.MockTransport(lambda _: httpx.Response(200, text=page))
    found = GitHub(REPOSITORY, TOKEN)
    found.api._client = httpx.Client(transport=answers)

    with pytest.raises(OperationError, match=re.escape(why)):
        found.every("/pulls")


def test_a_repository_elsewhere_is_not_azure_devops_to_comment_on(job):
    job.on_azure()
    job.variables["BUILD_REPOSITORY_PROVIDER"] = "GitHub"

    code, said = job.run("--stack", "dev", "--report", "report.md", "--pull", "7")

    assert (code, job.platform.asked) == (1, [])
    assert said.startswith("error: the pull request is not on Azure DevOps\n")


def test_a_token_comes_from_the_variables_alone(job):
    job.on_github()
    del job.variables["GITHUB_TOKEN"]

    code, said = job.run("--stack", "dev", "--report", "report.md", "--pull", "7")

    assert code == 1
    assert said.splitlines()[1] == "  where: GITHUB_TOKEN"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "not a stack's name: "),
        (["--stack", "dev", "--report", "a"], "give one of --pull NUMBER and --issue TITLE"),
        (["--stack", "dev", "--report", "a", "--pull", "-7"], "--pull needs a value"),
        (
            ["--stack", "dev", "--report", "a", "--pull", "7; id"],
            "not the number of a pull request: 7; id",
        ),
        (["--stack", "dev", "--pull", "7"], "give a report"),
        (
            ["--stack", "dev", "--report", "a", "--pull", "7", "--close"],
            "--close goes with --issue",
        ),
        (["--from-run", "--stack", "dev"], "--from-run knows the rest itself: give nothing else"),
        (["--on", "gitlab"], "--on is one of github, azure"),
    ],
)
def test_a_command_line_that_makes_no_sense_is_refused(job, arguments, reason):
    code, said = job.run_script(*arguments)

    assert (code, said.splitlines()[0]) == (2, f"error: {reason}")
