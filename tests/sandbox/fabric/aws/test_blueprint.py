"""What the fabric is asked to make of an account's records, made through the control plane."""

import base64
import json
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Network

import dns.name
import dns.rdatatype
import pytest

from sandbox.control import settings
from sandbox.control.aws import instances, lifecycle
from sandbox.control.kinds import Record
from sandbox.control.world import StoreTransaction
from sandbox.fabric.aws import cloud, names
from sandbox.fabric.aws import instances as machines
from sandbox.fabric.aws.blueprint import RESOLVER, blueprint
from sandbox.fabric.contract import METADATA, Place, Protocol
from sandbox.fabric.notices import Notices
from tests.support.account import AWS, Aws, account

POOL = IPv4Network("198.18.16.0/20")
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "ec2.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
)
SERVING = {
    "name": "serving",
    "lifecycleTransition": "autoscaling:EC2_INSTANCE_LAUNCHING",
    "heartbeatTimeout": 900,
    "defaultResult": "ABANDON",
}
DRAINING = {
    "name": "draining",
    "lifecycleTransition": "autoscaling:EC2_INSTANCE_TERMINATING",
    "heartbeatTimeout": 300,
    "defaultResult": "CONTINUE",
}
TIERS = ("public", "web", "data")
ZONES = "ab"


@dataclass
class Site:
    """A VPC of two zones: a balancer, web nodes behind NAT, endpoints and a database."""

    aws: Aws
    vpc: Record
    subnets: dict[str, list[Record]]
    groups: dict[str, Record]

    def blueprint(self):
        return blueprint(self.aws.world, "complete")

    def network(self):
        (found,) = self.blueprint().networks
        return found

    def ports(self, place=Place.MACHINE):
        return [port for port in self.network().ports if port.place is place]

    def allow(self, kind, group, number, **peer):
        """One rule of a group."""
        self.aws.create(
            f"vpc:SecurityGroup{kind}Rule",
            f"{kind}{group}{number}{peer}",
            securityGroupId=self.groups[group].short,
            ipProtocol="tcp",
            fromPort=number,
            toPort=number,
            description=f"{group} {number}",
            **peer,
        )

    def change(self, act):
        with self.aws.store.change() as rows:
            return act(StoreTransaction(rows, changes=rows, kinds=AWS.kinds.get))

    def look_up(self, name, kind=dns.rdatatype.A):
        hosts = (
            names.Host(name=each.hostname, address=each.address)
            for each in self.blueprint().machines
        )
        found = names.look_up(self.aws.world, self.vpc.id, hosts, dns.name.from_text(name), kind)
        if found.elsewhere is not None:
            return "elsewhere"
        return sorted(str(each) for answer in found.answers for each in answer)


@pytest.fixture
def site(tmp_path):
    aws = account(tmp_path)
    settings.apply(aws.store, POOL)
    vpc = aws.create("ec2:Vpc", "vpc", cidrBlock="10.30.0.0/16", enableDnsHostnames=True)
    gateway = aws.create("ec2:InternetGateway", "igw", vpcId=vpc.short)
    subnets = {
        tier: [
            aws.create(
                "ec2:Subnet",
                f"{tier}-{zone}",
                vpcId=vpc.short,
                cidrBlock=f"10.30.{10 * row + column}.0/24",
                availabilityZone=f"eu-central-1{zone}",
            )
            for column, zone in enumerate(ZONES)
        ]
        for row, tier in enumerate(TIERS)
    }
    address = aws.create("ec2:Eip", "nat", domain="vpc")
    nat = aws.create(
        "ec2:NatGateway",
        "nat",
        subnetId=subnets["public"][0].short,
        allocationId=address.short,
    )
    ways = {"public": {"gatewayId": gateway.short}, "web": {"natGatewayId": nat.short}}
    for tier, way in ways.items():
        table = aws.create("ec2:RouteTable", tier, vpcId=vpc.short)
        aws.create(
            "ec2:Route",
            tier,
            routeTableId=table.short,
            destinationCidrBlock="0.0.0.0/0",
            **way,
        )
        for subnet in subnets[tier]:
            aws.create(
                "ec2:RouteTableAssociation",
                f"{tier}{subnet.short}",
                routeTableId=table.short,
                subnetId=subnet.short,
            )
    groups = {
        name: aws.create("ec2:SecurityGroup", name, name=f"{name}-dev", vpcId=vpc.short)
        for name in ("balancer", "web", "data")
    }
    yield Site(aws, vpc, subnets, groups)
    aws.store.close()


