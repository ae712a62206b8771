"""IAM roles, their policies, and instance profiles.

IAM lives in no region. The provider takes a role out of its instance profiles before it deletes it,
so profiles don't hold their role.

Sources: AWS IAM User Guide, "IAM and AWS STS quotas" (names, 2,048 characters of a trust policy,
10,240 of a role's inline policies together, 10 attached policies, 1 to 12 hours of a session),
"IAM identifiers" (paths, unique ids AROA... and AIPA...), API Reference: CreateRole, PutRolePolicy,
DeleteRole, CreateInstanceProfile.
"""

import re
from collections.abc import Iterator

from sandbox.control.aws import policies
from sandbox.control.aws.principals import verify_principals
from sandbox.control.aws.rules import not_emulated, within
from sandbox.control.aws.statements import Statement, parse
from sandbox.control.kinds import (
    ApiError,
    Context,
    Identity,
    Kind,
    Name,
    Outputs,
    Problem,
    Record,
    Transaction,
    Values,
    World,
)
from sandbox.control.reading import number, text

ROLE = "aws:iam/role:Role"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
POLICY = "aws:iam/policy:Policy"
PROFILE = "aws:iam/instanceProfile:InstanceProfile"

TRUST_QUOTA = 2048
INLINE_QUOTA = 10_240
MANAGED_QUOTA = 6144
ATTACHED_QUOTA = 10

_LETTERS = r"[\w+=,.@-]+"
_WORDS = "letters, digits and + = , . @ _ -"
_PATH = re.compile(r"/|/[\u0021-\u007e]*/")


def policies_of(world: World, role: str) -> tuple[Statement, ...]:
    """All statements that a role has: its inline policies, and managed ones of the account."""
    found: list[Statement] = []
    for record in world.of(ROLE_POLICY):
        if text(record.inputs, "role") == role:
            found += parse(text(record.inputs, "policy") or "")
    for record in world.of(ATTACHMENT):
        managed = world.find(text(record.inputs, "policyArn") or "")
        if text(record.inputs, "role") == role and managed is not None:
            found += parse(text(managed.inputs, "policy") or "")
    return tuple(found)


def role_of_profile(world: World, profile: str) -> Record | None:
    """The role of an instance profile (its name or ARN); None when it has none, or isn't there."""
    record = world.named(PROFILE, profile)
    return world.named(ROLE, text(record.inputs, "role") or "") if record else None


def _path(values: Values) -> str:
    return text(values, "path") or "/"


def _path_rules(values: Values) -> Iterator[Problem]:
    path = text(values, "path")
    if path is not None and (len(path) > 512 or not _PATH.fullmatch(path)):
        yield Problem(
            "path",
            "The specified value for path is invalid. It must begin and end with / and contain "
            "only alphanumeric characters and/or / characters.",
            "ValidationError",
        )


def _role_rules(values: Values) -> Iterator[Problem]:
    yield from _path_rules(values)
    yield from within(values, "maxSessionDuration", 3600, 43_200, "ValidationError")
    if len(text(values, "description") or "") > 1000:
        yield Problem("description", "has more than 1000 characters", "ValidationError")
    trust = text(values, "assumeRolePolicy")
    if trust is not None:
        yield from policies.problems("assumeRolePolicy", trust, policies.TRUST)
        if policies.length(trust) > TRUST_QUOTA:
            yield Problem(
                "assumeRolePolicy",
                f"Cannot exceed quota for ACLSizePerRole: {TRUST_QUOTA}",
                "LimitExceeded",
            )
    yield from not_emulated(
        values,
        {
            "inlinePolicies": "use aws.iam.RolePolicy",
            "managedPolicyArns": "use aws.iam.RolePolicyAttachment",
            "permissionsBoundary": "leave it out",
        },
    )


def _verify_role(context: Context) -> Iterator[Problem]:
    yield from verify_principals(context, "assumeRolePolicy", policies.TRUST)


def _unique(context: Context, prefix: str) -> str:
    return prefix + context.hexadecimal("unique", 17).upper().replace("0", "Z").replace("1", "Y")


def _role_outputs(context: Context) -> Outputs:
    return {
        "arn": context.id,
        "name": context.name,
        "path": _path(context.inputs),
        "createDate": context.created,
        "uniqueId": _unique(context, "AROA"),
        "maxSessionDuration": number(context.inputs, "maxSessionDuration") or 3600,
        "forceDetachPolicies": bool(context.inputs.get("forceDetachPolicies")),
    }


def _role_deleting(record: Record, transaction: Transaction) -> None:
    attached = [r for r in transaction.of(ATTACHMENT) if text(r.inputs, "role") == record.short]
    if attached:
        raise ApiError("DeleteConflict", "Cannot delete entity, must detach all policies first.")


def _policy_rules(values: Values) -> Iterator[Problem]:
    document = text(values, "policy")
    if document is not None:
        yield from policies.problems("policy", document, policies.IDENTITY)


