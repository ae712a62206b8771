"""Secrets Manager as nodes call it: their own secrets, and nobody else's."""

import json

import pytest

from sandbox.fabric.aws.calls import Door
from sandbox.fabric.aws.secrets_manager import SecretsManager
from tests.sandbox.fabric.aws.conftest import ACCOUNT, EVERYTHING, REGION, arn, policy

READ = "secretsmanager:GetSecretValue"
DOOR = Door(service="secretsmanager", region=REGION)
CALLER = f"arn:aws:sts::{ACCOUNT}:assumed-role/web/i-0123456789abcdef0"


def allow(resource, action=READ, **more):
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def ask(account, session, secret, door=DOOR, operation="GetSecretValue", **more):
    body = json.dumps({"SecretId": secret, **more}).encode()
    request = account.signed(
        session, "secretsmanager", body=body, X_Amz_Target=f"secretsmanager.{operation}"
    )
    answer = SecretsManager(door, account.sessions).answer(request, account.world)
    return answer.status, json.loads(answer.body)


def test_a_role_reads_its_secret_by_arn_and_by_name(account):
    target = account.secret("dev/jwt", "the value")
    web = account.role("web", allow(target))

    for name in (target, "dev/jwt", target[:-7]):
        status, found = ask(account, web, name)
        assert status == 200
        assert (found["ARN"], found["Name"], found["SecretString"]) == (
            target,
            "dev/jwt",
            "the value",
        )
        assert found["VersionStages"] == ["AWSCURRENT"]


def test_a_role_reads_no_other_secret(account):
    own, other = account.secret("dev/jwt", "own"), account.secret("dev/other", "other's")
    web = account.role("web", allow(own))
    status, found = ask(account, web, "dev/other")

    assert (status, found["__type"]) == (400, "AccessDeniedException")
    assert found["Message"] == (
        f"User: {CALLER} is not authorized to perform: {READ} on resource: {other} because no "
        f"identity-based policy allows the {READ} action"
    )


def test_who_may_not_read_learns_not_whether_there_is_such_a_secret(account):
    web = account.role("web", allow(arn("secretsmanager", "secret:other")))

    assert ask(account, web, "none")[1]["__type"] == "AccessDeniedException"
    everyone = account.role("all", EVERYTHING)
    status, found = ask(account, everyone, "none")
    assert (status, found["__type"]) == (400, "ResourceNotFoundException")
    assert found["Message"] == "Secrets Manager can't find the specified secret."


@pytest.mark.parametrize(
    ("statement", "opens"),
    [
        ({"StringEquals": {"kms:ViaService": f"secretsmanager.{REGION}.amazonaws.com"}}, True),
        ({"StringEquals": {"kms:ViaService": f"s3.{REGION}.amazonaws.com"}}, False),
        (None, False),
    ],
    ids=["through the service", "through another", "no permission"],
)
def test_the_key_of_a_secret_must_be_allowed_too(account, statement, opens):
    root = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
    key = account.key("1234", root)
    target = account.secret("dev/jwt", "x", kmsKeyId=key)
    more = [allow(key, "kms:Decrypt", Condition=statement)] if statement else []
    web = account.role("web", allow(target), *more)
    status, found = ask(account, web, target)

    assert (status == 200) is opens
    if not opens:
        assert found["Message"] == "Access to KMS is not allowed"


def test_a_key_whose_policy_leaves_the_account_out_opens_nothing(account):
    service = {
        "Effect": "Allow",
        "Principal": {"Service": "rds.amazonaws.com"},
        "Action": "kms:*",
        "Resource": "*",
    }
    key = account.key("1234", service)
    target = account.secret("dev/jwt", "x", kmsKeyId=key)
    web = account.role("web", EVERYTHING)

    assert ask(account, web, target)[1]["Message"] == "Access to KMS is not allowed"


def test_an_endpoints_policy_limits_what_goes_through_it(account):
    own, other = account.secret("dev/jwt", "own"), account.secret("dev/other", "other")
    web = account.role("web", EVERYTHING)
    written = policy({**allow(own), "Principal": "*"})
    endpoint = arn("ec2", "vpc-endpoint/vpce-1")
    account.put("aws:ec2/vpcEndpoint:VpcEndpoint", endpoint, "vpce-1", policy=written)
    door = Door(service="secretsmanager", region=REGION, endpoint=endpoint, vpc="vpc-1")

    assert ask(account, web, own, door)[0] == 200
    status, found = ask(account, web, other, door)
    assert status == 400
    assert "because no VPC endpoint policy allows" in found["Message"]


def test_only_a_role_that_still_exists_calls(account):
    target = account.secret("dev/jwt", "x")
    account.role("web", EVERYTHING)
    gone = account.session("gone")

    assert ask(account, gone, target)[1]["__type"] == "UnrecognizedClientException"


def test_versions_are_told_apart_by_id_and_stage(account):
    target = account.secret("dev/jwt", "current")
    account.put(
        "aws:secretsmanager/secretVersion:SecretVersion",
        f"{target}/version/v0",
        f"{target}|v0",
        target,
        secretString="before",
        outputs={"secretId": target, "versionId": "v0", "versionStages": ["AWSPREVIOUS"]},
    )
    web = account.role("web", EVERYTHING)

    assert ask(account, web, target)[1]["SecretString"] == "current"
    assert ask(account, web, target, VersionStage="AWSPREVIOUS")[1]["SecretString"] == "before"
    assert ask(account, web, target, VersionId="v0")[1]["SecretString"] == "before"
    status, found = ask(account, web, target, VersionId="v9")
    assert (status, found["__type"]) == (400, "ResourceNotFoundException")


def test_what_is_not_emulated_is_refused_by_name(account):
    web = account.role("web", EVERYTHING)
    status, found = ask(account, web, "x", operation="PutSecretValue")

    assert status == 400
    assert "does not emulate secretsmanager.PutSecretValue" in found["Message"]


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"SecretId": 5}', b'{"SecretId": ""}'])
def test_what_is_no_question_is_refused(account, body):
    web = account.role("web", EVERYTHING)
    request = account.signed(
        web, "secretsmanager", body=body, X_Amz_Target="secretsmanager.GetSecretValue"
    )
    answer = SecretsManager(DOOR, account.sessions).answer(request, account.world)

    assert answer.status == 400
    assert json.loads(answer.body)["__type"] in ("SerializationException", "ValidationException")
