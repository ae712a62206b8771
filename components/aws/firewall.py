"""Security groups: the table of flows as AWS rules, and nothing beside it.

Groups allow and never deny, so all that is not in the table is dropped. Each rule is a resource of
its own: inline rules and standalone ones delete each other, and a group that lists its rules inline
cannot be referred to by another in a circle. Where both ends are ours a rule names the other group
and no addresses: a node is let in for what it is, not for where it lies.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

import pulumi
from pulumi_aws import ec2, vpc

from components.aws.naming import named
from components.aws.site import AwsSite
from components.runtimes.flows import Flow, Zone

Direction = Literal["ingress", "egress"]
Group = Literal["balancer", "web", "compute", "one-box", "database", "endpoints"]

GROUPS: Final[Mapping[Group, str]] = {
    "balancer": "The load balancer in front of the web nodes",
    "web": "Web nodes",
    "compute": "Compute nodes",
    "one-box": "The machine of a one-box",
    "database": "The database",
    "endpoints": "Private endpoints of AWS services",
}

OURS: Final[Mapping[Zone, Group]] = {
    Zone.PROBE: "balancer",
    Zone.WEB: "web",
    Zone.COMPUTE: "compute",
    Zone.ONE_BOX: "one-box",
    Zone.DATABASE: "database",
    Zone.VAULT: "endpoints",
}
"""Group of each zone whose members are ours."""

ANYWHERE: Final = "0.0.0.0/0"


class Rule(NamedTuple):
    """One rule of one group."""

    group: Group
    direction: Direction
    peer: Zone | str
    """The other end: a group, the objects of S3, the internet, or a CIDR of others."""
    port: int
    why: str

    @property
    def name(self) -> str:
        """Name of the rule's resource, unique in the environment."""
        peer = str(self.peer).replace(".", "-").replace("/", "-")
        way = "from" if self.direction == "ingress" else "to"
        return f"{self.group}-{way}-{peer}-{self.port}"


@dataclass(frozen=True, kw_only=True, slots=True)
class FirewallArgs:
    """What the firewalls take."""

    site: AwsSite
    flows: Sequence[Flow]
    clients: Sequence[str]
    vpc_id: pulumi.Output[str]
    objects: pulumi.Output[str]
    """Prefix list of Amazon S3."""


class Firewall(pulumi.ComponentResource):
    """Owns a security group for each kind of member, and their rules."""

    ids: Mapping[str, pulumi.Output[str]]
    """By group, those that some flow begins or ends at."""

    def __init__(
        self, name: str, args: FirewallArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("operationalization:aws:Firewall", name, None, opts)
        self._name = name
        self._args = args
        self.ids = {
            group: ec2.SecurityGroup(
                f"{name}-{group}",
                # First the group: AWS takes no name that begins with `sg-`.
                name=pulumi.Output.concat(group, "-", args.site.prefix),
                description=description,
                vpc_id=args.vpc_id,
                tags=named(f"{name}-{group}"),
                opts=pulumi.ResourceOptions(parent=self),
            ).id
            for group, description in GROUPS.items()
            if group in members(args.flows)
        }
        for rule in rules(args.flows, args.clients):
            self._rule(rule)
        self.register_outputs({})

    def _rule(self, rule: Rule) -> None:
        peer = OURS.get(rule.peer) if isinstance(rule.peer, Zone) else None
        kind = (
            vpc.SecurityGroupIngressRule
            if rule.direction == "ingress"
            else vpc.SecurityGroupEgressRule
        )
        kind(
            f"{self._name}-{rule.name}",
            security_group_id=self.ids[rule.group],
            description=rule.why,
            ip_protocol="tcp",
            from_port=rule.port,
            to_port=rule.port,
            referenced_security_group_id=self.ids[peer] if peer else None,
            prefix_list_id=self._args.objects if rule.peer is Zone.ARTIFACTS else None,
            cidr_ipv4=_range(rule.peer),
            tags=named(rule.name),
            opts=pulumi.ResourceOptions(parent=self),
        )


def members(flows: Sequence[Flow]) -> frozenset[Group]:
    """Return the groups that have members in an environment with *flows*."""
    ends = (end for flow in flows for end in (flow.source, flow.destination))
    return frozenset(OURS[end] for end in ends if end in OURS)


def rules(flows: Sequence[Flow], clients: Sequence[str]) -> tuple[Rule, ...]:
    """Return the rules of all groups for *flows*, each once."""
    found: dict[str, Rule] = {}
    for flow in flows:
        for rule in _of(flow, clients):
            # AWS refuses the second of two rules that differ in their description only.
            found.setdefault(rule.name, rule)
    return tuple(found.values())


def _of(flow: Flow, clients: Sequence[str]) -> Iterator[Rule]:
    """Yield what lets *flow* out of its source and into its destination."""
    if flow.source is Zone.CLIENTS:
        # Clients' packets keep their addresses behind the balancer, and its group vouches for
        # them: "Network Load Balancer security groups".
        for client in clients:
            yield Rule("balancer", "ingress", client, flow.port, flow.why)
        yield from _between(Zone.PROBE, flow)
    else:
        yield from _between(flow.source, flow)


def _between(source: Zone, flow: Flow) -> Iterator[Rule]:
    if flow.addresses:
        for address in flow.addresses:
            yield Rule(OURS[source], "egress", address, flow.port, flow.why)
        return
    yield Rule(OURS[source], "egress", flow.destination, flow.port, flow.why)
    if flow.destination in OURS:
        yield Rule(OURS[flow.destination], "ingress", source, flow.port, flow.why)


def _range(peer: Zone | str) -> str | None:
    if peer is Zone.INTERNET:
        return ANYWHERE
    return None if isinstance(peer, Zone) else peer
