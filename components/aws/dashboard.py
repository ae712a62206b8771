"""The dashboard on AWS: one of CloudWatch, whose body is JSON.

Sources: CloudWatch API reference, "Dashboard body structure and syntax"; for the metrics
"CloudWatch metrics for your Network Load Balancer", "Amazon CloudWatch metrics for Amazon RDS",
"Amazon EC2 Auto Scaling metrics", "List the available CloudWatch metrics for your instances".
"""

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import pulumi
from pulumi_aws import cloudwatch

from components.aws import alarms, site
from components.parts import MonitoringArgs, NodeGroupPart
from components.parts.dashboard import (
    Aggregation,
    Chart,
    Grid,
    Line,
    Panel,
    Subject,
    Tile,
    Words,
    arrange,
    ends,
    of_nodes,
)

GRID: Final = Grid(columns=24, width=8, height=6, heading=2)
"""A dashboard is 24 columns wide."""

PERIOD: Final = 60
"""Seconds; balancers, databases and groups report once a minute."""

BALANCER: Final = "AWS/NetworkELB"
DATABASE: Final = "AWS/RDS"
GROUPS: Final = "AWS/AutoScaling"
MACHINES: Final = "AWS/EC2"


def make(name: str, args: MonitoringArgs, parent: pulumi.Resource) -> cloudwatch.Dashboard:
    """Make the dashboard. Its name is the environment's prefix: an account has each name once."""
    place = site.of(args.site)
    shown = of_nodes(panels(args), server=args.database is not None)
    return cloudwatch.Dashboard(
        f"{name}-dashboard",
        dashboard_name=place.prefix,
        dashboard_body=body(arrange(shown, GRID), place.region),
        opts=pulumi.ResourceOptions(parent=parent),
    )


def panels(args: MonitoringArgs) -> Mapping[Subject, list[Panel]]:
    """Return what AWS measures of the environment."""
    balancer = alarms.of_balancer(args)
    targets = alarms.of_targets(args)
    return {
        Subject.NODES: [
            Chart(
                title="Web nodes at the balancer",
                lines=(
                    _line(BALANCER, "HealthyHostCount", "ready", targets, "Minimum"),
                    _line(BALANCER, "UnHealthyHostCount", "not ready", targets, "Maximum"),
                ),
            ),
            *(_there(role, group) for role, group in args.groups.items()),
        ],
        Subject.ERRORS: [
            Chart(
                title="Connections ended or refused",
                lines=(
                    _line(BALANCER, "TCP_Target_Reset_Count", "by a node", balancer, "Sum"),
                    _line(BALANCER, "TCP_ELB_Reset_Count", "by the balancer", balancer, "Sum"),
                    _line(BALANCER, "TCP_Client_Reset_Count", "by a client", balancer, "Sum"),
                ),
            )
        ],
        Subject.LATENCY: _of_database(
            args, "Seconds that the database's disk takes", ("ReadLatency", "WriteLatency")
        ),
        Subject.SATURATION: [
            Chart(
                title="CPU of the nodes, percent",
                lines=tuple(
                    line for role, group in args.groups.items() for line in _busy(role, group)
                ),
            ),
            Chart(
                title="Connections of clients",
                lines=(
                    _line(BALANCER, "ActiveFlowCount", "open", balancer),
                    _line(BALANCER, "NewFlowCount", "new", balancer, "Sum"),
                ),
            ),
        ],
        Subject.QUEUE: _of_database(
            args, "Requests that wait for the database's disk", ("DiskQueueDepth",)
        ),
        Subject.DATABASE: [
            *_of_database(args, "CPU of the database, percent", ("CPUUtilization",)),
            *_of_database(args, "Connections to the database", ("DatabaseConnections",), "Maximum"),
            *_of_database(
                args, "Bytes that are free", ("FreeStorageSpace", "FreeableMemory"), "Minimum"
            ),
        ],
        Subject.CERTIFICATES: ends(args.certificates),
    }


def _line(
    namespace: str,
    metric: str,
    label: str,
    of: alarms.Dimensions,
    aggregation: Aggregation = "Average",
) -> Line:
    return Line(namespace=namespace, metric=metric, label=label, of=of, aggregation=aggregation)


def _there(role: str, group: NodeGroupPart) -> Chart:
    """Return how many nodes of *role* there are, or which of its machines fail."""
    if group.kind == "fixed":
        return Chart(
            title=f"{role} nodes that fail the checks of their machine",
            lines=tuple(
                _line(MACHINES, "StatusCheckFailed", label, dimensions, "Maximum")
                for label, dimensions in _machines(role, group)
            ),
        )
    ((_, dimensions),) = _machines(role, group)
    return Chart(
        title=f"{role} nodes of the group",
        lines=(
            _line(GROUPS, "GroupDesiredCapacity", "wanted", dimensions),
            _line(GROUPS, "GroupInServiceInstances", "in service", dimensions),
        ),
    )


def _busy(role: str, group: NodeGroupPart) -> Iterator[Line]:
    for label, dimensions in _machines(role, group):
        yield _line(MACHINES, "CPUUtilization", label, dimensions)


def _machines(role: str, group: NodeGroupPart) -> list[tuple[str, alarms.Dimensions]]:
    """Return the label and the dimensions of a group, or of each of its machines."""
    if group.kind == "fixed":
        numbered = enumerate(group.names, start=1)
        return [(f"{role} {number}", alarms.of_machine(name)) for number, name in numbered]
    return [(role, alarms.of_group(group.names[0]))]


def _of_database(
    args: MonitoringArgs, title: str, metrics: Sequence[str], aggregation: Aggregation = "Average"
) -> list[Panel]:
    if args.database is None:
        return []
    dimensions = alarms.of_database(args.database)
    lines = (_line(DATABASE, metric, metric, dimensions, aggregation) for metric in metrics)
    return [Chart(title=title, lines=tuple(lines))]


def body(tiles: Sequence[Tile], region: str) -> pulumi.Output[str]:
    """Return the dashboard as JSON, the same for the same tiles."""
    content = {
        "start": "-PT24H",
        "periodOverride": "inherit",
        "widgets": [_widget(tile, region) for tile in tiles],
    }
    return pulumi.Output.from_input(content).apply(lambda known: json.dumps(known, indent=1))


def _widget(tile: Tile, region: str) -> dict[str, Any]:
    place = {"x": tile.x, "y": tile.y, "width": tile.width, "height": tile.height}
    match tile.panel:
        case Words(text=text):
            return {"type": "text", **place, "properties": {"markdown": text}}
        case Chart() as chart:
            return {"type": "metric", **place, "properties": _properties(chart, region)}
        case other:
            raise TypeError(f"{other.title}: a dashboard on AWS asks no logs")


def _properties(chart: Chart, region: str) -> dict[str, Any]:
    return {
        "title": chart.title,
        "region": region,
        "view": "timeSeries",
        "stacked": False,
        "period": PERIOD,
        "metrics": [_metric(line) for line in chart.lines],
    }


def _metric(line: Line) -> list[Any]:
    """Return a metric as an array: namespace, name, dimensions, and how it is drawn."""
    dimensions = itertools.chain.from_iterable(line.of.items())
    drawn = {"label": line.label, "stat": line.aggregation}
    return [line.namespace, line.metric, *dimensions, drawn]
