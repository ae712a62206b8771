import json
from ipaddress import IPv4Network

import pytest

from tests.support.aws import ACCOUNT, CLOSED, PREFIX, deployed, world
from tests.support.azure import changed
from tests.support.cloud import World

SUBNET = "aws:ec2/subnet:Subnet"
ROUTE = "aws:ec2/route:Route"
TABLE = "aws:ec2/routeTable:RouteTable"
MEMBER = "aws:ec2/routeTableAssociation:RouteTableAssociation"
NAT = "aws:ec2/natGateway:NatGateway"
INTERNET = "aws:ec2/internetGateway:InternetGateway"
ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"
EIP = "aws:ec2/eip:Eip"


def guarded(**changes: object) -> World:
    """The small environment with protection, in three zones."""
    zones = {"web__zones": [1, 2, 3], "compute__zones": [1, 2, 3]}
    return deployed(changed("dev-aws", protection=True, **zones, **changes))


def ways(deployment: World) -> dict[str, str]:
    """Where each subnet's traffic for the internet goes: the gateway's name, or nowhere."""
    gateways = {
        route["routeTableId"]: route.get("natGatewayId") or route["gatewayId"]
        for route in deployment.of_type(ROUTE).values()
    }
    return {
        member["subnetId"].removesuffix("-id"): gateways.get(member["routeTableId"], "nowhere")
        for member in deployment.of_type(MEMBER).values()
    }


def test_the_vpc_has_our_range_and_resolves_private_names() -> None:
    vpc = world("dev-aws").only("aws:ec2/vpc:Vpc")
    assert vpc["cidrBlock"] == "10.20.0.0/16"
    assert vpc["enableDnsSupport"] is True
    assert vpc["enableDnsHostnames"] is True


def test_each_tier_has_a_subnet_a_zone() -> None:
    subnets = world("dev-aws").of_type(SUBNET)
    assert {
        name.removeprefix("test-network-"): (subnet["availabilityZone"], subnet["cidrBlock"])
        for name, subnet in subnets.items()
    } == {
        "compute-a": ("eu-central-1a", "10.20.128.0/24"),
        "compute-b": ("eu-central-1b", "10.20.129.0/24"),
        "endpoints-a": ("eu-central-1a", "10.20.64.0/27"),
        "endpoints-b": ("eu-central-1b", "10.20.64.32/27"),
        "public-a": ("eu-central-1a", "10.20.96.0/27"),
        "public-b": ("eu-central-1b", "10.20.96.32/27"),
        "web-a": ("eu-central-1a", "10.20.0.0/24"),
        "web-b": ("eu-central-1b", "10.20.1.0/24"),
    }


def test_three_zones_are_three_subnets_that_do_not_overlap() -> None:
    ranges = [IPv4Network(subnet["cidrBlock"]) for subnet in guarded().of_type(SUBNET).values()]
    assert len(ranges) == 12
    assert not any(a.overlaps(b) for a in ranges for b in ranges if a is not b)


def test_another_zone_leaves_the_subnets_of_the_others_as_they_are() -> None:
    two, three = world("dev-aws").of_type(SUBNET), guarded().of_type(SUBNET)
    assert {name: three[name] for name in two} == two


def test_nothing_gets_a_public_address_by_itself() -> None:
    deployment = world("dev-aws")
    assert all(
        subnet["mapPublicIpOnLaunch"] is False for subnet in deployment.of_type(SUBNET).values()
    )
    assert sorted(deployment.of_type(EIP)) == [
        "test-balancer-public-address-a",
        "test-balancer-public-address-b",
        "test-network-nat-a-address",
    ]


def test_the_group_that_aws_makes_with_the_vpc_lets_nobody_talk() -> None:
    group = world("dev-aws").only("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup")
    assert (group["ingress"], group["egress"]) == ([], [])


def test_only_the_public_tier_meets_the_internet_and_endpoints_go_nowhere() -> None:
    assert ways(world("dev-aws")) == {
        "test-network-public-a": "test-network-internet-id",
        "test-network-public-b": "test-network-internet-id",
        "test-network-web-a": "test-network-nat-a-id",
        "test-network-web-b": "test-network-nat-a-id",
        "test-network-compute-a": "test-network-nat-a-id",
        "test-network-compute-b": "test-network-nat-a-id",
        "test-network-endpoints-a": "nowhere",
        "test-network-endpoints-b": "nowhere",
    }


def test_with_protection_each_zone_has_a_way_out_of_its_own() -> None:
    deployment = guarded()
    found = ways(deployment)
    for zone in "abc":
        assert found[f"test-network-web-{zone}"] == f"test-network-nat-{zone}-id"
        assert found[f"test-network-compute-{zone}"] == f"test-network-nat-{zone}-id"
    for name, gateway in deployment.of_type(NAT).items():
        zone = name[-1]
        assert gateway["subnetId"] == f"test-network-public-{zone}-id"
        assert gateway["allocationId"] == f"eipalloc-test-network-nat-{zone}-address"


