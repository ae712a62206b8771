"""A model is looked into by a compute node, behind the node's own proxy."""

import asyncio
import json
import socketserver
import threading
from http.server import BaseHTTPRequestHandler

import pytest

from server.api.check import check_model
from server.api.definitions import Definition, Parameter
from server.api.errors import ApiError

DEFINITION = Definition(
    "", "cars", (Parameter("hp", "numeric"),), (Parameter("answer", "numeric"),), b"model"
)


class UnixServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


@pytest.fixture
def compute(tmp_path):
    """Starts a compute node that answers every check with a status and a body."""
    running = []

    def start(status, body):
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                size = int(self.headers["Content-Length"])
                heard.append((self.path, self.rfile.read(size)))
                content = json.dumps(body).encode() if body is not None else b"<html>"
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def address_string(self):
                return "unix"

            def log_message(self, *_arguments):
                pass

        heard = []
        server = UnixServer(str(tmp_path / "compute.sock"), Handler)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        running.append(server)
        return tmp_path / "compute.sock", heard

    yield start
    for server in running:
        server.shutdown()
        server.server_close()


def refusal(path):
    with pytest.raises(ApiError) as refused:
        asyncio.run(check_model(DEFINITION, path))
    return refused.value.status, refused.value.message


def test_a_function_with_the_declared_inputs_passes(compute):
    path, heard = compute(200, {"inputs": ["hp", "wt"]})
    asyncio.run(check_model(DEFINITION, path))

    assert heard == [("/check", b"model")]


def test_a_function_that_takes_anything_passes(compute):
    path, _ = compute(200, {"inputs": ["..."]})

    asyncio.run(check_model(DEFINITION, path))


@pytest.mark.parametrize(
    ("status", "body", "answer"),
    [
        (
            200,
            {"inputs": ["wt"]},
            (400, "inputParameterDefinitions: the model has no argument hp; it has wt"),
        ),
        (
            200,
            {"inputs": []},
            (400, "inputParameterDefinitions: the model has no argument hp; it has none"),
        ),
        (422, {"message": "not a function"}, (400, "model: not a function")),
        (
            502,
            None,
            (400, "model: R did not load it within 10 seconds and its share of memory"),
        ),
        (503, None, (503, "no compute node could check the model just now: try again")),
    ],
)
def test_any_other_answer_is_told_to_the_publisher(compute, status, body, answer):
    path, _ = compute(status, body)

    assert refusal(path) == answer


def test_without_a_proxy_the_check_cannot_be_made(tmp_path):
    assert refusal(tmp_path / "none.sock") == (
        503,
        "no compute node could check the model just now: try again",
    )
