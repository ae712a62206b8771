"""Signatures of the nodes' own SDK: accepted as they are, refused when anything moved."""

import datetime
from dataclasses import replace
from ipaddress import IPv4Address
from urllib.parse import quote, urlencode, urlsplit

import botocore.auth
import botocore.session
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.fabric.aws import sessions as module
from sandbox.fabric.aws import signatures
from sandbox.fabric.aws.refusals import RefusedError
from sandbox.fabric.aws.sessions import Session, SessionError, SessionExpiredError, Sessions
from sandbox.fabric.serving.exchange import Request

REGION = "eu-central-1"
SECRETS = signatures.Wanted(service="secretsmanager", region=REGION)
S3 = signatures.Wanted(service="s3", region=REGION)
SIGNERS = {
    "secretsmanager": botocore.auth.SigV4Auth,
    "s3": botocore.auth.S3SigV4Auth,
    "query": botocore.auth.SigV4QueryAuth,
}


@pytest.fixture(scope="module")
def sessions(tmp_path_factory):
    return Sessions(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def given_(sessions):
    return sessions.give(role())


def role(name="web", machine="i-0123456789abcdef0"):
    return Session(
        account="123456789012",
        partition="aws",
        role=name,
        role_id="AROAEXAMPLE" + name,
        name=machine,
        expires=0,
    )


def signed(credentials, *, url, service, method="POST", body=b"", signer=None, headers=None):
    """A request as it would arrive, signed by botocore."""
    made = AWSRequest(method=method, url=url, data=body, headers=headers or {})
    own = Credentials(credentials.access_key, credentials.secret_key, credentials.token)
    how = SIGNERS[signer or service](own, service, REGION)
    how.add_auth(made)
    prepared = made.prepare()
    parts = urlsplit(prepared.url)
    found = {
        name.lower(): value.decode() if isinstance(value, bytes) else value
        for name, value in prepared.headers.items()
    }
    found.setdefault("host", parts.netloc)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    return Request(
        method=method,
        target=target,
        source=IPv4Address("10.0.0.4"),
        headers=found,
        body=body,
    )


@pytest.fixture
def call(given_):
    return signed(
        given_,
        url=f"https://secretsmanager.{REGION}.amazonaws.com/",
        service="secretsmanager",
        body=b'{"SecretId": "web"}',
        headers={"X-Amz-Target": "secretsmanager.GetSecretValue", "Content-Type": "json"},
    )


@pytest.fixture
def presigned(given_):
    return signed(
        given_,
        url="https://db.example:5432/?Action=connect&DBUser=migrator",
        service="rds-db",
        method="GET",
        signer="query",
    )


def refused(request, wanted, sessions):
    with pytest.raises(RefusedError) as caught:
        signatures.caller(request, wanted, sessions)
    return caught.value


def test_a_signed_call_is_the_roles(call, sessions):
    found = signatures.caller(call, SECRETS, sessions)

    assert found.arn == "arn:aws:sts::123456789012:assumed-role/web/i-0123456789abcdef0"


@pytest.mark.parametrize(
    "path",
    ["/key", "/a%20b/c%2Bd", "/folder//twice", "/%C3%A4", "/a/../b", "/tilde~.txt"],
)
def test_paths_of_the_object_store_are_signed_as_they_are(given_, sessions, path):
    url = f"https://bucket.s3.{REGION}.amazonaws.com{path}?versionId=3%2F4&empty="
    request = signed(given_, url=url, service="s3", method="GET")

    assert signatures.caller(request, S3, sessions).role == "web"


@settings(max_examples=50, deadline=None)
@given(
    path=st.lists(st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1)),
    query=st.dictionaries(st.text("ab +&=%", min_size=1), st.text("xyz *~/"), max_size=8),
)
def test_any_request_that_the_sdk_signs_is_accepted(sessions, path, query):
    own = sessions.give(role())
    written = urlencode(query, quote_via=quote, safe="-_.~")
    url = f"https://host.example/{'/'.join(path)}?{written}"
    request = signed(own, url=url, service="secretsmanager", method="GET")

    assert signatures.caller(request, SECRETS, sessions).role == "web"


@pytest.mark.parametrize(
    "change",
    [
        {"body": b'{"SecretId": "other"}'},
        {"method": "PUT"},
        {"target": "/other"},
        {"target": "/?a=b"},
    ],
    ids=["body", "method", "path", "query"],
)
def test_what_was_changed_on_the_way_is_refused(call, sessions, change):
    error = refused(replace(call, **change), SECRETS, sessions)

    assert (error.code, error.status) == ("SignatureDoesNotMatch", 403)
    assert error.json_code == "InvalidSignatureException"
    assert error.message.startswith("The request signature we calculated does not match")


def a_second_away(moment):
    """Another moment of the same minute, so of the same day too, which is signed by itself."""
    return f"{moment[:13]}{(int(moment[13:15]) + 1) % 60:02d}Z"


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("host", lambda host: host.replace("e", "a")),
        ("x-amz-target", lambda target: target.replace("e", "a")),
        ("x-amz-date", a_second_away),
    ],
)
def test_a_header_that_was_changed_is_refused(call, sessions, name, change):
    headers = {**call.headers, name: change(call.headers[name])}

    assert headers != call.headers
    assert (
        refused(replace(call, headers=headers), SECRETS, sessions).code == "SignatureDoesNotMatch"
    )


def test_a_header_of_amazon_that_is_not_signed_is_refused(call, sessions):
    headers = {**call.headers, "x-amz-acl": "public"}
    error = refused(replace(call, headers=headers), SECRETS, sessions)

    assert error.code == "IncompleteSignature"
    assert error.message == "These headers must be signed: x-amz-acl."


