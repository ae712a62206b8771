"""Secrets Manager, read only: a node reads the secrets that its role may read.

Sources: AWS Secrets Manager API Reference, "GetSecretValue" (by name or ARN; current version unless
another is named; errors), User Guide, "Secret encryption and decryption" (kms:Decrypt through the
service, with the secret's ARN in the encryption context; AWS's own key needs no permission).
"""

import base64
from collections.abc import Iterator
from datetime import datetime

from sandbox.control import arns
from sandbox.control.kinds import Record, World
from sandbox.control.reading import text, texts
from sandbox.fabric.aws import forms
from sandbox.fabric.aws.calls import Call, Service
from sandbox.fabric.aws.refusals import RefusedError
from sandbox.fabric.serving.exchange import Answer, Request

SECRET = "aws:secretsmanager/secret:Secret"  # noqa: S105 (a resource type)
VERSION = "aws:secretsmanager/secretVersion:SecretVersion"
READ = "secretsmanager:GetSecretValue"
_TARGET = "secretsmanager."
_CURRENT = "AWSCURRENT"


class SecretsManager(Service):
    """The service of one region, behind one door."""

    def serve(self, call: Call) -> Answer:
        """Answer somebody who is known. Raises RefusedError."""
        operation = call.request.headers.get("x-amz-target", "")
        if call.request.method != "POST" or not operation.startswith(_TARGET):
            raise RefusedError("UnknownOperationException", "The operation is not known.", 404)
        if operation != f"{_TARGET}GetSecretValue":
            raise RefusedError(
                "UnknownOperationException",
                f"the sandbox does not emulate {operation[:80]}: nodes only read secrets; "
                "declare others as aws:secretsmanager:Secret",
            )
        return forms.in_json(call.id, _value(call, forms.json_body(call.request)))

    def refuse(self, _: Request, request_id: str, error: RefusedError) -> Answer:
        """The error as the service writes it."""
        return forms.json_error(request_id, error)


def _value(call: Call, asked: forms.Values) -> forms.Values:
    wanted = asked.get("SecretId")
    if not isinstance(wanted, str) or not 1 <= len(wanted) <= 2048:
        raise RefusedError("ValidationException", "SecretId has 1 to 2048 characters.")
    secret = _find(call, wanted)
    # Asked before whether there is such a secret: who may not read it learns nothing of it.
    call.require(READ, secret.id if secret else _arn(call, wanted))
    version = _version(call.world, secret, asked) if secret else None
    if secret is None or version is None:
        raise RefusedError(
            "ResourceNotFoundException", "Secrets Manager can't find the specified secret."
        )
    key = text(secret.inputs, "kmsKeyId") or ""
    if not call.may_decrypt(key, {"SecretARN": secret.id}):
        raise RefusedError("AccessDeniedException", "Access to KMS is not allowed")
    found: dict[str, object] = {
        "ARN": secret.id,
        "Name": text(secret.outputs, "name") or text(secret.inputs, "name") or "",
        "VersionId": text(version.outputs, "versionId") or "",
        "VersionStages": [stage for _, stage in texts(version.outputs, "versionStages[*]")],
        "CreatedDate": datetime.fromisoformat(version.created).timestamp(),
    }
    if binary := text(version.inputs, "secretBinary"):
        return {**found, "SecretBinary": base64.b64encode(base64.b64decode(binary)).decode()}
    written = text(version.inputs, "secretString") or text(version.inputs, "secretStringWo")
    return {**found, "SecretString": written or ""}


def _arn(call: Call, wanted: str) -> str:
    if arns.is_arn(wanted):
        return wanted
    place = f"arn:{call.session.partition}:secretsmanager:{call.door.region}"
    return f"{place}:{call.session.account}:secret:{wanted}"


def _find(call: Call, wanted: str) -> Record | None:
    for record in call.world.of(SECRET):
        if arns.region_of(record.id) != call.door.region:
            continue
        # An ARN without its last six letters is good enough, as the API says.
        names = (record.id, record.id[:-7], text(record.outputs, "name"))
        if wanted in names:
            return record
    return None


def _version(world: World, secret: Record, asked: forms.Values) -> Record | None:
    wanted, stage = asked.get("VersionId"), asked.get("VersionStage")
    if wanted is None and stage is None:
        stage = _CURRENT

    def is_meant(version: Record) -> bool:
        stages = [label for _, label in texts(version.outputs, "versionStages[*]")]
        return (wanted is None or text(version.outputs, "versionId") == wanted) and (
            stage is None or stage in stages
        )

    found = filter(is_meant, _versions(world, secret))
    return max(found, key=lambda each: each.created, default=None)


def _versions(world: World, secret: Record) -> Iterator[Record]:
    for record in world.of(VERSION):
        if text(record.outputs, "secretId") == secret.id:
            yield record
