"""What EC2 Auto Scaling refuses of a group from its inputs alone.

Sources: Amazon EC2 Auto Scaling API Reference, "CreateAutoScalingGroup" (lengths, ranges, names of
metrics and processes); Terraform provider aws, `aws_autoscaling_group` (the waiting).
"""

import re
from collections.abc import Iterator

from sandbox.control.aws import lifecycle_hooks
from sandbox.control.aws.rules import not_emulated, one_of, within
from sandbox.control.aws.scaling_policies import CODE
from sandbox.control.kinds import Problem, Values
from sandbox.control.reading import elements, mapping, number, text

METRICS = (
    "GroupMinSize",
    "GroupMaxSize",
    "GroupDesiredCapacity",
    "GroupInServiceInstances",
    "GroupPendingInstances",
    "GroupStandbyInstances",
    "GroupTerminatingInstances",
    "GroupTotalInstances",
    "GroupInServiceCapacity",
    "GroupPendingCapacity",
    "GroupStandbyCapacity",
    "GroupTerminatingCapacity",
    "GroupTotalCapacity",
    "WarmPoolDesiredCapacity",
    "WarmPoolWarmedCapacity",
    "WarmPoolPendingCapacity",
    "WarmPoolTerminatingCapacity",
    "WarmPoolTotalCapacity",
    "GroupAndWarmPoolDesiredCapacity",
    "GroupAndWarmPoolTotalCapacity",
)
PROCESSES = (
    "Launch",
    "Terminate",
    "AddToLoadBalancer",
    "AlarmNotification",
    "AZRebalance",
    "HealthCheck",
    "InstanceRefresh",
    "ReplaceUnhealthy",
    "ScheduledActions",
)
TERMINATION = ("Default", "OldestInstance", "NewestInstance")

_DURATION = re.compile(r"(0|(\d+(\.\d+)?(h|m|s|ms))+)")


def _sizes(values: Values) -> Iterator[Problem]:
    least, most = number(values, "minSize"), number(values, "maxSize")
    desired = number(values, "desiredCapacity")
    for name in ("minSize", "maxSize", "desiredCapacity"):
        yield from within(values, name, 0, 10_000, CODE)
    if least is not None and most is not None and least > most:
        yield Problem(
            "minSize",
            f"Min bound, {least}, is greater than max bound, {most}",
            CODE,
        )
        return
    over = desired is not None and most is not None and desired > most
    under = desired is not None and least is not None and desired < least
    if over or under:
        yield Problem(
            "desiredCapacity",
            f"Desired capacity:{desired} must be between the specified min size:{least} and max "
            f"size:{most}",
            CODE,
        )


def _health(values: Values) -> Iterator[Problem]:
    yield from one_of(values, "healthCheckType", ("EC2", "ELB"), CODE)
    yield from within(values, "healthCheckGracePeriod", 0, 7200, CODE)
    yield from within(values, "defaultCooldown", 0, 86_400, CODE)
    lifetime = number(values, "maxInstanceLifetime")
    if lifetime and not 86_400 <= lifetime <= 31_536_000:
        yield Problem("maxInstanceLifetime", "must be 0, or a day to a year in seconds", CODE)
    waits = text(values, "waitForCapacityTimeout")
    if waits is not None and not _DURATION.fullmatch(waits):
        yield Problem(
            "waitForCapacityTimeout",
            f'"waitForCapacityTimeout" cannot be parsed as a duration: "{waits}"',
        )


def _template(values: Values) -> Iterator[Problem]:
    reference = mapping(values, "launchTemplate")
    if reference.get("id") and reference.get("name"):
        yield Problem(
            "launchTemplate",
            "Valid requests must contain either launchTemplateId or LaunchTemplateName",
            CODE,
        )
    version = text(reference, "version")
    if version and version not in ("$Latest", "$Default") and not version.isdecimal():
        yield Problem(
            "launchTemplate.version",
            f"Invalid launch template version: {version} is neither a number, $Latest nor $Default",
            CODE,
        )


def _tags(values: Values) -> Iterator[Problem]:
    tags = [(path, text(tag, "key"), tag) for path, tag in elements(values, "tags")]
    names = [name for _, name, _ in tags if name is not None]
    for path, name, tag in tags:
        if name is None:
            continue
        if names.count(name) > 1:
            yield Problem(f"{path}.key", f"{name} is there twice", CODE)
        value = text(tag, "value") or ""
        if name.casefold().startswith("aws:") or not 1 <= len(name) <= 128 or len(value) > 256:
            yield Problem(
                f"{path}.key",
                "a tag's key has 1 to 128 characters and doesn't start with aws:, its value up to "
                "256",
                CODE,
            )
    if len(tags) > 50:
        yield Problem("tags", "has more than 50 tags", CODE)


def rules(values: Values) -> Iterator[Problem]:
    """Everything that the service refuses of these inputs."""
    for rule in (_sizes, _health, _template, _tags):
        yield from rule(values)
    hooks = elements(values, "initialLifecycleHooks")
    for path, _ in hooks:
        yield from lifecycle_hooks.rules(values, path)
    names = [name for _, hook in hooks if (name := text(hook, "name"))]
    if len(set(names)) < len(names):
        yield Problem("initialLifecycleHooks", "names a hook twice", CODE)
    yield from one_of(values, "enabledMetrics[*]", METRICS, CODE)
    yield from one_of(values, "metricsGranularity", ("1Minute",), CODE)
    yield from one_of(values, "suspendedProcesses[*]", PROCESSES, CODE)
    yield from one_of(values, "terminationPolicies[*]", TERMINATION)
    for name, limit in (("minElbCapacity", "maxSize"), ("waitForElbCapacity", "maxSize")):
        wanted, most = number(values, name), number(values, limit)
        if wanted is not None and most is not None and wanted > most:
            yield Problem(name, f"{wanted} can never be met: {limit} is {most}")
    yield from not_emulated(values, _NOT_EMULATED)


_NOT_EMULATED = {
    "availabilityZoneDistribution": "leave it out",
    "availabilityZones": "name subnets in vpcZoneIdentifiers",
    "capacityRebalance": "the sandbox has no spot instances",
    "capacityReservationSpecification": "leave it out",
    "context": "leave it out",
    "desiredCapacityType": "leave it out: units",
    "instanceLifecyclePolicy": "leave it out",
    "instanceMaintenancePolicy": "leave it out",
    "instanceRefresh": "replace the group for new content",
    "launchConfiguration": "use a launch template",
    "loadBalancers": "use targetGroupArns",
    "mixedInstancesPolicy": "use launchTemplate",
    "placementGroup": "leave it out",
    "protectFromScaleIn": "leave it out",
    "serviceLinkedRoleArn": "leave it out",
    "trafficSources": "use targetGroupArns",
    "warmPool": "leave it out",
}
