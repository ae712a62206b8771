"""The endpoint: the one name that clients call, who may call it, and from where."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi_azure_native import machinelearningservices

from components.azure.managed_endpoint.workspace import Workspace
from components.parts import IdentityPart, Site
from components.settings.endpoint import EndpointSettings

MODES: Mapping[str, str] = {"amlToken": "AMLToken", "key": "Key", "entra": "AADToken"}
"""Azure's words for each way to sign in."""

KIND = "Managed"


@dataclass(frozen=True, kw_only=True, slots=True)
class EndpointArgs:
    """What an endpoint takes."""

    site: Site
    workspace: Workspace
    name: pulumi.Output[str]
    settings: EndpointSettings
    identity: IdentityPart
    """Who its instances are to registry and storage."""


class Endpoint(pulumi.ComponentResource):
    """Owns the endpoint, and leaves its traffic to `traffic.py`.

    Traffic names deployments, and these need the endpoint first.
    """

    id: pulumi.Output[str]
    name: pulumi.Output[str]
    scoring_uri: pulumi.Output[str]
    resource: machinelearningservices.OnlineEndpoint

    def __init__(
        self, name: str, args: EndpointArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("operationalization:azure:Endpoint", name, None, opts)
        self.resource = machinelearningservices.OnlineEndpoint(
            f"{name}-endpoint",
            endpoint_name=args.name,
            workspace_name=args.workspace.name,
            resource_group_name=args.workspace.resource_group,
            location=args.site.location,
            tags=args.site.tags,
            kind=KIND,
            identity=machinelearningservices.ManagedServiceIdentityArgs(
                type="UserAssigned", user_assigned_identities=[args.identity.id]
            ),
            properties=machinelearningservices.OnlineEndpointPropertiesArgs(
                auth_mode=MODES[args.settings.authentication],
                public_network_access=network_access(args.settings),
                description=f"Models of {args.site.stack}",
            ),
            opts=pulumi.ResourceOptions(
                parent=self,
                # Whoever writes an endpoint writes its traffic, and a write without any takes it
                # all away. So after the first one there is one writer: the template of traffic.py,
                # which has everything that can change.
                ignore_changes=["properties", "tags", "identity"],
            ),
        )
        self.id, self.name = self.resource.id, self.resource.name
        self.scoring_uri = self.resource.properties.apply(lambda found: found.scoring_uri)
        self.register_outputs({"scoring_uri": self.scoring_uri})


def network_access(settings: EndpointSettings) -> str:
    """Return whether the internet reaches the endpoint, as Azure says it."""
    return "Enabled" if settings.exposure == "public" else "Disabled"


def primary_key(
    endpoint: Endpoint, workspace: Workspace, options: pulumi.InvokeOutputOptions
) -> pulumi.Output[str]:
    """Return the endpoint's first key, as a secret."""
    keys = machinelearningservices.list_online_endpoint_keys_output(
        endpoint_name=endpoint.name,
        resource_group_name=workspace.resource_group,
        workspace_name=workspace.name,
        opts=options,
    )
    return pulumi.Output.secret(keys.apply(lambda found: found.primary_key or ""))
