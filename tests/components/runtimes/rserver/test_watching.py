"""How a node finds out how it is: against little servers that stand for the product."""

import json
import socket
import threading
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from components.runtimes.rserver.node import diagnose, running_requests, watch
from tests.support import pretending

PASSES = {"statusCode": "pass"}
FAILS = {"statusCode": "fail"}
HEALTHY = {
    "statusCode": "warn",
    "components": {
        "backends": {"statusCode": "warn", "components": {"http://a/": PASSES, "http://b/": FAILS}},
        "authentication": PASSES,
        "database": PASSES,
    },
}
WORDS = ["pass"]


class Product(BaseHTTPRequestHandler):
    """The routes that are asked."""

    answers: dict[str, tuple[int, object]]

    def do_GET(self):
        if self.path == "/status" and self.headers.get("Authorization") != "Bearer a-token":
            return self.answer(401, {})
        return self.answer(*self.answers.get(self.path, (404, {})))

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path in self.answers:
            self.answers[self.path] = (
                self.answers[self.path][0],
                {"computeNodes": body["entries"]},
            )
            return self.answer(*self.answers[self.path])
        good = body == {"username": "admin", "password": "Correct-Horse-1"}
        return self.answer(200 if good else 401, {"access_token": "a-token"} if good else {})

    def answer(self, status, body):
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_arguments):
        pass


@contextmanager
def serving(**answers):
    kind = type(
        "Served", (Product,), {"answers": {f"/{key}": each for key, each in answers.items()}}
    )
    server = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    with pretending.serving(server):
        yield server.server_port


@pytest.fixture
def runtime(tmp_path, monkeypatch):
    for module in (watch, diagnose):
        monkeypatch.setattr(module, "RUNTIME", str(tmp_path))
    (tmp_path / "health").mkdir()
    return tmp_path


