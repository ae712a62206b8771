"""Who is where on Azure, and which rules of network security groups guard them.

A packet between two subnets passes the group of the subnet that it leaves, then that of the subnet
that it comes to; each interface may have one more ("How network security groups filter network
traffic"). A load balancer hands packets on with their sender's address, so that the group of the
members decides about a client. A private endpoint is guarded where its subnet says so ("Manage
network policies for private endpoints").
"""

from collections.abc import Iterator, Mapping
from typing import Any

from operations.export.state import Deployment, Resource
from operations.links import Links, UnclearError
from operations.reach import azure_public
from operations.reach.addresses import EVERYWHERE, PLATFORM, PRIVATE, V6, Services
from operations.reach.azure_groups import Groups
from operations.reach.places import (
    BALANCER,
    BUILDERS,
    DATABASE,
    PRIVATE_WORKSPACE,
    REGISTRY,
    STORAGE,
    VAULT,
    End,
    Front,
    Guard,
    Kind,
    Network,
    doubts,
    nodes_name,
    ports,
    subnet_name,
)
from operations.reach.reading import network
from operations.reach.rules import PORTS, Rule
from operations.reach.spans import NONE, Spans
from operations.values import at, maps, texts

SUBNET = "azure-native:network:Subnet"
LOAD_BALANCER = "azure-native:network:LoadBalancer"

PRIVATE_ENDPOINTS: Mapping[str, tuple[str, Kind, Spans]] = {
    "postgresqlServer": (DATABASE, Kind.DATABASE, ports(5432, 6432)),
    "sqlServer": (DATABASE, Kind.DATABASE, ports(1433, (11000, 11999))),
    "vault": (VAULT, Kind.VAULT, ports(443)),
    "blob": (STORAGE, Kind.SERVICE, ports(443)),
    "registry": (REGISTRY, Kind.SERVICE, ports(443)),
    "amlworkspace": (PRIVATE_WORKSPACE, Kind.ENDPOINT, ports(443)),
}
"""By sub-resource ("Private-link resource"): what it is, and the ports that the service has."""


def read(deployment: Deployment) -> Network:
    """Return the network of a deployment on Azure."""
    return _Reader(deployment).network()


