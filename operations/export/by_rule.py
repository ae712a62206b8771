"""Resources of providers that Pulumi bridges from Terraform: the same ones, under other names.

A bridge (github.com/pulumi/pulumi-terraform-bridge) changes names by rule: a resource's token has
the service before it, properties are in camelCase, a block of which there is at most one is an
object, and lists of blocks have a plural. The first two can be undone by rule as well; of blocks
only the provider's schema knows, so those that this project uses are written down here. A nested
value that is not here is refused by name.
"""

import re
from collections.abc import Mapping
from typing import Any

from operations.errors import OperationError
from operations.export.parts import Part, Translated
from operations.export.state import Deployment, Resource

PREFIXES: Mapping[str, str] = {
    "aws:autoscaling": "aws_autoscaling",
    "aws:cloudwatch": "aws_cloudwatch",
    "aws:ec2": "aws",
    "aws:iam": "aws_iam",
    "aws:kms": "aws_kms",
    "aws:lb": "aws_lb",
    "aws:rds": "aws_rds",
    "aws:resourcegroups": "aws_resourcegroups",
    "aws:s3": "aws_s3",
    "aws:secretsmanager": "aws_secretsmanager",
    "aws:sns": "aws_sns",
    "aws:vpc": "aws_vpc",
    "random:index": "",
    "tls:index": "tls",
}
"""What Terraform puts before a type, by Pulumi's module."""

TYPES: Mapping[str, str] = {
    "aws:lb/loadBalancer:LoadBalancer": "aws_lb",
    "aws:rds/instance:Instance": "aws_db_instance",
    "aws:rds/optionGroup:OptionGroup": "aws_db_option_group",
    "aws:rds/parameterGroup:ParameterGroup": "aws_db_parameter_group",
    "aws:rds/subnetGroup:SubnetGroup": "aws_db_subnet_group",
    "aws:s3/bucketObjectv2:BucketObjectv2": "aws_s3_object",
}
"""Types that don't follow the rule."""

MAPS = frozenset({"dimensions", "keepers", "tags", "tags_all", "metadata"})
"""Properties that are maps: their keys are the user's own."""

BLOCKS: Mapping[str, str] = {
    "access_logs": "access_logs",
    "abort_incomplete_multipart_upload": "abort_incomplete_multipart_upload",
    "apply_server_side_encryption_by_default": "apply_server_side_encryption_by_default",
    "block_device_mappings": "block_device_mappings",
    "credit_specification": "credit_specification",
    "default_actions": "default_action",
    "ebs": "ebs",
    "egress": "egress",
    "expiration": "expiration",
    "filter": "filter",
    "health_check": "health_check",
    "iam_instance_profile": "iam_instance_profile",
    "ingress": "ingress",
    "initial_lifecycle_hooks": "initial_lifecycle_hook",
    "launch_template": "launch_template",
    "metadata_options": "metadata_options",
    "metric": "metric",
    "metric_queries": "metric_query",
    "monitoring": "monitoring",
    "network_interfaces": "network_interfaces",
    "noncurrent_version_expiration": "noncurrent_version_expiration",
    "parameters": "parameter",
    "predefined_metric_specification": "predefined_metric_specification",
    "resource_query": "resource_query",
    "root_block_device": "root_block_device",
    "routes": "route",
    "rule": "rule",
    "rules": "rule",
    "step_adjustments": "step_adjustment",
    "stickiness": "stickiness",
    "subject": "subject",
    "subnet_mappings": "subnet_mapping",
    "tag_specifications": "tag_specifications",
    "target_health_states": "target_health_state",
    "target_tracking_configuration": "target_tracking_configuration",
    "transitions": "transition",
    "versioning_configuration": "versioning_configuration",
}
"""Terraform's name of each block, by Pulumi's in snake case."""

RENAMED: Mapping[str, Mapping[str, str]] = {
    "aws_autoscaling_group": {"tags": "tag", "vpc_zone_identifiers": "vpc_zone_identifier"},
}
"""Top-level properties that don't follow the rule, by Terraform's type."""


def translate(resource: Resource, deployment: Deployment) -> Translated:  # noqa: ARG001
    """Return *resource* as Terraform has it; by rule nothing is left out."""
    kind = type_of(resource)
    renamed = RENAMED.get(kind, {})
    values: dict[str, Any] = {}
    for key, value in resource.inputs.items():
        name = snake(key)
        if name in renamed:
            values[renamed[name]] = [_block(each, resource, name) for each in value]
        else:
            values.update(_property(name, value, resource, name))
    return [Part(kind, values, resource.id)], []


def type_of(resource: Resource) -> str:
    """Return Terraform's type. Raises OperationError for a service that nobody has looked up."""
    if resource.type in TYPES:
        return TYPES[resource.type]
    package, module, name = resource.type.split(":")
    prefix = PREFIXES.get(f"{package}:{module.partition('/')[0]}")
    if prefix is None:
        raise OperationError(
            "a resource cannot be written as Terraform",
            str(resource),
            f"nobody has looked up what Terraform calls the types of {package}:{module}",
            "add the service to operations/export/by_rule.py",
        )
    return "_".join(filter(None, (prefix, snake(name))))


def snake(name: str) -> str:
    """Return Pulumi's camelCase as Terraform writes it: `cidrIpv4` is `cidr_ipv4`."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    return parted.lower()


def _property(name: str, value: Any, resource: Resource, path: str) -> dict[str, Any]:
    nested = isinstance(value, dict) or (
        isinstance(value, list) and any(isinstance(each, dict) for each in value)
    )
    if not nested or (name in MAPS and isinstance(value, dict)):
        return {name: value}
    if name not in BLOCKS:
        raise OperationError(
            "a resource cannot be written as Terraform",
            f"{resource}: {path}",
            "nobody has looked up what Terraform calls this block",
            "add it to BLOCKS, or to MAPS, in operations/export/by_rule.py",
        )
    each = value if isinstance(value, list) else [value]
    return {BLOCKS[name]: [_block(item, resource, path) for item in each]}


def _block(value: Any, resource: Resource, path: str) -> Any:
    if not isinstance(value, dict):
        return value
    made: dict[str, Any] = {}
    for key, item in value.items():
        name = snake(key)
        made.update(_property(name, item, resource, f"{path}.{name}"))
    return made
