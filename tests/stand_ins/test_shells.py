"""What runs in R shells: sessions, snapshots, services, pools (facts.md 13.3)."""

import threading
import time
from contextlib import ExitStack

import pytest

from tests.support.r import require_r
from tests.support.stand_ins import (
    PASSWORD,
    free_ports,
    signed_in,
    wait_for,
    wait_until_good,
)

pytestmark = pytest.mark.root


@pytest.fixture(scope="module")
def client(installed, tmp_path_factory):
    """A signed-in client of a one-box of 9.4.7, whose R is the nodes'."""
    require_r()
    node = installed(tmp_path_factory.mktemp("node"))
    node.with_r()
    web, compute, rserve = free_ports(3)
    node.change("web", Kestrel__Port=web)
    node.change("compute", Kestrel__Port=compute, RServePort=str(rserve), Pool__InitialSize=1)
    words = ("--admin-password", PASSWORD, "--confirm-password", PASSWORD)
    assert node.node("node setup --onebox", *words).returncode == 0
    with ExitStack() as stack:
        for name, port in (("rserve", rserve), ("compute", compute), ("web", web)):
            wait_for(port, stack.enter_context(node.running(name)))
        found = stack.enter_context(signed_in(web))
        wait_until_good(found)
        yield found


def execute(client, session, code, **more):
    answer = client.post(f"/sessions/{session}/execute", json={"code": code, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


def opened(client, **body):
    return client.post("/sessions", json=body).json()["sessionId"]


def consume(client, name, body, **service):
    client.post(f"/services/{name}/1", json={"code": "y <- x", **service})
    return client.post(f"/api/{name}/1", json=body).json()


def inputs(**types):
    return [{"name": name, "type": kind} for name, kind in types.items()]


def test_a_service_is_made_of_a_session(client):
    """The smoke test of the vendor's validator (facts.md 13.6)."""
    session = opened(client, name="smoke", runtimeType="R")
    fit = "model <- glm(am ~ hp + wt, data = mtcars, family = binomial); nrow(mtcars)"
    assert execute(client, session, fit)["consoleOutput"] == "[1] 32"
    snapshot = client.post(f"/sessions/{session}/snapshot", json={"name": "fit"}).json()
    answer = consume(
        client,
        "smoke",
        {"hp": 120, "wt": 2.8},
        code="answer <- predict(model, data.frame(hp = hp, wt = wt), type = 'response')",
        snapshotId=snapshot["snapshotId"],
        inputParameterDefinitions=inputs(hp="numeric", wt="numeric"),
        outputParameterDefinitions=inputs(answer="numeric"),
    )
    assert answer["success"], answer
    assert answer["outputParameters"]["answer"] == pytest.approx(0.6418125)
    other = opened(client, snapshotId=snapshot["snapshotId"])
    assert client.get(f"/sessions/{other}/workspace").json() == ["model"]
    for path in (f"/sessions/{session}", f"/sessions/{other}/force"):
        assert client.delete(path).status_code == 200


def test_a_session_keeps_what_was_made_in_it(client):
    session = opened(client)
    said = execute(
        client,
        session,
        "z <- x + 1; cat('hello'); writeLines('text', 'out.txt')",
        inputParameters=[{"name": "x", "value": [1, 2]}],
        outputParameters=["z"],
    )
    assert said["outputParameters"] == [{"name": "z", "value": [2, 3]}]
    assert (said["consoleOutput"], said["changedFiles"]) == ("hello", ["out.txt"])
    path = f"/sessions/{session}"
    assert client.get(f"{path}/workspace/x").json() == [1, 2]
    assert client.get(f"{path}/workspace/nothing").status_code == 404
    assert client.get(f"{path}/files").json() == ["out.txt"]
    assert client.get(f"{path}/files/out.txt").content == b"text\n"
    assert client.get(f"{path}/console-output").json() == "hello"
    assert len(client.get(f"{path}/history").json()) == 1
    failed = execute(client, session, "stop('no')")
    assert (failed["success"], failed["errorMessage"]) == (False, "no")
    client.delete(path)


def test_what_a_session_does_can_be_cancelled(client):
    session = opened(client)
    found = []
    thread = threading.Thread(
        target=lambda: found.append(execute(client, session, "cat('x'); Sys.sleep(60)"))
    )
    begun = time.monotonic()
    thread.start()
    while not found and time.monotonic() < begun + 30:
        client.post(f"/sessions/{session}/cancel")
        thread.join(0.2)
    assert (found[0]["success"], found[0]["errorMessage"]) == (False, "cancelled")
    assert execute(client, session, "1 + 1")["consoleOutput"] == "[1] 2"
    client.delete(f"/sessions/{session}")


def test_types_come_and_go_as_declared(client):
    kinds = {
        "a": "logical", "b": "integer", "c": "character", "d": "vector", "e": "matrix",
        "f": "data.frame",
    }  # fmt: skip
    body = {
        "a": True, "b": 3, "c": "\u00e9", "d": [1.5], "e": [[1, 2], [3, 4]],
        "f": {"u": [1, 2], "v": ["x", "y"]},
    }  # fmt: skip
    answer = consume(
        client,
        "types",
        body,
        code="stopifnot(is.logical(a), is.integer(b), is.matrix(e), is.data.frame(f))",
        inputParameterDefinitions=inputs(**kinds),
        outputParameterDefinitions=inputs(**kinds),
    )
    assert answer["success"], answer
    assert answer["outputParameters"] == body


@pytest.mark.parametrize(
    ("code", "body", "words"),
    [
        ("y <- x +", {"x": 1}, "unexpected end of input"),
        ("stop('never')", {"x": 1}, "never"),
        ("z <- 1", {"x": 1}, "the code made no y"),
        ("y <- x", {}, "missing inputs: x"),
        ("y <- x", {"x": "a"}, "input x: must be numeric"),
        ("y <- x", {"x": 1, "w": 2}, "unknown inputs: w"),
    ],
)
def test_a_failure_is_said_in_words(client, code, body, words):
    name = f"failure-{abs(hash((code, str(body))))}"
    answer = consume(
        client,
        name,
        body,
        code=code,
        inputParameterDefinitions=inputs(x="numeric"),
        outputParameterDefinitions=inputs(y="numeric"),
    )
    assert not answer["success"]
    assert words in answer["errorMessage"]
    assert answer["outputParameters"] == {}


def test_a_call_leaves_nothing_for_the_next(client):
    service = {
        "code": "y <- exists('left'); left <- 1; system('echo noise')",
        "outputParameterDefinitions": inputs(y="logical"),
    }
    client.post("/services/clean/1", json=service)
    for _ in range(3):
        answer = client.post("/api/clean/1", json={}).json()
        assert answer["outputParameters"] == {"y": False}
        assert answer["consoleOutput"] == "noise\n"


def test_a_shell_that_dies_is_replaced(client):
    service = {"code": "quit('no')", "outputParameterDefinitions": inputs(y="logical")}
    client.post("/services/quit/1", json=service)
    assert client.post("/api/quit/1", json={}).status_code == 503
    assert consume(
        client, "alive", {}, code="y <- 1", outputParameterDefinitions=inputs(y="numeric")
    )["success"]


def test_a_service_may_have_a_pool_of_its_own(client):
    service = {"code": "y <- Sys.getpid()", "outputParameterDefinitions": inputs(y="integer")}
    client.post("/services/pooled/1", json=service)
    path = "/services/pooled/1/pool"
    [state] = client.get(path).json()
    assert state["Status"] == "NotFound"
    assert client.post(path, json={"InitialPoolSize": 2, "MaxPoolSize": 1}).status_code == 400
    client.post(path, json={"InitialPoolSize": 1, "MaxPoolSize": 1})
    begun = time.monotonic()
    while client.get(path).json() != [state | {"Status": "Success"}]:
        assert time.monotonic() < begun + 30
        time.sleep(0.05)
    assert client.post("/api/pooled/1", json={}).json()["success"]
    assert client.delete(path).json() == [state | {"Status": "NotFound"}]
