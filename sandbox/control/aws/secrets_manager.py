"""Secrets Manager: secrets and their versions.

A deleted secret stays behind as a note (`deleted-secret/REGION/NAME`) until its recovery window
ends: its name can't be used again until then, unless it is restored. With a window of 0 it is gone
at once.

Sources: AWS Secrets Manager User Guide, "Delete an AWS Secrets Manager secret" (7 to 30 days),
"AWS Secrets Manager quotas" (65,536 bytes of a value, 20 staging labels, 20,480 characters of a
policy), API Reference: CreateSecret, DeleteSecret, RestoreSecret, PutSecretValue.
"""

import base64
import binascii
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from uuid import UUID

from sandbox.control import arns, wire
from sandbox.control.aws import policies
from sandbox.control.aws.keys import KEY_OR_ALIAS, verify_usable
from sandbox.control.aws.principals import verify_principals
from sandbox.control.aws.rules import not_emulated
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
from sandbox.control.reading import number, present, text, texts

SECRET = "aws:secretsmanager/secret:Secret"  # noqa: S105 (a resource type)
VERSION = "aws:secretsmanager/secretVersion:SecretVersion"

CURRENT = "AWSCURRENT"
MAX_BYTES = 65_536
MAX_POLICY = 20_480

MARKED = "You can't perform this operation on the secret because it was marked for deletion."
"""What every call but DescribeSecret and RestoreSecret answers while a secret can be restored."""
ABSENT = "Secrets Manager can't find the specified secret."

_BASE_62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def suffix(context: Context) -> str:
    """The six random characters at the end of a secret's ARN."""
    value = int(context.hexadecimal("suffix", 16), 16)
    letters = ""
    for _ in range(6):
        value, digit = divmod(value, len(_BASE_62))
        letters += _BASE_62[digit]
    return letters


def deleted_note(region: str, name: str) -> str:
    """Where a secret is kept that can still be restored."""
    return f"deleted-secret/{region}/{name}"


def deleted(world: World, region: str, name: str) -> Mapping[str, object] | None:
    """What is kept of a deleted secret; None when there is none, or its window is over."""
    note = world.note(deleted_note(region, name))
    if not isinstance(note, Mapping):
        return None
    goes = datetime.fromisoformat(str(note.get("goes")))
    return note if goes > datetime.now(UTC) else None


def current(world: World, secret: Record) -> Record | None:
    """The version with the label AWSCURRENT."""
    labelled = [
        each
        for each in world.of(VERSION)
        if text(each.outputs, "secretId") == secret.id
        and CURRENT in [label for _, label in texts(each.outputs, "versionStages[*]")]
    ]
    return max(labelled, key=lambda each: each.created, default=None)


def restore(transaction: Transaction, region: str, name: str) -> None:
    """Bring a deleted secret back, with its versions. Raises ApiError."""
    note = deleted(transaction, region, name)
    if note is None:
        raise ApiError("ResourceNotFoundException", ABSENT)
    kept = note.get("records")
    for each in kept if isinstance(kept, list) else []:
        transaction.put(_marked(Record(**each)))
    transaction.remember(deleted_note(region, name), None)


def _marked(record: Record) -> Record:
    """A record from a note, its values marked as secret again."""
    hidden = ("secretString", "secretBinary")
    inputs, outputs = (
        {name: wire.Secret(value) if name in hidden else value for name, value in each.items()}
        for each in (record.inputs, record.outputs)
    )
    return replace(record, inputs=inputs, outputs=outputs)


def _secret_rules(values: Values) -> Iterator[Problem]:
    window = number(values, "recoveryWindowInDays")
    if window is not None and window != 0 and not 7 <= window <= 30:
        yield Problem(
            "recoveryWindowInDays",
            "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive), or 0 to "
            f"delete without recovery; got {window}.",
            "InvalidParameterException",
        )
    if len(text(values, "description") or "") > 2048:
        yield Problem("description", "has more than 2048 characters", "InvalidParameterException")
    policy = text(values, "policy")
    if policy:
        if len(policy) > MAX_POLICY:
            yield Problem(
                "policy", f"has more than {MAX_POLICY} characters", "InvalidParameterException"
            )
        yield from policies.problems("policy", policy, policies.SECRET)
    yield from not_emulated(
        values,
        {
            "replicas": "leave it out",
            "forceOverwriteReplicaSecret": "leave it out",
            "type": "leave it out",
        },
    )


def _verify_secret(context: Context) -> Iterator[Problem]:
    yield from verify_usable(context, "kmsKeyId")
    yield from verify_principals(context, "policy", policies.SECRET)
    if context.previous is not None:
        return
    if deleted(context.world, context.region, context.name) is not None:
        yield Problem(
            "name",
            "You can't create this secret because a secret with this name is already scheduled "
            "for deletion.",
            "InvalidRequestException",
        )
    if any(
        text(other.outputs, "name") == context.name
        and arns.region_of(other.id) == context.region
        and other.id != context.id
        for other in context.world.of(SECRET)
    ):
        yield Problem(
            "name",
            f"The operation failed because the secret {context.name} already exists.",
            "ResourceExistsException",
        )


def _secret_outputs(context: Context) -> Outputs:
    window = number(context.inputs, "recoveryWindowInDays")
    return {
        "arn": context.id,
        "name": context.name,
        "recoveryWindowInDays": 30 if window is None else window,
        "policy": text(context.inputs, "policy") or "",
        "replicas": [],
        "forceOverwriteReplicaSecret": False,
    }


