"""The client trusts one authority, renews its tokens, and says what is wrong where."""

import base64
import logging
import socket
import threading
import time

import pytest

from model_folders import reading
from operations import client as clients
from operations import connection
from operations.client import Client
from operations.connection import Reply
from operations.errors import OperationError
from operations.product import Expected, Product
from operations.prove import prove
from operations.stack import Environment
from tests.support import web as environments
from tests.support.api import PASSWORD
from tests.support.web import Authority, said


def changed(environment, **values):
    known = {
        "stack": environment.stack,
        "endpoint": environment.endpoint,
        "authority": environment.authority,
        "password": environment.password,
    }
    return Environment(**(known | values))


def refusal(environment):
    with Client(environment) as client, pytest.raises(OperationError) as refused:
        client.names()
    return refused.value


def test_one_login_serves_many_requests(web, client):
    client.names()
    client.names()

    assert web.paths() == ["POST /login", "GET /services", "GET /services"]


def test_a_certificate_of_another_authority_is_refused_before_anything_is_sent(web):
    refused = refusal(changed(web.environment, authority=Authority().pem))

    assert refused.what == "the environment's certificate is not trusted"
    assert refused.where == web.environment.endpoint
    assert web.heard == []


def test_a_certificate_for_another_address_is_refused(tmp_path, conninfo):
    with environments.environment(tmp_path, conninfo, address="192.0.2.7") as web:
        refused = refusal(web.environment)

        assert refused.what == "the environment's certificate is not trusted"
        assert refused.why == "IP address mismatch, certificate is not valid for '127.0.0.1'."
        assert web.heard == []


def test_a_certificate_that_was_brought_is_trusted_itself_whatever_its_names(tmp_path, conninfo):
    with environments.environment(tmp_path, conninfo, address="192.0.2.7") as web:
        own = (tmp_path / "web-server.pem").read_text().partition("-----BEGIN PRIVATE")[0]
        other = Authority()
        brought = changed(web.environment, authority=other.pem, certificate=own + other.pem)

        with Client(brought) as client:
            assert client.names() == ()


def test_where_one_was_brought_no_other_certificate_is_trusted(tmp_path, conninfo):
    authority = Authority()
    (tmp_path / "other").mkdir()
    authority.issue(tmp_path / "other")
    other = (tmp_path / "other" / "web-server.pem").read_text().partition("-----BEGIN PRIV")[0]
    with environments.environment(tmp_path, conninfo, authority=authority) as web:
        # Of the same authority and for the same address, and yet another one; so is its issuer.
        for chain in (other, other + authority.pem):
            refused = refusal(changed(web.environment, certificate=chain))
            assert refused.what == "the environment's certificate is not trusted"
        assert web.heard == []


def test_the_authorities_of_the_system_are_not_trusted(web, monkeypatch, tmp_path):
    known = tmp_path / "known.pem"
    known.write_text(web.environment.authority)
    monkeypatch.setenv("SSL_CERT_FILE", str(known))

    refused = refusal(changed(web.environment, authority=Authority().pem))

    assert refused.what == "the environment's certificate is not trusted"