@pytest.fixture
def balancer(site):
    """A public balancer in both zones, its listener and target group."""
    mappings = [
        {
            "subnetId": subnet.short,
            "allocationId": site.aws.create("ec2:Eip", f"front{number}").short,
        }
        for number, subnet in enumerate(site.subnets["public"])
    ]
    made = site.aws.create(
        "lb:LoadBalancer",
        "front",
        name="front",
        loadBalancerType="network",
        internal=False,
        securityGroups=[site.groups["balancer"].short],
        subnetMappings=mappings,
        enableCrossZoneLoadBalancing=True,
    )
    targets = site.aws.create(
        "lb:TargetGroup",
        "web",
        name="web",
        port=12800,
        protocol="TCP",
        vpcId=site.vpc.short,
        healthCheck={
            "protocol": "HTTPS",
            "path": "/ping",
            "port": "12800",
            "interval": 5,
            "timeout": 4,
            "healthyThreshold": 2,
            "unhealthyThreshold": 3,
            "matcher": "200",
        },
    )
    site.aws.create(
        "lb:Listener",
        "front",
        loadBalancerArn=made.id,
        port=12800,
        protocol="TCP",
        defaultActions=[{"type": "forward", "targetGroupArn": targets.id}],
    )
    return made, targets


@pytest.fixture
def web(site, balancer):
    """Two web nodes behind the balancer."""
    return group(site, balancer, "136693071363", "debian-12-amd64-20250210-2019")


def group(site, balancer, owner, image):
    role = site.aws.create("iam:Role", "web", name="web", assumeRolePolicy=TRUST)
    profile = site.aws.create("iam:InstanceProfile", "web", name="web", role=role.short)
    image = site.aws.call(
        "ec2:getAmi",
        owners=[owner],
        filters=[{"name": "name", "values": [image]}],
    )["id"]
    template = site.aws.create(
        "ec2:LaunchTemplate",
        "web",
        name="web",
        imageId=image,
        instanceType="t3.medium",
        userData=base64.b64encode(b"#cloud-config\n").decode(),
        vpcSecurityGroupIds=[site.groups["web"].short],
        iamInstanceProfile={"arn": profile.id},
        metadataOptions={
            "httpTokens": "required",
            "httpPutResponseHopLimit": 1,
            "instanceMetadataTags": "enabled",
        },
    )
    return site.aws.create(
        "autoscaling:Group",
        "web",
        name="web",
        minSize=2,
        maxSize=4,
        desiredCapacity=2,
        vpcZoneIdentifiers=[subnet.short for subnet in site.subnets["web"]],
        launchTemplate={"id": template.short, "version": str(template.outputs["latestVersion"])},
        targetGroupArns=[balancer[1].id],
        healthCheckType="ELB",
        healthCheckGracePeriod=120,
        initialLifecycleHooks=[SERVING, DRAINING],
        tags=[{"key": "Name", "value": "dev-web", "propagateAtLaunch": True}],
    )


def endpoint(site, service, kind="Interface", **more):
    given = {
        "vpcId": site.vpc.short,
        "vpcEndpointType": kind,
        "serviceName": f"com.amazonaws.eu-central-1.{service}",
        **more,
    }
    if kind == "Interface":
        given |= {
            "subnetIds": [subnet.short for subnet in site.subnets["data"]],
            "securityGroupIds": [site.groups["data"].short],
            "privateDnsEnabled": True,
        }
    return site.aws.create("ec2:VpcEndpoint", service, **given)


def database(site, **changes):
    subnets = [subnet.short for subnet in site.subnets["data"]]
    site.aws.create("rds:SubnetGroup", "data", name="data", subnetIds=subnets)
    return site.aws.create(
        "rds:Instance",
        "models",
        **{
            "identifier": "models",
            "engine": "postgres",
            "engineVersion": "16",
            "instanceClass": "db.t3.medium",
            "allocatedStorage": 20,
            "storageType": "gp3",
            "dbName": "models",
            "username": "master",
            "manageMasterUserPassword": True,
            "iamDatabaseAuthenticationEnabled": True,
            "dbSubnetGroupName": "data",
            "vpcSecurityGroupIds": [site.groups["data"].short],
            "skipFinalSnapshot": True,
            **changes,
        },
    )


def test_a_vpc_has_its_router_metadata_and_resolvers(site, web):
    network = site.network()

    assert network.id == site.vpc.id
    assert network.ranges == (IPv4Network("10.30.0.0/16"),)
    assert network.given == (METADATA, RESOLVER, IPv4Address("10.30.0.2"))
    assert {str(port.gateway) for port in site.ports()} == {"10.30.10.1", "10.30.11.1"}