def _secret_deleting(record: Record, transaction: Transaction) -> None:
    window = number(record.outputs, "recoveryWindowInDays")
    left = transaction.note(_left_note(record.id))
    transaction.remember(_left_note(record.id), None)
    if window == 0:
        return
    versions = [each for each in transaction.of(VERSION) if _secret_of(each) == record.id]
    kept = [_as_note(each) for each in (record, *versions)]
    if not versions and isinstance(left, Mapping):
        kept.append(dict(left))
    now = datetime.now(UTC)
    note = deleted_note(arns.region_of(record.id), text(record.outputs, "name") or "")
    transaction.remember(
        note,
        {
            "arn": record.id,
            "deleted": now.isoformat(),
            "goes": (now + timedelta(days=30 if window is None else window)).isoformat(),
            "records": kept,
        },
    )


def _left_note(secret: str) -> str:
    return f"left-version/{secret}"


def _as_note(record: Record) -> dict[str, object]:
    return {
        "id": record.id,
        "type": record.type,
        "inputs": dict(record.inputs),
        "outputs": dict(record.outputs),
        "incarnation": record.incarnation,
        "urn": record.urn,
        "created": record.created,
        "short": record.short,
        "parent": record.parent,
    }


def _version_deleting(record: Record, transaction: Transaction) -> None:
    """The provider can't delete the current version: AWS keeps it as long as its secret."""
    secret = _secret_of(record) or ""
    if CURRENT in [label for _, label in texts(record.outputs, "versionStages[*]")]:
        transaction.remember(_left_note(secret), _as_note(record))


def _secret_of(version: Record) -> str | None:
    return text(version.outputs, "secretId")


def value_of(version: Record) -> bytes:
    """The bytes of a version, whichever way they were given."""
    if (binary := text(version.inputs, "secretBinary")) is not None:
        return base64.b64decode(binary)
    written = text(version.inputs, "secretString")
    return (written or text(version.inputs, "secretStringWo") or "").encode()


def _version_rules(values: Values) -> Iterator[Problem]:
    written, binary = text(values, "secretString"), text(values, "secretBinary")
    if written is not None and binary is not None:
        yield Problem("secretBinary", "conflicts with secretString", "InvalidParameterException")
    size = len((written or "").encode())
    if binary is not None:
        try:
            size = len(base64.b64decode(binary, validate=True))
        except (binascii.Error, ValueError):
            yield Problem("secretBinary", "is not base64", "InvalidParameterException")
    if size > MAX_BYTES:
        yield Problem(
            "secretString" if binary is None else "secretBinary",
            f"has {size} bytes; a secret holds up to {MAX_BYTES}",
            "InvalidParameterException",
        )
    labels = [label for _, label in texts(values, "versionStages[*]")]
    if len(labels) > 20 or any(not 1 <= len(label) <= 256 for label in labels):
        yield Problem(
            "versionStages", "has up to 20 labels of 1 to 256 characters", "LimitExceededException"
        )


def _verify_version(context: Context) -> Iterator[Problem]:
    given = ("secretString", "secretBinary", "secretStringWo")
    if not any(present(context.inputs, path) for path in given):
        yield Problem(
            "secretString",
            "You must provide either SecretString or SecretBinary.",
            "InvalidParameterException",
        )


def _version_id(context: Context) -> str:
    """Another one whenever the value is: a version's value never changes."""
    digest = sha256(
        repr([context.inputs.get(name) for name in ("secretString", "secretBinary")]).encode()
    ).hexdigest()
    return str(UUID(context.identifier(f"version/{digest}")))


def _version_outputs(context: Context) -> Outputs:
    secret = context.world.named(SECRET, text(context.inputs, "secretId") or "")
    stages = [label for _, label in texts(context.inputs, "versionStages[*]")]
    return {
        "arn": secret.id if secret else None,
        "secretArn": secret.id if secret else None,
        "secretId": secret.id if secret else None,
        "versionId": _version_id(context),
        "versionStages": stages or [CURRENT],
        "hasSecretStringWo": present(context.inputs, "secretStringWo"),
    }


def _version_key(context: Context) -> str:
    """The provider's id; AWS has no ARN for versions."""
    written = text(context.inputs, "secretId") or ""
    secret = context.world.named(SECRET, written)
    return f"{secret.id if secret else written}|{_version_id(context)}"


KINDS = (
    Kind(
        type=SECRET,
        identity=Identity(
            arn=lambda context: (
                f"arn:aws:secretsmanager:{context.region}:"
                f"{context.world.subscription}:secret:{context.name}-{suffix(context)}"
            )
        ),
        name_property="name",
        name=Name(
            pattern=r"[\w/+=.@!-]+",
            maximum=512,
            words="letters, digits and / _ + = . @ -",
        ),
        not_found=("ResourceNotFoundException", ABSENT),
        references={"kmsKeyId": KEY_OR_ALIAS},
        weak=("kmsKeyId",),
        rules=_secret_rules,
        verify=_verify_secret,
        outputs=_secret_outputs,
        deleting=_secret_deleting,
    ),
    Kind(
        type=VERSION,
        identity=Identity(arn=_version_key),
        parent="secretId",
        references={"secretId": (SECRET,)},
        replace_on=("secretId", "secretString", "secretBinary", "secretStringWoVersion"),
        unordered=("versionStages",),
        write_only=("secretStringWo",),
        secrets=("secretString", "secretBinary"),
        rules=_version_rules,
        verify=_verify_version,
        outputs=_version_outputs,
        deleting=_version_deleting,
    ),
)
