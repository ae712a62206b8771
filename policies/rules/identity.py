"""Who may do what: identities of nodes, and policies of what they reach."""

import json
from collections.abc import Iterator
from typing import Any

from policies.ground import Ground
from policies.kinds import KEY, POLICY, ROLE_POLICY
from policies.reading import UNKNOWN, Resource, at, items
from policies.rule import Finding, Rule, Severity, Stance, undecided

ADMINISTRATORS = {
    "8e3af657-a8ff-443c-a75c-2fe8c4bcb635": "Owner",
    "b24988ac-6180-42a0-ab88-20f7382dd24c": "Contributor",
    "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9": "User Access Administrator",
    "f58310d9-a9f6-439a-9e8d-f62e7b41a168": "Role Based Access Control Administrator",
}
"""Azure's roles that may do everything, or give themselves any other (Azure built-in roles)."""
OWN_POLICIES = (
    KEY,
    "aws:s3/bucketPolicy:BucketPolicy",
    "aws:secretsmanager/secretPolicy:SecretPolicy",
    "aws:sns/topicPolicy:TopicPolicy",
)
"""Types with a policy of their own, which says who may use them."""


def _statements(policy: Any) -> list[Any]:
    """Return the statements of an IAM policy; none of one that is not known or not JSON."""
    try:
        found = json.loads(policy) if isinstance(policy, str) else policy
    except ValueError:
        return []
    return items(at(found, "Statement"))[0]


def _wildcards(resource: Resource, _: Ground) -> Iterator[Finding]:
    if resource("policy") is UNKNOWN:
        yield undecided("policy")
    for each in _statements(resource("policy")):
        if at(each, "Effect") != "Allow":
            continue
        actions, _whole = items(at(each, "Action"))
        targets, _whole = items(at(each, "Resource"))
        if at(each, "NotAction") is not None:
            yield Finding("it allows every action but some (NotAction)")
        elif "*" in actions:
            yield Finding("it allows every action")
        elif "*" in targets and any(str(action).endswith(":*") for action in actions):
            yield Finding("it allows every action of a service on every resource")


def _administrators(resource: Resource, _: Ground) -> Iterator[Finding]:
    role = resource("roleDefinitionId")
    if role is UNKNOWN:
        yield undecided("roleDefinitionId")
    elif name := ADMINISTRATORS.get(str(role).rpartition("/")[2].lower()):
        yield Finding(f"it gives the role {name}")


def _attached(resource: Resource, _: Ground) -> Iterator[Finding]:
    arn = resource("policyArn")
    if arn is not UNKNOWN and str(arn).endswith(("/AdministratorAccess", "/PowerUserAccess")):
        yield Finding(f"it gives {str(arn).rpartition('/')[2]}")


def _anybody(resource: Resource, _: Ground) -> Iterator[Finding]:
    if resource("policy") is UNKNOWN:
        yield undecided("policy")
    for each in _statements(resource("policy")):
        principals = [at(each, "Principal"), *items(at(each, "Principal.AWS"))[0]]
        if at(each, "Effect") == "Allow" and "*" in principals and not at(each, "Condition"):
            yield Finding("its policy lets in anybody of any account")


RULES = (
    Rule(
        id="identity-wildcards",
        why="An identity may do what its node needs, on what it needs it",
        severity=Severity.HIGH,
        stance=Stance.REFUSES,
        ids=("CKV_AWS_62", "CKV_AWS_63", "CKV_AWS_274", "CKV_AWS_355", "IAM.1", "IAM.21"),
        fix="name the actions and the resources, or a role that is made for the purpose",
        checks={
            ROLE_POLICY: _wildcards,
            POLICY: _wildcards,
            "aws:iam/rolePolicyAttachment:RolePolicyAttachment": _attached,
            "azure-native:authorization:RoleAssignment": _administrators,
        },
    ),
    Rule(
        id="identity-anybody",
        why="What an environment has is for identities that somebody named",
        severity=Severity.CRITICAL,
        stance=Stance.REFUSES,
        ids=("CKV_AWS_33", "CKV_AWS_70"),
        fix="name the principals, or say under which condition all of them may",
        checks=dict.fromkeys(OWN_POLICIES, _anybody),
    ),
)
