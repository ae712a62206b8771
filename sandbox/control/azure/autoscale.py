"""Autoscale settings (Microsoft.Insights/autoscaleSettings).

Sources: Azure documentation, "Understand autoscale settings", "Autoscale with multiple profiles"
(names of default profiles that end a recurring one), "Azure Monitor service limits" (20 profiles,
10 rules a profile), REST specification of Microsoft.Insights/autoscaleSettings.
"""

import json
from collections.abc import Iterator, Mapping

from sandbox.control.azure import durations
from sandbox.control.azure.arm import (
    name_of,
    named_once,
    not_emulated,
    one_of,
    provider,
    same,
    standard,
    type_of,
    within,
)
from sandbox.control.azure.metrics import telemetry_of
from sandbox.control.azure.timezones import WINDOWS_ZONES
from sandbox.control.kinds import Context, Kind, Name, Outputs, Problem, Values
from sandbox.control.paths import find
from sandbox.control.reading import elements, mapping, number, present, text, texts

AUTOSCALE = "Microsoft.Insights/autoscalesettings"
DEPLOYMENT = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints/deployments"
TARGETS = ("Microsoft.Compute/virtualMachineScaleSets", DEPLOYMENT)

MONITOR_NAME = Name(
    pattern=r"[^<>*%&:?+/\\#{}]*[^<>*%&:?+/\\#{} .]",
    maximum=260,
    words="no < > * % & : ? + / \\ # { }, no period or space at the end",
)

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_CODE = "BadRequest"


def _capacity(path: str, profile: Values) -> Iterator[Problem]:
    found: dict[str, int] = {}
    for key in ("minimum", "default", "maximum"):
        written = text(profile, f"capacity.{key}")
        if written is None:
            continue
        if not written.isdigit() or int(written) > 1000:
            yield Problem(f"{path}.capacity.{key}", f"must be 0 to 1000, got {written!r}", _CODE)
        else:
            found[key] = int(written)
    if len(found) == 3 and not found["minimum"] <= found["default"] <= found["maximum"]:
        yield Problem(
            f"{path}.capacity",
            f"minimum {found['minimum']}, default {found['default']}, maximum {found['maximum']}: "
            "must not decrease in this order",
            "InvalidAutoscaleProfileCapacity",
        )


def _rule(path: str, rule: Values) -> Iterator[Problem]:
    for where, low, high in (
        ("metricTrigger.timeGrain", "PT1M", "PT12H"),
        ("metricTrigger.timeWindow", "PT5M", "PT12H"),
        ("scaleAction.cooldown", "PT1M", "P7D"),
    ):
        for problem in durations.between(rule, where, low, high, _CODE):
            yield problem._replace(path=f"{path}.{problem.path}")
    grain = durations.parse(text(rule, "metricTrigger.timeGrain") or "")
    window = durations.parse(text(rule, "metricTrigger.timeWindow") or "")
    if grain and window and window < grain:
        yield Problem(
            f"{path}.metricTrigger.timeWindow", "must not be shorter than timeGrain", _CODE
        )
    step = text(rule, "scaleAction.value")
    if step is not None and (not step.isdigit() or not 1 <= int(step) <= 1000):
        yield Problem(f"{path}.scaleAction.value", f"must be 1 to 1000, got {step!r}", _CODE)
    for problem in (
        *one_of(rule, "scaleAction.type", ("ChangeCount", "PercentChangeCount", "ExactCount")),
        *one_of(rule, "scaleAction.direction", ("None", "Increase", "Decrease")),
        *not_emulated(
            rule,
            {
                "metricTrigger.dimensions": "leave it out",
                "metricTrigger.dividePerInstance": "leave it out",
            },
        ),
    ):
        yield problem._replace(path=f"{path}.{problem.path}")
    yield from _metric(path, rule)


def _metric(path: str, rule: Values) -> Iterator[Problem]:
    source = text(rule, "metricTrigger.metricResourceUri")
    metric = text(rule, "metricTrigger.metricName")
    if source is None or metric is None:
        return
    known = telemetry_of(type_of(source))
    if known is None or metric not in known.metrics:
        yield Problem(
            f"{path}.metricTrigger.metricName",
            f"The metric '{metric}' is not found for resource type '{type_of(source)}'. Known: "
            f"{', '.join(sorted(known.metrics)) if known else 'none'}.",
            "UnsupportedMetric",
        )


def _recurrence(path: str, profile: Values) -> Iterator[Problem]:
    schedule = mapping(profile, "recurrence.schedule")
    base = f"{path}.recurrence"
    if text(profile, "recurrence.frequency") not in (None, "Week"):
        yield Problem(f"{base}.frequency", "must be Week", _CODE)
    for where, day in texts(schedule, "days[*]"):
        if day not in _DAYS:
            yield Problem(
                f"{base}.schedule.{where}", f"{day!r} is not a day of the week in English", _CODE
            )
    for key, last in (("hours", 23), ("minutes", 59)):
        for problem in within(schedule, f"{key}[*]", 0, last, _CODE):
            yield problem._replace(path=f"{base}.schedule.{problem.path}")
        found = [value for _, value in find(schedule, f"{key}[*]")]
        if key in schedule and len(found) > 1:
            yield Problem(f"{base}.schedule.{key}", "holds one number", _CODE)
    zone = text(schedule, "timeZone")
    if zone is not None and zone not in WINDOWS_ZONES:
        yield Problem(
            f"{base}.schedule.timeZone",
            f"{zone!r} is not a Windows time zone: write, for instance, W. Europe Standard Time",
            _CODE,
        )
    if present(profile, "recurrence") and present(profile, "fixedDate"):
        yield Problem(path, "has a recurrence and a fixedDate: give one", _CODE)


