"""The dashboard on Azure: one of the portal, shared like any resource of the group.

A portal dashboard rather than a workbook: its charts name metrics as alerts do, its name needs no
UUID of ours, and whoever may read the group sees it without a query of their own.

Sources: Azure documentation, "The structure of Azure dashboards", "Programmatically create Azure
dashboards"; for the metrics "Supported metrics with Azure Monitor" (one page a resource type); for
the query "Azure Key Vault logging" (the operations whose names end in `EventGridNotification`).
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pulumi
from pulumi_azure_native import portal

from components.azure import alerts
from components.parts import MonitoringArgs, NodeGroupPart, Site
from components.parts.dashboard import (
    Aggregation,
    Chart,
    Grid,
    Line,
    Panel,
    Shown,
    Subject,
    Table,
    Tile,
    Words,
    arrange,
    ends,
    of_nodes,
)

GRID: Final = Grid(columns=18, width=6, height=4, heading=2)

AGGREGATIONS: Final[Mapping[Aggregation, int]] = {
    "Sum": 1,
    "Minimum": 2,
    "Maximum": 3,
    "Average": 4,
}
"""How a chart writes them."""

LINES: Final = 2
"""Of the kinds of charts, the one with lines."""

BALANCER: Final = "Microsoft.Network/loadBalancers"
VAULT: Final = "Microsoft.KeyVault/vaults"

MARKDOWN: Final = "Extension/HubsExtension/PartType/MarkdownPart"
CHART: Final = "Extension/HubsExtension/PartType/MonitorChartPart"
LOGS: Final = "Extension/Microsoft_OperationsManagementSuite_Workspace/PartType/LogsDashboardPart"

ENDING: Final = """\
AzureDiagnostics
| where ResourceProvider == "MICROSOFT.KEYVAULT"
| where OperationName startswith "Secret" and OperationName endswith "EventGridNotification"
| extend Secret = column_ifexists("eventGridEventProperties_data_ObjectName_s", "")
| extend Seconds = column_ifexists("eventGridEventProperties_data_EXP_d", real(null))
| extend Ends = unixtime_seconds_todatetime(Seconds)
| summarize arg_max(TimeGenerated, OperationName, Ends) by Resource, Secret
| order by Ends asc"""
"""The vault says so 30 days before a secret ends and when it has. Each certificate is there with
the moment of its end; a column exists once something was written to it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Wanted:
    """Metrics of the database that answer one question, by engine; none where it has none."""

    postgresql: tuple[str, ...]
    sql: tuple[str, ...] = ()
    aggregation: Aggregation = "Average"


USED: Final = _Wanted(
    postgresql=("cpu_percent", "memory_percent", "storage_percent"),
    sql=("cpu_percent", "storage_percent", "workers_percent"),
)
CONNECTED: Final = _Wanted(
    postgresql=("active_connections",), sql=("sessions_count",), aggregation="Maximum"
)
REFUSED: Final = _Wanted(
    postgresql=("connections_failed",), sql=("connection_failed",), aggregation="Sum"
)
QUEUED: Final = _Wanted(postgresql=("disk_queue_depth",))
ALIVE: Final = _Wanted(postgresql=("is_db_alive",), aggregation="Maximum")


def make(
    name: str, args: MonitoringArgs, workspace_id: pulumi.Output[str], parent: pulumi.Resource
) -> portal.Dashboard:
    """Make the dashboard of an environment with nodes."""
    shown = of_nodes(panels(args, workspace_id), server=args.database is not None)
    return declare(name, args.site, shown, parent)


def declare(name: str, site: Site, shown: Shown, parent: pulumi.Resource) -> portal.Dashboard:
    """Declare a dashboard of what is *shown*."""
    parts = [_part(tile) for tile in arrange(shown, GRID)]
    return portal.Dashboard(
        f"{name}-dashboard",
        resource_group_name=site.resource_group,
        location=site.location,
        # The portal shows this in place of a name with letters behind it.
        tags={**site.tags, "hidden-title": f"Operations of {site.stack}"},
        properties=portal.DashboardPropertiesWithProvisioningStateArgs(
            lenses=[portal.DashboardLensArgs(order=0, parts=parts)],
            metadata={"model": {"timeRange": _last_day()}},
        ),
        opts=pulumi.ResourceOptions(parent=parent),
    )


def panels(
    args: MonitoringArgs, workspace_id: pulumi.Output[str]
) -> Mapping[Subject, Sequence[Panel]]:
    """Return what Azure measures of the environment."""
    balancer, vault = args.load_balancer.id, args.secrets.id
    groups = args.groups.items()
    return {
        Subject.NODES: [
            Chart(
                title="Web nodes at the balancer, percent",
                lines=(
                    line(BALANCER, "DipAvailability", "ready", balancer),
                    line(BALANCER, "VipAvailability", "reachable", balancer),
                ),
            ),
            *(
                Chart(
                    title=f"{role} machines that are available",
                    lines=_of_nodes("VmAvailabilityMetric", role, group, "Minimum"),
                )
                for role, group in groups
            ),
        ],
        Subject.ERRORS: [
            Chart(
                title="Answers of the vault by status",
                lines=(line(VAULT, "ServiceApiResult", "answers", vault, "Sum"),),
                split="StatusCode",
            ),
            Chart(
                title="Requests that the vault answered, percent",
                lines=(line(VAULT, "Availability", "answered", vault),),
            ),
            *_of_database(args, "Connections that the database refused", REFUSED),
        ],
        Subject.LATENCY: [
            Chart(
                title="Milliseconds that the vault takes, for nodes that start",
                lines=(line(VAULT, "ServiceApiLatency", "vault", vault),),
            )
        ],
        Subject.SATURATION: [
            _of_all("CPU of the nodes, percent", "Percentage CPU", args),
            _of_all("Memory that the nodes have left, bytes", "Available Memory Bytes", args),
            Chart(
                title="New connections of clients",
                lines=(line(BALANCER, "SYNCount", "new", balancer, "Sum"),),
            ),
        ],
        Subject.QUEUE: [
            _of_all("Requests that wait for a node's disk", "OS Disk Queue Depth", args),
            *_of_database(args, "Requests that wait for the database's disk", QUEUED),
        ],
        Subject.DATABASE: [
            *_of_database(args, "Use of the database, percent", USED),
            *_of_database(args, "Connections to the database", CONNECTED),
            *_of_database(args, "The database answers", ALIVE),
        ],
        Subject.CERTIFICATES: [
            *ends(args.certificates),
            Table(
                title="What the vault says is about to end, or has",
                query=ENDING,
                logs=workspace_id,
            ),
        ],
    }


