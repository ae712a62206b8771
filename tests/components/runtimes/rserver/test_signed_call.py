"""Calls to AWS with Python's standard library alone, against services that verify signatures."""

import http.client
import json
from urllib.parse import parse_qs, urlsplit

import pytest

from components.runtimes.rserver.node.aws import signed_call
from tests.support.aws_services import GROUP, INSTANCE, REGION, presigned_by_role, serving


@pytest.fixture
def account(monkeypatch):
    with serving() as (address, found):
        place = urlsplit(address)
        real = http.client.HTTPConnection
        monkeypatch.setattr(
            signed_call.http.client,
            "HTTPConnection",
            lambda *_arguments, **_options: real(place.hostname, place.port, timeout=5),
        )
        monkeypatch.setattr(
            signed_call, "connected", lambda _: real(place.hostname, place.port, timeout=5)
        )
        yield found


def call(monkeypatch, capfdbinary, *arguments):
    """Run the program in this process; return its output, and how it ended."""
    monkeypatch.setattr(signed_call.sys, "argv", ["signed_call.py", REGION, *arguments])
    ended = None
    try:
        signed_call.main()
    except SystemExit as reason:
        ended = reason.code
    signed_call.sys.stdout.flush()
    return capfdbinary.readouterr().out, ended


@pytest.fixture
def run(monkeypatch, capfdbinary):
    return lambda *arguments: call(monkeypatch, capfdbinary, *arguments)


def test_a_secret_comes_as_it_is(run, account):
    account.secrets["test/known"] = "line one\nline two"

    assert run("secret", "test/known") == (b"line one\nline two", None)
    assert account.unsigned == []


def test_a_denial_is_said_in_the_clouds_words(run, account):
    account.secrets["test/known"] = "precious"
    account.denied.add("GetSecretValue")
    out, ended = run("secret", "test/known")

    assert out == b""
    assert ended.startswith(f"secret: secretsmanager.{REGION}.amazonaws.com answered 400: ")
    assert "is not authorized to perform: secretsmanager:GetSecretValue" in ended
    assert "precious" not in ended


def test_an_object_comes_whole_or_not_at_all(run, account):
    account.objects["folder/installer%2B1.tar"] = b"x" * 3_000_000
    assert run("object", "s3://bucket/folder/installer+1.tar") == (b"x" * 3_000_000, None)

    account.cut_short = True
    _, ended = run("object", "s3://bucket/folder/installer+1.tar")
    assert ended == "object: s3://bucket/folder/installer+1.tar ended 1500000 bytes early"


def test_the_database_token_is_a_url_that_the_role_signed(run, account):
    out, _ = run("database-token", "db.example", "5432", "operationalization_migrator")
    url = f"https://{out.decode()}"
    query = {name: value for name, [value] in parse_qs(urlsplit(url).query).items()}

    assert (query["Action"], query["DBUser"]) == ("connect", "operationalization_migrator")
    assert query["X-Amz-Expires"] == "900"
    assert presigned_by_role(url, "rds-db")
    assert not presigned_by_role(url.replace("migrator", "owner"), "rds-db")


def test_the_group_is_told(run, account):
    account.hooks.add("serving")
    assert run("complete", "serving", GROUP, INSTANCE) == (b"", None)
    assert run("complete", "serving", GROUP, INSTANCE) == (b"", None), "nobody waits any more"
    assert run("unhealthy", GROUP, INSTANCE) == (b"", None)

    assert [name for name, _ in account.asked] == [
        "CompleteLifecycleAction",
        "CompleteLifecycleAction",
        "SetInstanceHealth",
    ]


def test_a_machine_without_a_role_says_so(run, account):
    del account.metadata["iam/security-credentials/"]
    _, ended = run("secret", "test/known")

    assert ended == (
        "secret: the metadata service answered 404 for /latest/meta-data/iam/security-credentials/"
    )


def test_all_that_is_asked_is_signed(run, account):
    run("complete", "serving", GROUP, INSTANCE)

    assert json.dumps(account.unsigned) == "[]"
