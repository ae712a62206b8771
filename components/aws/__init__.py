"""The parts of an environment as AWS resources (pulumi-aws)."""

from components.parts import sdk

# Before any module below this package loads a service of the SDK: those that this program uses.
sdk.load_by_class(
    "pulumi_aws",
    (
        "autoscaling",
        "cloudwatch",
        "ec2",
        "iam",
        "kms",
        "lb",
        "rds",
        "resourcegroups",
        "s3",
        "secretsmanager",
        "sns",
        "vpc",
    ),
)