def line(
    namespace: str,
    metric: str,
    label: str,
    measured: pulumi.Input[str],
    aggregation: Aggregation = "Average",
) -> Line:
    """Return the line of a metric of the resource *measured*."""
    return Line(
        namespace=namespace,
        metric=metric,
        label=label,
        of={"id": measured},
        aggregation=aggregation,
    )


def _of_nodes(
    metric: str, role: str, group: NodeGroupPart, aggregation: Aggregation = "Average"
) -> tuple[Line, ...]:
    """Return a line of the group, or one of each of its machines."""
    namespace = alerts.nodes_namespace(group.kind)
    if group.kind == "fixed":
        numbered = enumerate(group.ids, start=1)
        return tuple(
            line(namespace, metric, f"{role} {number}", one, aggregation)
            for number, one in numbered
        )
    return (line(namespace, metric, role, group.ids[0], aggregation),)


def _of_all(title: str, metric: str, args: MonitoringArgs) -> Chart:
    lines = (_of_nodes(metric, role, group) for role, group in args.groups.items())
    return Chart(title=title, lines=tuple(itertools.chain.from_iterable(lines)))


def _of_database(args: MonitoringArgs, title: str, wanted: _Wanted) -> Iterator[Chart]:
    """Yield the chart of those metrics that the database's engine has."""
    if args.database is None:
        return
    engine = args.database_settings.engine
    metrics = wanted.postgresql if engine == "postgresql" else wanted.sql
    if metrics:
        namespace = alerts.database_namespace(engine)
        measured = alerts.measured(args.database, engine)
        yield Chart(
            title=title,
            lines=tuple(
                line(namespace, metric, metric, measured, wanted.aggregation) for metric in metrics
            ),
        )


def _part(tile: Tile) -> portal.DashboardPartsArgs:
    return portal.DashboardPartsArgs(
        position=portal.DashboardPartsPositionArgs(
            x=tile.x, y=tile.y, col_span=tile.width, row_span=tile.height
        ),
        metadata=_metadata(tile.panel),
    )


def _metadata(panel: Panel) -> portal.DashboardPartMetadataArgs:
    match panel:
        case Words(text=text):
            settings = {"content": {"settings": {"content": text, "title": "", "subtitle": ""}}}
            return portal.DashboardPartMetadataArgs(type=MARKDOWN, inputs=[], settings=settings)
        case Chart() as chart:
            return portal.DashboardPartMetadataArgs(
                type=CHART,
                # The first would be another chart than the one below.
                inputs=[_input("options"), _input("sharedTimeRange")],
                settings={"content": {"options": {"chart": _chart(chart)}}},
            )
        case Table() as table:
            return portal.DashboardPartMetadataArgs(
                type=LOGS, inputs=_asked(table), settings={"content": {"PartTitle": table.title}}
            )


def _chart(chart: Chart) -> dict[str, Any]:
    split = {"grouping": {"dimension": chart.split, "sort": 2, "top": 10}} if chart.split else {}
    return {
        "title": chart.title,
        # Ours, not one that the portal makes of the metrics' names.
        "titleKind": 2,
        "metrics": [
            {
                "resourceMetadata": dict(each.of),
                "namespace": each.namespace,
                "name": each.metric,
                "aggregationType": AGGREGATIONS[each.aggregation],
                "metricVisualization": {"displayName": each.label},
            }
            for each in chart.lines
        ],
        "visualization": {"chartType": LINES},
        **split,
    }


def _asked(table: Table) -> list[dict[str, Any]]:
    """Return what a query's part asks, and of which workspace."""
    return [
        _input("Scope", {"resourceIds": [table.logs]}),
        _input("Version", "2.0"),
        # What is about to end was said once, up to 30 days ago.
        _input("TimeRange", "P30D"),
        _input("Query", table.query),
        _input("ControlType", "AnalyticsGrid"),
        _input("PartTitle", table.title),
        _input("IsQueryContainTimeRange", value=False),
    ]


def _input(name: str, value: object = None) -> dict[str, Any]:
    given = {} if value is None else {"value": value}
    return {"name": name, "isOptional": True, **given}


def _last_day() -> dict[str, Any]:
    return {
        "type": "MsPortalFx.Composition.Configuration.ValueTypes.TimeRange",
        "value": {"relative": {"duration": 24, "timeUnit": 1}},
    }
