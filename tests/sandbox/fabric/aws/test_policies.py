"""What policies allow: each rule once where it holds and once where it does not."""

import json
import logging

import pytest

from sandbox.fabric.aws.policies import Decision, decide

READ = "secretsmanager:GetSecretValue"
SECRET = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:dev/jwt-a1b2c3"
CALLER = "arn:aws:sts::123456789012:assumed-role/web/i-1"


def allow(action=READ, resource=SECRET, **more):
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def judge(*statements, action=READ, resource=SECRET, principal="", **context):
    given = {key.replace("__", ":"): value for key, value in context.items()}
    return decide([policy(*statements)], action, resource, given, principal)


def test_nothing_is_allowed_that_no_statement_allows():
    assert decide([], READ, SECRET, {}) is Decision.IMPLICIT
    assert judge(allow(resource=f"{SECRET}x")) is Decision.IMPLICIT
    assert judge(allow(action="secretsmanager:PutSecretValue")) is Decision.IMPLICIT
    assert judge(allow()) is Decision.ALLOWED


def test_a_denial_wins_wherever_it_stands():
    deny = {**allow(), "Effect": "Deny"}

    assert judge(allow(), deny) is Decision.DENIED
    assert decide([policy(deny), policy(allow())], READ, SECRET, {}) is Decision.DENIED
    assert judge(allow(), {**deny, "Resource": "other"}) is Decision.ALLOWED


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ("secretsmanager:*", Decision.ALLOWED),
        ("SecretsManager:getsecretvalue", Decision.ALLOWED),
        ("secretsmanager:Get?ecret*", Decision.ALLOWED),
        (["s3:GetObject", READ], Decision.ALLOWED),
        ("*", Decision.ALLOWED),
        ("secretsmanager:Get", Decision.IMPLICIT),
        ("s3:*", Decision.IMPLICIT),
    ],
)
def test_actions_have_wildcards_and_no_case(action, expected):
    assert judge(allow(action=action)) is expected


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        ("*", Decision.ALLOWED),
        (SECRET[:-6] + "??????", Decision.ALLOWED),
        (SECRET[:-6] + "?????", Decision.IMPLICIT),
        (SECRET.replace("jwt", "JWT"), Decision.IMPLICIT),
        ([], Decision.IMPLICIT),
        (SECRET.replace(".", "*") + "[a]", Decision.IMPLICIT),
    ],
)
def test_resources_have_wildcards_and_case(resource, expected):
    assert judge(allow(resource=resource)) is expected


def test_all_but_some_actions_and_resources():
    statement = {"Effect": "Allow", "NotAction": "iam:*", "NotResource": "arn:aws:s3:::*"}

    assert judge(statement) is Decision.ALLOWED
    assert judge(statement, action="iam:PassRole") is Decision.IMPLICIT
    assert judge(statement, resource="arn:aws:s3:::bucket") is Decision.IMPLICIT


@pytest.mark.parametrize(
    ("condition", "context", "holds"),
    [
        ({"StringEquals": {"kms:ViaService": "a"}}, {"kms__ViaService": "a"}, True),
        ({"StringEquals": {"kms:viaservice": "a"}}, {"kms__ViaService": "a"}, True),
        ({"StringEquals": {"kms:ViaService": ["b", "a"]}}, {"kms__ViaService": "a"}, True),
        ({"StringEquals": {"kms:ViaService": "A"}}, {"kms__ViaService": "a"}, False),
        ({"StringEquals": {"kms:ViaService": "a"}}, {}, False),
        ({"StringEqualsIfExists": {"kms:ViaService": "a"}}, {}, True),
        ({"StringNotEquals": {"aws:x": "a"}}, {}, True),
        ({"StringNotEquals": {"aws:x": ["a", "b"]}}, {"aws__x": "b"}, False),
        ({"StringLike": {"aws:x": "web-*"}}, {"aws__x": "web-1"}, True),
        ({"StringEquals": {"aws:x": "web-*"}}, {"aws__x": "web-1"}, False),
        ({"ArnLike": {"aws:x": "arn:*:web"}}, {"aws__x": "arn:aws:web"}, True),
        ({"Bool": {"aws:SecureTransport": "true"}}, {"aws__SecureTransport": "true"}, True),
        ({"Bool": {"aws:SecureTransport": False}}, {"aws__SecureTransport": "true"}, False),
        ({"NumericLessThan": {"s3:TlsVersion": 1.2}}, {"s3__TlsVersion": "1.1"}, True),
        ({"NumericLessThan": {"s3:TlsVersion": 1.2}}, {"s3__TlsVersion": "1.3"}, False),
        ({"Null": {"aws:x": "true"}}, {}, True),
        ({"Null": {"aws:x": "true"}}, {"aws__x": "1"}, False),
        ({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, {"aws__SourceIp": "10.1.2.3"}, True),
        ({"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, {"aws__SourceIp": "10.1.2.3"}, False),
        ({"ForAnyValue:StringEquals": {"aws:t": ["a"]}}, {"aws__t": ["b", "a"]}, True),
        ({"ForAllValues:StringEquals": {"aws:t": ["a"]}}, {"aws__t": ["b", "a"]}, False),
        (
            {"StringEquals": {"aws:a": "1"}, "StringLike": {"aws:b": "2"}},
            {"aws__a": "1", "aws__b": "3"},
            False,
        ),
    ],
)
def test_conditions_must_all_hold(condition, context, holds):
    expected = Decision.ALLOWED if holds else Decision.IMPLICIT

    assert judge(allow(Condition=condition), **context) is expected


def test_an_unknown_condition_allows_nothing_denies_all_and_is_said(caplog):
    condition = {"DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}
    with caplog.at_level(logging.WARNING):
        assert judge(allow(Condition=condition)) is Decision.IMPLICIT
        deny = {**allow(Condition=condition), "Effect": "Deny"}
        assert judge(allow(), deny) is Decision.DENIED
    assert "does not know the condition operator DateGreaterThan" in caplog.text


@pytest.mark.parametrize("text", ["", "[]", "{", '{"Statement": 5}', '{"Statement": [3]}'])
def test_what_is_no_policy_allows_nothing(text):
    assert decide([text], READ, SECRET, {}) is Decision.IMPLICIT


@pytest.mark.parametrize(
    ("principal", "holds"),
    [
        ("*", True),
        ({"AWS": "*"}, True),
        ({"AWS": CALLER}, True),
        ({"AWS": ["arn:aws:iam::123456789012:role/web"]}, True),
        ({"AWS": "arn:aws:iam::123456789012:root"}, True),
        ({"AWS": "123456789012"}, True),
        ({"AWS": "arn:aws:iam::123456789012:role/compute"}, False),
        ({"Service": "ec2.amazonaws.com"}, False),
        (None, False),
    ],
)
def test_policies_of_resources_are_for_those_they_name(principal, holds):
    statement = allow(Principal=principal)
    expected = Decision.ALLOWED if holds else Decision.IMPLICIT

    assert judge(statement, principal=CALLER) is expected
