"""A managed endpoint that runs: images are built, instances boot, requests are split and mirrored,
and whatever happens to an instance or a new version of it, callers are answered."""

import json
import os
import signal
import ssl
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.support import traces
from tests.support.engine import ROOT, Engine, Result, on_sandbox, run_sandbox, sandbox
from tests.support.live import SPEED, Live, require_nodes
from tests.support.waiting import until

pytestmark = [pytest.mark.engine, pytest.mark.root]

PROGRAM = Path(__file__).with_name("endpoint_program")
REQUEST = json.loads((ROOT / "models/iris/request.json").read_text())
ANSWER = json.loads((ROOT / "models/iris/answer.json").read_text())
API = (ROOT / "container/plumber.R").read_text()
OPTIONS = ("--speed", SPEED)
DEPLOYMENT = "azureml-model-deployment"

TELLING = API.replace(
    "score <- function(req, res) {\n", 'score <- function(req, res) {\n  message("scored")\n'
)
"""Says each score in its log."""
MOODY = API.replace(
    'pr_get(pr, "/ready", function() "ready")',
    'pr_get(pr, "/ready", function(res) '
    'if (file.exists("/tmp/tired")) refuse(res, 503L, "tired") else "ready")',
)
"""Not ready while there is a file."""
BROKEN = 'stop("this model is a placeholder")\n'
SLOW = API.replace(
    "score <- function(req, res) {\n", "score <- function(req, res) {\n  Sys.sleep(3)\n"
)

assert len({API, TELLING, MOODY, SLOW}) == 4


class Flowers(Live):
    """The endpoint of `endpoint_program`."""

    def __init__(self, engine: Engine) -> None:
        self.stack = "demo"
        self.engine = engine

    def deploy(self, plan: Mapping[str, Any]) -> Result:
        """Run the program with this plan."""
        return self.engine.up(self.stack, {"demo:plan": json.dumps(plan)})

    def up_with(self, plan: Mapping[str, Any]) -> Result:
        """The same, and it works."""
        result = self.deploy(plan)
        assert result.exit_code == 0, result.display
        return result

    def command(self, *arguments: str) -> str:
        return sandbox(self.engine.environment, *arguments)

    @contextmanager
    def caller(self, credential: str | None = "") -> Iterator[httpx.Client]:
        """A client that believes the sandbox's authority; "": with the endpoint's own key."""
        outputs = self.outputs()
        host = outputs["host"]
        address = self.command("address", host).strip()
        trust = ssl.create_default_context(cadata=self.command("certificate"))
        given = outputs["key"] if credential == "" else credential
        headers = {"Host": host}
        if given is not None:
            headers["Authorization"] = f"Bearer {given}"
        with httpx.Client(
            base_url=f"https://{address}",
            verify=trust,
            headers=headers,
            timeout=30,
            trust_env=False,
        ) as client:
            # The name is in no DNS: it is what the certificate is checked for.
            client.event_hooks["request"] = [
                lambda request: request.extensions.update(sni_hostname=host)
            ]
            yield client


def score(client: httpx.Client, deployment: str | None = None) -> httpx.Response:
    headers = {} if deployment is None else {DEPLOYMENT: deployment}
    return client.post("/score", json=REQUEST, headers=headers)


def who(client: httpx.Client, times: int) -> Counter[str]:
    """Which deployment answers how often; every answer must be right."""
    found: Counter[str] = Counter()
    for _ in range(times):
        answer = score(client)
        assert (answer.status_code, answer.json()) == (200, ANSWER), answer.text
        found[answer.headers[DEPLOYMENT]] += 1
    return found


class Constant:
    """A caller that never stops, and remembers what it was answered."""

    def __init__(self, flowers: Flowers) -> None:
        self._over = threading.Event()
        self.statuses: Counter[int | str] = Counter()
        self._thread = threading.Thread(target=self._ask, args=(flowers,))

    def __enter__(self) -> "Constant":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _ask(self, flowers: Flowers) -> None:
        with flowers.caller() as client:
            while not self._over.wait(0.01):
                try:
                    self.statuses[score(client).status_code] += 1
                except httpx.HTTPError as error:
                    self.statuses[repr(error)] += 1


@pytest.fixture(scope="module")
def untouched() -> dict[str, list[str]]:
    return traces.machine()


@pytest.fixture(scope="module")
def flowers(
    tmp_path_factory: pytest.TempPathFactory, untouched: dict[str, list[str]]
) -> Iterator[Flowers]:
    require_nodes()
    with on_sandbox(tmp_path_factory.mktemp("endpoint"), PROGRAM, options=OPTIONS) as engine:
        yield Flowers(engine)


BLUE: dict[str, Any] = {"deployments": {"blue": {}}, "traffic": {"blue": 100}}


