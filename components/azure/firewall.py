"""Network security groups: the table of flows as Azure rules, and nothing beside it.

Rules are inline, so that Azure applies each change of a group as one write: standalone rules
would be deleted and made one by one, and a rule would be both or neither for a moment.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pulumi
from pulumi_azure_native import network

from components.parts import Site
from components.runtimes.flows import Flow, Zone
from components.settings.addresses import AddressPlan

Direction = Literal["Inbound", "Outbound"]

SUBNETS: Mapping[Zone, str] = {
    Zone.WEB: "web",
    Zone.COMPUTE: "compute",
    Zone.ONE_BOX: "one-box",
    Zone.DATABASE: "endpoints",
    Zone.VAULT: "endpoints",
}
"""Subnet of each zone that lies inside the network; database and vault are private endpoints."""

SERVICE_TAGS: Mapping[Zone, str] = {
    Zone.PROBE: "AzureLoadBalancer",
    Zone.INTERNET: "Internet",
}
"""Azure's names for what has no address of ours ("Virtual network service tags")."""

FIRST_PRIORITY = 100
STEP = 10
LAST_PRIORITY = 4096
"""The lowest that a rule of ours may have; it still comes before Azure's own rules at 65000,
which allow everything within the virtual network and to the internet."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FirewallArgs:
    """What the firewalls take."""

    site: Site
    flows: Sequence[Flow]
    plan: AddressPlan
    clients: Sequence[str]


class Firewall(pulumi.ComponentResource):
    """One security group a subnet."""

    ids: Mapping[str, pulumi.Output[str]]
    """By what their subnets are for, as in the address plan."""

    def __init__(
        self, name: str, args: FirewallArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("operationalization:azure:Firewall", name, None, opts)
        self.ids = {
            subnet: network.NetworkSecurityGroup(
                f"{name}-{subnet}",
                resource_group_name=args.site.resource_group,
                location=args.site.location,
                tags=args.site.tags,
                security_rules=[
                    *rules(subnet, "Inbound", args),
                    *rules(subnet, "Outbound", args),
                ],
                opts=pulumi.ResourceOptions(parent=self),
            ).id
            for subnet in args.plan.purposes
        }
        self.register_outputs({})


def rules(subnet: str, direction: Direction, args: FirewallArgs) -> list[network.SecurityRuleArgs]:
    """Return the rules of *subnet* in one direction: what is allowed, then nothing more."""
    own = [flow for flow in args.flows if SUBNETS.get(_near(flow, direction)) == subnet]
    allowed = [
        _rule(flow, direction, FIRST_PRIORITY + STEP * index, args)
        for index, flow in enumerate(own)
    ]
    return [*allowed, deny(direction)]


def _near(flow: Flow, direction: Direction) -> Zone:
    """Return the end of *flow* whose subnet the rule belongs to."""
    return flow.destination if direction == "Inbound" else flow.source


def _rule(
    flow: Flow, direction: Direction, priority: int, args: FirewallArgs
) -> network.SecurityRuleArgs:
    sources = _prefixes(flow.source, args)
    destinations = list(flow.addresses) or _prefixes(flow.destination, args)
    return network.SecurityRuleArgs(
        name=f"allow-{flow.name}",
        description=flow.why,
        priority=priority,
        direction=direction,
        access="Allow",
        protocol=flow.protocol.capitalize(),
        # Azure takes one prefix or several, under different names, and a tag only alone.
        source_address_prefix=sources[0] if len(sources) == 1 else None,
        source_address_prefixes=sources if len(sources) > 1 else None,
        source_port_range="*",
        destination_address_prefix=destinations[0] if len(destinations) == 1 else None,
        destination_address_prefixes=destinations if len(destinations) > 1 else None,
        destination_port_range=str(flow.port),
    )


def deny(direction: Direction) -> network.SecurityRuleArgs:
    """Return the last rule of ours in *direction*: nothing more."""
    return network.SecurityRuleArgs(
        name=f"deny-all-{direction.lower()}",
        description="Everything else, also inside the subnet and from the rest of the network",
        priority=LAST_PRIORITY,
        direction=direction,
        access="Deny",
        protocol="*",
        source_address_prefix="*",
        source_port_range="*",
        destination_address_prefix="*",
        destination_port_range="*",
    )


def _prefixes(zone: Zone, args: FirewallArgs) -> list[str]:
    if zone is Zone.CLIENTS:
        return list(args.clients)
    if zone in SERVICE_TAGS:
        return [SERVICE_TAGS[zone]]
    return [str(args.plan.of(SUBNETS[zone]))]