def _pairs(profiles: list[tuple[str, Values]]) -> Iterator[Problem]:
    """A profile that ends a recurring one says so in its name: `{"name":..., "for":...}`."""
    names = [text(profile, "name") or "" for _, profile in profiles]
    for path, profile in profiles:
        name = text(profile, "name") or ""
        if not name.startswith("{"):
            continue
        try:
            pair = json.loads(name)
        except ValueError:
            pair = None
        if not isinstance(pair, Mapping) or not {"name", "for"} <= set(pair):
            yield Problem(
                f"{path}.name", 'must be JSON with "name" and "for" when it begins with {', _CODE
            )
        elif pair["for"] not in names or not present(profile, "recurrence"):
            yield Problem(
                f"{path}.name",
                f"ends the profile {pair['for']!r}: that one must be there, and this one must "
                "have a recurrence",
                _CODE,
            )


def _rules(values: Values) -> Iterator[Problem]:
    profiles = elements(values, "profiles")
    if "profiles" in values and not 1 <= len(profiles) <= 20:
        yield Problem("profiles", f"holds 1 to 20 profiles, not {len(profiles)}", _CODE)
    for path, profile in profiles:
        yield from _capacity(path, profile)
        rules = elements(profile, "rules")
        if len(rules) > 10:
            yield Problem(f"{path}.rules", f"holds up to 10 rules, not {len(rules)}", _CODE)
        for where, rule in rules:
            yield from _rule(f"{path}.{where}", rule)
        yield from _recurrence(path, profile)
    yield from named_once(values, "profiles")
    for path, email in texts(values, "notifications[*].email.customEmails[*]"):
        if "@" not in email:
            yield Problem(path, f"{email!r} is not an e-mail address", _CODE)
    yield from not_emulated(
        values,
        {
            "predictiveAutoscalePolicy": "leave it out",
            "notifications[*].webhooks": "use e-mail",
            "targetResourceLocation": "leave it out",
        },
    )


def _verify(context: Context) -> Iterator[Problem]:
    target = text(context.inputs, "targetResourceUri")
    if target is None:
        yield Problem("targetResourceUri", "is missing", _CODE)
        return
    profiles = elements(context.inputs, "profiles")
    yield from _pairs(profiles)
    always = [p for _, p in profiles if "recurrence" not in p and "fixedDate" not in p]
    if len(always) > 1:
        yield Problem("profiles", "more than one profile applies at all times", _CODE)
    for other in context.world.of(context.type):
        if not same(other.id, context.id) and same(
            text(other.inputs, "targetResourceUri") or "", target
        ):
            yield Problem(
                "targetResourceUri",
                f"Another autoscale setting, {name_of(other.id)}, already targets {target}. A "
                "resource has one autoscale setting.",
                "Conflict",
            )
    limit, words = _most(context, target)
    for path, written in texts(context.inputs, "profiles[*].capacity.maximum"):
        if written.isdigit() and int(written) > limit:
            yield Problem(path, f"is {written}, but {words}", _CODE)


def _most(context: Context, target: str) -> tuple[int, str]:
    """The largest capacity of what is scaled, and that in words."""
    if type_of(target).casefold() == DEPLOYMENT.casefold():
        return 50, f"deployment {name_of(target)} has up to 50 instances"
    record = context.world.find(target)
    limit = 1000
    if record is not None and number(record.inputs, "sku.capacity") is not None:
        single = record.outputs.get("singlePlacementGroup") is not False
        limit = 100 if single else 1000
    return limit, f"scale set {name_of(target)} holds up to {limit} machines"


def _outputs(context: Context) -> Outputs:
    keys = ("profiles", "notifications", "targetResourceUri")
    given = {key: context.inputs[key] for key in keys if key in context.inputs}
    return {
        "properties": {
            **given,
            "enabled": context.inputs.get("enabled") is not False,
            "name": text(context.inputs, "name") or context.name,
        }
    }


KINDS = (
    Kind(
        type="azure-native:monitor:AutoscaleSetting",
        id_template=provider(AUTOSCALE, "autoscaleSettingName"),
        name=MONITOR_NAME,
        references={
            "targetResourceUri": TARGETS,
        },
        # A scale set can go before its setting, which then has nothing to do.
        weak=("targetResourceUri", "profiles"),
        rules=standard(AUTOSCALE, _rules),
        verify=_verify,
        outputs=_outputs,
    ),
)
