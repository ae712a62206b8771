"""RDS subnet groups and parameter groups.

Sources: Amazon RDS User Guide, "Working with a DB instance in a VPC" (subnets of two zones or
more), "Working with parameter groups" (static parameters take effect when the instance restarts),
API Reference: CreateDBSubnetGroup, ModifyDBParameterGroup, DeleteDBParameterGroup.
"""

from collections.abc import Iterator

from sandbox.control.aws import database_classes
from sandbox.control.aws.addresses import SUBNET
from sandbox.control.aws.database_parameters import known, range_of, takes
from sandbox.control.aws.rules import one_of
from sandbox.control.kinds import Context, Identity, Kind, Name, Outputs, Problem, Values
from sandbox.control.reading import elements, text, texts

SUBNET_GROUP = "aws:rds/subnetGroup:SubnetGroup"
PARAMETER_GROUP = "aws:rds/parameterGroup:ParameterGroup"

_INVALID = "InvalidParameterValue"


def families() -> frozenset[str]:
    """Every parameter group family that the sandbox knows."""
    return frozenset(
        family_of(name, version)
        for name, engine in database_classes.ENGINES.items()
        for version in engine.versions
    )


def family_of(engine: str, major: str) -> str:
    """The family of an engine's major version: `postgres16`, `sqlserver-se-15.0`."""
    known_engine = database_classes.ENGINES.get(engine)
    return known_engine.family.format(major=major.replace(".00", ".0")) if known_engine else ""


def _verify_subnets(context: Context) -> Iterator[Problem]:
    zones: set[str] = set()
    networks: set[str] = set()
    for _, target in texts(context.inputs, "subnetIds[*]"):
        record = context.world.named(SUBNET, target, context.region)
        if record is not None:
            zones.add(text(record.outputs, "availabilityZone") or "")
            networks.add(text(record.inputs, "vpcId") or "")
    if len(networks) > 1:
        yield Problem(
            "subnetIds",
            "The DB subnet group must be in the same VPC: the subnets are in "
            f"{', '.join(sorted(networks))}.",
            "InvalidSubnet",
        )
    elif len(zones) < 2:
        yield Problem(
            "subnetIds",
            "The DB subnet group doesn't meet Availability Zone (AZ) coverage requirement. Current "
            f"AZ coverage: {', '.join(sorted(zones)) or 'none'}. Add subnets to cover at least 2 "
            "AZs.",
            "DBSubnetGroupDoesNotCoverEnoughAZs",
        )


def _subnet_group_outputs(context: Context) -> Outputs:
    first = next((target for _, target in texts(context.inputs, "subnetIds[*]")), "")
    subnet = context.world.named(SUBNET, first, context.region)
    return {
        "arn": context.id,
        "name": context.name,
        "description": text(context.inputs, "description") or "Managed by Pulumi",
        "supportedNetworkTypes": ["IPV4"],
        "vpcId": text(subnet.inputs, "vpcId") if subnet else None,
    }


def _parameter_rules(values: Values) -> Iterator[Problem]:
    family = text(values, "family")
    if family is None:
        return
    table = known(family)
    if family not in families() or not table:
        yield Problem(
            "family",
            f"ParameterGroupFamily {family} is not a valid parameter group family",
            _INVALID,
        )
        return
    seen: set[str] = set()
    for path, parameter in elements(values, "parameters"):
        name, value = text(parameter, "name"), text(parameter, "value")
        if name is None:
            continue
        if name in seen:
            yield Problem(f"{path}.name", f"{name} is there twice", _INVALID)
        seen.add(name)
        found = table.get(name)
        if found is None:
            yield Problem(f"{path}.name", f"Could not find parameter with name: {name}", _INVALID)
            continue
        if value is not None and not takes(found, value):
            yield Problem(
                f"{path}.value",
                f"Invalid parameter value: {value} for: {name} allowed values are: "
                f"{range_of(found)}",
                _INVALID,
            )
        method = text(parameter, "applyMethod") or "immediate"
        if found.static and method == "immediate":
            yield Problem(
                f"{path}.applyMethod",
                "cannot use immediate apply method for static parameter",
                "InvalidParameterCombination",
            )
    yield from one_of(values, "parameters[*].applyMethod", ("immediate", "pending-reboot"))


def _parameter_outputs(context: Context) -> Outputs:
    return {
        "arn": context.id,
        "name": context.name,
        "description": text(context.inputs, "description") or "Managed by Pulumi",
        "parameters": [
            {"applyMethod": "immediate", **parameter}
            for _, parameter in elements(context.inputs, "parameters")
        ],
        "skipDestroy": False,
    }


KINDS = (
    Kind(
        type=SUBNET_GROUP,
        identity=Identity(arn="arn:{partition}:rds:{region}:{account}:subgrp:{name}", id="{name}"),
        name_property="name",
        name=Name(
            pattern=r"(?!default$)[a-z0-9 ._-]+",
            maximum=255,
            words="lower case letters, digits, spaces, periods, underscores and hyphens",
            automatic=str.lower,
        ),
        not_found=("DBSubnetGroupNotFoundFault", "DB subnet group '{id}' does not exist."),
        exists=("DBSubnetGroupAlreadyExists", "The DB subnet group '{name}' already exists."),
        in_use=(
            "InvalidDBSubnetGroupStateFault",
            (
                "Cannot delete the subnet group '{name}' because at least one database "
                "instance: {by} is still using it."
            ),
        ),
        references={"subnetIds[*]": (SUBNET,)},
        unordered=("subnetIds",),
        verify=_verify_subnets,
        outputs=_subnet_group_outputs,
    ),
    Kind(
        type=PARAMETER_GROUP,
        identity=Identity(arn="arn:{partition}:rds:{region}:{account}:pg:{name}", id="{name}"),
        name_property="name",
        name=Name(
            pattern=r"[a-z](-?[a-z0-9.]+)*",
            maximum=255,
            words="lower case letters, digits and hyphens; starts with a letter; no two hyphens "
            "together, none at the end",
            automatic=str.lower,
        ),
        not_found=("DBParameterGroupNotFound", "DBParameterGroup not found: {id}"),
        exists=("DBParameterGroupAlreadyExists", "Parameter group {name} already exists"),
        in_use=(
            "InvalidDBParameterGroupState",
            (
                "One or more database instances are still members of this parameter group {name}, "
                "so the group cannot be deleted"
            ),
        ),
        replace_on=("family", "description"),
        unordered=("parameters",),
        rules=_parameter_rules,
        outputs=_parameter_outputs,
    ),
)
