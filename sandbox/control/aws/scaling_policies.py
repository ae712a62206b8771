"""What changes a group's capacity: scaling policies, and scheduled actions.

The sandbox keeps them as they are declared and checks them; a group's capacity changes by its
resource and by hand (`scripts/sandbox edit`).

Sources: Amazon EC2 Auto Scaling User Guide, "Target tracking scaling policies", "Step and simple
scaling policies" (steps without gap or overlap), "Scheduled scaling" (cron, time zones), "Quotas
for Auto Scaling resources and groups" (50 policies, 125 scheduled actions a group).
"""

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime
from math import inf
from zoneinfo import available_timezones

from sandbox.control.aws.cron import is_cron
from sandbox.control.aws.rules import not_emulated, one_of
from sandbox.control.kinds import Context, Identity, Kind, Name, Outputs, Problem, Values
from sandbox.control.reading import elements, flag, mapping, number, present, text

GROUP = "aws:autoscaling/group:Group"
POLICY = "aws:autoscaling/policy:Policy"
SCHEDULE = "aws:autoscaling/schedule:Schedule"

CODE = "ValidationError"
TYPES = ("SimpleScaling", "StepScaling", "TargetTrackingScaling", "PredictiveScaling")
METRICS = (
    "ASGAverageCPUUtilization",
    "ASGAverageNetworkIn",
    "ASGAverageNetworkOut",
    "ALBRequestCountPerTarget",
)
_ADJUSTMENTS = ("ChangeInCapacity", "ExactCapacity", "PercentChangeInCapacity")


def _type(values: Values) -> str:
    return text(values, "policyType") or "SimpleScaling"


_BELONGS = {
    "SimpleScaling": ("cooldown", "scalingAdjustment"),
    "StepScaling": ("stepAdjustments", "metricAggregationType"),
    "TargetTrackingScaling": ("targetTrackingConfiguration",),
    "PredictiveScaling": ("predictiveScalingConfiguration",),
}


def _policy_rules(values: Values) -> Iterator[Problem]:
    yield from one_of(values, "policyType", TYPES[:3], CODE)
    yield from one_of(values, "adjustmentType", _ADJUSTMENTS, CODE)
    yield from one_of(values, "metricAggregationType", ("Minimum", "Maximum", "Average"), CODE)
    if text(values, "policyType") is not None:
        yield from _belonging(values)
    magnitude = number(values, "minAdjustmentMagnitude")
    if magnitude is not None and text(values, "adjustmentType") not in (
        None,
        "PercentChangeInCapacity",
    ):
        yield Problem(
            "minAdjustmentMagnitude",
            "MinAdjustmentMagnitude is only supported with PercentChangeInCapacity",
            CODE,
        )
    if _type(values) == "StepScaling":
        yield from _steps(values)
    yield from _tracking(values)
    yield from not_emulated(
        values, {"predictiveScalingConfiguration": "use target tracking and schedules"}
    )


def _belonging(values: Values) -> Iterator[Problem]:
    """What belongs to another type of policy is refused."""
    kind = _type(values)
    for other, names in _BELONGS.items():
        for name in names:
            if other != kind and present(values, name):
                yield Problem(name, f"{name} is not supported for policy type {kind}", CODE)
    if kind == "SimpleScaling" and present(values, "estimatedInstanceWarmup"):
        yield Problem(
            "estimatedInstanceWarmup",
            "EstimatedInstanceWarmup is not supported for policy type SimpleScaling",
            CODE,
        )


def _bound(step: Values, name: str, otherwise: float) -> float | None:
    written = step.get(name)
    if written is None or written == "":
        return otherwise
    try:
        return float(str(written))
    except ValueError:
        return None


def _steps(values: Values) -> Iterator[Problem]:
    """Steps cover a range without gap and overlap, at most one open at each end."""
    found: list[tuple[float, float]] = []
    for path, step in elements(values, "stepAdjustments"):
        low = _bound(step, "metricIntervalLowerBound", -inf)
        high = _bound(step, "metricIntervalUpperBound", inf)
        if low is None or high is None:
            yield Problem(path, "the bounds of a step are numbers", CODE)
            return
        if low >= high:
            yield Problem(path, "The lower bound of a step must be less than its upper bound", CODE)
            return
        found.append((low, high))
    if "stepAdjustments" in values and not found:
        yield Problem(
            "stepAdjustments", "At least one StepAdjustment must be specified for StepScaling", CODE
        )
    found.sort()
    for (_, end), (start, _) in itertools.pairwise(found):
        if end > start:
            yield Problem("stepAdjustments", "StepAdjustment intervals can't overlap", CODE)
        elif end < start:
            yield Problem("stepAdjustments", "StepAdjustment intervals can't have gaps", CODE)
    if len(found) > 20:
        yield Problem("stepAdjustments", "has up to 20 steps", CODE)


def _tracking(values: Values) -> Iterator[Problem]:
    tracking = mapping(values, "targetTrackingConfiguration")
    if not tracking:
        return
    predefined = present(tracking, "predefinedMetricSpecification")
    if predefined == present(tracking, "customizedMetricSpecification"):
        yield Problem(
            "targetTrackingConfiguration",
            "Exactly one of PredefinedMetricSpecification and CustomizedMetricSpecification must "
            "be specified",
            CODE,
        )
    where = "targetTrackingConfiguration.predefinedMetricSpecification"
    yield from one_of(values, f"{where}.predefinedMetricType", METRICS, CODE)
    label = text(tracking, "predefinedMetricSpecification.resourceLabel")
    metric = text(tracking, "predefinedMetricSpecification.predefinedMetricType")
    if label and metric and metric != "ALBRequestCountPerTarget":
        yield Problem(
            f"{where}.resourceLabel", f"ResourceLabel is not supported for {metric}", CODE
        )
    target = tracking.get("targetValue")
    if isinstance(target, int | float) and not isinstance(target, bool) and target <= 0:
        yield Problem(
            "targetTrackingConfiguration.targetValue", f"must be over 0, got {target}", CODE
        )


