import json

from components.aws import permissions
from components.aws.permissions import Place, Statement

HERE = Place("aws", "eu-central-1", "111122223333")
KEY = "arn:aws:kms:eu-central-1:111122223333:key/1234"
BUCKET = "arn:aws:s3:::bucket"
GROUPS = "arn:aws:autoscaling:eu-central-1:111122223333:autoScalingGroup:*"

ALL: dict[str, tuple[Statement, ...]] = {
    "reads secrets": permissions.reads_secrets(["arn:secret"], KEY, HERE.region),
    "reads objects": permissions.reads_objects(BUCKET, "web/", KEY, HERE.region),
    "logs in": permissions.logs_in(HERE, "db-ABC", "migrator"),
    "speaks for its group": permissions.speaks_for_group(HERE, "test-web-nodes", "test"),
    "opens sessions": permissions.opens_sessions(HERE),
    "reports on its host": permissions.reports_on_host(HERE),
    "writes its log": permissions.writes_log(
        f"arn:aws:logs:eu-central-1:{HERE.account}:log-group:x"
    ),
}
"""What roles are ever given."""

WITHOUT_RESOURCES = {
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
}
"""Actions that AWS knows no resource of ("Service Authorization Reference", Amazon Session Manager
Message Gateway Service), so that a policy can only say `*`."""


def given() -> list[Statement]:
    return [statement for statements in ALL.values() for statement in statements]


def actions(statement: Statement) -> list[str]:
    found = statement["Action"]
    assert isinstance(found, list)
    return found


def test_no_action_is_a_pattern() -> None:
    assert not [action for statement in given() for action in actions(statement) if "*" in action]


def test_everything_has_resources_but_what_aws_has_none_for() -> None:
    everywhere = [statement for statement in given() if statement["Resource"] == ["*"]]
    assert {action for statement in everywhere for action in actions(statement)} == (
        WITHOUT_RESOURCES
    )


def test_every_resource_is_of_one_account_or_one_bucket() -> None:
    for statement in given():
        if statement["Resource"] == ["*"]:
            continue
        for resource in statement["Resource"]:
            assert HERE.account in resource or resource.startswith((BUCKET, "arn:secret"))


def test_a_key_is_used_through_one_service_only() -> None:
    for name, service in (("reads secrets", "secretsmanager"), ("reads objects", "s3")):
        assert ALL[name][-1] == {
            "Effect": "Allow",
            "Action": ["kms:Decrypt"],
            "Resource": [KEY],
            "Condition": {
                "StringEquals": {"kms:ViaService": f"{service}.eu-central-1.amazonaws.com"}
            },
        }


def test_secrets_are_read_one_by_one_and_never_listed() -> None:
    (reads, _) = permissions.reads_secrets(["arn:one", "arn:two"], KEY, HERE.region)
    assert reads == {
        "Effect": "Allow",
        "Action": ["secretsmanager:GetSecretValue"],
        "Resource": ["arn:one", "arn:two"],
    }


def test_a_role_reads_its_own_folder() -> None:
    assert ALL["reads objects"][0] == {
        "Effect": "Allow",
        "Action": ["s3:GetObject"],
        "Resource": ["arn:aws:s3:::bucket/web/*"],
    }


def test_one_user_of_one_server_logs_in() -> None:
    assert ALL["logs in"] == (
        {
            "Effect": "Allow",
            "Action": ["rds-db:connect"],
            "Resource": ["arn:aws:rds-db:eu-central-1:111122223333:dbuser:db-ABC/migrator"],
        },
    )


def test_a_node_speaks_for_its_own_group_in_its_own_environment() -> None:
    assert ALL["speaks for its group"] == (
        {
            "Effect": "Allow",
            "Action": ["autoscaling:CompleteLifecycleAction", "autoscaling:SetInstanceHealth"],
            "Resource": [f"{GROUPS}:autoScalingGroupName/test-web-nodes-*"],
            "Condition": {"StringEquals": {"aws:ResourceTag/environment": "test"}},
        },
    )


def test_a_service_takes_a_role_for_this_account_only() -> None:
    assert permissions.assumed_for("monitoring.rds.amazonaws.com", HERE.account) == {
        "Effect": "Allow",
        "Principal": {"Service": "monitoring.rds.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:SourceAccount": "111122223333"}},
    }


def test_a_bucket_refuses_everybody_without_tls() -> None:
    assert permissions.refuses_plain_text(BUCKET) == {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [BUCKET, f"{BUCKET}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


def test_a_policy_is_the_same_text_each_time() -> None:
    first, again = (permissions.document(*ALL["opens sessions"]) for _ in range(2))
    assert first == again
    assert json.loads(first)["Version"] == "2012-10-17"
