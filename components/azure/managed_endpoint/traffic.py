"""Who gets how much: set after all deployments are there, on the endpoint that was there first.

The endpoint's own traffic names deployments that need the endpoint, so one of Azure's resources
would have to come twice. azure-native refuses to make what is there already; Azure itself takes the
endpoint once more in a deployment of a template, which sets all of it anew, traffic included.
A template has no memory: what somebody shifts in the portal stays until the settings change.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_azure_native import resources

from components.azure.managed_endpoint.endpoint import KIND, MODES, Endpoint, network_access
from components.azure.managed_endpoint.workspace import Workspace
from components.parts import IdentityPart, Site
from components.settings.endpoint import EndpointSettings

SCHEMA = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
TYPE = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints"
API_VERSION = "2025-12-01"
"""The one that azure-native 3.29 makes the endpoint with."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TrafficArgs:
    """What the traffic of an endpoint takes."""

    site: Site
    workspace: Workspace
    endpoint: Endpoint
    identity: IdentityPart
    settings: EndpointSettings


def shares(settings: EndpointSettings) -> dict[str, int]:
    """Return the percent of each deployment that has any; all for an only one."""
    if not settings.traffic and len(settings.deployments) == 1:
        return dict.fromkeys(settings.deployments, 100)
    return {name: percent for name, percent in settings.traffic.items() if percent}


def declare(
    name: str, args: TrafficArgs, parent: pulumi.Resource, after: Sequence[pulumi.Resource]
) -> resources.Deployment:
    """Declare the traffic, once what comes *after* stands."""
    return resources.Deployment(
        f"{name}-traffic",
        resource_group_name=args.workspace.resource_group,
        tags=args.site.tags,
        properties=resources.DeploymentPropertiesArgs(
            mode=resources.DeploymentMode.INCREMENTAL,
            template=pulumi.Output.all(
                workspace=args.workspace.name,
                endpoint=args.endpoint.name,
                identity=args.identity.id,
            ).apply(lambda found: template(args.site, args.settings, found)),
        ),
        opts=pulumi.ResourceOptions(parent=parent, depends_on=list(after)),
    )


def template(site: Site, settings: EndpointSettings, names: Mapping[str, str]) -> dict[str, Any]:
    """Return the template: the endpoint as it is declared, with its traffic."""
    return {
        "$schema": SCHEMA,
        "contentVersion": "1.0.0.0",
        "resources": [
            {
                "type": TYPE,
                "apiVersion": API_VERSION,
                "name": f"{names['workspace']}/{names['endpoint']}",
                "location": site.location,
                "tags": dict(site.tags),
                "kind": KIND,
                "identity": {
                    "type": "UserAssigned",
                    "userAssignedIdentities": {names["identity"]: {}},
                },
                "properties": {
                    "authMode": MODES[settings.authentication],
                    "publicNetworkAccess": network_access(settings),
                    "description": f"Models of {site.stack}",
                    "traffic": shares(settings),
                    "mirrorTraffic": {name: part for name, part in settings.mirror.items() if part},
                },
            }
        ],
    }
