"""GitHub and Azure DevOps in this process, as far as scripts/comment talks with them.

Paths, fields and status codes are those of their REST references; what is not emulated answers 404.
"""

import io
import json
import re
import socketserver
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.support.pretending import Answering, serving

REPOSITORY = "acme/analytics"
BOT = "github-actions[bot]"
TOKEN = "ghs_not-a-real-token"
ME = "5c1b2a30-0000-4000-8000-00000000b01d"
PAGE = 2
"""Comments a page: two make every list a matter of pages."""

STATES = {"To Do": "Proposed", "Doing": "InProgress", "Done": "Completed"}


@dataclass
class Asked:
    """A request as it came."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


@dataclass
class Platform:
    """What is there, and who asked."""

    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    comments: list[dict[str, Any]] = field(default_factory=list)
    issues: list[dict[str, Any]] = field(default_factory=list)
    pulls: list[dict[str, Any]] = field(default_factory=list)
    artifacts: dict[str, bytes] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    threads: list[dict[str, Any]] = field(default_factory=list)
    items: list[dict[str, Any]] = field(default_factory=list)
    troubles: list[tuple[str, int, dict[str, str]]] = field(default_factory=list)
    """Answers in the place of the next requests of a method: its status, its headers."""
    after: Callable[[Asked], None] = lambda _: None
    """What others do at the same moment, after a request was answered."""
    _last: int = 100

    def number(self) -> int:
        self._last += 1
        return self._last

    def comment(self, body: str, author: str = BOT) -> dict[str, Any]:
        made = {"id": self.number(), "body": body, "user": {"login": author, "type": "Bot"}}
        self.comments.append(made)
        return made

    def thread(self, body: str, author: str = ME) -> dict[str, Any]:
        first = {
            "id": 1,
            "parentCommentId": 0,
            "content": body,
            "commentType": "text",
            "author": {"id": author, "displayName": "somebody"},
        }
        made = {"id": self.number(), "status": "closed", "isDeleted": False, "comments": [first]}
        self.threads.append(made)
        return made

    def said(self) -> list[str]:
        """The bodies of all comments."""
        return [each["body"] for each in self.comments]

    def methods(self) -> list[str]:
        """What was asked, without what only reads."""
        return [each.method for each in self.asked if each.method != "GET"]


def archive(**files: str) -> bytes:
    """A zip with files, `__` standing for the dot of a name."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        for name, text in files.items():
            made.writestr(name.replace("__", "."), text)
    return buffer.getvalue()


Answer = tuple[int, Any, dict[str, str]]
GONE: Answer = (404, {"message": "Not Found"}, {})


def _github(platform: Platform, asked: Asked) -> Answer:
    parts = asked.path.removeprefix(f"/repos/{REPOSITORY}/").split("/")
    if "comments" in parts:
        return _comments(platform, asked, parts)
    return (_issues if parts[0] == "issues" else _runs)(platform, asked, parts)


def _comments(platform: Platform, asked: Asked, parts: list[str]) -> Answer:
    match asked.method, parts:
        case "GET", ["issues", _, "comments"]:
            return _page(platform, asked, platform.comments)
        case "POST", ["issues", "7", "comments"]:
            if len(asked.body["body"]) > 65_536:
                return 422, {"message": "Validation Failed: body is too long"}, {}
            return 201, platform.comment(asked.body["body"]), {}
        case "POST", ["issues", _, "comments"]:
            return 201, {"id": platform.number()}, {}
        case "PATCH", ["issues", "comments", number]:
            return _changed(platform.comments, "id", number, asked.body)
        case "DELETE", ["issues", "comments", number]:
            before = len(platform.comments)
            platform.comments[:] = [c for c in platform.comments if str(c["id"]) != number]
            return (204, "", {}) if len(platform.comments) < before else GONE
    return GONE


def _issues(platform: Platform, asked: Asked, parts: list[str]) -> Answer:
    match asked.method, parts:
        case "GET", ["issues"]:
            state, label = asked.query["state"], asked.query["labels"]
            found = [i for i in platform.issues if i["state"] == state and label in i["labels"]]
            return _page(platform, asked, found)
        case "POST", ["issues"]:
            made = {"number": platform.number(), "state": "open", "user": {"login": BOT}}
            platform.issues.append({**made, **asked.body})
            return 201, platform.issues[-1], {}
        case "PATCH", ["issues", number]:
            return _changed(platform.issues, "number", number, asked.body)
    return GONE


def _runs(platform: Platform, asked: Asked, parts: list[str]) -> Answer:
    match asked.method, parts:
        case "GET", ["pulls"]:
            wanted = tuple(asked.query["head"].split(":", 1))
            heads = [each["head"] for each in platform.pulls]
            of = [(head["repo"]["owner"]["login"], head["ref"]) for head in heads]
            pairs = zip(platform.pulls, of, strict=True)
            return 200, [each for each, head in pairs if head == wanted], {}
        case "GET", ["actions", "runs", _, "artifacts"]:
            listed = [
                {
                    "id": number,
                    "name": name,
                    "expired": False,
                    "size_in_bytes": platform.sizes.get(name, len(platform.artifacts[name])),
                }
                for number, name in enumerate(platform.artifacts)
            ]
            return 200, {"total_count": len(listed), "artifacts": listed}, {}
        case "GET", ["actions", "artifacts", number, "zip"]:
            return 302, "", {"Location": f"{platform.url}/store/{number}?sig=signed"}
    return GONE


