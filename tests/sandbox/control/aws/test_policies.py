import json

import pytest

from sandbox.control.aws import policies
from sandbox.control.aws.statements import is_public, parse


def document(*statements, **top):
    return json.dumps({"Version": "2012-10-17", **top, "Statement": list(statements)})


def refused(written, dialect):
    return [f"{each.reason} ({each.code})" for each in policies.problems("p", written, dialect)]


ALLOWED = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"}
TRUSTED = {
    "Effect": "Allow",
    "Principal": {"Service": "ec2.amazonaws.com"},
    "Action": "sts:AssumeRole",
}


def test_an_identity_policy_as_iam_takes_it():
    both = {
        "Sid": "Read",
        "Effect": "Allow",
        "Action": ["secretsmanager:GetSecretValue", "kms:*"],
        "Resource": ["arn:aws:secretsmanager:eu-central-1:500000000005:secret:x-??????"],
        "Condition": {"StringEqualsIfExists": {"kms:ViaService": ["a", "b"]}},
    }

    assert refused(document(ALLOWED, both), policies.IDENTITY) == []
    assert refused(document(Id="x"), policies.IDENTITY) != []


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("no json", "Syntax errors in policy."),
        ("[]", "Syntax errors in policy."),
        (document({**ALLOWED, "Effect": "allow"}), "Syntax errors in policy."),
        (document({**ALLOWED, "Actions": "s3:*"}), "Syntax errors in policy."),
        (
            document(ALLOWED, Version="2008-10-17"),
            "Policy document must be version 2012-10-17 or greater.",
        ),
        (
            document({"Effect": "Allow", "Resource": "*"}),
            "Policy statement must contain actions.",
        ),
        (
            document({"Effect": "Allow", "Action": "s3:*"}),
            "Policy statement must contain resources.",
        ),
        (
            document({**ALLOWED, "Action": "GetObject"}),
            "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
        ),
        (document({**ALLOWED, "Action": "a a:Get"}), "Vendor a a is not valid"),
        (
            document({**ALLOWED, "Action": "s3:Get:Object"}),
            "Actions/Condition can contain only one colon.",
        ),
        (
            document({**ALLOWED, "Resource": "bucket"}),
            'Resource bucket must be in ARN format or "*".',
        ),
        (
            document({**ALLOWED, "Resource": "arn:asw:s3:::b"}),
            'Partition "asw" is not valid for resource "arn:asw:s3:::b".',
        ),
        (
            document({**ALLOWED, "Sid": "a"}, {**ALLOWED, "Sid": "a"}),
            "Statement IDs (SID) in a single policy must be unique.",
        ),
        (
            document({**ALLOWED, "Sid": "a b"}),
            (
                "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the "
                "regular expression [0-9A-Za-z]*"
            ),
        ),
        (
            document({**ALLOWED, "Principal": "*"}),
            "Policy document should not specify a principal.",
        ),
        (
            document({**ALLOWED, "Condition": {"StringEqual": {"aws:x": "y"}}}),
            "Invalid Condition type : StringEqual",
        ),
    ],
)
def test_an_identity_policy_that_iam_refuses(written, reason):
    assert refused(written, policies.IDENTITY) == [f"{reason} (MalformedPolicyDocument)"]


def test_a_trust_policy_as_iam_takes_it():
    assert refused(document(TRUSTED), policies.TRUST) == []


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"Resource": "*"}, "Has prohibited field Resource"),
        ({"Action": "s3:GetObject"}, "AssumeRole policy may only specify STS AssumeRole actions."),
        ({"Action": "*"}, "AssumeRole policy may only specify STS AssumeRole actions."),
        (
            {"Principal": {"Service": "ec2.amazonaws.org"}},
            'Invalid principal in policy: "SERVICE":"ec2.amazonaws.org"',
        ),
        (
            {"Principal": {"AWS": "somebody"}},
            'Invalid principal in policy: "AWS":"somebody"',
        ),
        ({"Principals": {}}, "Unknown field Principals"),
    ],
)
def test_a_trust_policy_that_iam_refuses(changed, reason):
    found = refused(document({**TRUSTED, **changed}), policies.TRUST)

    assert found == [f"{reason} (MalformedPolicyDocument)"]


def test_a_trust_policy_names_who_is_trusted():
    nobody = {key: value for key, value in TRUSTED.items() if key != "Principal"}

    assert refused(document(nobody), policies.TRUST) == [
        "Missing required field Principal (MalformedPolicyDocument)"
    ]
    assert refused("{", policies.TRUST) == [
        "This policy contains invalid Json (MalformedPolicyDocument)"
    ]


def test_a_document_that_is_nested_too_deeply_is_refused_and_no_crash():
    assert refused("[" * 100_000, policies.IDENTITY) == [
        "Syntax errors in policy. (MalformedPolicyDocument)"
    ]
    assert parse("[" * 100_000) == ()


def test_statements_are_read_as_lists():
    (found,) = parse(document({**ALLOWED, "Condition": {"Bool": {"aws:SecureTransport": False}}}))

    assert (found.allows, found.actions, found.resources) == (
        True,
        ("s3:GetObject",),
        ("arn:aws:s3:::b/*",),
    )
    assert found.conditions == {"Bool": {"aws:SecureTransport": ("false",)}}


@pytest.mark.parametrize(
    ("changed", "public"),
    [
        ({}, True),
        ({"Effect": "Deny"}, False),
        ({"Principal": {"AWS": "arn:aws:iam::500000000005:root"}}, False),
        ({"Condition": {"StringEquals": {"aws:SourceAccount": "500000000005"}}}, False),
        ({"Condition": {"StringLike": {"aws:PrincipalArn": "*"}}}, True),
        ({"Condition": {"Bool": {"aws:SecureTransport": "true"}}}, True),
    ],
)
def test_a_policy_is_public_when_it_lets_everyone_in(changed, public):
    statement = {**ALLOWED, "Principal": "*", **changed}

    assert is_public(parse(document(statement))) is public
