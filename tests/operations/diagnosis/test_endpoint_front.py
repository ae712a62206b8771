"""The way in to a managed endpoint, asked for real: HTTPS in this process, by its name."""

import json
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from model_folders import reading
from operations.diagnosis.endpoint import front
from operations.diagnosis.endpoint.judging import judge
from operations.endpoint import Endpoint
from operations.errors import OperationError
from tests.support.diagnosed_endpoint import PRIVATE, PUBLIC, Sick, endpoint_of
from tests.support.engine import ROOT
from tests.support.web import Authority, Heard, https

IRIS = reading.read(ROOT / "models/iris")


@dataclass
class Service:
    """An endpoint that answers what a test says, and how it is reached."""

    endpoint: Endpoint
    trusts: Authority
    answers: list[tuple[int, Any]] = field(default_factory=lambda: [(200, IRIS.answer)])
    heard: list[Heard] = field(default_factory=list)
    open: bool = False

    def bearer(self, _endpoint: Endpoint) -> str:
        return "token"

    def address(self, _host: str) -> str:
        return "127.0.0.1"

    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cadata=self.trusts.pem)

    def respond(self, heard: Heard) -> tuple[int, Any]:
        self.heard.append(heard)
        if "Authorization" not in heard.headers and not self.open:
            return 401, {"error": {"message": "no credential"}}
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def look(self, *, private: bool = False) -> front.Front:
        return front.look(self.endpoint, self, {"blue": IRIS}, private=private)


@contextmanager
def serving(folder: Path, stack: str = PUBLIC, *, days: float = 30) -> Iterator[Service]:
    authority = Authority()
    made = Service(endpoint_of(stack), authority)
    host = made.endpoint.uri.split("/")[2]
    with https(folder, authority, made.respond, host, days=days) as url:
        port = url.rpartition(":")[2]
        made.endpoint = replace(made.endpoint, uri=f"https://{host}:{port}/score")
        yield made


def ids(found: front.Front, stack: str = PUBLIC) -> list[str]:
    return [
        each.id for each in judge(replace(Sick(stack).evidence(), front=found, now=time.time()))
    ]


def test_each_deployment_is_asked_its_own_request_and_the_traffic_is(tmp_path: Path) -> None:
    with serving(tmp_path) as service:
        found = service.look()

    assert ids(found) == []
    assert [(each.deployment, each.status, each.right) for each in found.answers] == [
        ("blue", 200, True),
        ("", 200, True),
    ]
    asked = {each.headers.get("azureml-model-deployment"): each for each in service.heard[1:]}
    assert set(asked) == {"blue", None}
    assert json.loads(asked["blue"].body) == IRIS.request


def test_who_shows_no_credential_sends_no_inputs(tmp_path: Path) -> None:
    with serving(tmp_path) as service:
        assert service.look().stranger == 401
        (stranger,) = [each for each in service.heard if "Authorization" not in each.headers]
        assert stranger.body == b"{}"
        service.open = True
        assert ids(service.look()) == ["credential-unneeded"]


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (401, {"error": {"message": "wrong"}}, ["credential-refused"]),
        (424, {"message": "missing inputs"}, ["score-failed"]),
        (200, {"species": "a tulip"}, ["score-wrong"]),
        (404, {"error": {"message": "no traffic"}}, ["score-refused"]),
    ],
)
def test_what_comes_back_is_judged(
    tmp_path: Path, status: int, body: dict[str, Any], expected: list[str]
) -> None:
    with serving(tmp_path) as service:
        service.answers = [(status, body)]
        assert ids(service.look()) == expected


def test_nothing_is_sent_to_whom_nobody_trusts(tmp_path: Path) -> None:
    with serving(tmp_path) as service:
        service.trusts = Authority()
        assert ids(service.look()) == ["uri-untrusted"]
        assert service.heard == []


def test_an_expired_certificate_is_said_to_be_one(tmp_path: Path) -> None:
    with serving(tmp_path, days=-0.01) as service:
        assert ids(service.look()) == ["uri-expired"]
        assert service.heard == []


def test_a_private_endpoint_whose_name_leads_here_is_asked(tmp_path: Path) -> None:
    with serving(tmp_path, PRIVATE) as service:
        found = service.look(private=True)

    assert not found.outside
    assert ids(found, PRIVATE) == []


def test_an_address_that_nobody_knows(tmp_path: Path) -> None:
    with serving(tmp_path) as service:

        def unknown(_host: str) -> str:
            raise OperationError("it has none", "here", "it is not of this sandbox", "deploy it")

        service.address = unknown  # type: ignore[method-assign]
        assert ids(service.look()) == ["uri-unresolved"]
        assert service.look(private=True).outside


def test_nobody_listens(tmp_path: Path) -> None:
    with serving(tmp_path) as service:
        pass

    assert ids(service.look()) == ["uri-closed"]
