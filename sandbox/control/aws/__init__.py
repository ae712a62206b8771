"""What the sandbox knows of AWS: the kinds and functions of `aws`.

A kind is declared as Azure's are (`kinds.py`), with an `identity` in place of an id template. The
record's key is the ARN, and Pulumi's id (`Record.short`) is what the engine and other resources
say.
"""

from sandbox.control.aws import (
    alarms,
    bucket_objects,
    bucket_settings,
    buckets,
    builtins,
    dashboards,
    database_groups,
    databases,
    ec2_instances,
    elastic_addresses,
    flow_logs,
    functions,
    groups,
    instances,
    internet_gateways,
    keys,
    launch_templates,
    lifecycle_hooks,
    listeners,
    load_balancers,
    logs,
    nat_gateways,
    network_interfaces,
    quotas,
    resource_groups,
    roles,
    route_tables,
    scaling_policies,
    secrets_manager,
    security_group_rules,
    security_groups,
    subnets,
    target_groups,
    topics,
    vpc_endpoints,
    vpcs,
)
from sandbox.control.aws.account import ACCOUNT as ACCOUNT
from sandbox.control.aws.configuration import configuration as configuration
from sandbox.control.aws.configuration import default_tags as default_tags
from sandbox.control.aws.refusals import REFUSALS as REFUSALS
from sandbox.control.kinds import Function, Kind

KINDS: tuple[Kind, ...] = (
    *vpcs.KINDS,
    *subnets.KINDS,
    *internet_gateways.KINDS,
    *route_tables.KINDS,
    *elastic_addresses.KINDS,
    *security_groups.KINDS,
    *security_group_rules.KINDS,
    *network_interfaces.KINDS,
    *nat_gateways.KINDS,
    *vpc_endpoints.KINDS,
    *flow_logs.KINDS,
    *load_balancers.KINDS,
    *target_groups.KINDS,
    *listeners.KINDS,
    *resource_groups.KINDS,
    *keys.KINDS,
    *roles.KINDS,
    *secrets_manager.KINDS,
    *buckets.KINDS,
    *bucket_settings.KINDS,
    *bucket_objects.KINDS,
    *database_groups.KINDS,
    *databases.KINDS,
    *launch_templates.KINDS,
    *ec2_instances.KINDS,
    *groups.KINDS,
    *scaling_policies.KINDS,
    *lifecycle_hooks.KINDS,
    *logs.KINDS,
    *topics.KINDS,
    *alarms.KINDS,
    *dashboards.KINDS,
)
FUNCTIONS: tuple[Function, ...] = functions.FUNCTIONS
QUOTAS = quotas.usual()

settle = instances.settle_all


def builtin(target: str) -> bool:
    """Whether AWS itself provides this: managed policies, prefix lists, published images."""
    return builtins.is_builtin(target)
