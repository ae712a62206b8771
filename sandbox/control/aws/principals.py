"""Who may be named in a policy: principals must exist when a policy is written.

Sources: AWS IAM User Guide, "AWS JSON policy elements: Principal" (a principal that doesn't exist
is refused when the policy is saved), Service Authorization Reference.
"""

from collections.abc import Iterator

from sandbox.control import arns
from sandbox.control.aws import policies
from sandbox.control.aws.statements import parse, principals_named
from sandbox.control.kinds import Context, Problem, World
from sandbox.control.reading import text

SERVICES = frozenset(
    [
        "apigateway",
        "application-autoscaling",
        "autoscaling",
        "backup",
        "cloudformation",
        "cloudtrail",
        "cloudwatch",
        "codebuild",
        "codedeploy",
        "codepipeline",
        "config",
        "delivery.logs",
        "dms",
        "ec2",
        "ec2.amazonaws.com.cn",
        "ecs",
        "ecs-tasks",
        "edgelambda",
        "eks",
        "elasticloadbalancing",
        "elasticmapreduce",
        "events",
        "export.rds",
        "firehose",
        "glue",
        "guardduty",
        "inspector2",
        "kms",
        "lambda",
        "logs",
        "logging.s3",
        "monitoring.rds",
        "osis",
        "rds",
        "replication.dynamodb",
        "s3",
        "sagemaker",
        "scheduler",
        "secretsmanager",
        "serverlessrepo",
        "sns",
        "spotfleet",
        "sqs",
        "ssm",
        "states",
        "storage-lens.s3",
        "transfer",
        "vpc-flow-logs",
    ]
)
"""Names before `.amazonaws.com`; `logs.REGION` and the like are added below."""

_REGIONAL = frozenset({"logs", "s3", "states", "elasticmapreduce"})


def is_service(written: str) -> bool:
    """Whether there is a service principal of this name."""
    name = written.removesuffix(".cn").removesuffix(".amazonaws.com")
    service, _, region = name.partition(".")
    return name in SERVICES or (service in _REGIONAL and region.count("-") >= 2)


def exists(world: World, kind: str, written: str) -> bool:
    """Whether the sandbox knows a principal; another account's are taken as they are."""
    if kind == "Service":
        return is_service(written)
    arn = arns.parse(written) if kind == "AWS" else None
    if arn is None or arn.service != "iam" or arn.account != world.subscription:
        return True
    return not arn.resource.startswith("role/") or world.find(written) is not None


def verify_principals(context: Context, path: str, dialect: policies.Dialect) -> Iterator[Problem]:
    """Every principal that the policy at *path* names must exist."""
    found = parse(text(context.inputs, path) or "")
    for kind in ("Service", "AWS"):
        for written in sorted(principals_named(found, kind)):
            if not exists(context.world, kind, written):
                shown = "SERVICE" if kind == "Service" else kind
                yield Problem(
                    path, f'Invalid principal in policy: "{shown}":"{written}"', dialect.code
                )
