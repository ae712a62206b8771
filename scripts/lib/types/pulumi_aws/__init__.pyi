"""What mypy sees of pulumi_aws: the modules that we use, each with all of its types.

The package itself names every module that the cloud has; to read those takes most of mypy's time,
and four gigabytes. Whoever uses another module adds it here, or mypy says that the package has no
such attribute.
"""

from pulumi_aws import autoscaling as autoscaling
from pulumi_aws import cloudwatch as cloudwatch
from pulumi_aws import ec2 as ec2
from pulumi_aws import iam as iam
from pulumi_aws import kms as kms
from pulumi_aws import lb as lb
from pulumi_aws import rds as rds
from pulumi_aws import resourcegroups as resourcegroups
from pulumi_aws import s3 as s3
from pulumi_aws import secretsmanager as secretsmanager
from pulumi_aws import sns as sns
from pulumi_aws import vpc as vpc
from pulumi_aws._inputs import ProviderDefaultTagsArgs as ProviderDefaultTagsArgs
from pulumi_aws.get_caller_identity import (
    get_caller_identity_output as get_caller_identity_output,
)
from pulumi_aws.provider import Provider as Provider
