import base64
import hashlib
import hmac
import json
import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.control.world import TENANT
from sandbox.fabric.azure.tokens import (
    TokenAudienceError,
    TokenError,
    TokenExpiredError,
    Tokens,
)
from sandbox.fabric.contract import FabricError

VAULT = "https://vault.azure.net"


@pytest.fixture
def tokens(tmp_path):
    return Tokens(tmp_path / "home")


def issue(tokens, audience=VAULT):
    return tokens.issue("object", "client", TENANT, audience)[0]


def signed(tokens, key=None, algorithm="RS256", **changes):
    now = int(time.time())
    claims = {"aud": VAULT, "iss": tokens.issuer, "iat": now, "nbf": now, "exp": now + 60}
    given = {"oid": "object", **claims, **changes}
    kept = {name: value for name, value in given.items() if value is not None}
    return jwt.encode(kept, key or tokens._key, algorithm=algorithm)


def test_a_token_says_what_entra_says(tokens):
    token, expires = tokens.issue("object", "client", TENANT, VAULT)
    claims = tokens.verify(token, VAULT)

    expected = {
        "aud": VAULT,
        "iss": f"https://sts.windows.net/{TENANT}/",
        "oid": "object",
        "sub": "object",
        "appid": "client",
        "tid": TENANT,
        "exp": expires,
    }
    assert {name: claims[name] for name in expected} == expected
    assert expires - time.time() == pytest.approx(86400, abs=5)
    assert claims["nbf"] == claims["iat"] <= time.time()


def test_others_check_tokens_with_the_public_key(tokens):
    public = tokens.public_key.read_text()

    assert jwt.decode(issue(tokens), public, ["RS256"], audience=VAULT)["oid"] == "object"
    assert "PRIVATE" not in public


def test_the_key_is_kept_and_private(tokens, tmp_path):
    token = issue(tokens)
    key = tmp_path / "home" / "directory.key"

    assert key.stat().st_mode & 0o777 == 0o600
    assert Tokens(tmp_path / "home").verify(token, VAULT)
    assert sorted(path.name for path in key.parent.iterdir()) == ["directory.key", "directory.pem"]


def test_a_key_that_is_none_is_refused_with_what_to_do(tmp_path):
    (tmp_path / "directory.key").write_text("nonsense")

    with pytest.raises(FabricError, match=r"directory\.key, can't be used: .*; remove the file"):
        Tokens(tmp_path)


@pytest.mark.parametrize("written", [VAULT, VAULT + "/"])
def test_a_slash_at_the_audiences_end_counts_for_nothing(tokens, written):
    assert tokens.verify(issue(tokens, written), VAULT)


def test_a_token_for_somebody_else_is_refused(tokens):
    with pytest.raises(TokenAudienceError) as refused:
        tokens.verify(issue(tokens, "https://management.azure.com"), VAULT)
    assert refused.value.found == "https://management.azure.com"


def test_one_for_several_audiences_is_refused(tokens):
    with pytest.raises(TokenAudienceError):
        tokens.verify(signed(tokens, aud=[VAULT, "https://x"]), VAULT)


def test_one_that_has_expired_is_refused(tokens):
    with pytest.raises(TokenExpiredError):
        tokens.verify(signed(tokens, exp=int(time.time()) - 1), VAULT)


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://sts.windows.net/another/"},
        {"nbf": 4102444800},
        {"iss": None},
        {"exp": None},
        {"aud": None},
        {"oid": None},
    ],
    ids=str,
)
def test_one_with_wrong_or_missing_claims_is_refused(tokens, changes):
    with pytest.raises(TokenError):
        tokens.verify(signed(tokens, **changes), VAULT)


def test_one_that_another_key_signed_is_refused(tokens):
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    with pytest.raises(TokenError):
        tokens.verify(signed(tokens, key=other), VAULT)


def test_one_signed_with_the_public_key_as_a_password_is_refused(tokens):
    def part(value):
        return base64.urlsafe_b64encode(value).rstrip(b"=")

    head = part(json.dumps({"alg": "HS256", "typ": "JWT"}).encode())
    body = part(base64.urlsafe_b64decode(issue(tokens).split(".")[1] + "=="))
    mac = hmac.new(tokens.public_key.read_bytes(), head + b"." + body, hashlib.sha256).digest()

    with pytest.raises(TokenError):
        tokens.verify(b".".join([head, body, part(mac)]).decode(), VAULT)


@pytest.mark.parametrize("text", ["", "a", "a.b.c", "....", "é", "x" * 100_000])
def test_what_is_no_token_is_refused(tokens, text):
    with pytest.raises(TokenError):
        tokens.verify(text, VAULT)


def test_one_without_signature_is_refused(tokens):
    with pytest.raises(TokenError):
        tokens.verify(jwt.encode({"aud": VAULT}, None, algorithm="none"), VAULT)


def test_there_are_no_tokens_for_another_tenant(tokens):
    with pytest.raises(ValueError, match="issues no tokens for tenant another"):
        tokens.issue("object", "client", "another", VAULT)
