"""A worker and the check of a model, as the nodes' units start them, in the nodes' own R."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import httpx
import pytest

from server.loader.shelf import Entry, Shelf
from tests.support.r import ROOT, command, require_r

pytestmark = pytest.mark.root

IRIS = ROOT / "models" / "iris"
SECONDS = 20


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with the worker's files and a shelf with one service."""
    require_r()
    folder = tmp_path_factory.mktemp("node")
    for file in (ROOT / "server" / "worker").glob("*.R"):
        shutil.copy(file, folder)
    (folder / "services").mkdir()
    shelf = Shelf(folder / "services")
    model = (IRIS / "model.rds").read_bytes()
    sha256 = hashlib.sha256(model).hexdigest()
    described = json.loads((IRIS / "service.json").read_text())
    shelf.add_model(sha256, model)
    shelf.replace([Entry("iris", "1.0", sha256, described["inputs"], described["outputs"])])
    return folder


@pytest.fixture(scope="module")
def worker(place):
    """A client of a running worker."""
    # A Unix socket's path has at most 107 characters.
    alias = Path("/tmp") / f"worker-{os.getpid()}"
    alias.symlink_to(place)
    process = subprocess.Popen(
        command(place, "worker.R", "worker.sock", "services"), process_group=0
    )
    try:
        until = time.monotonic() + SECONDS
        while not (place / "worker.sock").exists():
            assert process.poll() is None, "the worker ended"
            assert time.monotonic() < until, "the worker does not listen"
            time.sleep(0.02)
        transport = httpx.HTTPTransport(uds=str(alias / "worker.sock"))
        with httpx.Client(transport=transport, base_url="http://worker") as client:
            yield client
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        alias.unlink()


def test_a_request_is_answered_in_the_shape_of_the_product(worker):
    response = worker.post("/api/iris/1.0", content=(IRIS / "request.json").read_bytes())

    assert response.status_code == 200
    assert response.headers["content-type"].startswith("application/json")
    assert response.json() == {
        "success": True,
        "errorMessage": "",
        "outputParameters": json.loads((IRIS / "answer.json").read_text()),
        "consoleOutput": "",
        "changedFiles": [],
    }


def test_inputs_that_do_not_fit_are_a_failure_in_words(worker):
    response = worker.post("/api/iris/1.0", json={"Sepal.Length": 1})

    assert response.status_code == 200
    assert response.json()["success"] is False
    assert response.json()["errorMessage"] == (
        "missing inputs: Sepal.Width, Petal.Length, Petal.Width"
    )


@pytest.mark.parametrize("path", ["/api/iris/2.0", "/api/cars/1.0", "/api/.models/1.0"])
def test_what_nobody_published_is_not_there(worker, path):
    response = worker.post(path, json={})

    assert response.status_code == 404
    assert response.json() == {
        "message": "there is no such service and version: GET /services lists what is published"
    }


@pytest.mark.parametrize("body", [b"", b"{", b"7", b"[1]", b"service.R", b"\xff\x00"])
def test_a_body_that_is_no_object_of_json_is_refused(worker, body):
    response = worker.post("/api/iris/1.0", content=body)

    assert response.status_code == 400 or response.json()["success"] is False
    assert "cars" not in response.text


def test_a_worker_goes_on_after_all_of_that(worker):
    for _ in range(50):
        assert worker.post("/api/iris/1.0", content=b"{").status_code == 400
    response = worker.post("/api/iris/1.0", content=(IRIS / "request.json").read_bytes())

    assert response.json()["success"] is True


def check(place, body, length=None):
    """The status and the answer to a model that is looked into."""
    size = len(body) if length is None else length
    request = f"POST /check HTTP/1.1\r\nHost: compute\r\nContent-Length: {size}\r\n\r\n".encode()
    done = subprocess.run(
        command(place, "check.R"),
        input=request + body,
        capture_output=True,
        timeout=SECONDS,
        check=True,
    )
    head, _, answer = done.stdout.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(answer)


def test_a_model_is_loaded_and_its_inputs_are_named(place):
    assert check(place, (IRIS / "model.rds").read_bytes()) == (
        200,
        {"inputs": ["Sepal.Length", "Sepal.Width", "Petal.Length", "Petal.Width"]},
    )


def test_what_r_cannot_load_is_refused(place):
    status, answer = check(place, b"not a model")

    assert status == 422
    assert answer["message"].startswith("R cannot read the model: ")


def test_a_body_without_a_size_is_refused(place):
    status, answer = check(place, b"", 0)

    assert status == 400
    assert answer == {"message": "the model must have a length of 1 byte to 64 MiB"}
