"""Who may score: each mode's credentials, and what they are not."""

from dataclasses import replace
from uuid import uuid4

import pytest

from sandbox.control.azure import endpoint_credentials as credentials
from sandbox.control.kinds import Record
from tests.support.world import GROUP, PRINCIPAL, World

NOW = 1_800_000_000.0
ID = f"{GROUP}/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/iris"


@pytest.fixture
def notes() -> World:
    made = World()
    credentials.establish(made)
    return made


def endpoint(mode: str) -> Record:
    return Record(
        id=ID,
        type="azure-native:machinelearningservices:OnlineEndpoint",
        inputs={"properties": {"authMode": mode}},
        outputs={},
        incarnation=str(uuid4()),
    )


def bearer(text: str) -> str:
    return f"Bearer {text}"


def test_the_secret_is_made_once(notes):
    before = credentials.keys(notes, record := endpoint("Key"))
    credentials.establish(notes)

    assert credentials.keys(notes, record) == before
    assert before.primary != before.secondary
    assert len(before.primary) == 44


def test_both_keys_let_a_caller_in_and_nothing_else_does(notes):
    record = endpoint("Key")
    keys = credentials.keys(notes, record)

    for key in keys:
        assert credentials.refusal(notes, record, bearer(key)) is None
    assert credentials.refusal(notes, record, bearer("a" * 44)) == "the key is not the endpoint's"
    assert credentials.refusal(notes, record, bearer("ü")) == "the key is not the endpoint's"
    assert credentials.refusal(notes, record, None) == (
        "no credential: send the header Authorization: Bearer ..."
    )
    assert credentials.refusal(notes, record, keys.primary) == (
        "the credential must be of the form: Authorization: Bearer ..."
    )


def test_a_token_ends(notes):
    record = endpoint("AMLToken")
    made = credentials.token(notes, record, NOW)
    late = NOW + credentials.LIFETIME

    assert made.expires == late > made.refresh_after > NOW
    assert credentials.refusal(notes, record, bearer(made.access_token), late - 1) is None
    assert credentials.refusal(notes, record, bearer(made.access_token), late) == (
        "the token has expired: ask for another one"
    )


def test_an_endpoint_made_again_takes_no_credential_of_the_one_before(notes):
    for mode in ("Key", "AMLToken"):
        record = endpoint(mode)
        again = replace(record, incarnation=str(uuid4()))
        own = (
            credentials.keys(notes, record).primary
            if mode == "Key"
            else credentials.token(notes, record).access_token
        )

        assert credentials.refusal(notes, record, bearer(own)) is None
        assert credentials.refusal(notes, again, bearer(own)) is not None


def test_a_mode_takes_its_own_credential_only(notes):
    token, entra = endpoint("AMLToken"), endpoint("AADToken")
    own = credentials.token(notes, token).access_token
    of_directory = credentials.entra_token(notes, PRINCIPAL).access_token

    assert credentials.refusal(notes, entra, bearer(of_directory)) is None
    assert credentials.refusal(notes, entra, bearer(own)) == "the token is for something else"
    assert credentials.refusal(notes, token, bearer(of_directory)) == (
        "the token is for something else"
    )
    assert credentials.refusal(notes, token, bearer("no token")) == (
        "the token is not one of this cloud"
    )


def test_a_token_of_another_sandbox_is_foreign(notes):
    other, record = World(), endpoint("AMLToken")
    credentials.establish(other)
    foreign = credentials.token(other, record).access_token

    assert credentials.refusal(notes, record, bearer(foreign)) == (
        "the token is not one of this cloud"
    )


@pytest.mark.parametrize("mode", ["Key", "AADToken"])
def test_only_an_endpoint_with_amltoken_gives_tokens(notes, mode):
    with pytest.raises(credentials.CredentialError, match=f"its authMode is {mode}"):
        credentials.token(notes, endpoint(mode))


def test_without_an_endpoint_there_is_no_secret():
    with pytest.raises(credentials.CredentialError, match="was ever created"):
        credentials.keys(World(), endpoint("Key"))
