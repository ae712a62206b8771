import json

import pytest

from sandbox.control.aws.keys import deleted_key_note, key_of
from tests.support.account import ACCOUNT
from tests.support.world import RefusedError


def policy(*actions, principal=None):
    statement = {
        "Effect": "Allow",
        "Principal": principal or {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
        "Action": list(actions),
        "Resource": "*",
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_a_key_is_known_by_its_uuid_and_its_arn(aws):
    made = aws.create("kms:Key", enableKeyRotation=True, policy=policy("kms:*"))

    assert made.outputs["keyId"] == made.short
    assert made.id == f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/{made.short}"
    assert len(made.short) == 36
    assert made.outputs["rotationPeriodInDays"] == 365
    for written in (made.short, made.id):
        assert key_of(aws.world, written) is not None


def test_an_alias_stands_for_its_key(aws):
    key = aws.create("kms:Key")
    made = aws.create("kms:Alias", name="alias/site", targetKeyId=key.short)
    found = key_of(aws.world, "alias/site")

    assert made.id == f"arn:aws:kms:eu-central-1:{ACCOUNT}:alias/site"
    assert made.outputs["targetKeyArn"] == key.id
    assert found is not None
    assert found.id == key.id


@pytest.mark.parametrize(
    ("kind", "inputs", "expected"),
    [
        (
            "kms:Key",
            {"deletionWindowInDays": 6},
            "deletionWindowInDays: must be 7 to 30, got 6 (ValidationException)",
        ),
        (
            "kms:Key",
            {"enableKeyRotation": True, "rotationPeriodInDays": 30},
            "rotationPeriodInDays: must be 90 to 2560, got 30 (ValidationException)",
        ),
        (
            "kms:Alias",
            {"name": "site", "targetKeyId": "x"},
            'name: must have 7 to 256 characters, got 4: "site"',
        ),
        (
            "kms:Alias",
            {"name": "alias/aws/site", "targetKeyId": "x"},
            "name: alias/aws/site is reserved for AWS services. (NotAuthorizedException)",
        ),
    ],
)
def test_what_kms_refuses(aws, kind, inputs, expected):
    assert expected in aws.problems(kind, **inputs)


@pytest.mark.parametrize(
    "written",
    [
        policy("kms:Encrypt", "kms:Decrypt"),
        policy("kms:*", principal={"Service": "logs.eu-central-1.amazonaws.com"}),
    ],
    ids=["no right to change it", "only a service"],
)
def test_nobody_may_be_locked_out_of_a_key(aws, written):
    with pytest.raises(RefusedError) as refused:
        aws.create("kms:Key", policy=written)

    assert str(refused.value) == (
        "policy: The new key policy will not allow you to update the key policy in the future. "
        "(MalformedPolicyDocumentException)"
    )


def test_a_key_goes_although_something_is_encrypted_with_it_and_is_remembered(aws):
    key = aws.create("kms:Key", deletionWindowInDays=7)
    aws.create("secretsmanager:Secret", name="a", kmsKeyId=key.id)
    aws.delete(key)

    assert aws.world.note(deleted_key_note(key.id)) is not None
    with pytest.raises(RefusedError) as refused:
        aws.create("secretsmanager:Secret", name="b", kmsKeyId=key.id)
    assert str(refused.value) == f"kmsKeyId: Key '{key.id}' does not exist (NotFoundException)"


def test_a_disabled_key_encrypts_nothing(aws):
    key = aws.create("kms:Key", isEnabled=False)

    with pytest.raises(RefusedError, match=r"is disabled\. \(DisabledException\)"):
        aws.create("secretsmanager:Secret", name="a", kmsKeyId=key.short)


def test_an_alias_of_aws_needs_no_record(aws):
    aws.create("secretsmanager:Secret", name="a", kmsKeyId="alias/aws/secretsmanager")

    with pytest.raises(RefusedError, match="NotFoundException"):
        aws.create("secretsmanager:Secret", name="b", kmsKeyId="alias/nothing")
