"""AWS's records as a blueprint: VPCs, interfaces, balancers, instances, databases.

Sources: Amazon VPC User Guide, "DHCP option sets in Amazon VPC" (the resolver is at the VPC's
address plus two, and at 169.254.169.253), "Subnet CIDR blocks" (the router is the first address of
a subnet); the modules of routes, groups and balancers have theirs.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address

from sandbox.control import arns, ids
from sandbox.control.aws import fleet, images
from sandbox.control.aws.addresses import SUBNET, address, block
from sandbox.control.aws.vpcs import VPC
from sandbox.control.kinds import Record, World
from sandbox.control.reading import number, text, texts
from sandbox.fabric import systems
from sandbox.fabric.aws import balancers, databases, public_services, routes
from sandbox.fabric.aws.balancers import INTERFACE
from sandbox.fabric.aws.routes import ENDPOINT, Way
from sandbox.fabric.aws.security_groups import Groups, Member
from sandbox.fabric.contract import (
    METADATA,
    Blueprint,
    Frontend,
    Machine,
    Network,
    Place,
    Port,
    Service,
)
from sandbox.fabric.contract import Member as Target

RESOLVER = IPv4Address("169.254.169.253")
"""The resolver of every VPC, beside the one at the VPC's own address plus two."""
_REPAIRED = "ReplaceUnhealthy"


def blueprint(world: World, image: str) -> Blueprint:
    """Return what should exist. *image*: the sandbox's image that boots Debian 12 machines."""
    return _Reader(world, image).blueprint()


@dataclass(frozen=True, kw_only=True, slots=True)
class _Subnet:
    """A subnet, with what every interface in it has in common."""

    vpc: str
    gateway: IPv4Address
    way: Way


