"""What of PostgreSQL's LDAP questions is understood, and which tokens let somebody in."""

import io
import re
import time
from contextlib import suppress

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from sandbox.fabric.database.guest import logins
from sandbox.fabric.database.guest.logins import Directory, MalformedError, Request

AUDIENCE = "https://ossrdbms-aad.database.windows.net"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
DIRECTORY = Directory(
    principals={"id-web": "object-web", "id-compute": "object-compute"},
    tenant="tenant",
    audiences=[AUDIENCE, f"{AUDIENCE}/"],
    key=KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
)


def token(key=KEY, algorithm="RS256", without=(), **changes):
    now = int(time.time())
    claims = {
        "aud": AUDIENCE,
        "exp": now + 600,
        "nbf": now - 60,
        "oid": "object-web",
        "tid": "tenant",
    } | changes
    for name in without:
        del claims[name]
    return jwt.encode(claims, key, algorithm=algorithm)


@pytest.mark.parametrize(
    "good", [{}, {"aud": f"{AUDIENCE}/"}, {"oid": "OBJECT-WEB"}], ids=["plain", "slash", "capitals"]
)
def test_a_principals_own_token_lets_it_in(good):
    assert logins.refusal("id-web", token(**good), DIRECTORY) == ""


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        pytest.param({"exp": int(time.time()) - 1}, "Signature has expired", id="expired"),
        pytest.param({"nbf": int(time.time()) + 86_400}, "not yet valid", id="not yet valid"),
        pytest.param({"aud": "https://vault.azure.net"}, "[Aa]udience", id="for the vault"),
        pytest.param({"tid": "another"}, "another tenant", id="another tenant"),
        pytest.param({"oid": "object-compute"}, "another principal's", id="another principal"),
        pytest.param({"key": OTHER_KEY}, "Signature verification failed", id="another key"),
        pytest.param({"key": "x" * 32, "algorithm": "HS256"}, "alg", id="shared secret"),
        pytest.param({"key": "", "algorithm": "none"}, "alg", id="unsigned"),
        pytest.param({"without": ["exp"]}, "exp", id="no exp"),
        pytest.param({"without": ["aud"]}, "aud", id="no aud"),
        pytest.param({"without": ["oid"]}, "oid", id="no oid"),
        pytest.param({"without": ["tid"]}, "tid", id="no tid"),
    ],
)
def test_any_other_token_does_not(changes, reason):
    given = token(**changes)
    said = logins.refusal("id-web", given, DIRECTORY)
    assert re.search(reason, said)
    assert given not in said


@pytest.mark.parametrize("rubbish", ["", "password", "a.b.c", "\udcff", "é.é.é"])
def test_what_is_no_token_does_not(rubbish):
    assert "not a valid access token" in logins.refusal("id-web", rubbish, DIRECTORY)


def test_a_role_that_is_no_principal_is_refused_whatever_it_shows():
    assert "no principal" in logins.refusal("breakglass", token(), DIRECTORY)


def element(tag, content):
    return logins._element(tag, content)


def bind(number, name, password):
    body = element(2, b"\x03") + element(4, name.encode()) + element(0x80, password.encode())
    return element(0x30, element(2, number.to_bytes(4, "big")) + element(0x60, body))


@given(
    number=st.integers(0, 2**31 - 1),
    name=st.text(max_size=80),
    password=st.text(max_size=5000),
)
def test_every_bind_request_is_read_as_it_was_written(number, name, password):
    request = logins.read_request(io.BytesIO(bind(number, name, password)))
    assert request == Request(number, name, password)


@given(data=st.binary(max_size=60))
def test_rubbish_ends_the_connection_and_nothing_else(data):
    with suppress(MalformedError):
        logins.read_request(io.BytesIO(data))


def test_goodbye_ends_the_connection():
    assert logins.read_request(io.BytesIO(element(0x30, element(2, b"\x01") + b"\x42\x00"))) is None
    assert logins.read_request(io.BytesIO(b"")) is None


def test_a_request_longer_than_any_password_is_refused():
    with pytest.raises(MalformedError, match="too long"):
        logins.read_request(io.BytesIO(b"\x30\x84\x7f\xff\xff\xff"))


def test_the_answer_is_what_the_rfc_shows():
    # RFC 4511, 4.2.2: code 49, no matched name, the reason.
    assert logins.answer(1, 49, "no").hex() == "300e02010161090a0131040004026e6f"
