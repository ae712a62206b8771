import json

import pytest

from sandbox.control.aws.roles import policies_of, role_of_profile
from sandbox.control.kinds import ApiError
from tests.support.account import ACCOUNT
from tests.support.world import RefusedError

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "ec2.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
)


def grant(*resources):
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": list(resources)}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def role(aws, name="web", **inputs):
    return aws.create("iam:Role", name=name, assumeRolePolicy=TRUST, **inputs)


def test_a_role_has_an_arn_with_its_path_and_a_unique_id(aws):
    made = role(aws, path="/nodes/")

    assert made.id == f"arn:aws:iam::{ACCOUNT}:role/nodes/web"
    assert made.short == made.outputs["name"] == "web"
    assert str(made.outputs["uniqueId"]).startswith("AROA")
    assert len(str(made.outputs["uniqueId"])) == 21
    assert made.outputs["maxSessionDuration"] == 3600
    assert aws.replaced_by(made, path="/") == ["path"]
    assert aws.replaced_by(made, description="x") == []


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        (
            {"maxSessionDuration": 60},
            "maxSessionDuration: must be 3600 to 43200, got 60 (ValidationError)",
        ),
        (
            {"path": "nodes"},
            (
                "path: The specified value for path is invalid. It must begin and end with / and "
                "contain only alphanumeric characters and/or / characters. (ValidationError)"
            ),
        ),
        (
            {"managedPolicyArns": ["arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"]},
            (
                "managedPolicyArns: the sandbox does not emulate this: use "
                "aws.iam.RolePolicyAttachment"
            ),
        ),
        (
            {
                "assumeRolePolicy": TRUST.replace(
                    "sts:AssumeRole", "sts:" + "AssumeRole" + "x" * 2048
                )
            },
            "assumeRolePolicy: Cannot exceed quota for ACLSizePerRole: 2048 (LimitExceeded)",
        ),
    ],
)
def test_a_role_that_iam_refuses(aws, inputs, expected):
    assert aws.problems("iam:Role", **{"assumeRolePolicy": TRUST, **inputs}) == [expected]


def test_white_space_does_not_count_for_a_quota(aws):
    spaced = TRUST.replace(",", "," + " " * 3000)

    assert aws.problems("iam:Role", assumeRolePolicy=spaced) == []


@pytest.mark.parametrize(
    ("principal", "shown"),
    [
        ({"Service": "ecs2.amazonaws.com"}, '"SERVICE":"ecs2.amazonaws.com"'),
        (
            {"AWS": f"arn:aws:iam::{ACCOUNT}:role/nobody"},
            f'"AWS":"arn:aws:iam::{ACCOUNT}:role/nobody"',
        ),
    ],
)
def test_who_is_trusted_must_exist(aws, principal, shown):
    trust = TRUST.replace('{"Service": "ec2.amazonaws.com"}', json.dumps(principal))

    with pytest.raises(RefusedError) as refused:
        aws.create("iam:Role", name="web", assumeRolePolicy=trust)

    assert str(refused.value) == (
        f"assumeRolePolicy: Invalid principal in policy: {shown} (MalformedPolicyDocument)"
    )


def test_role_names_are_taken_once(aws):
    role(aws)

    with pytest.raises(RefusedError) as refused:
        role(aws)

    assert str(refused.value) == "name: Role with name web already exists. (EntityAlreadyExists)"


def test_a_policy_is_one_of_its_role(aws):
    role(aws)
    made = aws.create("iam:RolePolicy", role="web", name="reads", policy=grant("*"))

    assert made.short == "web:reads"
    assert [each.actions for each in policies_of(aws.world, "web")] == [("s3:GetObject",)]


def test_a_policy_needs_its_role(aws):
    with pytest.raises(RefusedError) as refused:
        aws.create("iam:RolePolicy", role="web", name="reads", policy=grant("*"))

    assert str(refused.value) == ("role: The role with name web cannot be found. (NoSuchEntity)")


def test_the_policies_of_a_role_have_10240_characters_together(aws):
    role(aws)
    big = grant(*(f"arn:aws:s3:::bucket-{number:0>40}" for number in range(85)))
    aws.create("iam:RolePolicy", role="web", name="one", policy=big)

    with pytest.raises(RefusedError) as refused:
        aws.create("iam:RolePolicy", role="web", name="two", policy=big)

    assert str(refused.value) == (
        "policy: Maximum policy size of 10240 bytes exceeded for role web (LimitExceeded)"
    )
    role(aws, "compute")
    aws.create("iam:RolePolicy", role="compute", name="two", policy=big)


def test_a_role_goes_after_its_policies(aws):
    made = role(aws)
    inline = aws.create("iam:RolePolicy", role="web", name="reads", policy=grant("*"))

    with pytest.raises(
        ApiError, match="DeleteConflict: Cannot delete entity, must delete policies"
    ):
        aws.delete(made)
    aws.delete(inline)
    attached = aws.create(
        "iam:RolePolicyAttachment",
        role="web",
        policyArn="arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore",
    )
    with pytest.raises(ApiError, match="must detach all policies first"):
        aws.delete(made)
    aws.delete(attached)
    aws.delete(made)

    assert aws.world.find(made.id) is None


def test_an_attached_policy_must_exist(aws):
    role(aws)

    with pytest.raises(RefusedError) as refused:
        aws.create(
            "iam:RolePolicyAttachment",
            role="web",
            policyArn="arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCor",
        )

    assert str(refused.value) == (
        "policyArn: Policy arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCor does not exist or "
        "is not attachable. (NoSuchEntity)"
    )


def test_a_profile_carries_its_role_and_does_not_hold_it(aws):
    made = role(aws)
    profile = aws.create("iam:InstanceProfile", name="web-profile", role="web")
    found = role_of_profile(aws.world, "web-profile")

    assert profile.id == f"arn:aws:iam::{ACCOUNT}:instance-profile/web-profile"
    assert str(profile.outputs["uniqueId"]).startswith("AIPA")
    assert found is not None
    assert found.id == made.id
    aws.delete(made)
    assert role_of_profile(aws.world, "web-profile") is None


def test_a_profile_needs_an_existing_role(aws):
    with pytest.raises(RefusedError, match="The role with name web cannot be found"):
        aws.create("iam:InstanceProfile", name="web-profile", role="web")
