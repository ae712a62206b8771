"""Access tokens: what is issued is accepted, and nothing else."""

import base64
import hashlib
import hmac
import json

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from server.api.errors import ApiError
from server.api.tokens import Caller, Tokens

ISSUER = "operationalization/test"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
TOKENS = Tokens(KEY, ISSUER)
CLAIMS = jwt.decode(TOKENS.issue(Caller("admin", "Owner"))[0], options={"verify_signature": False})


def pem(key):
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def signed(key=KEY, algorithm="RS256", without=None, **claims):
    found = {name: value for name, value in (CLAIMS | claims).items() if name != without}
    return jwt.encode(found, key, algorithm, headers={"kid": TOKENS.key_id})


def confused():
    """A token whose HMAC key is the public key: the classic confusion of algorithms."""

    def part(value):
        return base64.urlsafe_b64encode(value).rstrip(b"=")

    public = KEY.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    text = part(json.dumps({"alg": "HS256"}).encode()) + b"." + part(json.dumps(CLAIMS).encode())
    return (text + b"." + part(hmac.new(public, text, hashlib.sha256).digest())).decode()


def test_a_token_tells_who_it_was_issued_to():
    token, _ = TOKENS.issue(Caller("admin", "Owner"))

    assert TOKENS.verify(token) == Caller("admin", "Owner")


def test_another_web_node_with_the_same_key_accepts_it():
    token, _ = TOKENS.issue(Caller("admin", "Owner"))

    assert Tokens.from_pem(pem(KEY), ISSUER).verify(token) == Caller("admin", "Owner")


def test_a_token_lasts_an_hour():
    token, end = Tokens(KEY, ISSUER, now=lambda: 1_000_000.9).issue(Caller("admin", "Owner"))
    claims = jwt.decode(token, options={"verify_signature": False})

    assert (claims["nbf"], claims["exp"], end) == (1_000_000, 1_003_600, 1_003_600)


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(signed(OTHER_KEY), id="wrong key"),
        pytest.param(signed("x" * 40, "HS256"), id="HS256"),
        pytest.param(confused(), id="public key as HMAC key"),
        pytest.param(signed(None, "none"), id="unsigned"),
        pytest.param(signed(KEY, "RS512"), id="RS512"),
        pytest.param(signed(exp=CLAIMS["iat"] - 10), id="expired"),
        pytest.param(signed(nbf=CLAIMS["exp"]), id="not yet"),
        pytest.param(signed(iss="operationalization/other"), id="other issuer"),
        pytest.param(signed(aud="operationalization/other"), id="other audience"),
        pytest.param(signed(role="Root"), id="no such role"),
        pytest.param(signed(without="exp"), id="endless"),
        pytest.param(signed(without="nbf"), id="without begin"),
        pytest.param(signed(without="role"), id="without role"),
        pytest.param(signed(without="aud"), id="without audience"),
        pytest.param("a.b.c", id="nonsense"),
        pytest.param("", id="empty"),
    ],
)
def test_every_other_token_is_refused_in_the_same_words(token):
    with pytest.raises(ApiError) as refused:
        TOKENS.verify(token)

    assert (refused.value.status, refused.value.message) == (
        401,
        "a valid access token is needed: POST /login, then send it as Authorization: Bearer",
    )


def test_a_role_that_is_too_low_is_named():
    with pytest.raises(ApiError) as refused:
        Caller("ann", "Reader").require("Owner", "Contributor")

    assert (refused.value.status, refused.value.message) == (
        403,
        "this needs the role Owner or Contributor, you are Reader",
    )


def test_a_key_that_is_not_rsa_is_refused():
    with pytest.raises(ValueError, match="token-signing-key") as refused:
        Tokens.from_pem(pem(ec.generate_private_key(ec.SECP256R1())), ISSUER)

    assert str(refused.value) == "secret token-signing-key is not an RSA private key in PEM"


def test_the_signing_key_is_not_shown():
    assert "key=" not in repr(TOKENS).replace("key_id", "")
