"""What tests of changes under load ask, and how they see who serves."""

import json
from datetime import timedelta

from components.runtimes.node import HealthProbe
from tests.support.engine import ROOT
from tests.support.live import Live
from tests.support.load import Question
from tests.support.waiting import until

IRIS = ROOT / "models/iris"
QUESTION = Question(
    path="/api/iris/1.0",
    inputs=json.loads((IRIS / "request.json").read_text()),
    outputs=json.loads((IRIS / "answer.json").read_text()),
)
BUSY = 60
"""Requests that must be answered before something counts as going on."""
PROBED = timedelta(seconds=HealthProbe(port=12800).window_seconds)
"""After so long the balancer's probe has noticed that a node does not serve."""
HEARTBEAT = 15.0
"""Seconds after which the database takes a compute node for gone that said nothing."""


def ready(dev: Live, role: str = "") -> set[str]:
    """Names of the nodes of *role* that serve."""
    return {
        node["name"]
        for node in dev.nodes
        if f"-{role}" in node["name"] and node["phase"] == "ready" and node["healthy"] is not False
    }


def scored(dev: Live, node: str) -> int:
    """Number of requests for a score that a node has had since its proxy started."""
    ask = "echo 'show stat -1 2 -1' | socat -t 5 - UNIX-CONNECT:/run/operationalization/proxy.sock"
    answer = dev.on(node, "sh", "-c", ask, check=False).stdout
    rows = [line.split(",") for line in answer.splitlines()]
    # HAProxy's management guide, 9.1: the name, and the sessions so far.
    return sum(int(row[7]) for row in rows if row[0] in ("workers", "compute"))


def await_use(dev: Live, node: str) -> None:
    """Return once the node has got another request for a score."""
    before = scored(dev, node)
    until(lambda: scored(dev, node) > before, f"{node} gets no requests")
