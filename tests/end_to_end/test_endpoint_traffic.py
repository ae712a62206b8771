"""A managed endpoint's traffic is split, shifted and taken back, with requests running; what is
wrong with it is found and mended, and what it needs for more is found, and enough.

One endpoint, and one story in this order, told with the scripts that a person types. No client
tries anything twice.
"""

import json
import math
import shutil
import ssl
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.engine import ROOT, on_sandbox, sandbox
from tests.support.live import Live, require_nodes
from tests.support.waiting import until

pytestmark = [pytest.mark.engine, pytest.mark.root]

STACK = "dev-endpoint"
ONLINE_ENDPOINT = "azure-native:machinelearningservices:OnlineEndpoint"
IRIS = ROOT / "models/iris"
REQUEST = (IRIS / "request.json").read_bytes()
ANSWER = json.loads((IRIS / "answer.json").read_text())
SECONDS = 300
SLOW = "tests/support/models/slow"
WAITING = {"seconds": 0.1}
"""What the slow model is asked: it computes nothing, so that a busy machine is as good."""
LOAD = 13
"""Requests a second that two of its instances answer, and one can't."""
LONGEST = 30.0
"""Seconds in which a diagnosis is to be there."""
REQUESTS = 1000
DOUBT = 0.001
"""How often a test that is right may fail: 99.9 percent of all counts lie within the bounds."""
FILE = """\
# An endpoint of the tests.
config:
  operationalization:environment:
    topology: managed-endpoint
    cloud: azure
    location: westeurope
    protection: false
    endpoint:
      authentication: {authentication}
      deployments:
        blue: {{ model: {blue}, instances: 1 }}
        green: {{ model: models/iris, instances: 1 }}{more}
      traffic: {traffic} # who gets what
"""
RED = """
        red:
          model: tests/support/models/broken
          instances: 1
          probes: { initialDelaySeconds: 1, periodSeconds: 1, failures: 5 }"""


