"""Azure's records as a blueprint: virtual networks, interfaces, balancers, machines, databases.

Sources: Azure documentation, "What is Azure NAT Gateway?" (a subnet's NAT gateway is its way out),
"Default outbound access for virtual machines in Azure" (there is none that anybody should rely on,
and the sandbox gives none), "Azure Load Balancer health probes", "Manage network policies for
private endpoints".
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Address, IPv4Network

from sandbox.control import ids
from sandbox.control.azure import fleet
from sandbox.control.azure.addresses import BALANCER, address, network, subnet_network
from sandbox.control.azure.arm import name_of, parent_of, type_of
from sandbox.control.azure.postgresql_restore import SOURCE, restores, source_of
from sandbox.control.kinds import Record, Values, World
from sandbox.control.reading import elements, number, text, texts
from sandbox.fabric import systems
from sandbox.fabric.azure import security_rules
from sandbox.fabric.contract import (
    Blueprint,
    Database,
    Frontend,
    Machine,
    Member,
    Network,
    Origin,
    Place,
    Port,
    Probe,
    Protocol,
    Stage,
)

NETWORK = "azure-native:network:VirtualNetwork"
ENDPOINT = "azure-native:network:PrivateEndpoint"
SERVER = "azure-native:dbforpostgresql:Server"
ADMINISTRATOR = "azure-native:dbforpostgresql:Administrator"
DATABASE = "azure-native:dbforpostgresql:Database"
CONFIGURATION = "azure-native:dbforpostgresql:Configuration"

_SERVERS = "microsoft.dbforpostgresql/flexibleservers"
_VAULTS = "microsoft.keyvault/vaults"


def blueprint(world: World, image: str) -> Blueprint:
    """Return what should exist. *image*: the sandbox's image that boots Debian 12 machines."""
    machines = tuple(fleet.machines_of(world))
    subnets = _Subnets(world)
    ports: dict[str, list[Port]] = defaultdict(list)
    for machine in machines:
        if (subnet := subnets.find(machine.subnet)) is not None:
            ports[subnet.network].append(_machine_port(machine, subnet))
    for endpoint in world.of(ENDPOINT):
        if (found := _endpoint_port(world, endpoint, subnets)) is not None:
            ports[found[0]].append(found[1])
    frontends: dict[str, list[Frontend]] = defaultdict(list)
    for balancer in world.of(BALANCER):
        for where, frontend in _frontends(world, balancer):
            frontends[where].append(frontend)
    return Blueprint(
        networks=tuple(
            Network(
                id=ids.key(record.id),
                name=name_of(record.id),
                ranges=_ranges(record),
                ports=tuple(sorted(ports[ids.key(record.id)], key=lambda port: port.id)),
                frontends=tuple(frontends[ids.key(record.id)]),
            )
            for record in world.of(NETWORK)
        ),
        machines=tuple(
            _machine(machine, subnet.network, image)
            for machine in machines
            if (subnet := subnets.find(machine.subnet)) is not None
        ),
        databases=tuple(_databases(world, ports)),
    )


def _ranges(record: Record) -> tuple[IPv4Network, ...]:
    written = texts(record.inputs, "addressSpace.addressPrefixes[*]")
    return tuple(prefix for _, text_ in written if (prefix := network(text_)))


