"""Nodes of a stand-in in this process: a web node, and a compute node whose shells are words."""

import base64
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stand_ins.product.compute.node import Node
from stand_ins.product.serving import Server
from stand_ins.product.web import node as web
from stand_ins.versions import Version


@dataclass
class Shell:
    """What answers in R's place: the inputs are the outputs, code and objects are kept as text."""

    services: Path
    asked: list[dict[str, Any]]
    objects: list[str] = field(default_factory=list)
    closed: bool = False

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Answer as a shell does."""
        self.asked.append(request)
        value: Any = None
        if request["operation"] == "consume":
            value = json.loads(request["inputs"])
            kept = json.loads((self.services / f"{request['service']}.json").read_text())
            value["seen"] = base64.b64decode(kept["snapshot"]).decode()
        elif request["operation"] == "execute":
            self.objects.append(request["code"])
            value = [{"name": name, "value": len(self.objects)} for name in request["outputs"]]
        elif request["operation"] == "snapshot":
            value = base64.b64encode(json.dumps(self.objects).encode()).decode()
        elif request["operation"] == "load":
            self.objects = json.loads(base64.b64decode(request["data"]))
        elif request["operation"] == "objects":
            value = self.objects
        return {
            "success": True, "errorMessage": "", "value": value, "consoleOutput": "",
            "changedFiles": [],
        }  # fmt: skip

    def close(self) -> None:
        """End."""
        self.closed = True


class Pool:
    """A pool of such shells."""

    most = 80
    can_open = True

    def __init__(self, services: Path) -> None:
        self.services = services
        self.asked: list[dict[str, Any]] = []
        self.made: list[Shell] = []

    def counts(self) -> tuple[int, int]:
        """Return how many work, and how many there are."""
        return 0, 5

    def take(self) -> Shell:
        """Return a shell."""
        self.made.append(Shell(self.services, self.asked))
        return self.made[-1]

    def drop(self, shell: Shell) -> None:
        """End a shell."""
        shell.close()

    @contextmanager
    def shell(self) -> Iterator[Shell]:
        """Lend one."""
        yield self.take()


@contextmanager
def serving(server: Server) -> Iterator[int]:
    """Serve; yields the port."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def compute_node(version: Version, services: Path) -> Iterator[tuple[Node, int]]:
    """A compute node; yields it and its port."""
    services.mkdir(exist_ok=True)
    node = Node(version, Pool(services), services, "logs")  # type: ignore[arg-type]
    with serving(Server(0, node.routes(), version.stand_in, guard=node.guard)) as port:
        yield node, port


@contextmanager
def web_node(version: Version) -> Iterator[int]:
    """The web node of this machine, as its file says but for the port; yields that."""
    found: Callable[[Version], Server] = web.server
    with serving(found(version)) as port:
        yield port
