"""What the sandbox knows of AWS: the kinds and functions of `aws`.

A kind is declared as Azure's are (`kinds.py`), with an `identity` in place of an id template. The
record's key is the ARN, and Pulumi's id (`Record.short`) is what the engine and other resources
say.
"""

from sandbox.control.aws import (
    builtins,
    elastic_addresses,
    flow_logs,
    functions,
    internet_gateways,
    listeners,
    load_balancers,
    nat_gateways,
    network_interfaces,
    resource_groups,
    route_tables,
    security_group_rules,
    security_groups,
    subnets,
    target_groups,
    vpc_endpoints,
    vpcs,
)
from sandbox.control.aws.account import ACCOUNT as ACCOUNT
from sandbox.control.aws.configuration import configuration as configuration
from sandbox.control.aws.configuration import default_tags as default_tags
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
)
FUNCTIONS: tuple[Function, ...] = functions.FUNCTIONS


def builtin(target: str) -> bool:
    """Whether AWS itself provides this: managed policies, prefix lists, published images."""
    return builtins.is_builtin(target)