class _Reader:
    """Reads each thing once."""

    def __init__(self, world: World, image: str) -> None:
        self._world = world
        self._image = image
        self._subnets = {record.short: self._subnet(record) for record in world.of(SUBNET)}
        self._machines = [each for each in fleet.machines_of(world) if each.subnet in self._subnets]
        self._interfaces = [
            each for each in world.of(INTERFACE) if text(each.inputs, "subnetId") in self._subnets
        ]
        self._doors = list(balancers.doors(world))
        self._attached = balancers.attached(world)
        fronts: dict[str, list[str]] = defaultdict(list)
        for door in self._doors:
            for group in door.groups:
                fronts[group].append(door.id)
        self._groups = Groups(world, self._members(), fronts)

    def blueprint(self) -> Blueprint:
        """Everything that should exist."""
        ports: dict[str, list[Port]] = defaultdict(list)
        for machine in self._machines:
            ports[self._subnets[machine.subnet].vpc].append(self._machine_port(machine))
        for interface in self._interfaces:
            if (port := self._interface_port(interface)) is not None:
                vpc = self._subnets[text(interface.inputs, "subnetId") or ""].vpc
                ports[vpc].append(port)
        frontends: dict[str, list[Frontend]] = defaultdict(list)
        for door in self._doors:
            frontends[door.vpc].append(self._frontend(door))
        return Blueprint(
            networks=tuple(
                Network(
                    id=record.id,
                    name=text(record.outputs, "tagsAll.Name") or record.short,
                    ranges=(block(record),),
                    ports=tuple(sorted(ports[record.short], key=lambda port: port.id)),
                    frontends=tuple(frontends[record.short]),
                    given=(METADATA, RESOLVER, block(record).network_address + 2),
                    services=tuple(self._services(record, ports[record.short])),
                )
                for record in self._world.of(VPC)
            ),
            machines=tuple(self._machine(machine) for machine in self._machines),
            databases=tuple(databases.of(self._world, self._interfaces)),
        )

    def _subnet(self, record: Record) -> _Subnet:
        return _Subnet(
            vpc=text(record.inputs, "vpcId") or "",
            gateway=block(record).network_address + 1,
            way=routes.way_of(self._world, record),
        )

    def _members(self) -> Iterator[Member]:
        for machine in self._machines:
            yield Member(address=machine.address, groups=machine.security_groups)
        for interface in self._interfaces:
            if (found := address(text(interface.outputs, "privateIp"))) is not None:
                yield Member(address=found, groups=_groups_of(interface))

    def _machine_port(self, machine: fleet.FleetInstance) -> Port:
        subnet = self._subnets[machine.subnet]
        return Port(
            id=machine.interface,
            place=Place.MACHINE,
            owner=ids.key(machine.id),
            address=machine.address,
            gateway=subnet.gateway,
            inbound=self._groups.inbound(machine.security_groups),
            outbound=self._groups.outbound(machine.security_groups),
            nat=subnet.way.nat,
        )

    def _interface_port(self, interface: Record) -> Port | None:
        """The port of what AWS itself has in a subnet; None for what nothing answers at."""
        subnet = self._subnets[text(interface.inputs, "subnetId") or ""]
        found = address(text(interface.outputs, "privateIp"))
        owner = self._world.find(interface.parent)
        if found is None or owner is None:
            return None
        served = (balancers.BALANCER, ENDPOINT)
        if owner.type not in (*served, databases.INSTANCE) or not databases.is_emulated(owner):
            return None
        groups = _groups_of(interface)
        return Port(
            id=interface.short,
            place=Place.PLATFORM if owner.type in served else Place.DATABASE,
            owner=ids.key(owner.id),
            address=found,
            gateway=subnet.gateway,
            inbound=self._groups.inbound(groups),
            outbound=self._groups.outbound(groups),
        )

    def _frontend(self, door: balancers.Door) -> Frontend:
        return Frontend(
            id=door.id,
            address=door.node.address,
            port=door.port,
            member_port=number(door.targets.inputs, "port") or door.port,
            protocol="udp" if door.protocol == "UDP" else "tcp",
            members=tuple(
                Target(port=each.interface, address=each.address)
                for each in sorted(self._machines, key=lambda each: each.address)
                if self._is_target(each, door.targets)
                and (door.cross_zone or each.zone == door.node.zone)
            ),
            probe=balancers.probe(door.targets),
            probe_from=door.node.private,
            inbound=self._groups.inbound(door.groups),
            outbound=self._groups.outbound(door.groups),
        )

    def _is_target(self, machine: fleet.FleetInstance, targets: Record) -> bool:
        if machine.leaving:
            return False  # it is deregistered: connections that exist go on
        attached = self._attached.get(targets.id, ())
        return targets.id in machine.target_groups or machine.instance_id in attached

    def _machine(self, machine: fleet.FleetInstance) -> Machine:
        judges = [
            door
            for door in self._doors
            if machine.health_type == "ELB"
            and door.targets.id in machine.target_groups
            and (door.cross_zone or door.node.zone == machine.zone)
        ]
        in_group = machine.group != machine.id
        found = images.find(machine.image)
        offer = found.offer if found else ""
        return Machine(
            id=ids.key(machine.id),
            incarnation=machine.incarnation,
            group=ids.key(machine.group),
            name=_name(machine),
            hostname=machine.hostname,
            network=self._network_of(machine),
            port=machine.interface,
            address=machine.address,
            image=systems.image_for(offer, self._image),
            absent=systems.why_not(offer),
            user_data=machine.user_data,
            resolver=self._resolver(machine),
            vcpus=machine.vcpus,
            memory=machine.memory,
            identities=(machine.profile,) if machine.profile else (),
            health=balancers.probe(judges[0].targets) if judges else None,
            balancers=tuple(door.id for door in judges),
            repair=machine.grace_seconds
            if in_group and _REPAIRED not in machine.suspended
            else None,
            held=machine.hold_seconds,
            notice=machine.notice_seconds,
            notice_unread=True,
            leaving=machine.leaving,
        )

    def _resolver(self, machine: fleet.FleetInstance) -> IPv4Address:
        record = self._world.find(self._subnets[machine.subnet].vpc)
        return block(record).network_address + 2 if record else RESOLVER

    def _network_of(self, machine: fleet.FleetInstance) -> str:
        record = self._world.find(self._subnets[machine.subnet].vpc)
        return record.id if record else ""

    def _services(self, vpc: Record, ports: list[Port]) -> Iterator[Service]:
        """The services that somebody in a VPC has a way to, and who."""
        region = arns.region_of(vpc.id)
        ways = {machine.interface: self._subnets[machine.subnet].way for machine in self._machines}
        for service, found in public_services.addresses(region).items():
            yield Service(
                id=f"{service}.{region}",
                address=found,
                ports=tuple(
                    port.id
                    for port in ports
                    if (way := ways.get(port.id)) is not None
                    and (way.nat is not None or self._leads_to(way, service))
                ),
            )

    def _leads_to(self, way: Way, service: str) -> bool:
        for target in way.endpoints:
            record = self._world.find(target)
            name = text(record.inputs, "serviceName") or "" if record else ""
            if name.rpartition(".")[2] == service:
                return True
        return False


def _name(machine: fleet.FleetInstance) -> str:
    """What a person calls it: instances of a group share their Name, so their id is in it."""
    named = machine.tags.get("Name", "")
    return f"{named}-{machine.instance_id[-8:]}" if named else machine.instance_id


def _groups_of(interface: Record) -> tuple[str, ...]:
    return tuple(found for _, found in texts(interface.inputs, "securityGroups[*]"))