class Endpoint(Live):
    """The endpoint, its stack file and its callers."""

    def __init__(self, engine, folder: Path) -> None:
        super().__init__(STACK, engine)
        self.file = folder / f"Pulumi.{STACK}.yaml"

    def write(
        self,
        traffic: str,
        more: str = "",
        authentication: str = "amlToken",
        blue: str = "models/iris",
    ) -> None:
        """Make the stack file anew; *blue*: its model."""
        said = FILE.format(traffic=traffic, more=more, authentication=authentication, blue=blue)
        self.file.write_text(said)

    def run(self, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """One of scripts/, however it ends."""
        return subprocess.run(
            [str(ROOT / "scripts" / name), "--stack", STACK, *arguments],
            env={**self.engine.environment, "OPERATIONALIZATION_STACKS": str(self.file.parent)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    def must(self, name: str, *arguments: str) -> str:
        """The same; what it said, when it worked."""
        done = self.run(name, *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def pulumi_up(self) -> subprocess.CompletedProcess[str]:
        """Pulumi itself, which checks no model, as on one's own backend."""
        copy = self.engine.folder / self.file.name
        shutil.copy(self.file, copy)
        chosen = ["--stack", STACK, "--config-file", str(copy)]
        return self.engine.pulumi("up", "--yes", "--skip-preview", *chosen, check=False)

    def diagnosed(self) -> dict[tuple[str, str], str]:
        """What scripts/diagnose finds: words, by id and place; within 30 seconds."""
        done = self.run("diagnose", "--format", "json")
        assert done.returncode in (0, 2), done.stderr
        said = json.loads(done.stdout)
        assert (done.returncode == 0) == said["healthy"] == (not said["findings"])
        assert said["seconds"] < LONGEST
        return {(each["id"], each["place"]): each["what"] for each in said["findings"]}

    def the(self, kind: str, end: str = "") -> str:
        """The id of the resource of a type whose URN ends so."""
        [found] = [each for each in self.resources(kind) if each["urn"].endswith(end)]
        return str(found["id"])

    @contextmanager
    def caller(self) -> Iterator[Callable[[], tuple[int, str, object]]]:
        """One client with one connection: asks once, and says status, deployment and answer."""
        known = self.engine.outputs(STACK)
        variables = self.engine.environment
        uri = httpx.URL(known["endpoint"])
        address = sandbox(variables, "address", uri.host).strip()
        token = sandbox(variables, "token", known["endpointId"]).strip()
        trust = ssl.create_default_context(cadata=sandbox(variables, "certificate"))
        headers = {"Host": uri.host, "Authorization": f"Bearer {token}"}

        with httpx.Client(verify=trust, trust_env=False, headers=headers, timeout=30) as client:

            def ask() -> tuple[int, str, object]:
                reply = client.post(
                    uri.copy_with(host=address),
                    content=REQUEST,
                    headers={"Content-Type": "application/json"},
                    extensions={"sni_hostname": uri.host},
                )
                who = reply.headers.get("azureml-model-deployment", "")
                return reply.status_code, who, reply.json()

            yield ask


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    require_nodes()
    folder = tmp_path_factory.mktemp("endpoint")
    stacks = folder / "stacks"
    stacks.mkdir()
    with on_sandbox(folder, options=()) as engine:
        made = Endpoint(engine, stacks)
        made.write("{ blue: 100 }")
        made.must("up", "--no-sample")
        yield made


@dataclass
class Load:
    """What a client that never rests saw."""

    answered: list[str] = field(default_factory=list)
    """Who answered, in order."""
    wrong: list[object] = field(default_factory=list)

    def seen(self, name: str, more: int) -> None:
        """Return once *name* has answered so many more requests."""
        start = len(self.answered)
        until(lambda: self.answered[start:].count(name) >= more, f"{name} answers nobody")


@contextmanager
def under_load(endpoint: Endpoint) -> Iterator[Load]:
    """Requests without a pause, for as long as the context lasts; all must be answered well."""
    load, stop = Load(), threading.Event()

    def ask_on() -> None:
        with endpoint.caller() as ask:
            while not stop.is_set():
                try:
                    status, who, answer = ask()
                except httpx.HTTPError as error:
                    load.wrong.append(repr(error))
                    continue
                if (status, answer) != (200, ANSWER):
                    load.wrong.append((status, who, answer))
                load.answered.append(who)

    thread = threading.Thread(target=ask_on)
    thread.start()
    try:
        yield load
    finally:
        stop.set()
        thread.join(60)
    assert load.wrong == []


def bounds(share: float, count: int) -> tuple[int, int]:
    """The least and the most of *count* requests that a share comes to, but for DOUBT."""
    left, low, high, total = DOUBT / 2, 0, count, 0.0
    for hits in range(count + 1):
        total += math.comb(count, hits) * share**hits * (1 - share) ** (count - hits)
        if total < left:
            low = hits + 1
        if total < 1 - left:
            high = hits + 1
    return low, high


def test_the_bounds_are_those_of_the_binomial_distribution() -> None:
    assert bounds(0.1, 1000) == (70, 132)
    assert bounds(0.5, 10) == (0, 10)


def test_a_canary_gets_its_share(endpoint: Endpoint) -> None:
    said = endpoint.must("traffic", "blue=90", "green=10", "--yes")
    assert "deployment green answers iris's own request as it should" in said
    assert "the traffic is now: blue 90, green 10" in said

    with endpoint.caller() as ask:
        answers = [ask() for _ in range(REQUESTS)]
    assert {(status, json.dumps(answer)) for status, _, answer in answers} == {
        (200, json.dumps(ANSWER))
    }
    counts = Counter(who for _, who, _ in answers)
    low, high = bounds(0.1, REQUESTS)
    assert counts["blue"] + counts["green"] == REQUESTS
    assert low <= counts["green"] <= high


def test_a_move_changes_the_traffic_and_nothing_else(endpoint: Endpoint) -> None:
    assert "traffic: { blue: 90, green: 10 } # who gets what" in endpoint.file.read_text()
    assert endpoint.must("traffic").splitlines() == [
        "as deployed:       blue 90, green 10",
        "in the stack file: blue 90, green 10",
        "--rollback sets:   blue 100",
    ]
    assert "Preview of dev-endpoint: nothing changes" in endpoint.must("preview")


def test_a_shift_to_all_fails_no_request(endpoint: Endpoint) -> None:
    with under_load(endpoint) as load:
        load.seen("blue", 20)
        endpoint.must("traffic", "green=100", "--yes")
        shifted = len(load.answered)
        load.seen("green", 50)
    assert "blue" not in load.answered[shifted + 1 :]


def test_a_broken_deployment_gets_no_traffic_and_the_move_is_taken_back(
    endpoint: Endpoint,
) -> None:
    with under_load(endpoint) as load:
        endpoint.write("{ green: 50, red: 50 }", RED)
        checked = endpoint.run("up", "--no-sample")
        assert "error: the model cannot be deployed" in checked.stderr
        failed = endpoint.pulumi_up()
        assert failed.returncode != 0
        assert "must be a function" in failed.stdout + failed.stderr
        load.seen("green", 20)
        found = endpoint.diagnosed()
        # Under this load the one instance may be busy, which is said, too.
        assert set(found) - {("score-busy", "deployment green")} == {
            ("instances-none", "deployment red")
        }
        assert "must be a function" in found["instances-none", "deployment red"]

        refused = endpoint.run("traffic", "green=50", "red=50", "--yes")
        assert refused.returncode == 1
        assert "red is not ready" in refused.stderr

        said = endpoint.must("traffic", "--rollback", "--yes")
        assert "the split in the stack file never came to pass" in said
        assert "traffic: { green: 100 } # who gets what" in endpoint.file.read_text()
        load.seen("green", 20)

        said = endpoint.must("traffic", "--rollback", "--yes")
        assert "back to the split before the last move" in said
        assert "the traffic is now: blue 90, green 10" in said
        load.seen("blue", 20)
    assert set(load.answered) == {"blue", "green"}


@pytest.mark.parametrize("authentication", ["key", "entra", "amlToken"])
def test_each_way_to_sign_in_gives_the_same_answer(endpoint: Endpoint, authentication: str) -> None:
    endpoint.write("{ blue: 100 }", authentication=authentication)
    endpoint.must("up", "--no-sample")

    scored = endpoint.run("score", "iris", str(IRIS / "request.json"), "--deployment", "green")
    assert (json.loads(scored.stdout), scored.stderr) == (ANSWER, "")
    if authentication == "key":
        endpoint.tamper(endpoint.the(ONLINE_ENDPOINT), "properties.authMode", '"AMLToken"')
        found = {("signin-differs", "endpoint"), ("credential-refused", "endpoint")}
        assert set(endpoint.diagnosed()) == found
    assert endpoint.engine.outputs(STACK)["traffic"] == {"blue": 100}


CURL = """
host=$(pulumi stack output --stack "$1" endpoint | cut -d/ -f3)
curl -sS --cacert <(scripts/sandbox certificate) \\
  --connect-to "$host:443:$(scripts/sandbox address "$host"):443" \\
  -H @<(echo "Authorization: Bearer $(scripts/sandbox token "$(\\
    pulumi stack output --stack "$1" endpointId)")") \\
  --json @models/iris/request.json "$(pulumi stack output --stack "$1" endpoint)"
"""
"""What docs/traffic.md says to those who have only curl."""


def test_curl_is_enough(endpoint: Endpoint) -> None:
    done = subprocess.run(
        ["bash", "-c", CURL, "bash", STACK],
        cwd=ROOT,
        env=endpoint.engine.environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )

    assert json.loads(done.stdout) == ANSWER, done.stderr


def evaluated(endpoint: Endpoint, *options: str) -> dict[str, Any]:
    """What scripts/capacity says of blue, in short stages."""
    folder = endpoint.file.parent.parent
    report, request = folder / "report", folder / "request.json"
    request.write_text(json.dumps(WAITING))
    words = ("slow", str(request), "--seconds", "3", "--json", "--report")
    done = endpoint.run("capacity", *words, str(report), *options)
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_what_is_wrong_is_named_and_mended_and_what_a_load_needs_is_enough(
    endpoint: Endpoint,
) -> None:
    endpoint.write("{ blue: 100 }", blue=SLOW)
    endpoint.must("up", "--no-sample")
    assert endpoint.diagnosed() == {}

    one = evaluated(endpoint, "--load", str(LOAD))
    assert (one["saturation"]["reached"], one["saturation"]["tier"]) == (True, "instances")
    advice = one["recommendation"]
    instances = {each["setting"]: each["value"] for each in advice["changes"]}
    # Two are enough; more where callers come at random, one may be away, or this machine is busy.
    assert 2 <= instances["endpoint.deployments.blue.instances"] <= 5
    subprocess.run(
        ["patch", "-p1", "-d", str(endpoint.file.parent.parent)],
        input=advice["patch"],
        text=True,
        check=True,
    )

    endpoint.tamper(endpoint.the(ONLINE_ENDPOINT), "properties.traffic", "{}")
    endpoint.tamper(endpoint.the("azure-native:containerregistry:Registry"),
                    "adminUserEnabled", "true")  # fmt: skip
    for kind, end in (
        ("azure-native:containerregistry:TaskRun", "-iris-1-0-image"),
        ("azure-native:authorization:RoleAssignment", "-endpoint-pulls-images"),
    ):
        endpoint.sandbox("delete", endpoint.the(kind, end))
    [green] = [each["name"] for each in endpoint.nodes if each["name"].startswith("green")]
    endpoint.on(green, "pkill", "-STOP", "-u", "scoring", "R")

    found = endpoint.diagnosed()
    assert {kind: place for kind, place in found if kind != "exposure-differs"} == {
        "traffic-nowhere": "endpoint",
        "score-slow": "deployment green",
        "image-missing": "registry",
        "pull-denied": "identity",
    }
    [exposed] = [place for kind, place in found if kind == "exposure-differs"]
    assert exposed.startswith("registry ")

    # As the run-books say, with the recommendation on the way.
    endpoint.on(green, "pkill", "-CONT", "-u", "scoring", "R")
    endpoint.must("up", "--no-sample", "--", "--refresh", "--replace", "**-traffic")
    assert endpoint.diagnosed() == {}
    more = evaluated(endpoint, "--strategy", "thread", "--min-threads=2", "--max-threads=4",
                     "--increment=2")  # fmt: skip
    enough = [
        stage
        for stage in more["stages"]
        if stage["throughput"] >= LOAD and stage["answers"]["p95"] <= 0.25 and not stage["errors"]
    ]
    assert enough, more["stages"]


def test_nothing_is_left(endpoint: Endpoint) -> None:
    endpoint.write("{ blue: 100 }")
    endpoint.must("up", "--no-sample")
    endpoint.must("destroy", "--yes")

    assert json.loads(sandbox(endpoint.engine.environment, "resources", "--json")) == []
    assert endpoint.nodes == []
