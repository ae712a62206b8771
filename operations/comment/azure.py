"""Pull requests and work items of Azure DevOps, by its REST API 7.1.

"Pull Request Threads", "Pull Request Thread Comments", "Work Items", "Wiql", "Work Item Type
States".
"""

import html
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from operations.comment.api import Api
from operations.comment.marker import Marker
from operations.comment.placing import Note
from operations.errors import OperationError

LIMIT = 150_000
"""Characters of a comment in a thread."""

VERSION: Mapping[str, str] = {"api-version": "7.1"}

KIND = "Task"
"""The one type of work item that all of Azure DevOps's own processes have."""


QUERY = (
    "SELECT [System.Id] FROM WorkItems WHERE [System.TeamProject] = @project "
    "AND [System.WorkItemType] = '{kind}' AND [System.Tags] CONTAINS '{tag}' "
    "AND [System.State] NOT IN ({done}) ORDER BY [System.Id]"
)
"""What is in it are names of stacks, which have no quote, and of the service's own states."""


class AzureDevOps:
    """A project of an organization, and a repository in it."""

    def __init__(
        self,
        collection: str,
        project: str,
        token: str,
        *,
        repository: str = "",
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.project, self.repository = quote(project, safe=""), quote(repository, safe="")
        headers = {
            "Accept": "application/json",
            "Authorization": f"Bearer {token}",
            "User-Agent": "operationalization",
        }
        self.api = Api(collection, headers, pause=pause)

    def close(self) -> None:
        """Give the connections back."""
        self.api.close()

    def me(self) -> str:
        """Return the id of whom the token is of: a pipeline's is its build service's."""
        found = self.read("GET", "/_apis/connectionData", params={})
        return str((found.get("authenticatedUser") or {}).get("id") or "")

    def read(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        """Return the object that a request is answered with."""
        options.setdefault("params", VERSION)
        answer = self.api.ask(method, path, **options)
        found = self.api.read(answer)
        if not isinstance(found, dict):
            raise OperationError(
                "Azure DevOps's answer is not an object", path, f"it is {found!r:.40}", "try again"
            )
        return found


class PullRequest:
    """The threads of a pull request; a report is the first comment of one."""

    limit = LIMIT

    def __init__(self, azure: AzureDevOps, number: int) -> None:
        self._azure = azure
        repository = f"/{azure.project}/_apis/git/repositories/{azure.repository}"
        self._path = f"{repository}/pullRequests/{number}/threads"

    def notes(self) -> Sequence[Note]:
        """Return the first comment of each thread, oldest first."""
        me = self._azure.me()
        found = []
        threads = self._azure.read("GET", self._path).get("value") or []
        for thread in sorted(threads, key=lambda each: int(each["id"])):
            first = next(iter(thread.get("comments") or []), None)
            if first is None or first.get("isDeleted") or thread.get("isDeleted"):
                continue
            ours = bool(me) and (first.get("author") or {}).get("id") == me
            place = f"{thread['id']}/comments/{first['id']}"
            found.append(Note(id=place, body=str(first.get("content") or ""), ours=ours))
        return found

    def add(self, body: str) -> None:
        """Begin a thread, closed: it asks nobody to do anything before the request is completed."""
        comment = {"parentCommentId": 0, "content": body, "commentType": "text"}
        self._azure.read("POST", self._path, json={"comments": [comment], "status": "closed"})

    def change(self, note: Note, body: str) -> None:
        """Write *body* in the place of what *note* said."""
        self._azure.read("PATCH", f"{self._path}/{note.id}", json={"content": body})

    def remove(self, note: Note) -> None:
        """Take it away; gone already is gone, too."""
        path = f"{self._path}/{note.id}"
        self._azure.api.ask("DELETE", path, params=VERSION, accepted=frozenset({404}))


class WorkItems:
    """The work items of a project, of which each stack has one at most.

    They are found by a tag: a description is HTML, and the service tidies it up, comments first.
    """

    limit = LIMIT

    def __init__(self, azure: AzureDevOps) -> None:
        self._azure = azure
        self._path = f"/{azure.project}/_apis/wit"
        self._states: dict[str, str] = {}

    def find(self, marker: Marker) -> Note | None:
        """Return the one that is not completed, the oldest if there are several."""
        tag = _tag(marker)
        done = ", ".join(f"'{each}'" for each in self._ended())
        query = QUERY.format(kind=KIND, tag=tag, done=done)
        found = self._azure.read("POST", f"{self._path}/wiql", json={"query": query})
        for each in (found.get("workItems") or [])[:20]:
            path = f"{self._path}/workitems/{int(each['id'])}"
            fields = self._azure.read("GET", path).get("fields") or {}
            tags = [one.strip() for one in str(fields.get("System.Tags") or "").split(";")]
            if tag in tags:
                body = str(fields.get("System.Description") or "")
                return Note(id=str(each["id"]), body=body, ours=True)
        return None

    def open(self, marker: Marker, title: str, body: str) -> str:
        """Create one; return its number."""
        fields = {
            "System.Title": title,
            "System.Description": _shown(body),
            "System.Tags": _tag(marker),
        }
        made = self._patch("POST", f"{self._path}/workitems/${KIND}", fields)
        return str(made["id"])

    def change(self, note: Note, title: str, body: str) -> None:
        """Let the work item say *body*."""
        fields = {"System.Title": title, "System.Description": _shown(body)}
        self._patch("PATCH", f"{self._path}/workitems/{note.id}", fields)

    def end(self, note: Note, why: str) -> None:
        """Complete it, with a last word in its history."""
        state = next(name for name, kind in self._known().items() if kind == "Completed")
        fields = {"System.State": state, "System.History": html.escape(why)}
        self._patch("PATCH", f"{self._path}/workitems/{note.id}", fields)

    def _patch(self, method: str, path: str, fields: Mapping[str, str]) -> dict[str, Any]:
        steps = [{"op": "add", "path": f"/fields/{name}", "value": fields[name]} for name in fields]
        headers = {"Content-Type": "application/json-patch+json"}
        return self._azure.read(method, path, json=steps, headers=headers)

    def _known(self) -> Mapping[str, str]:
        """Return the category of each state: processes name them as they like."""
        if not self._states:
            path = f"{self._path}/workitemtypes/{KIND}/states"
            found = self._azure.read("GET", path).get("value") or []
            self._states = {str(each["name"]): str(each["category"]) for each in found}
        return self._states

    def _ended(self) -> list[str]:
        ended = [name for name, kind in self._known().items() if kind in {"Completed", "Removed"}]
        return [name.replace("'", "''") for name in ended]


def _tag(marker: Marker) -> str:
    return f"operationalization-{marker.kind}-{marker.stack}"


def _shown(body: str) -> str:
    """Return Markdown as HTML shows it unchanged."""
    return f"<pre>{html.escape(body)}</pre>"