def _azure(platform: Platform, asked: Asked) -> Answer:
    path = asked.path.removeprefix("/collection")
    if path == "/_apis/connectionData":
        return 200, {"authenticatedUser": {"id": ME}}, {}
    if asked.query.get("api-version") != "7.1":
        return 400, {"message": "No api-version was supplied"}, {}
    if found := re.fullmatch(
        r"/data science/_apis/git/repositories/repo-id/pullRequests/7/threads(/.*)?", path
    ):
        return _threads(platform, asked, (found[1] or "").strip("/"))
    if found := re.fullmatch(r"/data science/_apis/wit/(.*)", path):
        return _work(platform, asked, found[1])
    return GONE


def _threads(platform: Platform, asked: Asked, rest: str) -> Answer:
    match asked.method, rest.split("/"):
        case "GET", [""]:
            return 200, {"value": platform.threads, "count": len(platform.threads)}, {}
        case "POST", [""]:
            made = platform.thread(asked.body["comments"][0]["content"])
            made["status"] = asked.body["status"]
            return 200, made, {}
        case "PATCH", [number, "comments", "1"]:
            thread = next(t for t in platform.threads if str(t["id"]) == number)
            thread["comments"][0].update(asked.body)
            return 200, thread["comments"][0], {}
        case "DELETE", [number, "comments", "1"]:
            # Soft: the thread stays, and says that it is deleted.
            thread = next(t for t in platform.threads if str(t["id"]) == number)
            thread["comments"][0]["isDeleted"] = True
            del thread["comments"][0]["content"]
            return 200, "", {}
    return GONE


def _work(platform: Platform, asked: Asked, rest: str) -> Answer:
    match asked.method, rest.split("/"):
        case "GET", ["workitemtypes", "Task", "states"]:
            return 200, {"value": [{"name": n, "category": c} for n, c in STATES.items()]}, {}
        case "POST", ["wiql"]:
            tag = re.search(r"\[System.Tags\] CONTAINS '([^']+)'", asked.body["query"])[1]
            assert "NOT IN ('Done')" in asked.body["query"]
            # Too many rather than too few, as a search for words would.
            found = [
                {"id": i["id"]}
                for i in platform.items
                if tag in i["fields"]["System.Tags"] and i["fields"].get("System.State") != "Done"
            ]
            return 200, {"workItems": found}, {}
        case "GET", ["workitems", number]:
            return 200, next(i for i in platform.items if str(i["id"]) == number), {}
        case (("POST" | "PATCH"), ["workitems", target]):
            if asked.headers["content-type"] != "application/json-patch+json":
                return 415, {"message": "Unsupported Media Type"}, {}
            fields = {s["path"].removeprefix("/fields/"): s["value"] for s in asked.body}
            if target == "$Task":
                platform.items.append({"id": platform.number(), "fields": fields})
                return 200, platform.items[-1], {}
            item = next(i for i in platform.items if str(i["id"]) == target)
            item["fields"].update(fields)
            return 200, item, {}
    return GONE


def _page(platform: Platform, asked: Asked, found: list[Any]) -> Answer:
    page = int(asked.query.get("page", "1"))
    headers = {}
    if len(found) > page * PAGE:
        query = "&".join(f"{k}={v}" for k, v in {**asked.query, "page": page + 1}.items())
        headers["Link"] = f'<{platform.url}{asked.path}?{query}>; rel="next"'
    return 200, found[(page - 1) * PAGE : page * PAGE], headers


def _changed(found: list[dict[str, Any]], key: str, value: str, change: Any) -> Answer:
    for each in found:
        if str(each[key]) == value:
            each.update(change)
            return 200, each, {}
    return GONE


@contextmanager
def platforms() -> Iterator[Platform]:
    """Both, on one port of loopback."""
    platform = Platform()

    class Handler(Answering):
        def _any(self) -> None:
            parts = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            query = {k: v[0] for k, v in parse_qs(parts.query).items()}
            headers = {k.lower(): v for k, v in self.headers.items()}
            asked = Asked(self.command, unquote(parts.path), query, headers, body)
            platform.asked.append(asked)
            status, content, more = self._answer(asked)
            data = content if isinstance(content, bytes) else _bytes(content)
            self.send_response(status)
            for name, value in more.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0" if status == 204 else str(len(data)))
            self.end_headers()
            if status != 204:
                self.wfile.write(data)
            platform.after(asked)

        def _answer(self, asked: Asked) -> Answer:
            if platform.troubles and platform.troubles[0][0] == asked.method:
                _, status, headers = platform.troubles.pop(0)
                return status, {"message": "You have exceeded a secondary rate limit"}, headers
            if asked.path.startswith("/store/"):
                number = int(asked.path.rpartition("/")[2])
                return 200, list(platform.artifacts.values())[number], {}
            if asked.headers.get("authorization") != f"Bearer {TOKEN}":
                return 401, {"message": "Bad credentials"}, {}
            if asked.path.startswith("/collection/"):
                return _azure(platform, asked)
            return _github(platform, asked)

        do_GET = do_POST = do_PATCH = do_DELETE = _any  # noqa: N815 (the server's names)

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True

    server = Server(("127.0.0.1", 0), Handler)
    platform.url = f"http://127.0.0.1:{server.server_address[1]}"
    with serving(server):
        yield platform


def _bytes(content: object) -> bytes:
    return (content if isinstance(content, str) else json.dumps(content)).encode()
