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
    more_zones: tuple[str, ...] = ()
    """Further zones, of a service that answers in several."""

    shared: "PrivateEndpoint | None" = None
    """Whose zones answer for this endpoint, too: a network knows one zone of a name."""

    before: str = ""
    """Name of the endpoint that had the zones before this one took over from it."""


class PrivateEndpoint(pulumi.ComponentResource):
    """Owns the endpoint, and the private zone that answers for it in this network."""

    zones: tuple[tuple[privatedns.PrivateZone, privatedns.VirtualNetworkLink], ...]

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
        self.zones = args.shared.zones if args.shared else self._zones(name, args)
        network.PrivateDnsZoneGroup(
            f"{name}-records",
            resource_group_name=site.resource_group,
            private_endpoint_name=endpoint.name,
            private_dns_zone_group_name="default",
            private_dns_zone_configs=[
                network.PrivateDnsZoneConfigArgs(
                    name=args.group if not number else f"{args.group}-{number}",
                    private_dns_zone_id=zone.id,
                )
                for number, (zone, _) in enumerate(self.zones)
            ],
            opts=pulumi.ResourceOptions(parent=self, depends_on=[link for _, link in self.zones]),
        )
        self.register_outputs({})

    def _zones(
        self, name: str, args: PrivateEndpointArgs
    ) -> tuple[tuple[privatedns.PrivateZone, privatedns.VirtualNetworkLink], ...]:
        found = [
            ("", args.dns_zone),
            *((f"-{each.split('.')[1]}", each) for each in args.more_zones),
        ]
        return tuple(
            _zone(
                f"{name}{suffix}", f"{args.before}{suffix}" if args.before else "", zone, args, self
            )
            for suffix, zone in found
        )


def _zone(
    name: str, before: str, zone: str, args: PrivateEndpointArgs, parent: pulumi.Resource
) -> tuple[privatedns.PrivateZone, privatedns.VirtualNetworkLink]:
    """Declare a private zone that answers in the network, and that was *before*'s, if it was."""
    site = args.site

    def child(suffix: str) -> pulumi.ResourceOptions:
        if not before:
            return pulumi.ResourceOptions(parent=parent)
        # What stands above differs in its name only: a URN has all types, and the last name.
        place = parent.urn.apply(lambda urn: f"{urn.rpartition('::')[0]}::{args.before}")
        alias = pulumi.Alias(name=f"{before}-{suffix}", parent=place)
        return pulumi.ResourceOptions(parent=parent, aliases=[alias])

    made = privatedns.PrivateZone(
        f"{name}-zone",
        resource_group_name=site.resource_group,
        private_zone_name=zone,
        location="global",
        tags=site.tags,
        opts=child("zone"),
    )
    link = privatedns.VirtualNetworkLink(
        f"{name}-link",
        resource_group_name=site.resource_group,
        private_zone_name=made.name,
        location="global",
        tags=site.tags,
        virtual_network=privatedns.SubResourceArgs(id=args.network.network_id),
        registration_enabled=False,
        opts=child("link"),
    )
    return made, link