def _verify_policy(context: Context) -> Iterator[Problem]:
    role = text(context.inputs, "role") or ""
    total = sum(
        policies.length(text(each.inputs, "policy") or "")
        for each in context.world.of(ROLE_POLICY)
        if text(each.inputs, "role") == role and each.id != context.id
    )
    if total + policies.length(text(context.inputs, "policy") or "") > INLINE_QUOTA:
        yield Problem(
            "policy",
            f"Maximum policy size of {INLINE_QUOTA} bytes exceeded for role {role}",
            "LimitExceeded",
        )


def _managed_rules(values: Values) -> Iterator[Problem]:
    yield from _path_rules(values)
    yield from _policy_rules(values)
    if policies.length(text(values, "policy") or "") > MANAGED_QUOTA:
        yield Problem(
            "policy", f"Cannot exceed quota for PolicySize: {MANAGED_QUOTA}", "LimitExceeded"
        )


def _verify_attachment(context: Context) -> Iterator[Problem]:
    role = text(context.inputs, "role") or ""
    attached = [
        each
        for each in context.world.of(ATTACHMENT)
        if text(each.inputs, "role") == role and each.id != context.id
    ]
    if len(attached) >= ATTACHED_QUOTA:
        yield Problem(
            "role", f"Cannot exceed quota for PoliciesPerRole: {ATTACHED_QUOTA}", "LimitExceeded"
        )


def _profile_outputs(context: Context) -> Outputs:
    return {
        "arn": context.id,
        "name": context.name,
        "path": _path(context.inputs),
        "createDate": context.created,
        "uniqueId": _unique(context, "AIPA"),
    }


def _below_role(kind: str) -> str:
    return f"arn:{{partition}}:iam::{{account}}:role/{{role}}/{kind}"


KINDS = (
    Kind(
        type=ROLE,
        identity=Identity(
            arn=lambda context: (
                f"arn:aws:iam::{context.world.subscription}:role"
                f"{_path(context.inputs)}{context.name}"
            ),
            id="{name}",
        ),
        name_property="name",
        name=Name(pattern=_LETTERS, maximum=64, words=_WORDS),
        not_found=("NoSuchEntity", "The role with name {id} cannot be found."),
        exists=("EntityAlreadyExists", "Role with name {name} already exists."),
        in_use=("DeleteConflict", "Cannot delete entity, must delete policies first."),
        replace_on=("path",),
        rules=_role_rules,
        verify=_verify_role,
        outputs=_role_outputs,
        deleting=_role_deleting,
    ),
    Kind(
        type=ROLE_POLICY,
        identity=Identity(arn=_below_role("policy/{name}"), id="{role}:{name}"),
        name_property="name",
        name=Name(pattern=_LETTERS, maximum=128, words=_WORDS),
        references={"role": (ROLE,)},
        replace_on=("role",),
        rules=_policy_rules,
        verify=_verify_policy,
    ),
    Kind(
        type=POLICY,
        identity=Identity(
            arn=lambda context: (
                f"arn:aws:iam::{context.world.subscription}:policy"
                f"{_path(context.inputs)}{context.name}"
            )
        ),
        name_property="name",
        name=Name(pattern=_LETTERS, maximum=128, words=_WORDS),
        not_found=("NoSuchEntity", "Policy {id} does not exist or is not attachable."),
        exists=("EntityAlreadyExists", "A policy called {name} already exists."),
        in_use=("DeleteConflict", "Cannot delete a policy attached to entities."),
        replace_on=("path", "description"),
        rules=_managed_rules,
        outputs=lambda context: {
            "arn": context.id,
            "name": context.name,
            "path": _path(context.inputs),
            "policyId": _unique(context, "ANPA"),
        },
    ),
    Kind(
        type=ATTACHMENT,
        identity=Identity(
            arn=lambda context: (
                f"arn:aws:iam::{context.world.subscription}:role/"
                f"{text(context.inputs, 'role')}/attached/{text(context.inputs, 'policyArn')}"
            ),
            id="{role}/{policyArn}",
        ),
        references={"role": (ROLE,), "policyArn": (POLICY,)},
        # The role's own deletion looks for attachments, to say so in IAM's words.
        weak=("role",),
        replace_on=("role", "policyArn"),
        verify=_verify_attachment,
    ),
    Kind(
        type=PROFILE,
        identity=Identity(
            arn=lambda context: (
                f"arn:aws:iam::{context.world.subscription}:instance-profile"
                f"{_path(context.inputs)}{context.name}"
            ),
            id="{name}",
        ),
        name_property="name",
        name=Name(pattern=_LETTERS, maximum=128, words=_WORDS),
        not_found=("InvalidParameterValue", "Invalid IAM Instance Profile name {id}"),
        exists=("EntityAlreadyExists", "Instance Profile {name} already exists."),
        references={"role": (ROLE,)},
        weak=("role",),
        replace_on=("path",),
        rules=_path_rules,
        outputs=_profile_outputs,
    ),
)