def test_instances_are_machines_that_wait_for_their_own_word(site, web):
    first, second = site.blueprint().machines

    assert {str(each.address) for each in (first, second)} == {"10.30.10.4", "10.30.11.4"}
    assert first.group == web.id
    assert first.name.startswith("dev-web-")
    assert first.hostname == f"ip-{str(first.address).replace('.', '-')}"
    assert first.user_data == b"#cloud-config\n"
    assert str(first.resolver) == "10.30.0.2"
    assert (first.held, first.notice, first.notice_unread) == (900.0, 300.0, True)
    assert first.repair == 120.0
    assert len(first.balancers) == 2
    assert first.health.protocol is Protocol.HTTPS


def test_one_that_has_spoken_is_held_no_longer(site, web):
    instance = site.blueprint().machines[0].id.rpartition("/")[2]
    done = site.change(
        lambda rows: lifecycle.complete(rows, web.id, instance, "serving", "CONTINUE")
    )

    assert done
    assert [each.held for each in site.blueprint().machines] == [None, 900.0]


def test_one_that_leaves_is_no_target_any_more(site, web):
    smaller = replace(web, outputs={**web.outputs, "desiredCapacity": 1})
    for machine in site.blueprint().machines:
        instance = machine.id.rpartition("/")[2]
        site.change(lambda rows: lifecycle.complete(rows, web.id, instance, "serving", "CONTINUE"))  # noqa: B023
    site.change(lambda rows: rows.put(smaller))
    site.change(instances.settle_all)

    leaving = [each for each in site.blueprint().machines if each.leaving]
    assert len(leaving) == 1
    for front in site.network().frontends:
        assert len(front.members) == 1
        assert front.members[0].address != leaving[0].address


def test_a_balancer_has_a_frontend_in_each_zone_with_an_address_and_probes_of_its_own(site, web):
    fronts = site.network().frontends

    assert len({front.address for front in fronts}) == 2
    assert all(front.address in POOL for front in fronts)
    assert {str(front.probe_from) for front in fronts} == {"10.30.0.5", "10.30.1.4"}
    assert {(front.port, front.member_port) for front in fronts} == {(12800, 12800)}
    assert all(len(front.members) == 2 for front in fronts)
    probe = fronts[0].probe
    assert (probe.protocol, probe.path, probe.interval, probe.failures) == (
        Protocol.HTTPS,
        "/ping",
        5.0,
        3,
    )


def test_rules_are_one_stage_that_only_allows(site, web):
    site.allow("Ingress", "web", 12800, referencedSecurityGroupId=site.groups["balancer"].short)
    site.allow("Ingress", "balancer", 12800, cidrIpv4="203.0.113.0/24")
    site.allow("Egress", "balancer", 12800, referencedSecurityGroupId=site.groups["web"].short)
    site.allow("Egress", "web", 443, cidrIpv4="0.0.0.0/0")
    network = site.network()
    port = site.ports()[0]

    ((rule,),) = [stage.rules for stage in port.inbound]
    assert rule.allow
    assert set(rule.frontends) == {front.id for front in network.frontends}
    nodes = {IPv4Network(front.probe_from) for front in network.frontends}
    assert set(rule.sources) == nodes
    ((clients,),) = [stage.rules for stage in network.frontends[0].inbound]
    assert clients.sources == (IPv4Network("203.0.113.0/24"),)
    ((members,),) = [stage.rules for stage in network.frontends[0].outbound]
    assert {str(each) for each in members.destinations} == {"10.30.10.4/32", "10.30.11.4/32"}
    ((out,),) = [stage.rules for stage in port.outbound]
    assert out.destination_ports == ((443, 443),)


def test_a_group_without_rules_lets_nothing_in_or_out(site, web):
    port = site.ports()[0]

    assert [stage.rules for stage in (*port.inbound, *port.outbound)] == [(), ()]


def test_ways_out_follow_the_route_tables(site, web):
    (nat,) = site.aws.world.of("aws:ec2/natGateway:NatGateway")

    assert {str(port.nat) for port in site.ports()} == {nat.outputs["publicIp"]}
    (route,) = [
        each for each in site.aws.world.of("aws:ec2/route:Route") if "natGatewayId" in each.inputs
    ]
    site.aws.delete(route)
    assert {port.nat for port in site.ports()} == {None}
    assert all(not service.ports for service in site.network().services)


def test_endpoints_are_ports_of_the_platform(site, web):
    made = endpoint(site, "secretsmanager")
    ports = [port for port in site.ports(Place.PLATFORM) if port.owner == made.id]

    assert len(ports) == 2
    assert all(port.inbound for port in ports)