def test_every_route_is_for_the_internet_and_a_resource_of_its_own() -> None:
    deployment = world("dev-aws")
    assert {r["destinationCidrBlock"] for r in deployment.of_type(ROUTE).values()} == {"0.0.0.0/0"}
    assert not any("routes" in table for table in deployment.of_type(TABLE).values())


def test_a_nat_gateway_waits_for_the_way_to_the_internet() -> None:
    (options,) = world("dev-aws").options_of(NAT).values()
    assert any(urn.endswith("::test-network-public") for urn in options.depends_on)


def test_without_egress_only_the_balancer_meets_the_internet() -> None:
    closed = deployed(changed("dev-aws", **CLOSED))
    assert closed.of_type(NAT) == {}
    met = {name for name, way in ways(closed).items() if way != "nowhere"}
    assert met == {"test-network-public-a", "test-network-public-b"}


def test_an_internal_environment_without_egress_has_no_internet_at_all() -> None:
    closed = deployed(changed("dev-aws", **CLOSED, loadBalancer__exposure="internal"))
    assert closed.of_type(INTERNET) == closed.of_type(ROUTE) == closed.of_type(EIP) == {}
    assert not [name for name in closed.of_type(SUBNET) if "public" in name]


def test_flows_are_logged_for_long_enough_and_with_our_key() -> None:
    deployment = guarded()
    log = deployment.only("aws:ec2/flowLog:FlowLog")
    group = deployment.of_type("aws:cloudwatch/logGroup:LogGroup")["test-network-flows"]
    assert log["trafficType"] == "ALL"
    assert log["logDestination"].endswith("/test-network-flows")
    assert group["retentionInDays"] == 365
    assert group["kmsKeyId"].endswith("/test-foundation-key")


def test_flow_logs_are_written_by_a_role_that_can_do_nothing_else() -> None:
    deployment = world("dev-aws")
    role = deployment.of_type("aws:iam/role:Role")["test-network-flows"]
    (trust,) = json.loads(role["assumeRolePolicy"])["Statement"]
    assert trust["Principal"] == {"Service": "vpc-flow-logs.amazonaws.com"}
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
    policy = deployment.of_type("aws:iam/rolePolicy:RolePolicy")["test-network-flows"]
    (statement,) = json.loads(policy["policy"])["Statement"]
    assert all(action.startswith("logs:") for action in statement["Action"])
    assert all(
        arn.removesuffix(":*").endswith("/test-network-flows") for arn in statement["Resource"]
    )


def policy_of(endpoint: dict) -> dict:
    (statement,) = json.loads(endpoint["policy"])["Statement"]
    return statement


def test_nodes_call_these_services_privately_and_under_their_usual_names() -> None:
    deployment = world("dev-aws")
    endpoints = deployment.of_type(ENDPOINT)
    interfaces = {n: e for n, e in endpoints.items() if e["vpcEndpointType"] == "Interface"}
    assert sorted(endpoint["serviceName"] for endpoint in interfaces.values()) == [
        "com.amazonaws.eu-central-1.autoscaling",
        "com.amazonaws.eu-central-1.secretsmanager",
    ]
    for endpoint in interfaces.values():
        assert endpoint["privateDnsEnabled"] is True
        assert endpoint["subnetIds"] == [
            "test-network-endpoints-a-id",
            "test-network-endpoints-b-id",
        ]
        assert endpoint["securityGroupIds"] == ["test-network-firewall-endpoints-id"]


def test_an_endpoint_serves_this_account_and_what_nodes_call() -> None:
    for name, endpoint in world("dev-aws").of_type(ENDPOINT).items():
        statement = policy_of(endpoint)
        assert statement["Condition"] == {"StringEquals": {"aws:PrincipalAccount": ACCOUNT}}, name
        assert "*" not in statement["Action"]


def test_objects_come_from_our_bucket_by_a_gateway_in_the_nodes_routes() -> None:
    deployment = world("dev-aws")
    (gateway,) = (
        e for e in deployment.of_type(ENDPOINT).values() if e["vpcEndpointType"] == "Gateway"
    )
    assert gateway["serviceName"] == "com.amazonaws.eu-central-1.s3"
    assert gateway["routeTableIds"] == ["test-network-nodes-a-id", "test-network-nodes-b-id"]
    statement = policy_of(gateway)
    assert statement["Action"] == ["s3:GetObject"]
    assert statement["Resource"] == f"arn:aws:s3:::{PREFIX}-artifacts/*"
    bucket = deployment.only("aws:s3/bucket:Bucket")
    assert bucket["bucket"] == f"{PREFIX}-artifacts"


@pytest.mark.parametrize("allowed", [False, True])
def test_shells_have_their_endpoints_only_where_they_are_allowed(allowed: bool) -> None:
    deployment = deployed(changed("dev-aws", access__sessionManager=allowed))
    found = {
        endpoint["serviceName"].rpartition(".")[2]
        for endpoint in deployment.of_type(ENDPOINT).values()
    }
    assert found & {"ssm", "ssmmessages", "ec2messages"} == (
        {"ssm", "ssmmessages", "ec2messages"} if allowed else set()
    )
