"""KMS keys and their aliases.

A key is never gone at once: its deletion is scheduled (7 to 30 days), which the sandbox remembers
as a note (`deleted-key/ARN`), since its id is never given again. What is encrypted with a key
doesn't hold it: who refers to a key says so with `weak`.

Sources: AWS Key Management Service Developer Guide, "Deleting AWS KMS keys", "Rotate AWS KMS keys"
(90 to 2,560 days), "Default key policy", "Aliases in AWS KMS", "Resource quotas" (a policy of 32
KB).
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from sandbox.control.aws import policies
from sandbox.control.aws.principals import verify_principals
from sandbox.control.aws.rules import not_emulated, one_of, within
from sandbox.control.aws.statements import Statement, parse
from sandbox.control.kinds import (
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
from sandbox.control.reading import flag, number, text

KEY = "aws:kms/key:Key"
ALIAS = "aws:kms/alias:Alias"
KEY_OR_ALIAS = (KEY, ALIAS)
"""What an input with a key's id, ARN, alias or alias's ARN refers to."""

_MAXIMUM_POLICY = 32_768


def key_of(world: World, written: str) -> Record | None:
    """The key that an id, an ARN or an alias stands for."""
    if record := world.named(KEY, written):
        return record
    alias = world.named(ALIAS, written)
    target = text(alias.inputs, "targetKeyId") if alias else None
    return world.named(KEY, target) if target else None


def verify_usable(context: Context, *paths: str) -> Iterator[Problem]:
    """A service must be able to encrypt with the keys that these inputs name."""
    for path in paths:
        written = text(context.inputs, path)
        found = key_of(context.world, written) if written else None
        if found is not None and flag(found.inputs, "isEnabled") is False:
            yield Problem(path, f"{found.id} is disabled.", "DisabledException")


def deleted_key_note(arn: str) -> str:
    """Where a key is kept while its deletion is scheduled."""
    return f"deleted-key/{arn}"


def default_policy(account: str) -> str:
    """The policy of a key that was made without one."""
    return (
        '{"Id":"key-default-1","Statement":[{"Action":"kms:*","Effect":"Allow","Principal":{"AWS":'
        f'"arn:aws:iam::{account}:root"}},"Resource":"*","Sid":"Enable IAM User Permissions"}}],'
        '"Version":"2012-10-17"}'
    )


def _rules(values: Values) -> Iterator[Problem]:
    yield from within(values, "deletionWindowInDays", 7, 30, "ValidationException")
    yield from within(values, "rotationPeriodInDays", 90, 2560, "ValidationException")
    if number(values, "rotationPeriodInDays") and flag(values, "enableKeyRotation") is False:
        yield Problem(
            "rotationPeriodInDays",
            "takes effect with enableKeyRotation only",
            "ValidationException",
        )
    yield from one_of(values, "keyUsage", ("ENCRYPT_DECRYPT",))
    yield from one_of(values, "customerMasterKeySpec", ("SYMMETRIC_DEFAULT",))
    if len(text(values, "description") or "") > 8192:
        yield Problem("description", "has more than 8192 characters", "ValidationException")
    policy = text(values, "policy")
    if policy is not None:
        if len(policy.encode()) > _MAXIMUM_POLICY:
            yield Problem(
                "policy",
                f"Policy length exceeds the quota of {_MAXIMUM_POLICY} bytes.",
                "LimitExceededException",
            )
        yield from policies.problems("policy", policy, policies.KEY)
    yield from not_emulated(
        values,
        {
            "customKeyStoreId": "leave it out",
            "xksKeyId": "leave it out",
            "multiRegion": "leave it out",
            "bypassPolicyLockoutSafetyCheck": "leave it out, and keep the account in the policy",
        },
    )


def _verify(context: Context) -> Iterator[Problem]:
    policy = text(context.inputs, "policy")
    if policy is None:
        return
    yield from verify_principals(context, "policy", policies.KEY)
    if not _can_be_changed(parse(policy), context.world.subscription):
        yield Problem(
            "policy",
            "The new key policy will not allow you to update the key policy in the future.",
            policies.KEY.code,
        )


def _can_be_changed(statements: tuple[Statement, ...], account: str) -> bool:
    """Whether the account itself may still write the policy: the lockout safety check."""
    owners = {f"arn:aws:iam::{account}:root", account}
    return any(
        each.allows
        and owners & set(each.principals.get("AWS", ()))
        and {"*", "kms:*", "kms:Put*", "kms:PutKeyPolicy"} & set(each.actions)
        and not each.conditions
        for each in statements
    )


def _outputs(context: Context) -> Outputs:
    return {
        "arn": context.id,
        "keyId": context.short,
        "policy": text(context.inputs, "policy") or default_policy(context.world.subscription),
        "customerMasterKeySpec": "SYMMETRIC_DEFAULT",
        "keyUsage": "ENCRYPT_DECRYPT",
        "isEnabled": flag(context.inputs, "isEnabled") is not False,
        "enableKeyRotation": bool(flag(context.inputs, "enableKeyRotation")),
        "multiRegion": False,
        "rotationPeriodInDays": number(context.inputs, "rotationPeriodInDays")
        or (365 if flag(context.inputs, "enableKeyRotation") else None),
    }


def _deleting(record: Record, transaction: Transaction) -> None:
    days = number(record.inputs, "deletionWindowInDays") or 30
    goes = datetime.now(UTC) + timedelta(days=days)
    transaction.remember(deleted_key_note(record.id), {"deletionDate": goes.isoformat()})


def _alias_rules(values: Values) -> Iterator[Problem]:
    name = text(values, "name")
    if name is not None and name.startswith("alias/aws/"):
        yield Problem("name", f"{name} is reserved for AWS services.", "NotAuthorizedException")


def _alias_outputs(context: Context) -> Outputs:
    found = key_of(context.world, text(context.inputs, "targetKeyId") or "")
    return {
        "arn": context.id,
        "targetKeyArn": found.id if found else None,
        "targetKeyId": found.short if found else None,
    }


KINDS = (
    Kind(
        type=KEY,
        identity=Identity(
            arn="arn:{partition}:kms:{region}:{account}:key/{id}",
            id=lambda context: context.identifier("key"),
        ),
        not_found=("NotFoundException", "Key '{id}' does not exist"),
        replace_on=("customKeyStoreId", "customerMasterKeySpec", "keyUsage", "multiRegion"),
        rules=_rules,
        verify=_verify,
        outputs=_outputs,
        deleting=_deleting,
    ),
    Kind(
        type=ALIAS,
        identity=Identity(arn="arn:{partition}:kms:{region}:{account}:{name}", id="{name}"),
        name_property="name",
        name=Name(
            pattern=r"alias/[a-zA-Z0-9/_-]+",
            minimum=7,
            maximum=256,
            words='"alias/", and letters, digits, slashes, underscores and hyphens',
        ),
        exists=("AlreadyExistsException", "An alias with the name {id} already exists"),
        not_found=("NotFoundException", "Alias {id} is not found."),
        references={"targetKeyId": (KEY,)},
        weak=("targetKeyId",),
        rules=_alias_rules,
        outputs=_alias_outputs,
    ),
)
