import json

import pytest

from tests.support.aws import deployed, policies, world
from tests.support.azure import changed
from tests.support.cloud import World

ROLE = "aws:iam/role:Role"
PROFILE = "aws:iam/instanceProfile:InstanceProfile"


@pytest.mark.parametrize("role", ["web", "compute"])
def test_a_role_is_taken_by_machines_and_nobody_else(role: str) -> None:
    made = world("dev-aws").of_type(ROLE)[f"test-{role}-identity"]
    assert json.loads(made["assumeRolePolicy"])["Statement"] == [
        {
            "Effect": "Allow",
            "Principal": {"Service": "ec2.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ]
    assert "managedPolicyArns" not in made
    profile = world("dev-aws").of_type(PROFILE)[f"test-{role}-identity-profile"]
    assert profile["role"] == f"test-{role}-identity"


def test_each_role_has_what_its_nodes_need_and_no_more() -> None:
    assert sorted(policies(world("dev-aws"), "web")) == [
        "begins-database",
        "logs-in-to-database",
        "reads-bundle",
        "reads-secrets",
        "speaks-for-group",
    ]
    assert sorted(policies(world("dev-aws"), "compute")) == [
        "reads-bundle",
        "reads-secrets",
        "speaks-for-group",
    ]


def test_nobody_opens_a_shell_unless_the_settings_say_so() -> None:
    sessions = deployed(changed("dev-aws", access__sessionManager=True))
    for role in ("web", "compute"):
        ssm, channels = policies(sessions, role)["opens-sessions"]
        assert ssm["Resource"] == ["arn:aws:ec2:eu-central-1:111122223333:instance/*"]
        assert channels["Resource"] == ["*"]
        assert all(action.startswith("ssmmessages:") for action in channels["Action"])


def statements(deployment: World) -> list[dict]:
    return [
        statement
        for policy in deployment.of_type("aws:iam/rolePolicy:RolePolicy").values()
        for statement in json.loads(policy["policy"])["Statement"]
    ]


def test_no_policy_of_the_whole_program_is_wider_than_its_purpose() -> None:
    for statement in statements(world("dev-aws")):
        assert statement["Effect"] == "Allow"
        assert "*" not in "".join(statement["Action"])
        assert "*" not in statement["Resource"]