def test_a_proxy_of_the_shell_is_not_used(web, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")

    with Client(web.environment) as client:
        assert client.names() == ()


def test_an_authority_that_is_none_is_said_so(web):
    with pytest.raises(OperationError, match=r"output certificateAuthority of stack 'test'"):
        Client(changed(web.environment, authority="certificate"))


def test_a_wrong_password_is_refused_and_not_shown(web):
    refused = refusal(changed(web.environment, password="not-this-one"))

    assert refused.what == "the login as admin is refused"
    assert "not-this-one" not in str(refused)


def test_a_token_near_its_end_is_renewed_without_the_password(web):
    now = [0.0]
    with Client(web.environment, clock=lambda: now[0]) as client:
        client.names()
        now[0] = 3600 - clients.SPARE_SECONDS + 1
        client.names()
        client.names()

    assert web.paths() == [
        "POST /login",
        "GET /services",
        "POST /login/refreshToken",
        "GET /services",
        "GET /services",
    ]


def test_a_refresh_token_that_has_ended_leads_to_a_new_login(web):
    now = [0.0]
    with Client(web.environment, clock=lambda: now[0]) as client:
        client.names()
        now[0] = 3600.0
        web.refusals[:] = [(401, {"message": "the refresh token has ended"})]
        client.names()

    assert web.paths()[2:] == ["POST /login/refreshToken", "POST /login", "GET /services"]


def test_a_token_that_the_nodes_do_not_take_any_more_is_replaced_once(web, client):
    client.names()
    web.refusals[:] = [(401, {"message": "a valid access token is needed"})]

    assert client.names() == ()
    assert web.paths()[2:] == ["GET /services", "POST /login", "GET /services"]


def test_a_token_that_is_never_taken_is_an_error(web, client):
    client.names()
    web.heard.clear()
    needed = (401, {"message": "a valid access token is needed"})
    granted = {"access_token": "x", "refresh_token": "y", "expires_in": 3600}
    web.refusals[:] = [needed, (200, granted), needed]

    with pytest.raises(OperationError, match="401: a valid access token is needed"):
        client.names()
    assert web.paths() == ["GET /services", "POST /login", "GET /services"]


def test_an_address_that_may_not_call_is_told_the_setting(web, client):
    web.refusals[:] = [(403, {"message": "this address may not call the environment"})]

    with pytest.raises(OperationError) as refused:
        client.names()

    assert refused.value.why == "403: this address may not call the environment"
    assert "access.clients of stack 'test'" in refused.value.fix


def test_too_many_logins_are_told_to_wait(web, client):
    web.refusals[:] = [(429, {"message": "too many logins from this address, wait a minute"})]

    with pytest.raises(OperationError) as refused:
        client.names()

    assert refused.value.fix == "wait a minute, then try again"


def test_nobody_there_is_said_so():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = Environment(
        stack="test",
        endpoint=f"https://127.0.0.1:{port}",
        authority=Authority().pem,
        password=PASSWORD,
    )
    refused = refusal(environment)

    assert refused.what == "the environment cannot be reached"
    assert refused.why == "[Errno 111] Connection refused"


def by_name(web, *addresses):
    """The same environment, known by a name that no resolver has."""
    endpoint = web.environment.endpoint.replace("127.0.0.1", "balancer.invalid")
    return changed(web.environment, endpoint=endpoint, addresses=addresses)


def test_an_address_that_answers_is_called_and_verified_without_asking_for_the_name(web):
    with Client(by_name(web, "127.0.0.2", "127.0.0.1")) as client:
        assert client.names() == ()


def test_an_address_that_has_gone_is_left_for_another(web):
    environment = by_name(web, "127.0.0.2", "127.0.0.1")
    with Client(environment) as client:
        client.names()
        client._connection._base = environment.endpoint.replace("balancer.invalid", "127.0.0.2")
        assert client.names() == ()


def test_the_name_is_called_when_no_address_answers(web):
    with Client(changed(web.environment, addresses=("127.0.0.2", "127.0.0.3"))) as client:
        assert client.names() == ()


def test_an_address_is_looked_for_again_until_somebody_has_answered(web, monkeypatch):
    found = iter([None, "127.0.0.1"])
    monkeypatch.setattr(connection, "first_answering", lambda *_: next(found))
    with Client(by_name(web, "127.0.0.1")) as client:
        with pytest.raises(OperationError, match="cannot be reached"):
            client.names()
        assert client.names() == ()
        assert client.names() == (), "now it is remembered"


def test_an_environment_that_cannot_be_found_at_all_is_said_so(web):
    refused = refusal(by_name(web, "127.0.0.2"))

    assert refused.what == "the environment cannot be reached"
    assert "balancer.invalid" in refused.where


def test_a_packet_filter_that_drops_is_told_after_the_connection_s_time(monkeypatch):
    monkeypatch.setattr(connection, "CONNECT_SECONDS", 0.1)
    # A full queue of connections: the kernel answers no more of them.
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        address = full.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(address)
        refused = refusal(
            Environment(
                stack="test",
                endpoint=f"https://127.0.0.1:{address[1]}",
                authority=Authority().pem,
                password=PASSWORD,
            )
        )
        for each in waiting:
            each.close()

    assert refused.what == "the environment does not answer"
    assert "access.clients of stack 'test'" in refused.fix


def test_a_model_that_takes_too_long_is_given_up(web, client, monkeypatch):
    over = threading.Event()
    web.answers[:] = [(200, said({}))]
    forward = environments._forward

    def slowly(path, request):
        over.wait(5)
        return forward(path, request)

    monkeypatch.setattr(environments, "_forward", slowly)
    client.names()
    start = time.monotonic()

    with pytest.raises(OperationError) as refused:
        client.consume("iris", "1.0", {}, 0.1)
    over.set()

    assert time.monotonic() - start < 3
    assert refused.value.what == "the environment took too long"
    assert "--timeout" in refused.value.fix


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (200, b"<html>", "an answer came that is not JSON"),
        (200, [{"name": "iris"}], "a list of services in another shape came"),
        (200, 7, "a list of services in another shape came"),
    ],
)
def test_an_answer_of_another_shape_is_not_understood(web, client, status, body, why):
    client.find("iris", "1.0")
    web.refusals[:] = [(status, body)]

    with pytest.raises(OperationError) as refused:
        client.names()

    assert refused.value.what == "the environment's answer cannot be understood"
    assert refused.value.why == why


