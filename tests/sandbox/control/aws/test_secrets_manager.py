from datetime import UTC, datetime, timedelta

import pytest

from sandbox.control import wire
from sandbox.control.aws.secrets_manager import (
    SECRET,
    current,
    deleted,
    deleted_note,
    restore,
    value_of,
)
from sandbox.control.kinds import ApiError
from sandbox.control.world import StoreTransaction
from tests.support.account import ACCOUNT, REGION
from tests.support.world import RefusedError


def secret(aws, name="site/admin", **inputs):
    return aws.create("secretsmanager:Secret", name=name, **inputs)


def version(aws, made, value="s3cret", **inputs):
    return aws.create(
        "secretsmanager:SecretVersion", secretId=made.id, secretString=value, **inputs
    )


def restored(aws, name):
    with aws.store.change() as rows:
        restore(StoreTransaction(rows, changes=rows), REGION, name)


def test_a_secrets_arn_ends_in_six_characters_of_its_own(aws):
    made = secret(aws)
    prefix = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:site/admin-"

    assert made.short == made.id
    assert made.id.startswith(prefix)
    assert len(made.id) == len(prefix) + 6
    assert made.outputs["recoveryWindowInDays"] == 30


def test_a_version_holds_the_value_and_another_value_is_another_version(aws):
    made = secret(aws)
    first = version(aws, made)

    assert first.short == f"{made.id}|{first.outputs['versionId']}"
    assert first.outputs["versionStages"] == ["AWSCURRENT"]
    found = current(aws.world, aws.again(made))
    assert found is not None
    assert value_of(found) == b"s3cret"
    assert aws.replaced_by(first, secretString="other") == ["secretString"]


@pytest.mark.parametrize("days", [6, 31])
def test_a_recovery_window_has_7_to_30_days_or_none(aws, days):
    found = aws.problems("secretsmanager:Secret", recoveryWindowInDays=days)

    assert "\n".join(found) == (
        "recoveryWindowInDays: The RecoveryWindowInDays value must be between 7 and 30 days "
        f"(inclusive), or 0 to delete without recovery; got {days}. (InvalidParameterException)"
    )
    assert aws.problems("secretsmanager:Secret", recoveryWindowInDays=0) == []


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        (
            {"secretString": "x" * 65_537},
            (
                "secretString: has 65537 bytes; a secret holds up to 65536 "
                "(InvalidParameterException)"
            ),
        ),
        (
            {"secretBinary": "no base64!"},
            "secretBinary: is not base64 (InvalidParameterException)",
        ),
        (
            {"secretString": "a", "secretBinary": "YQ=="},
            "secretBinary: conflicts with secretString (InvalidParameterException)",
        ),
    ],
)
def test_a_value_that_secrets_manager_refuses(aws, inputs, expected):
    assert aws.problems("secretsmanager:SecretVersion", secretId="x", **inputs) == [expected]


def test_a_version_needs_a_value_and_a_secret(aws):
    made = secret(aws)
    with pytest.raises(RefusedError) as refused:
        aws.create("secretsmanager:SecretVersion", secretId=made.id)
    assert str(refused.value) == (
        "secretString: You must provide either SecretString or SecretBinary. "
        "(InvalidParameterException)"
    )

    with pytest.raises(RefusedError) as refused:
        aws.create("secretsmanager:SecretVersion", secretId=f"{made.id}x", secretString="a")
    assert str(refused.value) == (
        "secretId: Secrets Manager can't find the specified secret. (ResourceNotFoundException)"
    )


def test_names_are_taken_once_a_region(aws):
    secret(aws)

    with pytest.raises(RefusedError) as refused:
        secret(aws)
    assert str(refused.value) == (
        "name: The operation failed because the secret site/admin already exists. "
        "(ResourceExistsException)"
    )
    secret(aws.elsewhere("eu-west-1"))


def test_a_deleted_secret_keeps_its_name_until_its_window_ends(aws):
    made = secret(aws, recoveryWindowInDays=7)
    aws.delete(made)

    with pytest.raises(RefusedError) as refused:
        secret(aws)
    assert str(refused.value) == (
        "name: You can't create this secret because a secret with this name is already scheduled "
        "for deletion. (InvalidRequestException)"
    )
    note = aws.world.note(deleted_note(REGION, "site/admin"))
    over = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    aws.remember(deleted_note(REGION, "site/admin"), {**note, "goes": over})
    secret(aws)


def test_without_a_window_it_is_gone_at_once(aws):
    made = secret(aws, recoveryWindowInDays=0)
    version(aws, made)
    aws.delete(made)

    assert deleted(aws.world, REGION, "site/admin") is None
    assert secret(aws).id != made.id


def test_a_restored_secret_has_its_value_again(aws):
    made = secret(aws)
    given = version(aws, made)
    aws.delete(given)
    aws.delete(made)
    restored(aws, "site/admin")
    found = aws.world.named(SECRET, made.id)

    assert found is not None
    value = current(aws.world, found)
    assert value is not None
    assert value_of(value) == b"s3cret"
    stored = aws.store.read().get(value.id)
    assert stored is not None
    assert isinstance(stored.inputs["secretString"], wire.Secret)
    assert deleted(aws.world, REGION, "site/admin") is None
    with pytest.raises(ApiError, match="Secrets Manager can't find the specified secret"):
        restored(aws, "site/admin")


def test_the_versions_go_with_their_secret(aws):
    made = secret(aws, recoveryWindowInDays=0)
    given = version(aws, made)
    aws.delete(made)

    assert aws.world.find(given.id) is None
