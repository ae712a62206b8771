"""An environment on loopback with a limit that a test plants, and with a clock of its own.

Each answer moves the clock by the work that it took, divided by how many are worked on at once:
callers beyond the workers wait, whatever this machine does meanwhile. That every request is counted
is what tests judge by.
"""

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from typing import Any

from operations.stack import Environment
from tests.support.pretending import Answering, serving

SERVICE = {
    "name": "iris",
    "version": "1.0",
    "description": "",
    "inputParameterDefinitions": [{"name": "x", "type": "numeric"}],
    "outputParameterDefinitions": [{"name": "y", "type": "numeric"}],
    "modelSha256": "0" * 64,
    "creationTime": "2026-11-30T12:00:00+00:00",
}


@dataclass
class PlantedService:
    """What it can do, and what it heard."""

    workers: int = 4
    seconds: float = 0.050
    callers: int = 1
    """How many ask at once: a closed loop has as many requests under way."""

    fails: bool = False
    heard: Counter[str] = field(default_factory=Counter)
    tokens: set[str] = field(default_factory=set)
    now: float = 0.0
    endpoint: str = ""
    busy: threading.Event = field(default_factory=threading.Event)
    """Set when so many requests were heard that a load is under way."""

    busy_after: int = 20

    _lock: threading.Lock = field(default_factory=threading.Lock)

    def clock(self) -> float:
        """Virtual seconds."""
        with self._lock:
            return self.now

    def environment(self) -> Environment:
        """The environment, as its stack's outputs say it."""
        return Environment(stack="test", endpoint=self.endpoint, authority="", password="p")

    def answer(self, method: str, path: str, token: str) -> tuple[int, Any, str]:
        """Status, body and `Server-Timing`."""
        with self._lock:
            self.heard[f"{method} {path}"] += 1
            if method == "POST" and path.startswith("/api/"):
                self.tokens.add(token)
                return self._scored()
        match path:
            case "/login":
                return 200, {"access_token": "t", "refresh_token": "r", "expires_in": 3600}, ""
            case "/ping":
                return 200, "ready", ""
            case "/services/iris" | "/services/iris/1.0":
                return 200, [SERVICE], ""
            case "/status":
                details = {"rMaxPoolSize": self.workers // 2}
                nodes = {
                    f"https://10.20.1.{each}:12805/": {"statusCode": "pass", "details": details}
                    for each in (4, 5)
                }
                return 200, {"components": {"backends": {"components": nodes}}}, ""
        return 404, {"message": "there is nothing at this path"}, ""

    def _scored(self) -> tuple[int, Any, str]:
        if self.heard["POST /api/iris/1.0"] > self.busy_after:
            self.busy.set()
        if self.fails and self.heard["POST /api/iris/1.0"] > 1:
            return 503, {"message": "no compute node has a place"}, ""
        self.now += self.seconds / min(self.callers, self.workers)
        waits = max(self.callers - self.workers, 0) * self.seconds / self.workers
        said = f"shell;dur={waits * 1000:.1f}, compute;dur={self.seconds * 1000:.1f}"
        body = {"success": True, "errorMessage": "", "outputParameters": {"y": 1}}
        return 200, body, said


def _handler(planted: PlantedService) -> type[Answering]:
    class Handler(Answering):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        timeout = 30.0

        def _take(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", "0")))
            token = str(self.headers.get("Authorization", ""))
            status, body, timing = planted.answer(self.command, self.path, token)
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            if timing:
                self.send_header("Server-Timing", timing)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = _take  # noqa: N815 (the server's names)

    return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True


@contextmanager
def planted_service(**limits: Any) -> Iterator[PlantedService]:
    """Serve on loopback while the context lasts."""
    planted = PlantedService(**limits)
    server = _Server(("127.0.0.1", 0), _handler(planted))
    planted.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    with serving(server):
        yield planted
