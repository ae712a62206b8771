"""Reports that an untrusted workflow left as artifacts, for the workflow that may write.

Whose pull request it is comes from the event, which GitHub wrote, and from GitHub's own list; never
from what was left. Archives are read in memory and never unpacked.
"""

import io
import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import httpx

from operations.comment import hostile
from operations.comment.github import GitHub
from operations.comment.marker import STACK
from operations.errors import OperationError

MOST = 40
"""Reports of one run: stacks of a project, with room."""

LARGEST = 2 * hostile.LARGEST
"""Bytes of an archive."""

NAME = re.compile(rf"preview-({STACK.pattern})")
FILE = "report.md"
LIST = "stacks"
"""Artifact with the names of all stacks that the pull request may touch."""

LIST_FILE = "stacks.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """The run that made the reports, as the event `workflow_run` tells it."""

    id: int
    repository: str
    commit: str
    owner: str
    branch: str

    @classmethod
    def read(cls, path: Path, repository: str) -> Self | None:
        """Return the run of the event in *path*, None where it was not of a pull request.

        Raises:
            OperationError: the event is another one.
        """
        try:
            event = json.loads(path.read_text())
            run, name = event["workflow_run"], event["repository"]["full_name"]
        except (OSError, ValueError, KeyError, TypeError):
            run = name = None
        if not isinstance(run, dict) or name != repository:
            raise OperationError(
                "there is no run to report on",
                str(path),
                f"the event is not a workflow_run of {repository}",
                "call it in a workflow with on: workflow_run",
            )
        # A fork that was deleted meanwhile is null.
        head = run.get("head_repository")
        if run.get("event") != "pull_request" or not isinstance(head, dict):
            return None
        return cls(
            id=int(run["id"]),
            repository=repository,
            commit=str(run["head_sha"]),
            owner=str(head["owner"]["login"]),
            branch=str(run["head_branch"]),
        )


def pull_requests(github: GitHub, run: Run) -> list[int]:
    """Return the numbers of the open pull requests whose newest commit the run looked at.

    The event's own list is empty for forks (GitHub, "workflow_run"), so GitHub is asked.
    """
    wanted = {"state": "open", "head": f"{run.owner}:{run.branch}"}
    return [
        int(each["number"])
        for each in github.every("/pulls", wanted)
        if each["head"]["sha"] == run.commit
        and (each["head"].get("repo") or {}).get("owner", {}).get("login") == run.owner
        and each["base"]["repo"]["full_name"] == run.repository
    ]


def reports(github: GitHub, run: Run) -> Iterator[tuple[str, bytes | OperationError]]:
    """Yield stack and report, or why there is none, of each artifact that says it is one."""
    found = _listed(github, run)
    left = [each for each in found if NAME.fullmatch(str(each["name"])) and not each["expired"]]
    for each in left[:MOST]:
        stack = str(each["name"]).removeprefix("preview-")
        try:
            yield stack, _report(github, int(each["id"]), int(each["size_in_bytes"]))
        except OperationError as error:
            yield stack, error


def touched(github: GitHub, run: Run) -> list[str] | None:
    """Return the stacks that the run looked at, by its own word; None where it left none.

    Raises:
        OperationError: what it left is no list of stacks.
    """
    for each in _listed(github, run):
        if each["name"] == LIST and not each["expired"]:
            data = _report(github, int(each["id"]), int(each["size_in_bytes"]), LIST_FILE)
            try:
                found = json.loads(data)
            except ValueError:
                found = None
            if not isinstance(found, list) or not all(_is_stack(name) for name in found):
                raise _refused(int(each["id"]), "it is no list of stacks")
            return found
    return None


def _is_stack(name: object) -> bool:
    return isinstance(name, str) and STACK.fullmatch(name) is not None


def _listed(github: GitHub, run: Run) -> list[dict[str, Any]]:
    answer = github.api.ask(
        "GET", github.path(f"/actions/runs/{run.id}/artifacts"), params={"per_page": "100"}
    )
    return sorted(github.api.read(answer)["artifacts"], key=lambda each: str(each["name"]))


def _report(github: GitHub, artifact: int, size: int, name: str = FILE) -> bytes:
    if size > LARGEST:
        raise _refused(artifact, f"it has {size} bytes; a report has at most {LARGEST}")
    path = github.path(f"/actions/artifacts/{artifact}/zip")
    answer = github.api.ask("GET", path, accepted=frozenset({302}))
    data = _stored(artifact, answer.headers.get("location", "")) if answer.is_redirect else b""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive, archive.open(name) as file:
            # What an archive says of the size of its content is the author's word: so much and no
            # more is unpacked, and one byte too many is refused as too large.
            return file.read(hostile.LARGEST + 1)
    except (zipfile.BadZipFile, KeyError, NotImplementedError, RuntimeError, OSError, EOFError):
        raise _refused(artifact, f"it is no archive with a {name}") from None


def _stored(artifact: int, url: str) -> bytes:
    """Return what is stored at *url*, which is signed: the store gets no token of ours."""
    data = bytearray()
    try:
        with httpx.stream("GET", url, timeout=30.0, follow_redirects=False) as answer:
            if not answer.is_success:
                raise _refused(artifact, f"the store answered {answer.status_code}")
            for chunk in answer.iter_bytes():
                data += chunk
                if len(data) > LARGEST:
                    raise _refused(artifact, f"it has more than {LARGEST} bytes")
    except (httpx.TransportError, httpx.InvalidURL) as error:
        raise _refused(artifact, f"the store cannot be reached: {error}") from None
    return bytes(data)


def _refused(artifact: int, why: str) -> OperationError:
    return OperationError(
        "a report cannot be read", f"artifact {artifact}", why, "see the run that made it"
    )