@dataclass
class _Subnet:
    """A subnet, with what every interface in it has in common."""

    world: World
    record: Record
    ranges: tuple[IPv4Network, ...]
    gateway: IPv4Address

    def __post_init__(self) -> None:
        self.network = ids.key(parent_of(self.record.id))
        self._stages: dict[str, tuple[tuple[Stage, ...], tuple[Stage, ...]]] = {}

    @cached_property
    def nat(self) -> IPv4Address | None:
        """The (first) public address of its NAT gateway."""
        gateway = self.world.find(text(self.record.inputs, "natGateway.id") or "")
        for _, target in texts(gateway.inputs, "publicIpAddresses[*].id") if gateway else ():
            if (found := _public_address(self.world, target)) is not None:
                return found
        return None

    def stages(self, group: str | None) -> tuple[tuple[Stage, ...], tuple[Stage, ...]]:
        """Inbound and outbound stages of an interface with a security group of its own, or none."""
        key = ids.key(group or "")
        if key not in self._stages:
            self._stages[key] = (
                security_rules.stages(self.world, self.record.id, group, "Inbound", self.ranges),
                security_rules.stages(self.world, self.record.id, group, "Outbound", self.ranges),
            )
        return self._stages[key]

    @cached_property
    def endpoint_stages(self) -> tuple[Stage, ...]:
        """Inbound stages of a private endpoint: none where network policies are off for them."""
        return security_rules.endpoint_stages(self.world, self.record.id, self.ranges)


class _Subnets:
    """The subnets by id, each read once."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._found: dict[str, _Subnet | None] = {}

    def find(self, target: str) -> _Subnet | None:
        """The subnet, or None when it or its network has gone (`scripts/sandbox delete`)."""
        key = ids.key(target)
        if key not in self._found:
            self._found[key] = self._read(target)
        return self._found[key]

    def _read(self, target: str) -> _Subnet | None:
        record, parent = self._world.find(target), self._world.find(parent_of(target))
        prefix = subnet_network(self._world, target)
        if record is None or parent is None or prefix is None:
            return None
        return _Subnet(self._world, record, _ranges(parent), prefix[1])


def _public_address(world: World, target: str) -> IPv4Address | None:
    record = world.find(target)
    return address(text(record.outputs, "ipAddress") or "") if record else None


def _machine_port(machine: fleet.FleetMachine, subnet: _Subnet) -> Port:
    inbound, outbound = subnet.stages(machine.security_group)
    return Port(
        id=ids.key(machine.interface),
        place=Place.MACHINE,
        owner=ids.key(machine.id),
        address=machine.address,
        gateway=subnet.gateway,
        inbound=inbound,
        outbound=outbound,
        nat=subnet.nat,
    )


def _endpoint_port(world: World, endpoint: Record, subnets: _Subnets) -> tuple[str, Port] | None:
    """A private endpoint's network and port, when the fabric has the service behind it."""
    service = text(endpoint.inputs, "privateLinkServiceConnections[0].privateLinkServiceId") or ""
    given = address(text(endpoint.outputs, "customDnsConfigs[0].ipAddresses[0]") or "")
    subnet = subnets.find(text(endpoint.inputs, "subnet.id") or "")
    kind = type_of(service).casefold()
    if given is None or subnet is None or world.find(service) is None:
        return None
    if kind not in (_SERVERS, _VAULTS):
        return None
    return subnet.network, Port(
        id=ids.key(endpoint.id),
        place=Place.DATABASE if kind == _SERVERS else Place.PLATFORM,
        owner=ids.key(service),
        address=given,
        gateway=subnet.gateway,
        inbound=subnet.endpoint_stages,
    )


def _machine(machine: fleet.FleetMachine, where: str, image: str) -> Machine:
    health = machine.health
    return Machine(
        id=ids.key(machine.id),
        incarnation=machine.incarnation,
        group=ids.key(machine.group),
        name=machine.name,
        hostname=machine.computer_name,
        network=where,
        port=ids.key(machine.interface),
        address=machine.address,
        image=systems.image_for(machine.image, image),
        absent=systems.why_not(machine.image),
        user_data=machine.custom_data,
        vcpus=machine.vcpus,
        memory=machine.memory,
        identities=tuple(ids.key(identity) for identity in machine.identities),
        health=Probe(
            protocol=Protocol(health.protocol),
            port=health.port,
            path=health.path,
            interval=health.interval,
            failures=health.failures,
        )
        if health
        else None,
        repair=machine.repair_seconds,
        script=machine.script,
        notice=machine.notice_seconds,
        leaving=machine.leaving,
    )


