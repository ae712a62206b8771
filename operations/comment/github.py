"""Pull requests and issues on GitHub, by its REST API of 2022-11-28.

"REST API endpoints for issue comments", "... for issues": to it a pull request is an issue with a
branch.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from operations.comment.api import Api
from operations.comment.marker import Marker
from operations.comment.placing import Note
from operations.errors import OperationError

LIMIT = 65_536
"""Characters of a body; more is refused with 422."""

VERSION = "2022-11-28"

BOT = "github-actions[bot]"
"""Whom GITHUB_TOKEN writes as."""


class GitHub:
    """A repository."""

    def __init__(
        self,
        repository: str,
        token: str,
        *,
        base: str = "https://api.github.com",
        author: str = BOT,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.repository, self.author = repository, author
        headers = {
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {token}",
            "X-GitHub-Api-Version": VERSION,
            "User-Agent": "operationalization",
        }
        self.api = Api(base, headers, pause=pause)

    def close(self) -> None:
        """Give the connections back."""
        self.api.close()

    def path(self, rest: str) -> str:
        """Return a path below the repository's."""
        return f"/repos/{self.repository}{rest}"

    def every(self, path: str, params: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
        """Return what all pages of a list hold."""
        found: list[dict[str, Any]] = []
        for page in self.api.pages(self.path(path), {"per_page": "100", **(params or {})}):
            if not isinstance(page, list) or not all(isinstance(each, dict) for each in page):
                raise OperationError(
                    "GitHub's answer is not a list of objects",
                    path,
                    f"it is {page!r:.40}",
                    "try again",
                )
            found += page
        return found

    def ours(self, made: Mapping[str, Any]) -> bool:
        """Whether we wrote it."""
        return (made.get("user") or {}).get("login") == self.author


class PullRequest:
    """The conversation of a pull request."""

    limit = LIMIT

    def __init__(self, github: GitHub, number: int) -> None:
        self._github, self._number = github, number

    def notes(self) -> Sequence[Note]:
        """Return the comments, oldest first."""
        return [
            Note(id=str(each["id"]), body=str(each.get("body") or ""), ours=self._github.ours(each))
            for each in self._github.every(f"/issues/{self._number}/comments")
        ]

    def add(self, body: str) -> None:
        """Write a new one."""
        path = self._github.path(f"/issues/{self._number}/comments")
        self._github.api.ask("POST", path, json={"body": body})

    def change(self, note: Note, body: str) -> None:
        """Write *body* in the place of what *note* said."""
        path = self._github.path(f"/issues/comments/{note.id}")
        self._github.api.ask("PATCH", path, json={"body": body})

    def remove(self, note: Note) -> None:
        """Take it away; gone already is gone, too."""
        path = self._github.path(f"/issues/comments/{note.id}")
        self._github.api.ask("DELETE", path, accepted=frozenset({404}))


class Issues:
    """The issues of a repository, of which each stack has one at most."""

    limit = LIMIT

    def __init__(self, github: GitHub) -> None:
        self._github = github

    def find(self, marker: Marker) -> Note | None:
        """Return the open issue, the oldest if there are several."""
        for each in self._github.every("/issues", {"state": "open", "labels": marker.kind,
                                                   "direction": "asc"}):  # fmt: skip
            body = str(each.get("body") or "")
            if "pull_request" not in each and self._github.ours(each) and marker.marks(body):
                return Note(id=str(each["number"]), body=body, ours=True)
        return None

    def open(self, marker: Marker, title: str, body: str) -> str:
        """Open one; return its number."""
        made = {"title": title, "body": body, "labels": [marker.kind]}
        answer = self._github.api.ask("POST", self._github.path("/issues"), json=made)
        return str(self._github.api.read(answer)["number"])

    def change(self, note: Note, title: str, body: str) -> None:
        """Let the issue say *body*."""
        path = self._github.path(f"/issues/{note.id}")
        self._github.api.ask("PATCH", path, json={"title": title, "body": body})

    def end(self, note: Note, why: str) -> None:
        """Close it, with a last word."""
        path = self._github.path(f"/issues/{note.id}")
        self._github.api.ask("POST", f"{path}/comments", json={"body": why})
        self._github.api.ask("PATCH", path, json={"state": "closed", "state_reason": "completed"})
