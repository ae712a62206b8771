"""Autoscale settings on Azure: the bounds, rules and schedules of one group.

Bounds and rules come from that group's own settings and nowhere else: the vendor's Linux templates
gave compute nodes the web nodes' count (facts.md 18.2).
"""

import json
from collections.abc import Iterator
from typing import Final

import pulumi
from pulumi_azure_native import monitor

from components.parts import AutoscalingArgs, Site
from components.settings import AutoscaleSettings, ScheduleSettings
from components.settings.catalogue.timezones import WINDOWS_NAMES

DEFAULT: Final = "default"
METRIC: Final = "Percentage CPU"
GRAIN: Final = "PT1M"
DAYS: Final = (
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
)


class Autoscaling(pulumi.ComponentResource):
    """Owns the settings; the scale set leaves its count to them."""

    def __init__(
        self, name: str, args: AutoscalingArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("operationalization:azure:Autoscaling", name, None, opts)
        (target,) = args.group.ids
        declare(name, args.site, args.settings, target, args.emails, parent=self)
        self.register_outputs({})


def declare(
    name: str,
    site: Site,
    settings: AutoscaleSettings,
    target: pulumi.Input[str],
    emails: tuple[str, ...],
    *,
    parent: pulumi.Resource,
    metric: str = METRIC,
) -> None:
    """Declare the settings of *target*, whose load is *metric*, in percent."""
    monitor.AutoscaleSetting(
        f"{name}-setting",
        resource_group_name=site.resource_group,
        location=site.location,
        tags=site.tags,
        target_resource_uri=target,
        enabled=True,
        profiles=list(profiles(settings, target, metric)),
        notifications=[_notification(emails)] if emails else None,
        opts=pulumi.ResourceOptions(parent=parent),
    )


def profiles(
    settings: AutoscaleSettings, target: pulumi.Input[str], metric: str = METRIC
) -> Iterator[monitor.AutoscaleProfileArgs]:
    """Yield the group's own profile, and two for each schedule: its period and its end.

    A period of Azure's has a start and no end: what ends it is another recurring profile with the
    group's own bounds, which Azure pairs with it by a name in JSON ("Create autoscale settings
    with multiple profiles", Azure Monitor).
    """
    rules = _rules(settings, target, metric)
    own = _capacity(settings.minimum, settings.maximum)
    yield monitor.AutoscaleProfileArgs(name=DEFAULT, capacity=own, rules=rules)
    for schedule in settings.schedules:
        yield monitor.AutoscaleProfileArgs(
            name=schedule.name,
            capacity=_capacity(schedule.minimum, schedule.maximum),
            rules=rules,
            recurrence=_recurrence(schedule, schedule.days, schedule.start),
        )
        yield monitor.AutoscaleProfileArgs(
            name=json.dumps({"name": DEFAULT, "for": schedule.name}, separators=(",", ":")),
            capacity=own,
            rules=rules,
            recurrence=_recurrence(schedule, end_days(schedule), schedule.end),
        )


def end_days(schedule: ScheduleSettings) -> tuple[str, ...]:
    """Return the days on which the period ends: the next ones, when it runs past midnight."""
    if schedule.end > schedule.start:
        return schedule.days
    return tuple(DAYS[(DAYS.index(day) + 1) % len(DAYS)] for day in schedule.days)


def _capacity(minimum: int, maximum: int) -> monitor.ScaleCapacityArgs:
    # The default holds when CPU cannot be measured: as many nodes as there are at least.
    return monitor.ScaleCapacityArgs(
        minimum=str(minimum), maximum=str(maximum), default=str(minimum)
    )


def _recurrence(
    schedule: ScheduleSettings, days: tuple[str, ...], time: str
) -> monitor.RecurrenceArgs:
    hour, minute = time.split(":")
    return monitor.RecurrenceArgs(
        frequency=monitor.RecurrenceFrequency.WEEK,
        schedule=monitor.RecurrentScheduleArgs(
            time_zone=WINDOWS_NAMES[schedule.timezone],
            days=sorted(days, key=DAYS.index),
            hours=[int(hour)],
            minutes=[int(minute)],
        ),
    )


def _rules(
    settings: AutoscaleSettings, target: pulumi.Input[str], metric: str
) -> list[monitor.ScaleRuleArgs]:
    out, back = settings.scale_out, settings.scale_in
    return [
        monitor.ScaleRuleArgs(
            metric_trigger=_trigger(
                metric, target, monitor.ComparisonOperationType.GREATER_THAN, out.above, out.minutes
            ),
            scale_action=_action(monitor.ScaleDirection.INCREASE, out.step, out.cooldown),
        ),
        monitor.ScaleRuleArgs(
            metric_trigger=_trigger(
                metric, target, monitor.ComparisonOperationType.LESS_THAN, back.below, back.minutes
            ),
            scale_action=_action(monitor.ScaleDirection.DECREASE, back.step, back.cooldown),
        ),
    ]


def _trigger(
    metric: str,
    target: pulumi.Input[str],
    operator: monitor.ComparisonOperationType,
    threshold: int,
    minutes: int,
) -> monitor.MetricTriggerArgs:
    return monitor.MetricTriggerArgs(
        metric_name=metric,
        metric_resource_uri=target,
        operator=operator,
        threshold=float(threshold),
        statistic=monitor.MetricStatisticType.AVERAGE,
        time_aggregation=monitor.TimeAggregationType.AVERAGE,
        time_grain=GRAIN,
        time_window=f"PT{minutes}M",
    )


def _action(direction: monitor.ScaleDirection, step: int, cooldown: int) -> monitor.ScaleActionArgs:
    return monitor.ScaleActionArgs(
        direction=direction,
        type=monitor.ScaleType.CHANGE_COUNT,
        value=str(step),
        cooldown=f"PT{cooldown}M",
    )


def _notification(emails: tuple[str, ...]) -> monitor.AutoscaleNotificationArgs:
    return monitor.AutoscaleNotificationArgs(
        operation=monitor.OperationType.SCALE,
        email=monitor.EmailNotificationArgs(
            custom_emails=list(emails),
            send_to_subscription_administrator=False,
            send_to_subscription_co_administrators=False,
        ),
    )
