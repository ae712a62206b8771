"""`/login`: the right password gives a pair of tokens, and each refresh token works once."""

from datetime import UTC, datetime, timedelta

import pytest

from server.api import login
from server.api.migrate import API
from server.api.tokens import Caller
from tests.support.api import PASSWORD, TOKENS, Call, talk

LOGIN = Call("POST", "/login", {"username": "admin", "password": PASSWORD}, role=None)
ENDED = {"message": "the refresh token is not known, or has ended: POST /login"}
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(login, "REFUSAL_SECONDS", 0)


def refresh(token):
    return Call("POST", "/login/refreshToken", {"refreshToken": token}, role=None)


def revoke(token):
    return Call("DELETE", f"/login/refreshToken?refreshToken={token}", role=None)


def test_the_administrator_gets_a_pair_of_tokens(store):
    [(status, found)] = talk(store, LOGIN)

    assert (status, found["token_type"], found["expires_in"]) == (200, "Bearer", 3600)
    assert TOKENS.verify(found["access_token"]) == Caller("admin", "Owner")


@pytest.mark.parametrize(
    ("username", "password"), [("admin", "wrong"), ("root", PASSWORD), ("", ""), ("é", "é")]
)
def test_wrong_credentials_are_refused_in_the_same_words(store, username, password):
    wrong = Call("POST", "/login", {"username": username, "password": password}, role=None)

    assert talk(store, wrong) == [(401, {"message": "the user name or the password is wrong"})]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"username": "admin"}, "password: is missing"),
        ({"username": "\ud800", "password": "x"}, "username: has a character that is not text"),
        ({"username": ["admin"], "password": "x"}, "username: must be of type string"),
    ],
)
def test_a_login_without_its_fields_is_refused(store, body, message):
    assert talk(store, Call("POST", "/login", body, role=None)) == [(400, {"message": message})]


def test_a_refresh_token_works_once(store):
    [(_, first)] = talk(store, LOGIN)
    [(status, second), again] = talk(
        store, refresh(first["refresh_token"]), refresh(first["refresh_token"])
    )

    assert status == 200
    assert second["refresh_token"] != first["refresh_token"]
    assert again == (401, ENDED)


def test_a_revoked_refresh_token_is_gone(store):
    [(_, found)] = talk(store, LOGIN)
    [revoked, after] = talk(store, revoke(found["refresh_token"]), refresh(found["refresh_token"]))

    assert revoked == (200, {})
    assert after == (401, ENDED)


def test_a_refresh_token_that_lay_unused_for_two_weeks_has_ended(store):
    long_ago = datetime.now(UTC) - timedelta(days=14, seconds=1)
    [(_, found)] = talk(store, LOGIN, now=lambda: long_ago)

    assert talk(store, refresh(found["refresh_token"])) == [(401, ENDED)]


def test_a_chain_of_refresh_tokens_ends_after_ninety_days(on_postgresql, as_role):
    long_ago = datetime.now(UTC) - timedelta(days=89)
    [(_, found)] = talk(on_postgresql, LOGIN)
    as_role(API).execute(
        "UPDATE operationalization.refresh_token SET chain_started = %s", [long_ago]
    )
    talk(on_postgresql, refresh(found["refresh_token"]))
    [(ends,)] = (
        as_role(API).execute("SELECT expires_at FROM operationalization.refresh_token").fetchall()
    )

    assert ends == long_ago + timedelta(days=90)


def test_the_database_does_not_learn_refresh_tokens(on_postgresql, as_role):
    [(_, found)] = talk(on_postgresql, LOGIN)
    [(digest,)] = (
        as_role(API)
        .execute("SELECT encode(digest, 'escape') FROM operationalization.refresh_token")
        .fetchall()
    )

    assert found["refresh_token"] not in digest
