"""Autoscaling on AWS: the policies and schedules of one group.

Target tracking adds machines: it holds the group's CPU at `scaleOut.above` and takes as many at a
time as that needs, so `scaleOut.minutes` and `step` say nothing here (settings warn who sets
them). It removes none: it would do so at 90 % of the target, while the settings name a threshold,
a time and a pace of their own, which an alarm and a policy follow. Nobody is sent a mail for each
change, as Azure does: alarms tell of changes that fail (`alarms`).
"""

from typing import Final

import pulumi
from pulumi_aws import autoscaling, cloudwatch

from components.parts import AutoscalingArgs
from components.settings import ScheduleSettings

NAMESPACE: Final = "AWS/EC2"
METRIC: Final = "CPUUtilization"
UNCHANGED: Final = -1
"""What a schedule says of a number that it leaves alone (API reference, `ScheduledActionsRequest`;
the provider takes an absent one for 0)."""

DAYS: Final = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
"""In the order in which cron counts them, from 0."""


class Autoscaling(pulumi.ComponentResource):
    """Owns what changes the group's count and bounds; the group leaves them to it.

    All of it belongs to one group by name: when the group is replaced, so is this.
    """

    def __init__(
        self, name: str, args: AutoscalingArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("operationalization:aws:Autoscaling", name, None, opts)
        self._name = name
        self._args = args
        self._child = pulumi.ResourceOptions(parent=self)
        (self._group,) = args.group.names
        self._add()
        self._remove()
        for schedule in args.settings.schedules:
            self._schedule(schedule)
        self.register_outputs({})

    def _add(self) -> None:
        out = self._args.settings.scale_out
        autoscaling.Policy(
            f"{self._name}-out",
            autoscaling_group_name=self._group,
            policy_type="TargetTrackingScaling",
            # Until then a new machine's CPU is not counted, and its load is expected to come.
            estimated_instance_warmup=out.cooldown * 60,
            target_tracking_configuration=autoscaling.PolicyTargetTrackingConfigurationArgs(
                predefined_metric_specification=(
                    autoscaling.PolicyTargetTrackingConfigurationPredefinedMetricSpecificationArgs(
                        predefined_metric_type="ASGAverageCPUUtilization"
                    )
                ),
                target_value=float(out.above),
                disable_scale_in=True,
            ),
            opts=self._child,
        )

    def _remove(self) -> None:
        back = self._args.settings.scale_in
        policy = autoscaling.Policy(
            f"{self._name}-in",
            autoscaling_group_name=self._group,
            # The one type that waits between two changes: the others would remove machines with
            # every minute that the alarm lasts.
            policy_type="SimpleScaling",
            adjustment_type="ChangeInCapacity",
            scaling_adjustment=-back.step,
            cooldown=back.cooldown * 60,
            opts=self._child,
        )
        cloudwatch.MetricAlarm(
            f"{self._name}-in-alarm",
            alarm_description=f"CPU of the {self._args.group.role} nodes has been low for a while",
            namespace=NAMESPACE,
            metric_name=METRIC,
            dimensions={"AutoScalingGroupName": self._group},
            statistic="Average",
            comparison_operator="LessThanThreshold",
            threshold=float(back.below),
            period=back.minutes * 60,
            evaluation_periods=1,
            # CPU of no machine says nothing.
            treat_missing_data="missing",
            alarm_actions=[policy.arn],
            opts=self._child,
        )

    def _schedule(self, schedule: ScheduleSettings) -> None:
        """Make a period of two actions: its bounds at the start, the group's own at the end."""
        own = self._args.settings
        self._action(schedule, "start", schedule.days, (schedule.minimum, schedule.maximum))
        self._action(schedule, "end", end_days(schedule), (own.minimum, own.maximum))

    def _action(
        self,
        schedule: ScheduleSettings,
        moment: str,
        days: tuple[str, ...],
        bounds: tuple[int, int],
    ) -> None:
        time = schedule.start if moment == "start" else schedule.end
        autoscaling.Schedule(
            f"{self._name}-{schedule.name}-{moment}",
            scheduled_action_name=f"{schedule.name}-{moment}",
            autoscaling_group_name=self._group,
            min_size=bounds[0],
            max_size=bounds[1],
            desired_capacity=UNCHANGED,
            recurrence=cron(time, days),
            time_zone=schedule.timezone,
            opts=self._child,
        )


def end_days(schedule: ScheduleSettings) -> tuple[str, ...]:
    """Return the days on which the period ends: the next ones, when it runs past midnight."""
    if schedule.end > schedule.start:
        return schedule.days
    return tuple(DAYS[(DAYS.index(day) + 1) % len(DAYS)] for day in schedule.days)


def cron(time: str, days: tuple[str, ...]) -> str:
    """Return the recurrence at this *time* of these *days* ("Recurring schedules")."""
    hour, minute = time.split(":")
    weekdays = ",".join(str(number) for number in sorted(DAYS.index(day) for day in days))
    return f"{int(minute)} {int(hour)} * * {weekdays}"