def _verify_policy(context: Context) -> Iterator[Problem]:
    kind, values = _type(context.inputs), context.inputs
    if text(values, "policyType") is None:
        yield from _belonging(values)
    needed = {
        "SimpleScaling": ("scalingAdjustment", "adjustmentType"),
        "StepScaling": ("stepAdjustments", "adjustmentType"),
        "TargetTrackingScaling": ("targetTrackingConfiguration",),
    }.get(kind, ())
    for name in needed:
        if values.get(name) in (None, [], {}):
            shown = name[0].upper() + name[1:]
            yield Problem(name, f"{shown} must be specified for policy type {kind}", CODE)


def _policy_outputs(context: Context) -> Outputs:
    return {
        "arn": context.id,
        "name": context.name,
        "policyType": _type(context.inputs),
        "enabled": flag(context.inputs, "enabled") is not False,
        "metricAggregationType": text(context.inputs, "metricAggregationType")
        or ("Average" if _type(context.inputs) == "StepScaling" else ""),
    }


def _moment(values: Values, path: str) -> datetime | None:
    written = text(values, path)
    try:
        return datetime.strptime(written or "", "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None


def _schedule_rules(values: Values) -> Iterator[Problem]:
    for path in ("startTime", "endTime"):
        if text(values, path) and _moment(values, path) is None:
            yield Problem(path, "must be a time in UTC such as 2026-01-02T03:04:05Z", CODE)
    start, end = _moment(values, "startTime"), _moment(values, "endTime")
    if start and end and end <= start:
        yield Problem("endTime", "Given start time is after end time", CODE)
    recurrence = text(values, "recurrence")
    if recurrence and not is_cron(recurrence):
        yield Problem("recurrence", f"Given recurrence string: {recurrence} is invalid", CODE)
    zone = text(values, "timeZone")
    if zone and zone not in available_timezones():
        yield Problem("timeZone", f"The time zone {zone} is not an IANA time zone", CODE)
    sizes = {name: number(values, name) for name in ("minSize", "desiredCapacity", "maxSize")}
    known = [(name, size) for name, size in sizes.items() if size is not None and size >= 0]
    for (low, one), (high, other) in itertools.pairwise(known):
        if one > other:
            yield Problem(low, f"{low} ({one}) must not be over {high} ({other})", CODE)


def _verify_schedule(context: Context) -> Iterator[Problem]:
    values = context.inputs
    sizes = [number(values, name) for name in ("minSize", "maxSize", "desiredCapacity")]
    if all(size is None or size < 0 for size in sizes):
        yield Problem(
            "minSize",
            "At least one of MinSize, MaxSize and DesiredCapacity must be specified",
            CODE,
        )
    if not text(values, "recurrence") and not text(values, "startTime"):
        yield Problem("recurrence", "one of recurrence and startTime is needed", CODE)
    start = _moment(values, "startTime")
    if start and context.previous is None and start < datetime.now(UTC):
        yield Problem("startTime", "Given start time is in the past", CODE)


def _schedule_outputs(context: Context) -> Outputs:
    return {
        "arn": context.id,
        "timeZone": text(context.inputs, "timeZone") or "",
        "recurrence": text(context.inputs, "recurrence") or "",
        "startTime": text(context.inputs, "startTime") or "",
        "endTime": text(context.inputs, "endTime") or "",
        **{
            name: 0 if (found := number(context.inputs, name)) is None else found
            for name in ("minSize", "maxSize", "desiredCapacity")
        },
    }


KINDS = (
    Kind(
        type=POLICY,
        identity=Identity(
            arn=lambda context: (
                f"arn:aws:autoscaling:{context.region}:"
                f"{context.world.subscription}:scalingPolicy:{context.identifier('id')}:"
                f"autoScalingGroupName/{text(context.inputs, 'autoscalingGroupName')}"
                f":policyName/{context.name}"
            ),
            # AWS knows a policy by its group and its name; the provider's id is the name alone.
            id="{autoscalingGroupName}/{name}",
        ),
        name_property="name",
        name=Name(pattern=r"[^\r\n]+", maximum=255, words="one line of up to 255 characters"),
        not_found=(CODE, "Scaling policy {id} not found"),
        references={"autoscalingGroupName": (GROUP,)},
        parent="autoscalingGroupName",
        replace_on=("autoscalingGroupName",),
        rules=_policy_rules,
        verify=_verify_policy,
        outputs=_policy_outputs,
    ),
    Kind(
        type=SCHEDULE,
        identity=Identity(
            arn=lambda context: (
                f"arn:aws:autoscaling:{context.region}:"
                f"{context.world.subscription}:scheduledUpdateGroupAction:{context.identifier('id')}:"
                f"autoScalingGroupName/{text(context.inputs, 'autoscalingGroupName')}"
                f":scheduledActionName/{context.name}"
            ),
            id="{autoscalingGroupName}/{name}",
        ),
        name_property="scheduledActionName",
        name=Name(pattern=r"[^\r\n]+", maximum=255, words="one line of up to 255 characters"),
        references={"autoscalingGroupName": (GROUP,)},
        parent="autoscalingGroupName",
        replace_on=("autoscalingGroupName",),
        rules=_schedule_rules,
        verify=_verify_schedule,
        outputs=_schedule_outputs,
    ),
)