def test_another_secret_key_is_refused(given_, sessions):
    request = signed(
        replace(given_, secret_key="x" * 40),
        url="https://host.example/",
        service="secretsmanager",
    )

    assert refused(request, SECRETS, sessions).code == "SignatureDoesNotMatch"


def test_a_token_of_somebody_else_or_of_nobody_is_refused(given_, sessions, tmp_path):
    other = sessions.give(role("compute"))
    stolen = signed(
        replace(given_, token=other.token), url="https://a.example/", service="secretsmanager"
    )
    elsewhere = signed(
        Sessions(tmp_path).give(role()), url="https://a.example/", service="secretsmanager"
    )
    without = signed(replace(given_, token=""), url="https://a.example/", service="secretsmanager")
    for request in (stolen, elsewhere, without):
        error = refused(request, SECRETS, sessions)
        assert (error.code, error.json_code) == (
            "InvalidClientTokenId",
            "UnrecognizedClientException",
        )
        assert error.message == "The security token included in the request is invalid."


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (replace(SECRETS, region="eu-west-1"), "Credential should be scoped to a valid region. "),
        (
            replace(SECRETS, service="sts"),
            "Credential should be scoped to correct service: 'sts'. ",
        ),
    ],
    ids=["region", "service"],
)
def test_a_signature_is_for_one_service_in_one_region(call, sessions, wanted, words):
    assert refused(call, wanted, sessions).message == words


def test_a_call_without_signature_is_refused(call, sessions):
    headers = {name: value for name, value in call.headers.items() if name != "authorization"}
    error = refused(replace(call, headers=headers), SECRETS, sessions)

    assert (error.code, error.message, error.status) == (
        "MissingAuthenticationToken",
        "Request is missing Authentication Token",
        403,
    )


@pytest.mark.parametrize(
    "written",
    ["Basic abc", "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 Credential=a/b, Signature=c", "\x00"],
)
def test_what_is_no_signature_is_refused(call, sessions, written):
    headers = {**call.headers, "authorization": written}

    assert refused(replace(call, headers=headers), SECRETS, sessions).code == "IncompleteSignature"


@pytest.mark.parametrize(
    ("minutes", "words"),
    [(-6, "Signature expired: "), (6, "Signature not yet current: ")],
    ids=["late", "early"],
)
def test_a_clock_that_is_wrong_by_more_than_five_minutes_is_refused(
    given_, sessions, monkeypatch, minutes, words
):
    moment = datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=minutes)
    monkeypatch.setattr(botocore.auth, "datetime", Clock(moment))
    request = signed(given_, url="https://host.example/", service="secretsmanager")
    error = refused(request, SECRETS, sessions)

    assert error.code == "SignatureDoesNotMatch"
    assert error.message.startswith(words)


class Clock:
    """botocore's clock at another moment."""

    def __init__(self, moment):
        self.datetime = self
        self.moment = moment

    def utcnow(self):
        return self.moment


def test_a_clock_may_be_wrong_by_four_minutes(given_, sessions, monkeypatch):
    moment = datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=4)
    monkeypatch.setattr(botocore.auth, "datetime", Clock(moment))
    request = signed(given_, url="https://host.example/", service="secretsmanager")

    assert signatures.caller(request, SECRETS, sessions).role == "web"


def test_a_presigned_url_holds_as_long_as_it_says(presigned, given_, sessions, monkeypatch):
    wanted = signatures.Wanted(service="rds-db", region=REGION)
    assert signatures.caller(presigned, wanted, sessions).role == "web"
    changed = replace(presigned, target=presigned.target.replace("migrator", "master"))
    assert refused(changed, wanted, sessions).code == "SignatureDoesNotMatch"

    moment = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=2)
    monkeypatch.setattr(botocore.auth, "datetime", Clock(moment))
    old = signed(
        given_,
        url="https://db.example:5432/?Action=connect&DBUser=migrator",
        service="rds-db",
        method="GET",
        signer="query",
    )
    assert refused(old, wanted, sessions).message.startswith("Signature expired: ")


def test_the_object_stores_hash_of_the_content_is_checked(given_, sessions):
    request = signed(
        given_, url="https://b.s3.eu-central-1.amazonaws.com/k", service="s3", body=b"content"
    )
    assert signatures.caller(request, S3, sessions).role == "web"
    error = refused(replace(request, body=b"other"), S3, sessions)

    assert error.code == "XAmzContentSHA256Mismatch"


def test_credentials_are_the_same_until_they_get_old_and_survive_a_restart(
    sessions, tmp_path, monkeypatch
):
    mine = Sessions(tmp_path)
    first = mine.give(role())
    assert mine.give(role()) == first
    assert mine.give(role(machine="i-other")) != first
    session, secret = Sessions(tmp_path).find(first.access_key, first.token)
    assert (session.role, secret) == ("web", first.secret_key)
    assert (first.access_key[:4], len(first.access_key)) == ("ASIA", 20)
    assert first.secret_key not in repr(first)

    now = module.time.time()
    monkeypatch.setattr(module.time, "time", lambda: now + module.LIFE - 60)
    assert mine.give(role()) != first
    monkeypatch.setattr(module.time, "time", lambda: now + module.LIFE + 60)
    with pytest.raises(SessionExpiredError):
        mine.find(first.access_key, first.token)


@settings(max_examples=100, deadline=None)
@given(st.text(), st.text())
def test_what_was_never_issued_is_nobodys(sessions, access_key, token):
    with pytest.raises(SessionError):
        sessions.find(access_key, token)
