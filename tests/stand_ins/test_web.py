"""The web node's API, version by version, over compute nodes made of words (facts.md 12, 13)."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import httpx
import pytest

from stand_ins.product.appsettings import ConfigurationError
from stand_ins.product.passwords import hashed
from stand_ins.product.serving import Answer, Route, Server
from stand_ins.product.web.node import server
from stand_ins.product.web.signing import new_key
from stand_ins.versions import VERSIONS
from tests.support.stand_in_nodes import compute_node, serving, web_node
from tests.support.stand_ins import PASSWORD, free_ports, signed_in

HASH, KEY = hashed(PASSWORD), new_key()
SERVICE = {
    "code": "y <- x",
    "inputParameterDefinitions": [{"name": "x", "type": "numeric"}],
    "outputParameterDefinitions": [{"name": "y", "type": "numeric"}],
}


def prepare(machine, *uris, **more):
    """Write what set-up writes."""
    values = {
        "configured": "configured",
        "Kestrel__Port": free_ports(1)[0],
        "Authentication__AdminPassword": HASH,
        "Authentication__JWTKey": KEY,
        f"{machine.version.section}__Uris__Values": list(uris),
    }
    machine.change("web", **(values | more))
    return machine


@pytest.fixture(params=["9.0.1", "9.1.0", "9.4.7"])
def world(request, node, tmp_path):
    """A signed-in client, the machine, and its compute node."""
    product = "mlserver" if request.param == "9.4.7" else "rserver"
    machine = node(product, request.param)
    with ExitStack() as stack:
        compute, port = stack.enter_context(compute_node(machine.version, tmp_path / "services"))
        prepare(machine, f"http://127.0.0.1:{port}")
        client = stack.enter_context(
            signed_in(stack.enter_context(web_node(machine.version)), "admin")
        )
        yield client, machine, compute


def test_everything_but_the_log_in_needs_a_token(world):
    client, machine, _ = world
    del client.headers["Authorization"]
    paths = [
        "/status",
        "/services",
        "/sessions",
        "/snapshots",
        "/services/a/1",
        "/api/a/1/swagger.json",
    ]
    if machine.version.compute_nodes:
        paths.append("/computenodes")
    for path in paths:
        refused = client.get(path)
        assert (refused.status_code, list(refused.json())) == (401, ["message"]), path
        assert refused.headers["X-Stand-In"] == machine.version.stand_in
    client.headers["Authorization"] = "Bearer x.y.z"
    assert client.get("/services").status_code == 401


def test_a_service_lives(world):
    client, _, _ = world
    made = client.post("/services/a/1.0", json=SERVICE)
    assert made.status_code == 201
    assert client.post("/services/a/1.0", json=SERVICE).status_code == 403
    other = client.post("/services/a", json=SERVICE)
    assert other.status_code == 201
    assert [s["version"] for s in client.get("/services/a").json()] == [
        "1.0",
        other.json()["version"],
    ]
    assert client.get("/services/a/1.0").json()[0]["code"] == "y <- x"
    answer = client.post("/api/a/1.0", json={"x": 1}).json()
    assert list(answer) == [
        "success",
        "errorMessage",
        "outputParameters",
        "consoleOutput",
        "changedFiles",
    ]
    assert answer["outputParameters"] == {"x": 1, "seen": ""}
    assert client.patch("/services/a/1.0", json={"description": "d"}).json()["description"] == "d"
    assert client.delete("/services/a/1.0").status_code == 200
    assert client.post("/api/a/1.0", json={"x": 1}).status_code == 404


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (SERVICE | {"model": "x"}, "model: is not a field"),
        (SERVICE | {"code": ""}, "code: is missing"),
        (SERVICE | {"code": 1}, "code: must be of type string"),
        (SERVICE | {"runtimeType": "Python"}, "runtimeType"),
        (SERVICE | {"snapshotId": "x"}, "there is no such snapshot"),
        (SERVICE | {"inputParameterDefinitions": [{"name": "x", "type": "t"}]}, "must be one of"),
        (SERVICE | {"inputParameterDefinitions": {"x": "numeric"}}, "must be of type array"),
        ([], "must be a JSON object"),
    ],
)
def test_what_is_no_service_is_refused(world, body, words):
    client, _, _ = world
    refused = client.post("/services/a/1.0", json=body)
    assert refused.status_code == 400
    assert words in refused.json()["message"]


def test_a_session_lives_and_a_service_is_made_of_its_snapshot(world):
    client, _, compute = world
    session = client.post("/sessions", json={"name": "s"})
    assert session.status_code == 201
    path = f"/sessions/{session.json()['sessionId']}"
    said = client.post(f"{path}/execute", json={"code": "x <- 1", "outputParameters": ["x"]}).json()
    assert said["outputParameters"] == [{"name": "x", "value": 1}]
    kept = client.post(f"{path}/snapshot", json={"name": "k"})
    assert kept.status_code == 201
    known = kept.json()["snapshotId"]
    other = f"/sessions/{client.post('/sessions', json={'snapshotId': known}).json()['sessionId']}"
    assert client.get(f"{other}/workspace").json() == ["x <- 1"]
    client.post("/services/s/1", json=SERVICE | {"snapshotId": known})
    assert client.post("/api/s/1", json={}).json()["outputParameters"] == {"seen": '["x <- 1"]'}
    assert [s["id"] for s in client.get("/snapshots").json()] == [known]
    assert client.delete(path).status_code == 200
    assert client.delete(f"{other}/force").status_code == 200
    assert client.get("/sessions").json() == []
    assert client.delete(f"/snapshots/{known}").status_code == 200
    assert client.post(f"{path}/execute", json={"code": "1"}).status_code == 404
    assert all(shell.closed for shell in compute.pool.made[:2])


def test_tokens_are_refreshed_once_and_revoked(world):
    client, _, _ = world
    login = {"username": "admin", "password": PASSWORD}
    pair = client.post("/login", json=login).json()
    assert pair["token_type"] == "Bearer"
    assert pair["expires_in"] == 3600
    refresh = {"refreshToken": pair["refresh_token"]}
    again = client.post("/login/refreshToken", json=refresh)
    assert again.status_code == 200
    assert client.post("/login/refreshToken", json=refresh).status_code == 401
    gone = client.delete(
        "/login/refreshToken", params={"refreshToken": again.json()["refresh_token"]}
    )
    assert gone.status_code == 200
    assert client.post("/login", json=login | {"password": "wrong"}).status_code == 401
    assert client.post("/login", json=login | {"username": "administrator"}).status_code == 401


def test_the_words_of_a_status_are_the_versions(world):
    client, machine, _ = world
    report = client.get("/status").json()
    assert report["statusCode"] == machine.version.good
    [backend] = report["components"]["backends"]["components"].values()
    details = {"9.0.1": "can Open Shell", "9.1.0": "rCanOpenShell", "9.4.7": "pythonCanOpenShell"}
    known = details[machine.version.version]
    assert (
        backend["details"][known]
        == {"9.0.1": True, "9.1.0": "True", "9.4.7": "False"}[machine.version.version]
    )
    assert report["details"]["version"] == f"{machine.version.version} (stand-in)"


def test_what_a_version_does_not_have_is_not_there(world):
    client, machine, _ = world
    version = machine.version
    client.post("/services/a/1", json=SERVICE)
    has = {200: True, 404: False}
    assert has[client.get("/computenodes").status_code] == version.compute_nodes
    assert has[client.get("/api/a/1/batch").status_code] == version.batch
    assert has[client.get("/services/a/1/pool").status_code] == version.pools
    realtime = client.post("/realtime-services/a").status_code
    assert realtime == (501 if version.realtime else 404)


@pytest.mark.parametrize("world", ["9.1.0", "9.4.7"], indirect=True)
def test_a_batch_is_answered_later(world):
    client, _, _ = world
    client.post("/services/a/1", json=SERVICE)
    known = client.post("/api/a/1/batch", json=[{"x": 1}, {"x": 2}]).json()["batchExecutionId"]
    state = {}
    while state.get("state") != "complete":
        state = client.get(f"/api/a/1/batch/{known}").json()
    assert [r["outputParameters"]["x"] for r in state["batchExecutionResults"]] == [1, 2]
    assert client.get("/api/a/1/batch/other").status_code == 404


def test_pages_of_the_declared_origins_may_call(world, tmp_path):
    client, machine, _ = world
    assert (
        "Access-Control-Allow-Origin"
        not in client.get("/status", headers={"Origin": "http://a"}).headers
    )
    prepare(machine, "http://127.0.0.1:1", CORS={"Enabled": True, "Origins": ["http://a"]})
    with web_node(machine.version) as port, signed_in(port) as other:
        for origin, allowed in (("http://a", "http://a"), ("http://b", None)):
            answer = other.get("/services", headers={"Origin": origin})
            assert answer.headers.get("Access-Control-Allow-Origin") == allowed
            answer = other.options("/services", headers={"Origin": origin})
            assert answer.headers.get("Access-Control-Allow-Origin") == allowed


def test_the_file_only_seeds_the_list_of_compute_nodes(node, tmp_path):
    machine = prepare(node("mlserver", "9.2.1"), "http://127.0.0.1:1")
    with web_node(machine.version) as port, signed_in(port) as client:
        assert client.get("/computenodes").json() == {"computeNodes": ["http://127.0.0.1:1"]}
        more = {"entries": ["http://10.0.0.1-3:12805"]}
        assert client.put("/computenodes", json=more).json()["computeNodes"] == [
            "http://10.0.0.1-3:12805",
            "http://127.0.0.1:1",
        ]
        body = json.dumps({"entries": ["http://127.0.0.1:1"]})
        client.request("DELETE", "/computenodes", content=body)
        assert client.get("/computenodes").json()["computeNodes"] == more["entries"]
        bad = client.put("/computenodes", json={"entries": ["10.0.0.0/24"]})
        assert bad.status_code == 400
    prepare(machine, "http://127.0.0.1:1", "http://127.0.0.1:2")
    with web_node(machine.version) as port, signed_in(port) as client:
        # Who was removed stays away, who is new in the file comes.
        assert client.get("/computenodes").json()["computeNodes"] == [
            "http://10.0.0.1-3:12805",
            "http://127.0.0.1:2",
        ]
        assert client.post("/computenodes", json={"entries": ["http://h:1"]}).json() == {
            "computeNodes": ["http://h:1"]
        }


def test_addresses_of_a_range_that_nobody_has_fail_and_change_nothing(node, tmp_path):
    machine = node("mlserver", "9.3.0")
    with compute_node(machine.version, tmp_path / "services") as (_, port):
        section = machine.version.section
        prepare(machine, **{f"{section}__Uris__Ranges": [f"http://127.0.0.1-2:{port}"]})
        other = free_ports(1)[0]
        with web_node(machine.version) as web, signed_in(web) as client:
            report = client.get("/status").json()
            assert report["statusCode"] == "pass"
            client.put("/computenodes", json={"entries": [f"http://127.0.0.1:{other}"]})
            report = client.get("/status").json()
            codes = {
                uri: found["statusCode"]
                for uri, found in report["components"]["backends"]["components"].items()
            }
            assert codes[f"http://127.0.0.1:{port}/"] == "pass"
            assert codes[f"http://127.0.0.1:{other}/"] == "fail"
            assert report["statusCode"] == "warn"
            client.post("/services/a/1", json=SERVICE)
            for _ in range(4):
                assert client.post("/api/a/1", json={"x": 1}).status_code == 200
    # Without any compute node nothing works, and it says so.
    with web_node(machine.version) as web, signed_in(web) as client:
        assert client.get("/status").json()["statusCode"] == "fail"
        refused = client.post("/api/a/1", json={"x": 1})
        assert refused.status_code == 503
        assert refused.json()["message"].startswith("BackEndBusy")


def test_a_compute_node_that_goes_away_loses_no_call(node, tmp_path):
    """One says that it cannot, one ends in the middle of a request, one is there (facts.md 17)."""
    machine = node("mlserver", "9.4.7")

    def away(_call):
        return Answer({}, 502)

    def gone(call):
        if call.method == "POST":
            raise ConnectionResetError

    status = {"most": 1, "active": 0, "there": 1, "open": True, "logPath": ""}
    with ExitStack() as stack:
        _, good = stack.enter_context(compute_node(machine.version, tmp_path / "services"))
        ports = [good]
        paths = [
            Route("GET", "/status", lambda _call: Answer(status)),
            Route("POST", "/services/{digest}/consume", away),
        ]
        for guard in (lambda _call: None, gone):
            found = Server(0, paths, "test", guard=guard)
            ports.append(stack.enter_context(serving(found)))
        prepare(machine, *[f"http://127.0.0.1:{port}" for port in ports])
        client = stack.enter_context(signed_in(stack.enter_context(web_node(machine.version))))
        client.post("/services/a/1", json=SERVICE)
        for number in range(6):
            answer = client.post("/api/a/1", json={"x": number})
            assert answer.json()["outputParameters"]["x"] == number


def test_a_body_may_come_in_chunks(world):
    client, _, _ = world
    client.post("/services/a/1", json=SERVICE)
    parts = iter([b'{"x"', b": 1", b"}"])
    answer = client.post("/api/a/1", content=parts)
    assert answer.json()["outputParameters"]["x"] == 1


def test_what_was_asked_for_is_answered_before_the_end():
    asked, go = threading.Event(), threading.Event()

    def slow(_call):
        asked.set()
        go.wait(10)
        return Answer("done")

    found = Server(0, [Route("GET", "/", slow)], "test")
    port = found.server_address[1]
    with ThreadPoolExecutor(2) as pool:
        running = pool.submit(found.serve_until_ended)
        answer = pool.submit(httpx.get, f"http://127.0.0.1:{port}/", timeout=10)
        asked.wait(10)
        found.shutdown()
        go.set()
        assert answer.result(10).json() == "done"
        running.result(10)


def test_a_second_web_node_with_sqlite_is_refused(installed, tmp_path, monkeypatch):
    first, second = tmp_path / "first", tmp_path / "second"
    version = VERSIONS["mlserver", "9.4.7"]
    with ExitStack() as stack:
        _, port = stack.enter_context(compute_node(version, tmp_path / "services"))
        ports = []
        for folder in (first, second):
            folder.mkdir()
            monkeypatch.setenv("STAND_IN_ROOT", str(folder))
            prepare(installed(folder), f"http://127.0.0.1:{port}")
            ports.append(stack.enter_context(web_node(version)))
        clients = [stack.enter_context(signed_in(each)) for each in ports]
        assert clients[0].get("/status").json()["statusCode"] == "pass"
        clients[1].post("/services/a/1", json=SERVICE)
        refused = clients[1].post("/api/a/1", json={"x": 1})
        assert refused.status_code in (409, 503)
        assert clients[1].get("/status").json()["statusCode"] == "fail"
        answer = httpx.post(
            f"http://127.0.0.1:{port}/sessions", headers={"X-Stand-In-Database": "sqlite:other"}
        )
        assert "several web nodes need SQL Server or PostgreSQL" in answer.json()["message"]


def test_a_node_does_not_start_with_a_wrong_file(node):
    machine = node("rserver", "9.1.0")
    section = machine.version.section
    for changes, words in (
        ({f"{section}__Uris__Values": []}, "BackEndConfiguration is missing URIs"),
        ({"Authentication__AdminPassword": "plain"}, "no hash"),
        ({"Authentication__JWTKey": ""}, "no JWTKey and no JWTSigningCertificate"),
        ({"Kestrel__Port": "12800"}, "Kestrel.Port must be of type int"),
        ({"Kestrel__HttpsEnabled": True}, "HttpsCertificate.Enabled"),
        ({"Authorization__Reader": ["a"]}, "Authorization.Reader is not known in 9.1.0"),
    ):
        prepare(machine, "http://127.0.0.1:1", **{f"{section}__Uris__Values": ["http://a:1"]})
        prepare(machine, "http://127.0.0.1:1", **changes)
        with pytest.raises(ConfigurationError, match=words), serving(server(machine.version)):
            pass
        machine.settings("web").write_bytes(machine.settings("web").read_bytes())
        machine = node("rserver", "9.1.0")
