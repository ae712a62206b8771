"""The command behind scripts/comment, which checks the options."""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from operations.comment import azure, github, hostile, reports
from operations.comment.marker import Marker, without
from operations.comment.placing import Conversation, Note, fitting, place, retire
from operations.errors import OperationError

AZURE_REPOS = "TfsGit"

Platform = github.GitHub | azure.AzureDevOps


class Tracker(Protocol):
    """Where issues are."""

    limit: int

    def find(self, marker: Marker) -> Note | None:
        """Return the open issue about it."""
        ...

    def open(self, marker: Marker, title: str, body: str) -> str:
        """Open one; return its number."""
        ...

    def change(self, note: Note, title: str, body: str) -> None:
        """Let it say *body*."""
        ...

    def end(self, note: Note, why: str) -> None:
        """Close it with a last word."""
        ...


def main(arguments: Sequence[str]) -> int:
    """Post; 0 when all was posted, 1 when something was not, with the error on standard error."""
    options = _parser().parse_args(arguments)
    try:
        platform = connect(os.environ, options.on)
        try:
            return _run(options, platform)
        finally:
            platform.close()
    except OperationError as error:
        _say(str(error))
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/comment")
    parser.add_argument("--stack")
    parser.add_argument("--report", type=Path)
    parser.add_argument("--pull", type=int)
    parser.add_argument("--issue")
    parser.add_argument("--close", action="store_true")
    parser.add_argument("--touched", type=str.split)
    parser.add_argument("--from-run", action="store_true")
    parser.add_argument("--on", choices=("github", "azure"))
    return parser


def connect(variables: Mapping[str, str], on: str | None) -> Platform:
    """Return the platform whose pipeline this is; where and as whom is in its own variables."""
    if on is None:
        on = "azure" if variables.get("TF_BUILD") else "github"
    if on == "azure":
        kind = variables.get("BUILD_REPOSITORY_PROVIDER", AZURE_REPOS)
        if kind != AZURE_REPOS:
            raise OperationError(
                "the pull request is not on Azure DevOps",
                f"a repository of the kind {kind}",
                "the pipeline's token is nobody there",
                "use the workflows of .github/, or --on github with a token of its own",
            )
        return azure.AzureDevOps(
            _needed(variables, "SYSTEM_COLLECTIONURI"),
            _needed(variables, "SYSTEM_TEAMPROJECT"),
            _needed(variables, "SYSTEM_ACCESSTOKEN"),
            repository=variables.get("BUILD_REPOSITORY_ID", ""),
        )
    return github.GitHub(
        _needed(variables, "GITHUB_REPOSITORY"),
        _needed(variables, "GITHUB_TOKEN"),
        base=variables.get("GITHUB_API_URL") or "https://api.github.com",
        author=variables.get("COMMENT_AUTHOR") or github.BOT,
    )


def _run(options: argparse.Namespace, platform: Platform) -> int:
    if options.from_run:
        return _from_run(platform)
    run = os.environ.get("GITHUB_RUN_ID") or os.environ.get("BUILD_BUILDID") or "0"
    number = int(run) if run.isdigit() else 0
    if options.touched is not None:
        _retire(_conversation(platform, options.pull), options.pull, options.touched, number)
        return 0
    kind = "drift" if options.issue else "preview"
    marker = Marker(kind=kind, stack=options.stack, run=number)
    if options.issue:
        _issue(options, platform, marker)
        return 0
    done = place(_conversation(platform, options.pull), marker, _text(options.report))
    _say(f"the comment on stack '{options.stack}' in pull request {options.pull} is {done}")
    return 0


def _retire(conversation: Conversation, pull: int, touched: Sequence[str], run: int) -> None:
    for stack in retire(conversation, touched, run):
        _say(f"the comment on stack '{stack}' in pull request {pull} says that it is not touched")


def _issue(options: argparse.Namespace, platform: Platform, marker: Marker) -> None:
    tracker = _tracker(platform)
    found = tracker.find(marker)
    if options.close:
        if found is None:
            _say(f"no issue on stack '{options.stack}' is open")
            return
        tracker.end(found, "It is as declared again; the next that differs opens a new issue.")
        _say(f"issue {found.id} on stack '{options.stack}' is closed")
        return
    body = fitting(f"{marker}\n{without(_text(options.report))}", tracker.limit)
    if found is None:
        _say(
            f"issue {tracker.open(marker, options.issue, body)} on stack '{options.stack}' is open"
        )
    else:
        tracker.change(found, options.issue, body)
        _say(f"issue {found.id} on stack '{options.stack}' is brought up to date")


def _from_run(platform: Platform) -> int:
    if not isinstance(platform, github.GitHub):
        raise OperationError(
            "there is no such run", "--from-run", "only GitHub has them", "leave it out"
        )
    run = reports.Run.read(Path(_needed(os.environ, "GITHUB_EVENT_PATH")), platform.repository)
    if run is None:
        _say("the run was not of a pull request, or of one whose fork is gone: nothing to say")
        return 0
    numbers = reports.pull_requests(platform, run)
    if not numbers:
        _say(f"no open pull request is at {run.commit} any more: nothing to say")
        return 0
    status = 0
    for stack, data in reports.reports(platform, run):
        try:
            if isinstance(data, OperationError):
                raise data
            text = hostile.read(data, stack)
        except OperationError as error:
            _say(str(error))
            status = 1
            continue
        marker = Marker(kind="preview", stack=stack, run=run.id)
        for number in numbers:
            done = place(github.PullRequest(platform, number), marker, text)
            _say(f"the comment on stack '{stack}' in pull request {number} is {done}")
    names = reports.touched(platform, run)
    if names is not None:
        for number in numbers:
            _retire(github.PullRequest(platform, number), number, names, run.id)
    return status


def _conversation(platform: Platform, number: int) -> Conversation:
    if isinstance(platform, github.GitHub):
        return github.PullRequest(platform, number)
    return azure.PullRequest(platform, number)


def _tracker(platform: Platform) -> Tracker:
    if isinstance(platform, github.GitHub):
        return github.Issues(platform)
    return azure.WorkItems(platform)


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(4 * hostile.LARGEST).decode(errors="replace")
    except OSError as error:
        raise OperationError(
            "there is no report", str(path), error.strerror or str(error), "give the file with it"
        ) from None


def _needed(variables: Mapping[str, str], name: str) -> str:
    value = variables.get(name)
    if not value:
        raise OperationError(
            "a pipeline's variable is not set",
            name,
            "what to write to, and as whom, is never in arguments, which others can read",
            "see docs/pipelines.md: a job hands its token to the one step that needs it",
        )
    return value


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