def _frontends(world: World, balancer: Record) -> Iterator[tuple[str, Frontend]]:
    """Each rule of a balancer, with the network of its members."""
    given = {
        ids.key(text(found, "id") or ""): found
        for _, found in elements(balancer.outputs, "frontendIPConfigurations")
    }
    probes = {
        ids.key(text(found, "id") or ""): found for _, found in elements(balancer.outputs, "probes")
    }
    for _, rule in elements(balancer.outputs, "loadBalancingRules"):
        configuration = given.get(ids.key(text(rule, "frontendIPConfiguration.id") or ""), {})
        pool = text(rule, "backendAddressPool.id") or ""
        members = fleet.members(world, pool)
        front = _frontend_address(world, configuration)
        port, member_port = number(rule, "frontendPort"), number(rule, "backendPort")
        if front is None or port is None or member_port is None or not members:
            continue
        protocol = (text(rule, "protocol") or "").casefold()
        yield (
            ids.key(members[0].network),
            Frontend(
                id=ids.key(text(rule, "id") or ""),
                address=front,
                port=port,
                member_port=member_port,
                protocol="udp" if protocol == "udp" else "tcp",
                members=tuple(
                    Member(port=ids.key(member.interface), address=member.address)
                    for member in members
                ),
                probe=_probe(probes.get(ids.key(text(rule, "probe.id") or ""))),
                idle_minutes=number(rule, "idleTimeoutInMinutes") or 4,
            ),
        )


def _frontend_address(world: World, configuration: Values) -> IPv4Address | None:
    if target := text(configuration, "publicIPAddress.id"):
        return _public_address(world, target)
    return address(text(configuration, "privateIPAddress") or "")


def _probe(found: Values | None) -> Probe | None:
    port = number(found, "port") if found else None
    if found is None or port is None:
        return None
    return Probe(
        protocol=Protocol((text(found, "protocol") or "tcp").casefold()),
        port=port,
        path=text(found, "requestPath") or "/",
        interval=number(found, "intervalInSeconds") or 15,
        failures=number(found, "probeThreshold") or 1,
    )


def _origin(world: World, server: Record) -> Origin | None:
    """Return whose contents a server begins with, if it does."""
    if not restores(server.inputs):
        return None
    source = source_of(world, server.inputs, SERVER)
    target = text(server.inputs, SOURCE) or ""
    return Origin(id=ids.key(target), incarnation=source.incarnation if source else "")


def _databases(world: World, ports: dict[str, list[Port]]) -> Iterator[Database]:
    endpoints: dict[str, list[str]] = defaultdict(list)
    for found in ports.values():
        for port in found:
            if port.place is Place.DATABASE:
                endpoints[port.owner].append(port.id)
    for server in world.of(SERVER):
        below = list(world.children(server.id))
        authentication = server.inputs.get("authConfig")
        yield Database(
            id=ids.key(server.id),
            incarnation=server.incarnation,
            name=name_of(server.id),
            host=text(server.outputs, "fullyQualifiedDomainName") or "",
            version=text(server.outputs, "version") or "",
            # A restored server has its source's login, with the password that it had there.
            administrator=text(server.outputs, "administratorLogin") or "",
            password=text(server.inputs, "administratorLoginPassword") or "",
            ports=tuple(endpoints[ids.key(server.id)]),
            databases=tuple(name_of(found.id) for found in below if found.type == DATABASE),
            principals={
                name: principal
                for found in below
                if found.type == ADMINISTRATOR
                and (name := text(found.outputs, "principalName"))
                and (principal := text(found.outputs, "objectId"))
            },
            parameters={
                name_of(found.id): value
                for found in below
                if found.type == CONFIGURATION and (value := text(found.inputs, "value"))
            },
            password_login=text(authentication, "passwordAuth") != "Disabled",
            directory_login=text(authentication, "activeDirectoryAuth") == "Enabled",
            tenant=text(authentication, "tenantId") or world.tenant,
            origin=_origin(world, server),
        )
