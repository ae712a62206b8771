"""The dashboard of a managed endpoint: Azure ML answers requests itself, and measures them.

Source: Azure documentation, "Monitor online endpoints" (metrics of endpoints and of deployments).
"""

from collections.abc import Mapping, Sequence
from typing import Final

import pulumi
from pulumi_azure_native import portal

from components.azure import dashboard
from components.parts import Site
from components.parts.dashboard import Chart, Panel, Shown, Subject

ENDPOINTS: Final = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints"
DEPLOYMENTS: Final = f"{ENDPOINTS}/deployments"
PERCENTILES: Final = ("P50", "P90", "P95", "P99")

UNMEASURED: Final[Mapping[Subject, str]] = {
    Subject.QUEUE: (
        "Azure ML tells of no request that waits. Here are the connections that are open: "
        "when they grow and requests do not, callers wait."
    ),
    Subject.DATABASE: "An endpoint has none.",
    Subject.CERTIFICATES: "Azure ML has the endpoint's certificate and renews it.",
}


def make(
    name: str,
    site: Site,
    endpoint: pulumi.Output[str],
    deployments: Mapping[str, pulumi.Output[str]],
    parent: pulumi.Resource,
) -> portal.Dashboard:
    """Make the dashboard of *endpoint* and of its *deployments*, which are ids by name."""
    shown = Shown(panels=panels(endpoint, deployments), unmeasured=UNMEASURED)
    return dashboard.declare(name, site, shown, parent)


def panels(
    endpoint: pulumi.Output[str], deployments: Mapping[str, pulumi.Output[str]]
) -> Mapping[Subject, Sequence[Panel]]:
    """Return what Azure ML measures."""

    def of_each(title: str, metric: str) -> Chart:
        lines = (
            dashboard.line(DEPLOYMENTS, metric, name, target)
            for name, target in deployments.items()
        )
        return Chart(title=title, lines=tuple(lines))

    return {
        Subject.NODES: [of_each("Instances of each deployment", "DeploymentCapacity")],
        Subject.ERRORS: [
            Chart(
                title="Requests a minute, by status",
                lines=(dashboard.line(ENDPOINTS, "RequestsPerMinute", "requests", endpoint),),
                split="statusCodeClass",
            )
        ],
        Subject.LATENCY: [
            Chart(
                title="Milliseconds that a request takes",
                lines=tuple(
                    dashboard.line(ENDPOINTS, f"RequestLatency_{part}", part, endpoint)
                    for part in PERCENTILES
                ),
            )
        ],
        Subject.SATURATION: [
            of_each("CPU of the instances, percent", "CpuUtilizationPercentage"),
            of_each("Memory of the instances, percent", "CpuMemoryUtilizationPercentage"),
        ],
        Subject.QUEUE: [
            Chart(
                title="Connections that are open",
                lines=(dashboard.line(ENDPOINTS, "ConnectionsActive", "open", endpoint),),
            )
        ],
    }
