"""How anything on Azure is watched: a workspace for logs, a setting that fills it, alerts.

What is watched, and at which thresholds, stands where it is made: `monitoring.py` for nodes,
`managed_endpoint/monitoring.py` for endpoints.
"""

from collections.abc import Sequence
from typing import Final

import pulumi
from pulumi_azure_native import monitor, operationalinsights

from components.azure.alerts import Alert
from components.parts import Site
from components.settings import MonitoringSettings

SINGLE: Final = "Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria"
MULTIPLE: Final = "Microsoft.Azure.Monitor.MultipleResourceMultipleMetricCriteria"


def log_workspace(
    name: str, site: Site, settings: MonitoringSettings, parent: pulumi.Resource
) -> operationalinsights.Workspace:
    """Declare where logs go."""
    return operationalinsights.Workspace(
        f"{name}-workspace",
        resource_group_name=site.resource_group,
        location=site.location,
        tags=site.tags,
        sku=operationalinsights.WorkspaceSkuArgs(name="PerGB2018"),
        retention_in_days=settings.retention_days,
        opts=pulumi.ResourceOptions(parent=parent),
    )


def diagnose(
    name: str,
    resource: pulumi.Input[str],
    workspace_id: pulumi.Input[str],
    parent: pulumi.Resource,
    *,
    groups: Sequence[str] = (),
    categories: Sequence[str] = (),
    metrics: bool = True,
) -> None:
    """Send logs, by category or group of them, and metrics of *resource* to the workspace."""
    monitor.DiagnosticSetting(
        name,
        resource_uri=resource,
        workspace_id=workspace_id,
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
        opts=pulumi.ResourceOptions(parent=parent),
    )


def actions(
    name: str, site: Site, settings: MonitoringSettings, parent: pulumi.Resource
) -> list[monitor.MetricAlertActionArgs]:
    """Declare who is told, if anybody is; alerts without are in the portal all the same."""
    if not settings.emails:
        return []
    group = monitor.ActionGroup(
        f"{name}-people",
        resource_group_name=site.resource_group,
        location="global",
        tags=site.tags,
        enabled=True,
        group_short_name="operations",
        email_receivers=[
            monitor.MicrosoftCommonEmailReceiverArgs(
                name=email, email_address=email, use_common_alert_schema=True
            )
            for email in settings.emails
        ],
        opts=pulumi.ResourceOptions(parent=parent),
    )
    return [monitor.MetricAlertActionArgs(action_group_id=group.id)]


def metric_alert(
    name: str,
    site: Site,
    alert: Alert,
    scopes: Sequence[pulumi.Input[str]],
    told: list[monitor.MetricAlertActionArgs],
    parent: pulumi.Resource,
) -> None:
    """Declare *alert* on *scopes*."""
    several = alert.namespace == "Microsoft.Compute/virtualMachines"
    monitor.MetricAlert(
        f"{name}-{alert.name}",
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
        actions=told,
        opts=pulumi.ResourceOptions(parent=parent),
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
        dimensions=[
            monitor.MetricDimensionArgs(name=name, operator="Include", values=list(values))
            for name, values in alert.dimensions
        ]
        or None,
    )
    if several:
        return monitor.MetricAlertMultipleResourceMultipleMetricCriteriaArgs(
            odata_type=MULTIPLE, all_of=[criterion]
        )
    return monitor.MetricAlertSingleResourceMultipleMetricCriteriaArgs(
        odata_type=SINGLE, all_of=[criterion]
    )