def test_a_gateway_endpoint_is_a_way_to_its_service_alone(site, web):
    (route,) = [
        each for each in site.aws.world.of("aws:ec2/route:Route") if "natGatewayId" in each.inputs
    ]
    table = route.inputs["routeTableId"]
    site.aws.delete(route)
    endpoint(site, "s3", "Gateway", routeTableIds=[table])
    reached = {service.id: len(service.ports) for service in site.network().services}

    assert reached["s3.eu-central-1"] == 2
    assert {count for name, count in reached.items() if not name.startswith("s3.")} == {0}


def test_a_database_has_its_masters_password_from_the_secret(site):
    made = database(site)
    (found,) = site.blueprint().databases

    assert found.id == made.id
    assert (found.administrator, found.databases) == ("master", ("models",))
    assert len(found.password) >= 20
    assert found.directory_login
    assert found.parameters["rds.force_ssl"] == "1"
    assert found.host == made.outputs["address"]
    (port,) = site.ports(Place.DATABASE)
    assert found.ports == (port.id,)


def test_parameters_are_those_of_the_group(site):
    parameters = [{"name": "rds.force_ssl", "value": "0"}, {"name": "work_mem", "value": "8192"}]
    site.aws.create(
        "rds:ParameterGroup", "own", name="own", family="postgres16", parameters=parameters
    )
    database(site, parameterGroupName="own")
    (found,) = site.blueprint().databases

    assert found.parameters == {"rds.force_ssl": "0", "work_mem": "8192"}


def test_names_lead_to_where_things_are(site, web, balancer):
    made = database(site)
    front, _ = balancer
    public = sorted(str(each.address) for each in site.network().frontends)

    assert site.look_up(made.outputs["address"]) == [
        str(port.address) for port in site.ports(Place.DATABASE)
    ]
    assert site.look_up(front.outputs["dnsName"]) == public
    assert site.look_up("ip-10-30-10-4.eu-central-1.compute.internal") == ["10.30.10.4"]
    assert site.look_up("any.s3.eu-central-1.amazonaws.com") == ["192.0.2.1"]
    assert site.look_up("4.10.30.10.in-addr.arpa", dns.rdatatype.PTR) == [
        "ip-10-30-10-4.eu-central-1.compute.internal."
    ]
    assert site.look_up("99.10.30.10.in-addr.arpa", dns.rdatatype.PTR) == []
    assert site.look_up("deb.debian.org") == "elsewhere"


def test_a_services_name_has_the_endpoints_addresses_where_there_is_one(site):
    name = "secretsmanager.eu-central-1.amazonaws.com"
    (public,) = site.look_up(name)
    assert IPv4Address(public).is_global
    endpoint(site, "secretsmanager")

    found = site.look_up(name)
    assert len(found) == 2
    assert all(each.startswith("10.30.2") for each in found)


@pytest.mark.parametrize(
    "name",
    ["ec2.eu-central-1.amazonaws.com", "other.rds.amazonaws.com", "ip-10-30-10-99.ec2.internal"],
)
def test_what_the_sandbox_does_not_have_is_not_asked_of_the_real_cloud(site, name):
    assert site.look_up(name) == []


def test_an_instance_knows_itself(site, web):
    notices = Notices()
    machine = site.blueprint().machines[0]
    found = machines.of(site.aws.world, machine, notices)

    assert found.id == machine.id.rpartition("/")[2]
    assert (found.region, found.zone) == ("eu-central-1", f"eu-central-1{ZONES[0]}")
    assert found.profile.role.role == "web"
    assert found.tags["aws:autoscaling:groupName"] == "web"
    assert found.lifecycle == "InService"
    notices.post(machine, 60)
    assert machines.of(site.aws.world, machine, notices).lifecycle == "Terminated"


def test_an_older_system_boots_the_image_that_stands_for_it_and_says_so(site, balancer):
    made = group(site, balancer, "self", "ubuntu-16.04")

    machines = site.blueprint().machines
    assert {(each.image, each.absent) for each in machines} == {("family", "")}
    (caution,) = cloud.Aws("base").cautions(site.aws.world, made.id)
    assert caution.startswith("what boots for Ubuntu 16.04 is Debian 12")


def test_windows_never_boots_and_says_so(site, balancer):
    made = group(site, balancer, "self", "windows-server-2016")

    (caution,) = cloud.Aws("base").cautions(site.aws.world, made.id)
    assert caution.startswith("machines of Windows Server 2016 exist as records only")
    assert {each.absent for each in site.blueprint().machines} == {caution}