def test_an_error_page_that_is_not_json_is_a_refusal(web, client):
    client.find("iris", "1.0")
    web.refusals[:] = [(502, b"<html>")]

    with pytest.raises(OperationError, match="502: status 502 without a message"):
        client.names()


def test_an_endless_answer_is_not_kept(web, client, monkeypatch):
    client.find("iris", "1.0")
    monkeypatch.setattr(connection, "LARGEST_ANSWER", 1000)
    web.refusals[:] = [(200, b" " * 2000)]

    with pytest.raises(OperationError, match="an answer of more than 1000 bytes came"):
        client.names()


def test_tokens_and_password_are_in_no_log(web, caplog):
    caplog.set_level(logging.INFO)
    with Client(web.environment) as client:
        client.names()
        tokens = client._tokens
        assert tokens.access not in repr(client.__dict__)

    assert caplog.text
    for secret in (PASSWORD, tokens.access, tokens.refresh):
        assert secret not in caplog.text


def test_a_refusal_without_a_message_is_its_status():
    assert Reply(status=500, body=None).message == "status 500 without a message"
    assert Reply(status=400, body={"message": "no"}).message == "no"


def test_a_model_comes_back_as_it_was_published(web, client):
    body = {
        "model": base64.b64encode(bytes(range(256))).decode(),
        "outputParameterDefinitions": [{"name": "width", "type": "numeric"}],
    }
    assert client.publish("iris", "1", body).status == 201

    assert client.model("iris", "1") == bytes(range(256))


def test_a_model_that_nobody_published_is_said_so(client):
    with pytest.raises(OperationError) as refused:
        client.model("iris", "1")

    assert refused.value.what == "the environment did not give the model of iris 1"
    assert refused.value.why.startswith("404: there is no such service")


def test_a_model_that_comes_in_another_form_is_not_taken(web, client):
    client.names()
    web.refusals.append((201, {"model": ""}))
    with pytest.raises(OperationError) as refused:
        client.model("iris", "1")

    assert refused.value.why == "a model came as something else than bytes"


def test_nobody_logs_in_as_an_account_that_a_directory_has_switched_off(web, iris):
    product = Product(
        name="mlserver",
        version="9.4.7",
        r_version="3.5.2",
        account="admin",
        status_words=("pass",),
        authentication="ldap",
        compute=Expected(),
        web=1,
    )
    with Client(changed(web.environment, product=product)) as client:
        with pytest.raises(OperationError) as refused:
            client.names()
        said_by_proof = prove(client, reading.read(iris.path))
    assert refused.value.what == "nobody can log in as admin"
    assert "ldap" in refused.value.why
    assert "mlserver 9.4.7 serves at" in said_by_proof
    assert set(web.paths()) == {"GET /ping"}
