"""The way in, asked for real: the API of the open runtime over HTTPS in this process."""

import socket
import threading
from dataclasses import replace
from typing import Any

import pytest

from operations.diagnosis import front
from operations.diagnosis.judging import front as judging
from tests.operations.conftest import conninfo as conninfo
from tests.operations.conftest import web as web
from tests.server.conftest import database as database
from tests.server.conftest import migrated as migrated
from tests.server.conftest import server as server
from tests.support import diagnosed
from tests.support.diagnosed import DAY


def ids(found: front.Front, environment: Any, now: float) -> list[str]:
    wanted = replace(diagnosed.intended(), addresses=environment.addresses)
    return [each.id for each in judging.judge(found, wanted, now, ("pass",))]


def now(found: front.Front) -> float:
    (certificate,) = found.certificates.values()
    return certificate.until - 300 * DAY


def test_the_way_in_of_an_environment_is_followed_to_its_services(web: Any) -> None:
    found = front.look(web.environment, 1)

    assert [step.name for step in found.steps] == ["log in", "raw status", "list services"]
    assert [step.failed for step in found.steps] == ["", "", ""]
    assert len(found.reports) == len(found.pings) == front.CONNECTIONS
    # It has no compute node here.
    assert set(ids(found, web.environment, now(found))) <= {"status-failed", "endpoint-not-ready"}


def test_a_wrong_password_ends_the_trace_with_its_name(web: Any) -> None:
    found = front.look(replace(web.environment, password="another"), 1)

    assert [(step.name, bool(step.failed)) for step in found.steps] == [("log in", True)]
    assert "login-refused" in ids(found, web.environment, now(found))


def test_nothing_is_sent_to_who_is_not_trusted(web: Any) -> None:
    """The certificate there is for the address, and not for that name."""
    named = web.environment.endpoint.replace("127.0.0.1", "localhost")

    found = front.look(replace(web.environment, endpoint=named, addresses=("127.0.0.1",)), 1)

    assert (found.steps, found.pings) == ((), ())
    assert [each for each in ids(found, web.environment, now(found)) if "tls" in each] == [
        "tls-untrusted"
    ]


def test_where_nobody_listens_it_is_closed(web: Any) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    environment = replace(
        web.environment, endpoint=f"https://127.0.0.1:{port}", addresses=("127.0.0.1",)
    )

    found = front.look(environment, 1)

    assert list(found.closed) == ["127.0.0.1"]
    assert ids(found, environment, 0.0) == ["endpoint-closed"]


def test_what_does_not_speak_tls_is_not_trusted(web: Any) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]

        def refuse() -> None:
            connection, _ = listener.accept()
            connection.close()

        thread = threading.Thread(target=refuse)
        thread.start()
        found = front.look(
            replace(
                web.environment, endpoint=f"https://127.0.0.1:{port}", addresses=("127.0.0.1",)
            ),
            1,
        )
        thread.join()

    assert found.certificates["127.0.0.1"].refused == "it does not speak TLS"
    assert found.steps == ()


def test_a_name_that_nobody_knows(web: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(front.socket, "getaddrinfo", unknown)
    environment = replace(web.environment, endpoint="https://nowhere.invalid:12800", addresses=())

    found = front.look(environment, 1)

    assert "Name or service not known" in found.unresolved
    assert ids(found, environment, 0.0) == ["dns-unresolved"]
