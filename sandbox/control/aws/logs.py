"""CloudWatch Logs: log groups.

Sources: Amazon CloudWatch Logs API Reference, "CreateLogGroup", "PutRetentionPolicy" (the days that
it takes), User Guide, "Working with log groups and log streams", "Encrypt log data in CloudWatch
Logs using AWS Key Management Service" (the key's policy must let the service use it).
"""

from collections.abc import Iterator

from sandbox.control.aws.keys import KEY, default_policy, key_of, verify_usable
from sandbox.control.aws.rules import not_emulated, one_of, standard
from sandbox.control.aws.statements import parse
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
)
from sandbox.control.reading import flag, number, text

LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"

RETENTION = (
    0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922,
    3288, 3653,
)  # fmt: skip
"""Days; 0: for ever."""


def _rules(values: Values) -> Iterator[Problem]:
    days = number(values, "retentionInDays")
    if days is not None and days not in RETENTION:
        yield Problem(
            "retentionInDays",
            f"must be one of {', '.join(map(str, RETENTION))}, got {days}",
            "InvalidParameterException",
        )
    yield from one_of(
        values,
        "logGroupClass",
        ("STANDARD", "INFREQUENT_ACCESS", "DELIVERY"),
        "InvalidParameterException",
    )
    yield from not_emulated(values, {"skipDestroy": "set retain_on_delete in the program"})


def _verify(context: Context) -> Iterator[Problem]:
    yield from verify_usable(context, "kmsKeyId")
    key = key_of(context.world, text(context.inputs, "kmsKeyId") or "")
    if key is not None and not _may_encrypt(key, context.region, context.world.subscription):
        yield Problem(
            "kmsKeyId",
            f"The specified KMS key does not exist or is not allowed to be used with LogGroup "
            f"'{context.id}'",
            "AccessDeniedException",
        )


def _may_encrypt(key: Record, region: str, account: str) -> bool:
    """Whether the key's policy lets the region's log service encrypt."""
    statements = parse(text(key.inputs, "policy") or default_policy(account))
    services = {f"logs.{region}.amazonaws.com", "logs.amazonaws.com"}
    return any(
        each.allows
        and services & set(each.principals.get("Service", ()))
        and any(
            action.startswith(("kms:Encrypt", "kms:*", "kms:GenerateDataKey", "kms:ReEncrypt"))
            for action in each.actions
        )
        for each in statements
    )


def _outputs(context: Context) -> Outputs:
    return {
        "arn": context.id,
        "name": context.name,
        "retentionInDays": number(context.inputs, "retentionInDays") or 0,
        "logGroupClass": text(context.inputs, "logGroupClass") or "STANDARD",
        "deletionProtectionEnabled": bool(flag(context.inputs, "deletionProtectionEnabled")),
    }


def _deleting(record: Record, _: Transaction) -> None:
    if flag(record.inputs, "deletionProtectionEnabled"):
        raise ApiError(
            "OperationAbortedException",
            f"Log group {record.short} has deletion protection: disable it first.",
        )


KINDS = (
    Kind(
        type=LOG_GROUP,
        identity=Identity(
            arn="arn:{partition}:logs:{region}:{account}:log-group:{name}", id="{name}"
        ),
        name_property="name",
        name=Name(
            pattern=r"[\w./#-]+",
            maximum=512,
            words="letters, digits and _ - / . #",
        ),
        not_found=("ResourceNotFoundException", "The specified log group does not exist."),
        exists=("ResourceAlreadyExistsException", "The specified log group already exists"),
        references={"kmsKeyId": (KEY,)},
        weak=("kmsKeyId",),
        replace_on=("logGroupClass",),
        rules=standard(_rules),
        verify=_verify,
        outputs=_outputs,
        deleting=_deleting,
    ),
)
