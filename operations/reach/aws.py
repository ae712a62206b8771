"""Who is where on AWS, and which security groups guard them.

A security group is on an interface, wherever that lies: what calls another passes the groups of
both ("Security group rules"). A rule names addresses, a prefix list, or a group: then it is about
the members of that group.
"""

from collections.abc import Callable, Iterator, Mapping

from operations.export.state import Deployment, Resource
from operations.links import Links, UnclearError
from operations.reach.addresses import ANY, V6, Services
from operations.reach.aws_groups import GROUP_TYPES, Groups
from operations.reach.places import (
    BALANCER,
    DATABASE,
    VAULT,
    End,
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
from operations.reach.spans import Spans
from operations.values import at, known, maps, texts

SUBNET = "aws:ec2/subnet:Subnet"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
BALANCER_TYPES = ("aws:lb/loadBalancer:LoadBalancer", "aws:alb/loadBalancer:LoadBalancer")
LISTENER_TYPES = ("aws:lb/listener:Listener", "aws:alb/listener:Listener")

DATABASE_PORTS = {"postgres": 5432, "aurora-postgresql": 5432, "mysql": 3306, "mariadb": 3306}
SQL_SERVER_PORT = 1433

OPEN = Guard((Rule(allow=True, sources=ANY, destinations=ANY),))
"""A network load balancer without a security group takes what comes."""


def read(deployment: Deployment) -> Network:
    """Return the network of a deployment on AWS."""
    return _Reader(deployment).network()


class _Reader:
    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._links = Links(deployment)
        self._services = Services()
        self._doubts: list[tuple[str, str]] = []
        self._own = Spans.union(self._spaces())
        self._groups = Groups(deployment, self._links, self._services)

    def network(self) -> Network:
        readers: Mapping[str, Callable[[Resource], End]] = {
            "aws:autoscaling/group:Group": self._group,
            "aws:ec2/instance:Instance": self._instance,
            "aws:rds/instance:Instance": self._database,
            "aws:rds/cluster:Cluster": self._database,
            "aws:ec2/vpcEndpoint:VpcEndpoint": self._endpoint,
            **dict.fromkeys(BALANCER_TYPES, self._balancer),
        }
        ends = []
        for each in self._deployment.resources:
            read = readers.get(each.type)
            if read is None or each.inputs.get("vpcEndpointType") == "Gateway":
                continue
            try:
                ends.append(read(each))
            except UnclearError as unclear:
                self._doubts.append((self._place(each), str(unclear)))
        ends += self._lists()
        return Network(
            ends=tuple(ends),
            own=self._own,
            doubts=(*self._doubts, *doubts(ends)),
            has_v6=self._groups.names_v6 or bool(self._own & V6),
        )

    def _spaces(self) -> Iterator[Spans]:
        for each in self._deployment.resources:
            if each.type == "aws:ec2/vpc:Vpc":
                given = texts(each.inputs.get("cidrBlock"), each.outputs.get("ipv6CidrBlock"))
                try:
                    yield network(given, f"the address space of '{each.name}'")
                except UnclearError as unclear:
                    self._doubts.append(("the network", str(unclear)))

    def _place(self, resource: Resource) -> str:
        if resource.type in BALANCER_TYPES:
            return BALANCER
        if resource.type.startswith("aws:rds/"):
            return DATABASE
        if resource.type == "aws:ec2/vpcEndpoint:VpcEndpoint":
            service = str(resource.inputs.get("serviceName")).rpartition(".")[2]
            return VAULT if service == "secretsmanager" else f"AWS's {service} API"
        return nodes_name(self._links, resource)

    def _group(self, resource: Resource) -> End:
        given = at(resource.inputs, "launchTemplate")
        key = "launchTemplate"
        if given is None:
            mixed = at(resource.inputs, "mixedInstancesPolicy", "launchTemplate")
            given, key = at(mixed, "launchTemplateSpecification"), "mixedInstancesPolicy"
        name = (
            at(given, "id")
            or at(given, "launchTemplateId")
            or at(given, "name")
            or at(given, "launchTemplateName")
        )
        template = self._links.one(resource, key, name, TEMPLATE)
        if template is None:
            raise UnclearError(f"'{resource.name}' says no launch template")
        interfaces = maps(template.inputs.get("networkInterfaces"))
        groups = self._links.many(
            template,
            "networkInterfaces" if interfaces else "vpcSecurityGroupIds",
            [each for one in interfaces for each in texts(one.get("securityGroups"))]
            or texts(template.inputs.get("vpcSecurityGroupIds")),
            *GROUP_TYPES,
        )
        told = {str(each.get("associatePublicIpAddress")).lower() for each in interfaces}
        subnets = self._subnets(resource, "vpcZoneIdentifiers")
        return self._end(
            resource, Kind.NODES, groups, subnets, public=_is_public(told, subnets), listens=PORTS
        )

    def _instance(self, resource: Resource) -> End:
        if resource.inputs.get("networkInterfaces"):
            raise UnclearError(
                f"'{resource.name}' has interfaces of its own, which are not worked out"
            )
        groups = self._links.many(
            resource,
            "vpcSecurityGroupIds",
            resource.inputs.get("vpcSecurityGroupIds") or [],
            *GROUP_TYPES,
        )
        subnets = self._subnets(resource, "subnetId")
        told = {str(resource.inputs.get("associatePublicIpAddress")).lower()}
        return self._end(
            resource,
            Kind.NODES,
            groups,
            subnets,
            public=_is_public(told, subnets) or self._has_address(resource),
            listens=PORTS,
            single=True,
        )

    def _has_address(self, instance: Resource) -> bool:
        """Return whether an Elastic IP leads to *instance*."""
        for each in self._deployment.resources:
            if each.type in ("aws:ec2/eip:Eip", "aws:ec2/eipAssociation:EipAssociation"):
                key = "instance" if each.type.endswith(":Eip") else "instanceId"
                owner = self._links.one(each, key, each.inputs.get(key), instance.type)
                if owner is instance:
                    return True
        return False

    def _database(self, resource: Resource) -> End:
        groups = self._links.many(
            resource,
            "vpcSecurityGroupIds",
            resource.inputs.get("vpcSecurityGroupIds") or [],
            *GROUP_TYPES,
        )
        subnet_group = self._links.one(
            resource,
            "dbSubnetGroupName",
            resource.inputs.get("dbSubnetGroupName"),
            "aws:rds/subnetGroup:SubnetGroup",
        )
        subnets = self._subnets(subnet_group, "subnetIds") if subnet_group else []
        engine = str(resource.inputs.get("engine"))
        port = known(resource.inputs.get("port"), f"the port of '{resource.name}'")
        usual = SQL_SERVER_PORT if engine.startswith("sqlserver") else DATABASE_PORTS.get(engine)
        found = port or usual
        listens = ports(int(found)) if found else PORTS
        return self._end(
            resource,
            Kind.DATABASE,
            groups,
            subnets,
            public=resource.inputs.get("publiclyAccessible") is True,
            listens=listens,
            machine=False,
        )

    def _endpoint(self, resource: Resource) -> End:
        groups = self._links.many(
            resource,
            "securityGroupIds",
            resource.inputs.get("securityGroupIds") or [],
            *GROUP_TYPES,
        )
        is_vault = self._place(resource) == VAULT
        return self._end(
            resource,
            Kind.VAULT if is_vault else Kind.SERVICE,
            groups,
            self._subnets(resource, "subnetIds"),
            public=False,
            listens=ports(443),
            machine=False,
        )

    def _balancer(self, resource: Resource) -> End:
        groups = self._links.many(
            resource, "securityGroups", resource.inputs.get("securityGroups") or [], *GROUP_TYPES
        )
        mappings = maps(resource.inputs.get("subnetMappings"))
        key = "subnetMappings" if mappings else "subnets"
        named = [each.get("subnetId") for each in mappings] or resource.inputs.get("subnets")
        subnets = self._links.many(resource, key, named or [], SUBNET)
        is_public = resource.inputs.get("internal") is not True
        return self._end(
            resource,
            Kind.BALANCER,
            groups,
            subnets,
            public=is_public,
            listens=Spans.union(self._listened(resource)),
            open_without=True,
        )

    def _listened(self, balancer: Resource) -> Iterator[Spans]:
        for each in self._deployment.resources:
            if each.type in LISTENER_TYPES:
                named = each.inputs.get("loadBalancerArn")
                owner = self._links.one(each, "loadBalancerArn", named, *BALANCER_TYPES)
                if owner is balancer:
                    port = known(each.inputs.get("port"), f"the port of '{each.name}'")
                    yield ports(int(port))

    def _subnets(self, resource: Resource, key: str) -> list[Resource]:
        value = resource.inputs.get(key)
        values = value if isinstance(value, list) or value is None else [value]
        return self._links.many(resource, key, values or [], SUBNET)

    def _end(
        self,
        resource: Resource,
        kind: Kind,
        groups: list[Resource],
        subnets: list[Resource],
        *,
        public: bool,
        listens: Spans,
        single: bool = False,
        machine: bool = True,
        open_without: bool = False,
    ) -> End:
        if not groups and not open_without:
            raise UnclearError(
                f"'{resource.name}' says no security group: it has the network's default"
            )
        ranges = [text for subnet in subnets for text in _ranges(subnet)]
        guards = self._groups.guards(groups)
        return End(
            place=self._place(resource),
            kind=kind,
            addresses=network(ranges, f"the subnets of '{resource.name}'"),
            inbound=(guards.inbound if groups else OPEN,),
            outbound=(guards.outbound if groups else OPEN,),
            groups=frozenset(group.urn for group in groups),
            listens=listens,
            machine=machine,
            public=listens if public else Spans(),
            single=single,
            subnets=tuple(subnet_name(each.name, _ranges(each)) for each in subnets),
        )

    def _lists(self) -> Iterator[End]:
        """Yield what prefix lists name, in any rule read before."""
        for name in self._services.names:
            yield End(
                place=name,
                kind=Kind.SERVICE,
                addresses=self._services.of(name),
                abroad=True,
            )


def _ranges(subnet: Resource) -> list[str]:
    return texts(subnet.inputs.get("cidrBlock"), subnet.inputs.get("ipv6CidrBlock"))


def _is_public(told: set[str], subnets: list[Resource]) -> bool:
    """Return whether a machine gets a public address: as it says, or as its subnet says."""
    if told & {"true", "false"}:
        return "true" in told
    return any(subnet.inputs.get("mapPublicIpOnLaunch") is True for subnet in subnets)