class _Reader:
    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._links = Links(deployment)
        self._doubts: list[tuple[str, str]] = []
        self._services = Services()
        self._own = Spans.union(self._spaces())
        self._groups = Groups(deployment, self._links, self._own, self._services)
        self._members: dict[str, list[End]] = {}
        """By URN of the load balancer that sends to them."""
        self._balancers = {
            each.urn: each for each in deployment.resources if each.type == LOAD_BALANCER
        }

    def network(self) -> Network:
        ends = [*self._machines(), *self._endpoints()]
        fronts = list(self._fronts())
        ends += self._tags()  # before the services' public sides have numbers among the tags
        public = azure_public.ends(self._deployment, self._links, self._services)
        ends += public.ends
        return Network(
            ends=tuple(ends),
            own=self._own,
            fronts=tuple(fronts),
            doubts=(*self._doubts, *public.doubts, *doubts(ends)),
            has_v6=self._groups.names_v6 or bool(self._own & V6),
        )

    def _spaces(self) -> Iterator[Spans]:
        for each in self._of("azure-native:network:VirtualNetwork"):
            prefixes = texts(at(each.inputs, "addressSpace", "addressPrefixes"))
            try:
                yield network(prefixes, f"the address space of '{each.name}'")
            except UnclearError as unclear:
                self._doubts.append(("the network", str(unclear)))

    def _of(self, kind: str) -> list[Resource]:
        return [each for each in self._deployment.resources if each.type == kind]

    def _machines(self) -> Iterator[End]:
        for each in self._of("azure-native:compute:VirtualMachineScaleSet"):
            profile = at(each.inputs, "virtualMachineProfile", "networkProfile")
            for interface in maps(at(profile, "networkInterfaceConfigurations")):
                yield from self._interface(each, "virtualMachineProfile", interface)
        for each in self._of("azure-native:network:NetworkInterface"):
            yield from self._interface(each, "ipConfigurations", each.inputs)
        for each in self._of("azure-native:containerregistry:AgentPool"):
            value = each.inputs.get("virtualNetworkSubnetResourceId")
            try:
                subnet = self._links.one(each, "virtualNetworkSubnetResourceId", value, SUBNET)
                if subnet:
                    yield self._end(BUILDERS, Kind.NODES, subnet, self._addresses(subnet))
            except UnclearError as unclear:
                self._doubts.append((BUILDERS, str(unclear)))

    def _interface(self, owner: Resource, key: str, interface: Mapping[str, Any]) -> Iterator[End]:
        """Yield the ends of one interface; *key* is the input that tells where it is."""
        place = nodes_name(self._links, owner)
        for address in maps(interface.get("ipConfigurations")):
            try:
                yield self._address(place, owner, key, interface, address)
            except UnclearError as unclear:
                self._doubts.append((place, str(unclear)))

    def _address(
        self,
        place: str,
        owner: Resource,
        key: str,
        interface: Mapping[str, Any],
        address: Mapping[str, Any],
    ) -> End:
        subnet = self._links.one(owner, key, at(address, "subnet", "id"), SUBNET)
        if subnet is None:
            raise UnclearError(f"'{owner.name}' says no subnet")
        pools = [at(each, "id") for each in maps(address.get("loadBalancerBackendAddressPools"))]
        balancers = self._links.many(owner, key, pools, LOAD_BALANCER) if pools else []
        open_to_all = address.get("publicIPAddress") or address.get("publicIPAddressConfiguration")
        published = Spans.union(self._published(balancer) for balancer in balancers)
        group_key = "networkSecurityGroup" if interface is owner.inputs else key
        end = self._end(
            place,
            Kind.NODES,
            subnet,
            self._addresses(subnet),
            extra=(owner, group_key, at(interface, "networkSecurityGroup", "id")),
            public=PORTS if open_to_all else published,
            single=interface is owner.inputs,
        )
        for balancer in balancers:
            self._members.setdefault(balancer.urn, []).append(end)
        return end

    def _end(
        self,
        place: str,
        kind: Kind,
        subnet: Resource,
        addresses: Spans,
        *,
        extra: tuple[Resource, str, Any] | None = None,
        public: Spans = NONE,
        single: bool = False,
    ) -> End:
        inbound, outbound = self._guards(subnet, extra)
        return End(
            place=place,
            kind=kind,
            addresses=addresses,
            inbound=inbound,
            outbound=outbound,
            public=public,
            single=single,
            subnets=(self._subnet(subnet),),
        )

    def _guards(
        self, subnet: Resource, extra: tuple[Resource, str, Any] | None = None
    ) -> tuple[tuple[Guard, ...], tuple[Guard, ...]]:
        of_subnet = (
            subnet,
            "networkSecurityGroup",
            at(subnet.inputs, "networkSecurityGroup", "id"),
        )
        groups = [self._groups.named(*each) for each in (of_subnet, extra) if each]
        found = [group for group in groups if group]
        return tuple(each.inbound for each in found), tuple(each.outbound for each in found)

    def _addresses(self, subnet: Resource) -> Spans:
        return network(_ranges(subnet), f"the address range of subnet '{subnet.name}'")

    def _subnet(self, subnet: Resource) -> str:
        return subnet_name(subnet.name, _ranges(subnet))

    def _endpoints(self) -> Iterator[End]:
        for each in self._of("azure-native:network:PrivateEndpoint"):
            connections = maps(each.inputs.get("privateLinkServiceConnections"))
            kinds = texts(*(connection.get("groupIds") for connection in connections))
            known = PRIVATE_ENDPOINTS.get(kinds[0]) if len(kinds) == 1 else None
            place, kind, listens = known or (f"private endpoint {each.name}", Kind.SERVICE, PORTS)
            try:
                yield self._endpoint(each, place, kind, listens)
            except UnclearError as unclear:
                self._doubts.append((place, str(unclear)))

    def _endpoint(self, resource: Resource, place: str, kind: Kind, listens: Spans) -> End:
        value = at(resource.inputs, "subnet", "id")
        subnet = self._links.one(resource, "subnet", value, SUBNET)
        if subnet is None:
            raise UnclearError(f"'{resource.name}' says no subnet")
        policies = subnet.inputs.get("privateEndpointNetworkPolicies")
        guarded = policies in ("Enabled", "NetworkSecurityGroupEnabled")
        return End(
            place=place,
            kind=kind,
            addresses=self._addresses(subnet),
            inbound=self._guards(subnet)[0] if guarded else (self._neighbours(),),
            listens=listens,
            machine=False,
            subnets=(self._subnet(subnet),),
        )

    def _neighbours(self) -> Guard:
        """Return what reaches a private address that no group guards: who is in reach of it."""
        near = self._own | PRIVATE
        return Guard((Rule(allow=True, sources=near, destinations=EVERYWHERE),))

    def _fronts(self) -> Iterator[Front]:
        for urn, balancer in self._balancers.items():
            for front, member, protocol in self._forwarded(balancer):
                yield Front(
                    place=BALANCER,
                    port=front,
                    members=tuple(self._members.get(urn, ())),
                    member_port=member,
                    public=self._is_public(balancer),
                    protocol=protocol,
                )

    def _published(self, balancer: Resource) -> Spans:
        """Return the members' ports that the internet can come to through *balancer*."""
        if not self._is_public(balancer):
            return Spans()
        return Spans.union(member for _, member, protocol in self._forwarded(balancer))

    def _is_public(self, balancer: Resource) -> bool:
        fronts = maps(balancer.inputs.get("frontendIPConfigurations"))
        return any(front.get("publicIPAddress") for front in fronts)

    def _forwarded(self, balancer: Resource) -> Iterator[tuple[Spans, Spans, str]]:
        """Yield each port in front, the members' port, and the protocol."""
        rules = maps(balancer.inputs.get("loadBalancingRules"))
        for rule in (*rules, *maps(balancer.inputs.get("inboundNatRules"))):
            try:
                front, member = int(rule["frontendPort"]), int(rule["backendPort"])
            except (KeyError, TypeError, ValueError):
                self._doubts.append(
                    (BALANCER, f"only a deployment tells the ports of '{balancer.name}'")
                )
                continue
            protocol = str(rule.get("protocol", "Tcp")).upper()
            every = front == 0  # an internal balancer's rule for all ports
            for each in ("TCP", "UDP") if protocol == "ALL" else (protocol,):
                yield (PORTS, PORTS, each) if every else (ports(front), ports(member), each)

    def _tags(self) -> Iterator[End]:
        """Yield what service tags name, in any rule read before."""
        yield End(place=BALANCER, kind=Kind.BALANCER, addresses=PLATFORM, listens=NONE, abroad=True)
        for name in self._services.names:
            address = self._services.of(name)
            yield End(place=f"Azure's {name}", kind=Kind.SERVICE, addresses=address, abroad=True)


def _ranges(subnet: Resource) -> list[str]:
    return texts(subnet.inputs.get("addressPrefix"), subnet.inputs.get("addressPrefixes"))