def system(monkeypatch, folder, **states):
    """Let systemctl say this of units."""
    cases = "".join(f"{name}) echo {state};; " for name, state in states.items())
    program = folder / "systemctl"
    program.write_text(f"#!/bin/sh\nshift\nfor unit; do case $unit in {cases} esac; done\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def watcher(*ports):
    parts = ["compute", "web"][: len(ports)]
    section = {
        "parts": parts,
        "listen": {part: {"own": port} for part, port in zip(parts, ports, strict=True)},
    }
    services = ["rserve", "webnode", "operationalization-proxy.service"]
    return watch.Watch({"role": "one-box", "one-box": section, "services": services})


def health(runtime):
    return sorted(path.name for path in (runtime / "health").iterdir())


def test_a_node_is_ready_while_the_product_runs_and_answers_and_nobody_drains_it(
    runtime, monkeypatch
):
    system(monkeypatch, runtime, rserve="active", webnode="active")
    with serving() as one, serving() as other:
        seen = watcher(one, other)
        seen.tell()
        assert health(runtime) == ["live"], "it has not been configured yet"
        (runtime / "state.map").write_text("state ready\n")
        seen.tell()
        assert health(runtime) == ["live", "ping"]
        (runtime / "state.map").write_text("state draining\n")
        seen.tell()
        assert health(runtime) == ["live"]


def test_one_look_that_fails_is_forgiven_and_three_in_a_row_are_not(runtime, monkeypatch):
    (runtime / "state.map").write_text("state ready\n")
    system(monkeypatch, runtime, rserve="active", webnode="active")
    with serving() as port:
        seen = watcher(port)
        seen.tell()
        system(monkeypatch, runtime, rserve="active", webnode="failed")
        found = []
        for _ in range(3):
            seen.tell()
            found.append(health(runtime))
        assert found == [["live", "ping"], ["live", "ping"], []]
        system(monkeypatch, runtime, rserve="active", webnode="active")
        seen.tell()
        assert health(runtime) == ["live", "ping"]


def test_a_product_that_runs_and_answers_nobody_is_not_alive(runtime, monkeypatch):
    system(monkeypatch, runtime, rserve="active", webnode="active")
    with socket.create_server(("127.0.0.1", 0)) as deaf, ExitStack() as stack:
        port = stack.enter_context(serving())
        monkeypatch.setattr(watch.http.client.HTTPConnection, "getresponse", _refuse(port))
        seen = watcher(port, deaf.getsockname()[1])
        seen.tell()

    assert health(runtime) == []


def _refuse(port):
    real = watch.http.client.HTTPConnection.getresponse

    def answer(connection):
        if connection.port != port:
            raise TimeoutError
        return real(connection)

    return answer


LOGIN = {"account": "admin", "secret": "admin-password", "words": WORDS}


def test_a_web_node_serves_when_database_log_in_and_one_compute_node_pass(runtime):
    with serving(status=(200, HEALTHY)) as port:
        diagnose.web(port, LOGIN, "Correct-Horse-1", WORDS, [])

    assert json.loads((runtime / "status.json").read_text()) == HEALTHY


def test_a_web_node_takes_compute_nodes_of_others_out_of_the_list_and_touches_it_once(runtime):
    """A restored database has the addresses of the set that it is a copy of (facts.md 11)."""
    own = ["https://10.0.0.9:12805", "https://10.0.0.8:12805"]
    restored = {"computeNodes": ["https://10.0.0.4:12805", *own]}
    with serving(status=(200, HEALTHY), computenodes=(200, restored)) as port:
        diagnose.web(port, LOGIN, "Correct-Horse-1", WORDS, own)
        assert diagnose.call(port, "GET", "/computenodes", None, "") == (
            200,
            json.dumps({"computeNodes": own}),
        )
        # The same in another order is the same: nothing is sent.
        diagnose.web(port, LOGIN, "Correct-Horse-1", WORDS, own[::-1])
        assert json.loads(diagnose.call(port, "GET", "/computenodes", None, "")[1]) == {
            "computeNodes": own
        }


def test_a_web_node_that_may_not_say_which_compute_nodes_there_are_is_not_ready(runtime):
    with (
        serving(status=(200, HEALTHY), computenodes=(403, {})) as port,
        pytest.raises(diagnose.NotYet, match="/computenodes answers 403"),
    ):
        diagnose.web(port, LOGIN, "Correct-Horse-1", WORDS, ["http://10.0.0.9:12805"])


@pytest.mark.parametrize(
    ("name", "component", "why"),
    [
        ("database", FAILS, '/status: database does not pass: {"statusCode": "fail"}'),
        ("ldap", FAILS, '/status: ldap does not pass: {"statusCode": "fail"}'),
        (
            "backends",
            {"components": {"a": FAILS}},
            '/status: no compute node passes: {"components": {"a": {"statusCode": "fail"}}}',
        ),
        ("backends", None, "/status: no compute node passes: null"),
    ],
)
def test_what_does_not_pass_is_named(name, component, why):
    with pytest.raises(diagnose.NotYet) as refused:
        diagnose.judge({"components": {**HEALTHY["components"], name: component}}, WORDS)

    assert str(refused.value) == why


def test_9_0_says_it_in_another_word():
    green = {"statusCode": "green"}
    status = {"components": {"database": green, "backends": {"components": {"x": green}}}}

    diagnose.judge(status, ["pass", "green"])
    with pytest.raises(diagnose.NotYet):
        diagnose.judge(status, ["pass"])


def test_a_wrong_password_is_not_in_what_is_said_of_it(runtime):
    with serving() as port, pytest.raises(diagnose.NotYet) as refused:
        diagnose.web(port, LOGIN, "wrong", WORDS, [])

    assert str(refused.value) == "/login of admin answers 401"


def test_where_a_directory_knows_the_users_strangers_are_refused(runtime):
    with serving(status=(200, HEALTHY)) as port:
        diagnose.web(port, {}, "", [], [])


def test_a_compute_node_without_r_shells_is_not_ready(runtime, monkeypatch):
    pgrep = runtime / "pgrep"
    pgrep.write_text("#!/bin/sh\nexit ${STATUS}\n")
    pgrep.chmod(0o755)
    monkeypatch.setenv("PATH", f"{runtime}:/usr/bin:/bin")
    with serving() as port, socket.create_server(("127.0.0.1", 0)) as rserve:
        monkeypatch.setenv("STATUS", "0")
        diagnose.compute(port, rserve.getsockname()[1])
        monkeypatch.setenv("STATUS", "1")
        with pytest.raises(diagnose.NotYet, match="no R shell runs as rserve2"):
            diagnose.compute(port, rserve.getsockname()[1])
    with serving() as port, pytest.raises(diagnose.NotYet, match="Rserve on port"):
        diagnose.compute(port, rserve_port())


def rserve_port():
    with socket.create_server(("127.0.0.1", 0)) as gone:
        return gone.getsockname()[1]


def test_running_requests_are_those_but_the_one_that_asks(tmp_path):
    answer = (
        b"HTTP/1.1 200 OK\r\n\r\nActive connections: 9 \nserver accepts handled requests\n"
        b" 12 12 31 \nReading: 1 Writing: 3 Waiting: 5 \n"
    )
    path = str(tmp_path / "status.sock")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen()
        thread = threading.Thread(target=_answer_once, args=(listening, answer))
        thread.start()
        found = running_requests.ask(path)
        thread.join()

    assert running_requests.running(found) == 3
    with pytest.raises(ValueError, match="has no numbers"):
        running_requests.running("")


def _answer_once(listening, answer):
    connection, _ = listening.accept()
    with connection:
        connection.recv(4096)
        connection.sendall(answer)
