"""The secret in which RDS keeps a master password that it made itself.

Source: Amazon RDS User Guide, "Password management with Amazon RDS and AWS Secrets Manager" (the
secret has user name and password, RDS owns it, deletes it with the instance, and when it no longer
manages the password); AWS Secrets Manager User Guide, "Secrets managed by other services"
(`rds!db-UUID`).
"""

import json
import secrets
import string
from dataclasses import replace

from sandbox.control import wire
from sandbox.control.aws import database_restore
from sandbox.control.aws.keys import key_of
from sandbox.control.aws.secrets_manager import CURRENT, SECRET, VERSION, suffix
from sandbox.control.kinds import Context, Outputs, Record, Transaction, World
from sandbox.control.reading import flag, text

_LETTERS = string.ascii_letters + string.digits + "!#$%&()*+-.:<=>?[]_{|}~"
_LENGTH = 28


def name_of(incarnation: str) -> str:
    """The secret's name."""
    return f"rds!db-{incarnation}"


def arn_of(context: Context) -> str:
    """The secret's ARN."""
    account = context.world.subscription
    return (
        f"arn:aws:secretsmanager:{context.region}:{account}:secret:"
        f"{name_of(context.incarnation)}-{suffix(context)}"
    )


def output(context: Context) -> Outputs:
    """An element of `masterUserSecrets`."""
    return {
        "kmsKeyId": _key(context),
        "secretArn": arn_of(context),
        "secretStatus": "active",
    }


def settle(context: Context, transaction: Transaction) -> None:
    """Make the secret when RDS manages the password, and remove it when it no longer does."""
    arn = arn_of(context)
    managed = flag(context.inputs, "manageMasterUserPassword")
    found = transaction.find(arn)
    if managed and found is None:
        _make(context, arn, transaction)
    elif managed and found is not None:
        inputs = {**found.inputs, "kmsKeyId": _key(context)}
        transaction.put(replace(found, inputs=inputs, outputs={**found.outputs, **inputs}))
    elif found is not None:
        transaction.remove(arn)


def remove(instance: Record, transaction: Transaction) -> None:
    """The secret goes with its instance, at once."""
    for record in list(transaction.of(SECRET)):
        if text(record.outputs, "name") == name_of(instance.incarnation):
            transaction.remove(record.id)


def password_of(world: World, instance: Record) -> str | None:
    """The master's password: RDS's own, or the one that the program gave."""
    for record in world.of(VERSION):
        secret = (text(record.inputs, "secretId") or "").rpartition(":")[2]
        if secret.startswith(name_of(instance.incarnation)):
            found = json.loads(text(record.inputs, "secretString") or "{}").get("password")
            return found if isinstance(found, str) else None
    return text(instance.inputs, "password") or text(instance.inputs, "passwordWo")


def _key(context: Context) -> str:
    written = text(context.inputs, "masterUserSecretKmsKeyId")
    found = key_of(context.world, written) if written else None
    return found.id if found else written or "alias/aws/secretsmanager"


def _make(context: Context, arn: str, transaction: Transaction) -> None:
    name = name_of(context.incarnation)
    password = "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))
    username = database_restore.taken(context, "username")
    value = json.dumps({"username": username, "password": password})
    inputs: Outputs = {
        "name": name,
        "kmsKeyId": _key(context),
        "region": context.region,
        "recoveryWindowInDays": 0,
        "description": f"The secret associated with the primary RDS DB instance: {context.id}",
    }
    tags = {
        "aws:rds:primaryDBInstanceArn": context.id,
        "aws:secretsmanager:owningService": "rds",
    }
    transaction.put(
        Record(
            id=arn,
            type=SECRET,
            inputs=inputs,
            outputs={**inputs, "arn": arn, "tags": tags, "tagsAll": tags},
            incarnation=context.identifier("secret"),
            created=context.created,
            short=arn,
        )
    )
    version = context.identifier("secret/version")
    written: Outputs = {"secretId": arn, "secretString": wire.Secret(value)}
    transaction.put(
        Record(
            id=f"{arn}|{version}",
            type=VERSION,
            inputs=written,
            outputs={
                "arn": arn,
                "secretId": arn,
                "versionId": version,
                "versionStages": [CURRENT],
            },
            incarnation=version,
            created=context.created,
            short=f"{arn}|{version}",
            parent=arn,
        )
    )
