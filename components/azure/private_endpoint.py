"""A service's private address in the environment's network, and the name that leads to it."""

from dataclasses import dataclass

import pulumi
from pulumi_azure_native import network, privatedns

from components.parts import NetworkPart, Site


@dataclass(frozen=True, kw_only=True, slots=True)
class PrivateEndpointArgs:
    """What a private endpoint takes."""

    site: Site
    service_id: pulumi.Input[str]
    group: str
    """Sub-resource of the service, and `dns_zone` its private zone ("Azure Private Endpoint
    private DNS zone values")."""

    dns_zone: str
    network: NetworkPart


class PrivateEndpoint(pulumi.ComponentResource):
    """Owns the endpoint, and the private zone that answers for it in this network."""

    def __init__(
        self, name: str, args: PrivateEndpointArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("operationalization:azure:PrivateEndpoint", name, None, opts)
        site = args.site
        child = pulumi.ResourceOptions(parent=self)
        endpoint = network.PrivateEndpoint(
            f"{name}-address",
            resource_group_name=site.resource_group,
            location=site.location,
            tags=site.tags,
            subnet=network.SubnetArgs(id=args.network.subnet_ids["endpoints"][0]),
            private_link_service_connections=[
                network.PrivateLinkServiceConnectionArgs(
                    name=args.group,
                    private_link_service_id=args.service_id,
                    group_ids=[args.group],
                )
            ],
            opts=child,
        )
        zone = privatedns.PrivateZone(
            f"{name}-zone",
            resource_group_name=site.resource_group,
            private_zone_name=args.dns_zone,
            location="global",
            tags=site.tags,
            opts=child,
        )
        link = privatedns.VirtualNetworkLink(
            f"{name}-link",
            resource_group_name=site.resource_group,
            private_zone_name=zone.name,
            location="global",
            tags=site.tags,
            virtual_network=privatedns.SubResourceArgs(id=args.network.network_id),
            registration_enabled=False,
            opts=child,
        )
        network.PrivateDnsZoneGroup(
            f"{name}-records",
            resource_group_name=site.resource_group,
            private_endpoint_name=endpoint.name,
            private_dns_zone_group_name="default",
            private_dns_zone_configs=[
                network.PrivateDnsZoneConfigArgs(name=args.group, private_dns_zone_id=zone.id)
            ],
            opts=pulumi.ResourceOptions(parent=self, depends_on=[link]),
        )
        self.register_outputs({})