def with_green(green: Mapping[str, Any], blue: int, **more: Any) -> dict[str, Any]:
    traffic = {name: part for name, part in (("blue", blue), ("green", 100 - blue)) if part}
    return {"deployments": {"blue": {}, "green": green}, "traffic": traffic, **more}


def test_it_answers_as_the_model_folder_says(flowers: Flowers) -> None:
    result = flowers.up_with(BLUE)

    assert "with buildah, from the sandbox's own image" in result.display
    assert [each["name"] for each in flowers.nodes] == ["blue-0"]
    with flowers.caller() as client:
        answer = score(client)
        assert (answer.status_code, answer.json()) == (200, ANSWER)
        assert answer.headers[DEPLOYMENT] == "blue"
        assert flowers.deploy(BLUE).changes == []


def test_who_has_no_credential_or_another_one_is_refused(flowers: Flowers) -> None:
    for credential in (None, "guess", flowers.outputs()["key"][:-1]):
        with flowers.caller(credential) as client:
            assert score(client).status_code == 401, credential


def test_what_the_service_refuses_has_its_status(flowers: Flowers) -> None:
    with flowers.caller() as client:
        wrong = client.post("/score", json={"Sepal.Length": 1})
        assert wrong.status_code == 424
        assert wrong.headers["ms-azureml-model-error-statuscode"] == "400"
        assert "missing inputs: Sepal.Width" in wrong.json()["message"]
        assert client.post("/other", json=REQUEST).status_code == 404
        assert score(client, "red").status_code == 404
        assert client.post("/score", content=b" " * (10 << 20) + b"{} ").status_code == 413


def test_an_instance_runs_as_nobody_and_reaches_nobody(flowers: Flowers) -> None:
    users = flowers.on("blue-0", "ps", "-eo", "user:20,comm").stdout.splitlines()
    said = flowers.command("logs", "blue-0")

    assert [line.split()[0] for line in users if line.split()[1] == "R"] == ["scoring"]
    assert "serving /opt/operationalization/plumber.R on port 8000" in said
    for target in ("169.254.169.254/80", "168.63.129.16/53", "10.0.0.4/443", "1.1.1.1/443"):
        script = f"exec 3<>/dev/tcp/{target}"
        tried = flowers.on("blue-0", "timeout", "2", "bash", "-c", script, check=False)
        assert tried.returncode != 0, target


def test_traffic_is_split_and_mirrored_as_declared(flowers: Flowers) -> None:
    flowers.up_with(with_green({"fix": {"plumber.R": TELLING}}, 100, mirror={"green": 50}))

    with flowers.caller() as client:
        assert who(client, 100) == {"blue": 100}
        # Copies are sent beside the answers: the last ones may be under way still.
        until(lambda: 25 <= scored(flowers) <= 75, "mirrored requests arrive", 10)
        assert score(client, "green").headers[DEPLOYMENT] == "green"

    flowers.up_with(with_green({"fix": {"plumber.R": TELLING}}, 50))
    with flowers.caller() as client:
        shares = who(client, 200)
    # 99.9 percent of all such rounds are within.
    assert 77 <= shares["green"] <= 123


def scored(flowers: Flowers) -> int:
    return flowers.command("logs", "green-0").splitlines().count("scored")


def test_an_instance_that_is_not_ready_gets_no_requests(flowers: Flowers) -> None:
    flowers.up_with(with_green({"fix": {"plumber.R": MOODY}, "failures": 2}, 50))
    name = next(each["name"] for each in flowers.nodes if each["name"].startswith("green"))

    flowers.on(name, "touch", "/tmp/tired")
    until(lambda: node(flowers, name)["healthy"] is False, "it is unwell", 20)
    with flowers.caller() as client:
        assert who(client, 60) == {"blue": 60}
        assert score(client, "green").status_code == 503
        flowers.on(name, "rm", "/tmp/tired")
        until(lambda: node(flowers, name)["healthy"], "it is well", 20)
        assert who(client, 100)["green"] > 0


def node(flowers: Flowers, name: str) -> dict[str, Any]:
    return next(each for each in flowers.nodes if each["name"] == name)


def test_a_new_version_takes_over_without_a_lost_request(flowers: Flowers) -> None:
    before = {each["name"] for each in flowers.nodes}

    with Constant(flowers) as constant:
        flowers.up_with(
            {
                "deployments": {"blue": {"environment": {"NEW": "1"}}, "green": {}},
                "traffic": {"blue": 50, "green": 50},
            }
        )
        flowers.up_with(BLUE | {"deployments": {"blue": {"environment": {"NEW": "1"}}}})

    assert set(constant.statuses) == {200}
    assert constant.statuses[200] > 20
    assert not before & {each["name"] for each in flowers.nodes}


