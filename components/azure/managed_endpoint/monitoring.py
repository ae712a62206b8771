"""Logs, alerts and the dashboard of a managed endpoint.

The workspace for logs comes first, as Application Insights writes into it and Azure ML wants that
with its own workspace; what fills it and what is alerted on comes last.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import pulumi
from pulumi_azure_native import applicationinsights

from components.azure import watching
from components.azure.alerts import BUSY, CRITICAL, Alert
from components.azure.managed_endpoint import dashboard
from components.azure.managed_endpoint.dashboard import DEPLOYMENTS, ENDPOINTS
from components.azure.managed_endpoint.endpoint import Endpoint
from components.azure.managed_endpoint.workspace import Workspace
from components.parts import Site
from components.settings import MonitoringSettings
from components.settings.endpoint import EndpointSettings

SLOW: Final = 0.8
"""Part of the shortest time-out after which a request counts as slow."""


class Logs(pulumi.ComponentResource):
    """Owns the workspace for logs, and Application Insights where Azure ML is new."""

    workspace_id: pulumi.Output[str]
    insights_id: pulumi.Output[str] | None = None

    def __init__(
        self,
        name: str,
        site: Site,
        settings: MonitoringSettings,
        *,
        insights: bool,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("operationalization:azure:EndpointLogs", name, None, opts)
        self.workspace_id = watching.log_workspace(name, site, settings, self).id
        if insights:
            self.insights_id = applicationinsights.Component(
                f"{name}-insights",
                resource_group_name=site.resource_group,
                location=site.location,
                tags=site.tags,
                kind="web",
                application_type=applicationinsights.ApplicationType.WEB,
                flow_type="Bluefield",
                request_source="rest",
                ingestion_mode="LogAnalytics",
                workspace_resource_id=self.workspace_id,
                opts=pulumi.ResourceOptions(parent=self),
            ).id
        self.register_outputs({"workspace_id": self.workspace_id})


@dataclass(frozen=True, kw_only=True, slots=True)
class WatchArgs:
    """What is watched."""

    site: Site
    settings: MonitoringSettings
    endpoint_settings: EndpointSettings
    logs: Logs
    workspace: Workspace
    endpoint: Endpoint
    deployments: Mapping[str, pulumi.Output[str]]
    """Ids by name."""


class Watch(pulumi.ComponentResource):
    """Owns the diagnostic settings, the alerts and the dashboard; nothing depends on it."""

    def __init__(
        self, name: str, args: WatchArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("operationalization:azure:EndpointMonitoring", name, None, opts)
        self._name, self._args = name, args
        # Requests, what containers print, and what happens to them ("Monitor online endpoints").
        self._diagnose("endpoint", args.endpoint.id, "allLogs")
        if args.workspace.vault_id is not None:
            blobs = pulumi.Output.concat(args.workspace.storage_id, "/blobServices/default")
            self._diagnose("ml-workspace", args.workspace.id, "allLogs")
            self._diagnose("vault", args.workspace.vault_id, "audit")
            self._diagnose("registry", args.workspace.registry_id, "allLogs")
            self._diagnose("storage", blobs, "allLogs")
        told = watching.actions(name, args.site, args.settings, self)
        for alert in endpoint_alerts(args.endpoint_settings):
            watching.metric_alert(name, args.site, alert, [args.endpoint.id], told, self)
        for deployment, target in args.deployments.items():
            for alert in deployment_alerts(deployment):
                watching.metric_alert(name, args.site, alert, [target], told, self)
        dashboard.make(name, args.site, args.endpoint.id, args.deployments, self)
        self.register_outputs({})

    def _diagnose(self, suffix: str, resource: pulumi.Input[str], group: str) -> None:
        watching.diagnose(
            f"{self._name}-{suffix}", resource, self._args.logs.workspace_id, self, groups=[group]
        )


def endpoint_alerts(settings: EndpointSettings) -> Iterator[Alert]:
    """Yield what is alerted on for the endpoint as a whole."""
    yield Alert(
        name="errors",
        namespace=ENDPOINTS,
        metric="RequestsPerMinute",
        operator="GreaterThan",
        threshold=0,
        severity=CRITICAL,
        dimensions=(("statusCodeClass", ("5xx",)),),
        why="The endpoint answers requests with errors of its own",
    )
    shortest = min(each.requests.timeout_seconds for each in settings.deployments.values())
    yield Alert(
        name="latency",
        namespace=ENDPOINTS,
        metric="RequestLatency_P95",
        operator="GreaterThan",
        threshold=shortest * 1000 * SLOW,
        minutes=15,
        why=f"One request in 20 takes more than {SLOW:.0%} of {shortest} s, its time-out",
    )


def deployment_alerts(deployment: str) -> Iterator[Alert]:
    """Yield what is alerted on for one deployment."""
    for what, metric in (
        ("cpu", "CpuUtilizationPercentage"),
        ("memory", "CpuMemoryUtilizationPercentage"),
    ):
        yield Alert(
            name=f"{deployment}-{what}",
            namespace=DEPLOYMENTS,
            metric=metric,
            operator="GreaterThan",
            threshold=BUSY,
            minutes=15,
            why=f"{metric} of deployment {deployment} has been over {BUSY} % for 15 minutes",
        )
