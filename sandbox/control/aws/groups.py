"""EC2 Auto Scaling groups.

Their instances are in `instances.py`. The provider waits, after it created or enlarged a group,
until as many instances as it is told are in service; the fabric does so here, and what a program
says of the waiting is checked and kept.

Sources: Amazon EC2 Auto Scaling API Reference, "CreateAutoScalingGroup" (lengths, ranges), User
Guide, "Set scaling limits for your Auto Scaling group", "Health checks for instances in an Auto
Scaling group", "Quotas for Auto Scaling resources and groups"; Terraform provider aws,
`aws_autoscaling_group` ("Waiting for Capacity").
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice

from sandbox.control.aws import (
    addresses,
    group_rules,
    instance_records,
    instances,
    launch_templates,
    machines,
)
from sandbox.control.aws.addresses import SUBNET
from sandbox.control.aws.roles import PROFILE, role_of_profile
from sandbox.control.aws.rules import unique_name
from sandbox.control.aws.scaling_policies import CODE, GROUP
from sandbox.control.aws.target_groups import TARGET_GROUP
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
from sandbox.control.reading import elements, flag, mapping, number, present, text, texts

_TAKEN = (
    "AutoScalingGroup by this name already exists - A group with the name {name} already exists"
)


def _verify(context: Context) -> Iterator[Problem]:
    values = context.inputs
    if not present(values, "vpcZoneIdentifiers"):
        yield Problem(
            "vpcZoneIdentifiers",
            "At least one Availability Zone or VPC Subnet is required.",
            CODE,
        )
    if text(values, "healthCheckType") == "ELB" and not present(values, "targetGroupArns"):
        yield Problem(
            "healthCheckType",
            "ELB health checks need a load balancer: name target groups in targetGroupArns",
        )
    yield from unique_name(context, "AlreadyExists", _TAKEN)
    yield from _verify_template(context)
    yield from _verify_network(context)
    yield from _verify_room(context)


def _verify_template(context: Context) -> Iterator[Problem]:
    """An instance could be launched, as AWS tries when a group is made."""
    where = "launchTemplate"
    reference = mapping(context.inputs, where)
    template = launch_templates.find(context.world, reference, context.region)
    if template is None:
        yield Problem(
            where,
            "Valid requests must contain either LaunchTemplate, LaunchConfigurationName, "
            "InstanceId or MixedInstancesPolicy parameter.",
            CODE,
        )
        return
    wanted = launch_templates.number_of(template, text(reference, "version"))
    data = launch_templates.version(context.world, template, wanted) if wanted else None
    if data is None:
        yield Problem(
            f"{where}.version",
            f"You must use a valid fully-formed launch template. Could not find the specified "
            f"version {text(reference, 'version')} for the launch template with ID "
            f"{template.short}.",
            CODE,
        )
        return
    for problem in machines.verify_launch(context, data, "imageId", "instanceType", where):
        yield problem._replace(
            reason=f"You must use a valid fully-formed launch template. {problem.reason}",
            code=CODE,
        )
    yield from _verify_profile(context, data)
    if machines.shows_tags(data):
        shown = {name: value for name, value, here in _group_tags(context.inputs) if here}
        yield from machines.tag_key_problems("tags", shown)


def _verify_profile(context: Context, data: Values) -> Iterator[Problem]:
    for part in ("name", "arn"):
        named = text(data, f"iamInstanceProfile.{part}")
        if named is None:
            continue
        if context.world.named(PROFILE, named) is None:
            yield Problem(
                "launchTemplate",
                f"You must use a valid fully-formed launch template. Value ({named}) for parameter "
                f"iamInstanceProfile.{part} is invalid. Invalid IAM Instance Profile {part}",
                CODE,
            )
        elif role_of_profile(context.world, named) is None:
            yield Problem(
                "launchTemplate",
                f"the instance profile {named} has no role: its machines would have no identity",
            )


def _verify_network(context: Context) -> Iterator[Problem]:
    """Subnets, target groups and security groups are of one VPC."""
    networks = {
        text(record.inputs, "vpcId") or ""
        for _, target in texts(context.inputs, "vpcZoneIdentifiers[*]")
        if (record := context.world.named(SUBNET, target, context.region))
    }
    if len(networks) > 1:
        yield Problem("vpcZoneIdentifiers", "The subnets must all be in the same VPC", CODE)
        return
    for path, target in texts(context.inputs, "targetGroupArns[*]"):
        record = context.world.find(target)
        other = text(record.inputs, "vpcId") if record else None
        if other is not None and networks and other not in networks:
            yield Problem(
                path,
                f"The target group {target} is in another VPC ({other}) than the group's subnets "
                f"({networks.pop()})",
                CODE,
            )
            return


def _verify_room(context: Context) -> Iterator[Problem]:
    """There are addresses for all that the group is to have."""
    record = context.world.find(context.id)
    found = instance_records.of_record(context.world, record) if record else ()
    wanted = _capacity(context) - sum(not each.leaving for each in found)
    room = 0
    for _, target in texts(context.inputs, "vpcZoneIdentifiers[*]"):
        subnet = context.world.named(SUBNET, target, context.region)
        if subnet is not None and wanted > room:
            room += len(list(islice(addresses.free(context.world, subnet), wanted - room)))
    if room < wanted:
        yield Problem(
            "vpcZoneIdentifiers",
            f"There are not enough free addresses in the group's subnets for {wanted} more "
            "instances",
            "InsufficientFreeAddressesInSubnet",
        )


def _capacity(context: Context) -> int:
    """How many instances there are to be: as it says, or as it was, inside of its bounds."""
    least = number(context.inputs, "minSize") or 0
    most = number(context.inputs, "maxSize") or 0
    wanted = number(context.inputs, "desiredCapacity")
    if wanted is None and context.previous is not None:
        wanted = number(context.previous.outputs, "desiredCapacity")
    return max(least, min(most, least if wanted is None else wanted))


def _group_tags(values: Values) -> list[tuple[str, str, bool]]:
    """Key, value, and whether instances get it."""
    return [
        (text(tag, "key") or "", text(tag, "value") or "", bool(flag(tag, "propagateAtLaunch")))
        for _, tag in elements(values, "tags")
    ]


def tags_of(record: Record, *, launched: bool = False) -> Mapping[str, str]:
    """The tags of a group; *launched*: only those that its instances get."""
    return {name: value for name, value, here in _group_tags(record.inputs) if here or not launched}


def _outputs(context: Context) -> Outputs:
    values = context.inputs
    template = launch_templates.find(
        context.world, mapping(values, "launchTemplate"), context.region
    )
    grace = number(values, "healthCheckGracePeriod")
    cooldown = number(values, "defaultCooldown")
    subnets = [
        record
        for _, target in texts(values, "vpcZoneIdentifiers[*]")
        if (record := context.world.named(SUBNET, target, context.region))
    ]
    return {
        "arn": context.id,
        "name": context.name,
        "desiredCapacity": _capacity(context),
        "availabilityZones": sorted(
            {text(each.outputs, "availabilityZone") or "" for each in subnets}
        ),
        "defaultCooldown": 300 if cooldown is None else cooldown,
        "healthCheckGracePeriod": 300 if grace is None else grace,
        "healthCheckType": text(values, "healthCheckType") or "EC2",
        "launchTemplate": {
            **mapping(values, "launchTemplate"),
            "id": template.short,
            "name": text(template.outputs, "name"),
        }
        if template
        else None,
        "predictedCapacity": 0,
        "warmPoolSize": 0,
        "loadBalancers": [],
        "trafficSources": [],
        "serviceLinkedRoleArn": f"arn:aws:iam::{context.world.subscription}:role/aws-service-role/"
        "autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling",
    }


def _changed(context: Context, transaction: Transaction) -> None:
    instances.kept_up(context, transaction)


def _deleting(record: Record, transaction: Transaction) -> None:
    instances.release(record, transaction)


def scale(transaction: Transaction, group: str, desired: int) -> None:
    """SetDesiredCapacity, as a person or a policy does it. Raises ApiError."""
    record = transaction.named(GROUP, group)
    if record is None:
        raise ApiError(CODE, f"AutoScalingGroup name not found - no such group: {group}")
    least, most = number(record.inputs, "minSize") or 0, number(record.inputs, "maxSize") or 0
    if not least <= desired <= most:
        bound, words = (least, "below min") if desired < least else (most, "above max")
        raise ApiError(
            CODE,
            f"New SetDesiredCapacity value {desired} is {words} value {bound} for the "
            "AutoScalingGroup.",
        )
    inputs = dict(record.inputs)
    if "desiredCapacity" in inputs:
        inputs["desiredCapacity"] = desired
    changed = replace(record, inputs=inputs, outputs={**record.outputs, "desiredCapacity": desired})
    transaction.put(changed)
    instances.settle(changed, transaction)


KINDS = (
    Kind(
        type=GROUP,
        identity=Identity(
            arn=lambda context: (
                f"arn:aws:autoscaling:{context.region}:"
                f"{context.world.subscription}:autoScalingGroup:{context.identifier('group')}:"
                f"autoScalingGroupName/{context.name}"
            ),
            id="{name}",
        ),
        name_property="name",
        name=Name(pattern=r"[^\r\n:]+", maximum=255, words="one line of up to 255 characters"),
        not_found=(CODE, "AutoScalingGroup name not found - AutoScalingGroup: {id} not found"),
        exists=("AlreadyExists", _TAKEN),
        in_use=("ResourceInUse", "You cannot delete {id}: {by} still needs it."),
        references={
            "vpcZoneIdentifiers[*]": (SUBNET,),
            "targetGroupArns[*]": (TARGET_GROUP,),
            "launchTemplate.id": (launch_templates.TEMPLATE,),
        },
        # A group goes on with what it launched; a template may go before it.
        weak=("launchTemplate",),
        unordered=(
            "vpcZoneIdentifiers",
            "targetGroupArns",
            "enabledMetrics",
            "suspendedProcesses",
            "tags",
            "initialLifecycleHooks",
        ),
        replace_on=("initialLifecycleHooks", "placementGroup"),
        rules=group_rules.rules,
        verify=_verify,
        outputs=_outputs,
        created=_changed,
        updated=_changed,
        deleting=_deleting,
    ),
)
