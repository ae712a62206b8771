"""Network load balancers as frontends: one in each zone, with an address and probes of its own.

Sources: Elastic Load Balancing User Guide for Network Load Balancers, "Availability Zones" (an
address in each), "Cross-zone load balancing" (off unless it is asked for), "Health checks for
Network Load Balancer target groups" (each zone's node asks all that it may send to, from its
private address), "Client IP preservation", "Network Load Balancer security groups".
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address

from sandbox.control import ids
from sandbox.control.aws.addresses import address
from sandbox.control.kinds import Record, World
from sandbox.control.reading import elements, flag, number, text, texts
from sandbox.fabric.contract import Probe, Protocol

BALANCER = "aws:lb/loadBalancer:LoadBalancer"
LISTENER = "aws:lb/listener:Listener"
TARGET_GROUP = "aws:lb/targetGroup:TargetGroup"
ATTACHMENT = "aws:lb/targetGroupAttachment:TargetGroupAttachment"
INTERFACE = "aws:ec2/networkInterface:NetworkInterface"


@dataclass(frozen=True, kw_only=True, slots=True)
class Node:
    """A balancer in one zone."""

    interface: Record
    address: IPv4Address
    """Where clients come to: public, or the private one."""
    private: IPv4Address
    zone: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Door:
    """One listener in one zone."""

    id: str
    balancer: Record
    groups: tuple[str, ...]
    vpc: str
    node: Node
    port: int
    protocol: str
    targets: Record
    """The target group."""
    cross_zone: bool


def nodes(world: World, balancer: Record) -> Iterator[Node]:
    """The balancer's places."""
    public = {
        text(mapped, "subnetId"): text(mapped, "allocationId")
        for _, mapped in elements(balancer.inputs, "subnetMappings")
    }
    for child in world.children(balancer.id):
        private = address(text(child.outputs, "privateIp"))
        if child.type != INTERFACE or private is None:
            continue
        place = text(child.inputs, "subnetId") or ""
        subnet = world.find(place)
        elastic = world.find(public.get(place) or "") if public.get(place) else None
        shown = address(text(elastic.outputs, "publicIp")) if elastic else private
        if shown is not None and subnet is not None:
            zone = text(subnet.outputs, "availabilityZone") or ""
            yield Node(interface=child, address=shown, private=private, zone=zone)


def doors(world: World) -> Iterator[Door]:
    """Every listener in every zone of its balancer."""
    for listener in world.of(LISTENER):
        balancer = world.find(text(listener.inputs, "loadBalancerArn") or "")
        targets = world.find(_target_group(listener))
        port = number(listener.inputs, "port")
        if balancer is None or targets is None or port is None:
            continue
        for node in nodes(world, balancer):
            yield Door(
                id=ids.key(f"{listener.id}/{node.interface.short}"),
                balancer=balancer,
                groups=groups_of(balancer),
                vpc=text(targets.inputs, "vpcId") or "",
                node=node,
                port=port,
                protocol=(text(listener.inputs, "protocol") or "TCP").upper(),
                targets=targets,
                cross_zone=bool(flag(balancer.inputs, "enableCrossZoneLoadBalancing")),
            )


def groups_of(balancer: Record) -> tuple[str, ...]:
    """Ids of the security groups of a balancer."""
    return tuple(found for _, found in texts(balancer.inputs, "securityGroups[*]"))


def _target_group(listener: Record) -> str:
    for _, action in elements(listener.inputs, "defaultActions"):
        if found := text(action, "targetGroupArn"):
            return found
        if found := text(action, "forward.targetGroups[0].arn"):
            return found
    return ""


def attached(world: World) -> Mapping[str, Sequence[str]]:
    """Ids of the machines that are attached one by one, by their target group's ARN."""
    found: dict[str, list[str]] = {}
    for record in world.of(ATTACHMENT):
        group = text(record.inputs, "targetGroupArn") or ""
        found.setdefault(group, []).append(text(record.inputs, "targetId") or "")
    return found


def probe(targets: Record) -> Probe:
    """How the targets of a group are asked."""
    check = "healthCheck"
    port = text(targets.inputs, f"{check}.port") or "traffic-port"
    own = number(targets.inputs, "port") or 0
    protocol = (text(targets.inputs, f"{check}.protocol") or "TCP").casefold()
    return Probe(
        protocol=Protocol(protocol) if protocol in ("tcp", "http", "https") else Protocol.TCP,
        port=int(port) if port.isdecimal() else own,
        path=text(targets.inputs, f"{check}.path") or "/",
        interval=float(number(targets.inputs, f"{check}.interval") or 30),
        failures=number(targets.inputs, f"{check}.unhealthyThreshold") or 3,
    )