def test_a_version_that_does_not_start_fails_with_its_log_and_the_old_one_serves(
    flowers: Flowers,
) -> None:
    before = flowers.nodes
    broken = {"fix": {"start_plumber.R": BROKEN}}

    with Constant(flowers) as constant:
        beside = flowers.deploy(
            {
                "deployments": {"blue": {"environment": {"NEW": "1"}}, "green": broken},
                "traffic": {"green": 100},
            }
        )
        in_place = flowers.deploy({"deployments": {"blue": broken}, "traffic": {"blue": 100}})

    for result in (beside, in_place):
        assert result.exit_code != 0
        assert "this model is a placeholder" in result.display
        assert "before it was ready" in result.display
    assert set(constant.statuses) == {200}
    flowers.up_with(
        {"deployments": {"blue": {"environment": {"NEW": "1"}}}, "traffic": {"blue": 100}}
    )
    assert [each["name"] for each in flowers.nodes] == [each["name"] for each in before]


def test_a_dockerfile_that_fails_fails_with_the_end_of_its_log(flowers: Flowers) -> None:
    wrong = (ROOT / "container/Dockerfile").read_text() + "RUN echo no such package >&2; false\n"

    result = flowers.deploy(with_green({"fix": {"Dockerfile": wrong}}, 100))

    assert result.exit_code != 0
    assert "no such package" in result.display
    assert not any(each["name"].startswith("green") for each in flowers.nodes)


def test_an_instance_that_is_killed_comes_back(flowers: Flowers) -> None:
    flowers.up_with({"deployments": {"blue": {"instances": 2}}, "traffic": {"blue": 100}})
    assert len(flowers.nodes) == 2
    victim = flowers.nodes[0]["name"]

    os.kill(traces.guests(flowers.home)[victim], signal.SIGKILL)

    with flowers.caller() as client:
        assert who(client, 50) == {"blue": 50}
    until(lambda: node(flowers, victim)["restarts"] == 1, "it starts again", 20)
    until(lambda: node(flowers, victim)["phase"] == "ready", "it is ready", 20)


def test_requests_wait_for_their_turn_and_not_for_ever(flowers: Flowers) -> None:
    slow = {"fix": {"plumber.R": SLOW}, "requests": {"timeout": "PT4S"}}
    flowers.up_with({"deployments": {"blue": slow}, "traffic": {"blue": 100}})

    statuses: Counter[int] = Counter()
    with flowers.caller() as client:
        several = [
            threading.Thread(target=lambda: statuses.update([score(client).status_code]))
            for _ in range(3)
        ]
        for each in several:
            each.start()
        for each in several:
            each.join()

    # One is answered, one waits too long, and one is more than may wait.
    assert statuses == {200: 1, 408: 1, 429: 1}


def test_instances_outlive_the_daemon_and_the_next_one_serves_them(flowers: Flowers) -> None:
    flowers.up_with(BLUE)
    running = traces.guests(flowers.home)

    daemon = psutil.Process(json.loads(flowers.home.running.read_text())["pid"])
    daemon.kill()
    daemon.wait(10)
    sandbox(flowers.engine.environment, "start", *OPTIONS)
    exports = sandbox(flowers.engine.environment, "env")
    ports = next(line for line in exports.splitlines() if "PULUMI_DEBUG_PROVIDERS" in line)
    flowers.engine.environment["PULUMI_DEBUG_PROVIDERS"] = ports.partition("=")[2]

    assert traces.guests(flowers.home) == running
    with flowers.caller() as client:
        assert who(client, 5) == {"blue": 5}


def test_a_token_lets_its_bearer_in_until_the_endpoint_is_another_one(flowers: Flowers) -> None:
    plan = {**BLUE, "authentication": "AMLToken"}
    assert flowers.engine.destroy("demo").exit_code == 0
    flowers.up_with(plan)
    token = flowers.command("token", flowers.outputs()["endpoint"]).strip()

    with flowers.caller(token) as client:
        assert who(client, 5) == {"blue": 5}
    with flowers.caller() as client:  # the key
        assert score(client).status_code == 401
    assert flowers.engine.destroy("demo").exit_code == 0
    flowers.up_with(plan)
    with flowers.caller(token) as client:
        assert score(client).status_code == 401


def test_destroy_leaves_nothing_but_the_daemon(
    flowers: Flowers, untouched: dict[str, list[str]]
) -> None:
    groups = traces.groups(flowers.home)

    result = flowers.engine.destroy("demo")

    assert result.exit_code == 0, result.display
    assert flowers.nodes == []
    left = traces.left(flowers.home, groups)
    assert [line for line in left if "sandbox start" not in line] == []
    assert traces.machine() == untouched
    assert [*flowers.home.hosts.iterdir()] == []
    assert not (flowers.home.root / "containers").exists()


def test_stop_ends_what_runs_and_start_goes_on(
    flowers: Flowers, untouched: dict[str, list[str]]
) -> None:
    flowers.up_with(BLUE)
    groups = traces.groups(flowers.home)

    assert run_sandbox(flowers.engine.environment, "stop").returncode == 0

    assert traces.left(flowers.home, groups) == []
    assert traces.machine() == untouched
