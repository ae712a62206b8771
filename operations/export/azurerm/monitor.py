"""Autoscaling, alerts, diagnostics, the workspace that keeps them and the dashboard."""

import json
from collections.abc import Mapping
from typing import Any

from operations.export.azurerm.common import common
from operations.export.parts import Part, Source, Translation, block
from operations.export.reading import Reader


def autoscaling(r: Reader, source: Source) -> list[Part]:
    """Return the setting with its profiles."""
    for each in r.each("notifications"):
        # The only operation there is.
        each.skip("operation")
    values = {
        **common(r, source),
        "enabled": r("enabled"),
        "target_resource_id": r("targetResourceUri"),
        "profile": [_profile(each) for each in r.each("profiles")],
        "notification": [
            {
                "email": [
                    {
                        "custom_emails": each("email.customEmails"),
                        "send_to_subscription_administrator": each(
                            "email.sendToSubscriptionAdministrator"
                        ),
                        "send_to_subscription_co_administrator": each(
                            "email.sendToSubscriptionCoAdministrators"
                        ),
                    }
                ]
            }
            for each in r.each("notifications")
        ],
    }
    return [Part("azurerm_monitor_autoscale_setting", values, source.resource.id)]


def _profile(r: Reader) -> dict[str, Any]:
    schedule = "recurrence.schedule"
    # Every week is the only frequency there is.
    r.skip("recurrence.frequency")
    return {
        "name": r("name"),
        "capacity": [{key: int(r(f"capacity.{key}")) for key in ("default", "minimum", "maximum")}],
        "recurrence": block(
            timezone=r(f"{schedule}.timeZone"),
            days=r(f"{schedule}.days"),
            hours=r(f"{schedule}.hours"),
            minutes=r(f"{schedule}.minutes"),
        ),
        "rule": [_rule(each) for each in r.each("rules")],
    }


def _rule(r: Reader) -> dict[str, Any]:
    trigger, action = "metricTrigger", "scaleAction"
    return {
        "metric_trigger": block(
            metric_name=r(f"{trigger}.metricName"),
            metric_resource_id=r(f"{trigger}.metricResourceUri"),
            operator=r(f"{trigger}.operator"),
            statistic=r(f"{trigger}.statistic"),
            threshold=r(f"{trigger}.threshold"),
            time_aggregation=r(f"{trigger}.timeAggregation"),
            time_grain=r(f"{trigger}.timeGrain"),
            time_window=r(f"{trigger}.timeWindow"),
        ),
        "scale_action": block(
            cooldown=r(f"{action}.cooldown"),
            direction=r(f"{action}.direction"),
            type=r(f"{action}.type"),
            value=int(r(f"{action}.value")),
        ),
    }


def action_group(r: Reader, source: Source) -> list[Part]:
    """Return whom alerts reach."""
    values = {
        **common(r, source),
        "short_name": r("groupShortName"),
        "enabled": r("enabled"),
        "email_receiver": [
            {
                "name": each("name"),
                "email_address": each("emailAddress"),
                "use_common_alert_schema": each("useCommonAlertSchema"),
            }
            for each in r.each("emailReceivers")
        ],
    }
    return [Part("azurerm_monitor_action_group", values, source.resource.id)]


def metric_alert(r: Reader, source: Source) -> list[Part]:
    """Return the alert; azurerm knows by its scopes of what kind the criteria are."""
    r.skip("location", "criteria.odataType")
    values = {
        **{key: item for key, item in common(r, source).items() if key != "location"},
        "description": r("description"),
        "enabled": r("enabled"),
        "auto_mitigate": r("autoMitigate"),
        "severity": r("severity"),
        "frequency": r("evaluationFrequency"),
        "window_size": r("windowSize"),
        "scopes": r("scopes"),
        "target_resource_type": r("targetResourceType"),
        "target_resource_location": r("targetResourceRegion"),
        "criteria": [_criterion(each) for each in r.each("criteria.allOf")],
        "action": [{"action_group_id": each("actionGroupId")} for each in r.each("actions")],
    }
    return [Part("azurerm_monitor_metric_alert", values, source.resource.id)]


def _criterion(r: Reader) -> dict[str, Any]:
    r.skip("name", "criterionType")
    return {
        "metric_namespace": r("metricNamespace"),
        "metric_name": r("metricName"),
        "aggregation": r("timeAggregation"),
        "operator": r("operator"),
        "threshold": r("threshold"),
        "skip_metric_validation": r("skipMetricValidation"),
        "dimension": [
            {"name": each("name"), "operator": each("operator"), "values": each("values")}
            for each in r.each("dimensions")
        ],
    }


def diagnostic_setting(r: Reader, source: Source) -> list[Part]:
    """Return which logs and metrics of a resource are kept."""
    values = {
        "name": r("name"),
        "target_resource_id": r("resourceUri"),
        "log_analytics_workspace_id": r("workspaceId"),
        "log_analytics_destination_type": r("logAnalyticsDestinationType"),
        "enabled_log": [
            {"category_group": each("categoryGroup"), "category": each("category")}
            for each in r.each("logs")
            if each("enabled")
        ],
        "enabled_metric": [
            {"category": each("category")} for each in r.each("metrics") if each("enabled")
        ],
    }
    return [Part("azurerm_monitor_diagnostic_setting", values, source.resource.id)]


def workspace(r: Reader, source: Source) -> list[Part]:
    """Return the workspace."""
    values = {
        **common(r, source),
        "sku": r("sku.name"),
        "retention_in_days": r("retentionInDays"),
        "internet_ingestion_enabled": r("publicNetworkAccessForIngestion", "Enabled") == "Enabled",
        "internet_query_enabled": r("publicNetworkAccessForQuery", "Enabled") == "Enabled",
    }
    return [Part("azurerm_log_analytics_workspace", values, source.resource.id)]


def dashboard(r: Reader, source: Source) -> list[Part]:
    """Return the dashboard of the portal, whose content azurerm takes as JSON."""
    content = json.dumps(r("properties"), indent=1, sort_keys=True)
    values = {**common(r, source), "dashboard_properties": content}
    return [Part("azurerm_portal_dashboard", values, source.resource.id)]


TYPES: Mapping[str, Translation] = {
    "monitor:ActionGroup": action_group,
    "monitor:AutoscaleSetting": autoscaling,
    "monitor:DiagnosticSetting": diagnostic_setting,
    "monitor:MetricAlert": metric_alert,
    "operationalinsights:Workspace": workspace,
    "portal:Dashboard": dashboard,
}
