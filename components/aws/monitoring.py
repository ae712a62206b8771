"""Alarms on AWS, the dashboard beside them, and the topic that brings them to people.

Logs need nothing here: who owns what is logged owns its log groups too, because AWS writes to them
from its first moment (`network`, `rds`).
"""

import itertools
from collections.abc import Iterator

import pulumi
from pulumi_aws import cloudwatch, sns

from components.aws import alarms, dashboard, permissions, site
from components.aws.alarms import Alarm
from components.parts import MonitoringArgs


class Monitoring(pulumi.ComponentResource):
    """Owns the alarms and the dashboard; it comes last and nothing depends on it.

    Alarms exist without addresses too: the console shows what fired.
    """

    def __init__(
        self, name: str, args: MonitoringArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("operationalization:aws:Monitoring", name, None, opts)
        self._name = name
        self._args = args
        self._place = site.of(args.site)
        self._child = pulumi.ResourceOptions(parent=self)
        told = self._people()
        for alarm in self._watched():
            self._alarm(alarm, told)
        dashboard.make(name, args, self)
        self.register_outputs({})

    def _watched(self) -> Iterator[Alarm]:
        args = self._args
        yield from alarms.load_balancer(args)
        if args.database:
            yield from alarms.database(args, args.database)
        for role, group in args.groups.items():
            if group.kind == "fixed":
                numbered = enumerate(group.names, start=1)
                yield from itertools.chain.from_iterable(
                    alarms.machine(role, number, name) for number, name in numbered
                )
            else:
                yield from alarms.group(role, group.names[0])

    def _people(self) -> list[pulumi.Output[str]]:
        """Make the topic and a subscription an address, which each confirms by itself."""
        emails = self._args.settings.emails
        if not emails:
            return []
        topic = sns.Topic(
            f"{self._name}-people",
            display_name="operations",
            kms_master_key_id=self._place.key_arn,
            opts=self._child,
        )
        sns.TopicPolicy(
            f"{self._name}-people-policy",
            arn=topic.arn,
            policy=pulumi.Output.all(topic.arn, self._place.account).apply(
                lambda found: permissions.document(permissions.takes_alarms(found[0], found[1]))
            ),
            opts=self._child,
        )
        for email in emails:
            sns.TopicSubscription(
                f"{self._name}-{email}",
                topic=topic.arn,
                protocol="email",
                endpoint=email,
                opts=self._child,
            )
        return [topic.arn]

    def _alarm(self, alarm: Alarm, told: list[pulumi.Output[str]]) -> None:
        plain = not alarm.less
        cloudwatch.MetricAlarm(
            f"{self._name}-{alarm.name}",
            alarm_description=alarm.why,
            namespace=alarm.namespace if plain else None,
            metric_name=alarm.metric if plain else None,
            dimensions=alarm.dimensions if plain else None,
            statistic=alarm.statistic if plain else None,
            period=alarm.minutes * 60 if plain else None,
            metric_queries=None if plain else _difference(alarm),
            comparison_operator=alarm.operator,
            threshold=float(alarm.threshold),
            evaluation_periods=1,
            treat_missing_data=alarm.missing,
            actions_enabled=True,
            alarm_actions=list(told),
            ok_actions=list(told),
            opts=self._child,
        )


def _difference(alarm: Alarm) -> list[cloudwatch.MetricAlarmMetricQueryArgs]:
    """Return the query for how much more the first metric is than the second."""
    measured = [
        cloudwatch.MetricAlarmMetricQueryArgs(
            id=key,
            metric=cloudwatch.MetricAlarmMetricQueryMetricArgs(
                namespace=alarm.namespace,
                metric_name=metric,
                dimensions=alarm.dimensions,
                stat=alarm.statistic,
                period=alarm.minutes * 60,
            ),
        )
        for key, metric in (("wanted", alarm.metric), ("there", alarm.less))
    ]
    return [
        cloudwatch.MetricAlarmMetricQueryArgs(
            id="missing", expression="wanted - there", label=alarm.name, return_data=True
        ),
        *measured,
    ]
