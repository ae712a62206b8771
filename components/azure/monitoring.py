"""Logs and alerts on Azure: one workspace, a diagnostic setting a resource, metric alerts."""

from collections.abc import Sequence

import pulumi
from pulumi_azure_native import monitor, operationalinsights

from components.azure import alerts
from components.azure.alerts import Alert
from components.parts import MonitoringArgs

SINGLE = "Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria"
MULTIPLE = "Microsoft.Azure.Monitor.MultipleResourceMultipleMetricCriteria"


class Monitoring(pulumi.ComponentResource):
    """Owns the workspace and what fills it; it comes last and nothing depends on it.

    Alerts exist without addresses too: the portal shows what fired.
    """

    workspace_id: pulumi.Output[str]

    def __init__(
        self, name: str, args: MonitoringArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("operationalization:azure:Monitoring", name, None, opts)
        self._name = name
        self._args = args
        self._child = pulumi.ResourceOptions(parent=self)
        self.workspace_id = operationalinsights.Workspace(
            f"{name}-workspace",
            resource_group_name=args.site.resource_group,
            location=args.site.location,
            tags=args.site.tags,
            sku=operationalinsights.WorkspaceSkuArgs(name="PerGB2018"),
            retention_in_days=args.settings.retention_days,
            opts=self._child,
        ).id
        self._collect()
        self._alert()
        self.register_outputs({"workspace_id": self.workspace_id})

    def _collect(self) -> None:
        self._diagnose("vault", self._args.secrets.id, groups=["audit"])
        self._diagnose("load-balancer", self._args.load_balancer.id, groups=["allLogs"])
        for subnet, firewall in self._args.network.firewall_ids.items():
            self._diagnose(f"firewall-{subnet}", firewall, groups=["allLogs"], metrics=False)
        if self._args.database_settings.engine == "postgresql":
            self._diagnose("database", self._args.database.id, groups=["allLogs"])
        else:
            # Azure SQL writes the server's audit log as one of its database `master`.
            master = pulumi.Output.concat(self._args.database.id, "/databases/master")
            self._diagnose("database", master, categories=["SQLSecurityAuditEvents"])

    def _diagnose(
        self,
        suffix: str,
        resource: pulumi.Input[str],
        *,
        groups: Sequence[str] = (),
        categories: Sequence[str] = (),
        metrics: bool = True,
    ) -> None:
        monitor.DiagnosticSetting(
            f"{self._name}-{suffix}",
            resource_uri=resource,
            workspace_id=self.workspace_id,
            logs=[
                *(
                    monitor.DiagnosticsLogSettingsArgs(category_group=group, enabled=True)
                    for group in groups
                ),
                *(
                    monitor.DiagnosticsLogSettingsArgs(category=category, enabled=True)
                    for category in categories
                ),
            ],
            metrics=(
                [monitor.DiagnosticsMetricSettingsArgs(category="AllMetrics", enabled=True)]
                if metrics
                else None
            ),
            opts=self._child,
        )

    def _alert(self) -> None:
        actions = self._actions()
        watched: list[tuple[Sequence[pulumi.Input[str]], Sequence[Alert]]] = [
            ([self._args.load_balancer.id], alerts.LOAD_BALANCER),
            ([self._args.secrets.id], alerts.VAULT),
            ([self._database()], alerts.database(self._args)),
        ]
        for role, group in self._args.groups.items():
            size = self._args.sizes[role]
            watched.append((group.ids, tuple(alerts.nodes(role, group.kind, size))))
        for scopes, wanted in watched:
            for alert in wanted:
                self._metric_alert(alert, scopes, actions)

    def _database(self) -> pulumi.Input[str]:
        """Return what has the database's metrics: on Azure SQL the database, not the server."""
        database = self._args.database
        if self._args.database_settings.engine == "postgresql":
            return database.id
        return pulumi.Output.concat(database.id, f"/databases/{database.name}")

    def _actions(self) -> list[monitor.MetricAlertActionArgs]:
        emails = self._args.settings.emails
        if not emails:
            return []
        group = monitor.ActionGroup(
            f"{self._name}-people",
            resource_group_name=self._args.site.resource_group,
            location="global",
            tags=self._args.site.tags,
            enabled=True,
            group_short_name="operations",
            email_receivers=[
                monitor.MicrosoftCommonEmailReceiverArgs(
                    name=email, email_address=email, use_common_alert_schema=True
                )
                for email in emails
            ],
            opts=self._child,
        )
        return [monitor.MetricAlertActionArgs(action_group_id=group.id)]

    def _metric_alert(
        self,
        alert: Alert,
        scopes: Sequence[pulumi.Input[str]],
        actions: list[monitor.MetricAlertActionArgs],
    ) -> None:
        several = alert.namespace == "Microsoft.Compute/virtualMachines"
        site = self._args.site
        monitor.MetricAlert(
            f"{self._name}-{alert.name}",
            resource_group_name=site.resource_group,
            location="global",
            tags=site.tags,
            description=alert.why,
            enabled=True,
            auto_mitigate=True,
            severity=alert.severity,
            scopes=list(scopes),
            target_resource_type=alert.namespace if several else None,
            target_resource_region=site.location if several else None,
            evaluation_frequency="PT1M" if alert.minutes == 5 else "PT5M",
            window_size=f"PT{alert.minutes}M",
            criteria=_criteria(alert, several),
            actions=actions,
            opts=self._child,
        )


def _criteria(
    alert: Alert, several: bool
) -> (
    monitor.MetricAlertSingleResourceMultipleMetricCriteriaArgs
    | monitor.MetricAlertMultipleResourceMultipleMetricCriteriaArgs
):
    # Argument classes, not dictionaries: the SDK does not translate the keys of a union's.
    criterion = monitor.MetricCriteriaArgs(
        criterion_type="StaticThresholdCriterion",
        name=alert.name,
        metric_name=alert.metric,
        metric_namespace=alert.namespace,
        operator=alert.operator,
        threshold=float(alert.threshold),
        time_aggregation=alert.aggregation,
    )
    if several:
        return monitor.MetricAlertMultipleResourceMultipleMetricCriteriaArgs(
            odata_type=MULTIPLE, all_of=[criterion]
        )
    return monitor.MetricAlertSingleResourceMultipleMetricCriteriaArgs(
        odata_type=SINGLE, all_of=[criterion]
    )
