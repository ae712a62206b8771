import json

import pytest

from sandbox.control.kinds import ApiError
from tests.support.world import RefusedError

SECRETS = "com.amazonaws.eu-central-1.secretsmanager"
OBJECTS = "com.amazonaws.eu-central-1.s3"


def interface(site, name="secrets", **inputs):
    given = {
        "vpcId": site.vpc.short,
        "vpcEndpointType": "Interface",
        "serviceName": SECRETS,
        "subnetIds": [each.short for each in site.subnets],
        "securityGroupIds": [site.group.short],
        "privateDnsEnabled": True,
        **inputs,
    }
    return site.aws.create("ec2:VpcEndpoint", name, **given)


def gateway(site, *tables, name="objects", **inputs):
    return site.aws.create(
        "ec2:VpcEndpoint",
        name,
        vpcId=site.vpc.short,
        serviceName=OBJECTS,
        routeTableIds=[table.short for table in tables],
        **inputs,
    )


@pytest.fixture
def table(site):
    return site.aws.create("ec2:RouteTable", "table", vpcId=site.vpc.short)


def interfaces(site, endpoint):
    return sorted(
        (each.outputs["subnetId"], each.outputs["privateIp"])
        for each in site.aws.world.children(endpoint.id)
    )


def test_an_interface_endpoint_has_an_address_in_each_subnet(site):
    made = interface(site)

    placed = sorted(
        (each["subnetId"], each["ipv4"]) for each in made.outputs["subnetConfigurations"]
    )
    assert placed == sorted(
        [(site.subnets[0].short, "10.30.0.4"), (site.subnets[1].short, "10.30.1.4")]
    )
    assert interfaces(site, made) == placed
    assert [each["dnsName"] for each in made.outputs["dnsEntries"]][1:] == [
        "secretsmanager.eu-central-1.amazonaws.com"
    ]
    assert len(made.outputs["networkInterfaceIds"]) == 2


def test_an_endpoint_can_leave_a_subnet_and_keeps_its_other_address(site):
    made = interface(site)
    changed = site.aws.update(made, subnetIds=[site.subnets[1].short])

    assert interfaces(site, changed) == [(site.subnets[1].short, "10.30.1.4")]
    site.aws.delete(site.subnets[0])
    with pytest.raises(ApiError, match="DependencyViolation"):
        site.aws.delete(site.subnets[1])


def test_the_group_of_an_endpoint_stays(site):
    made = interface(site)

    with pytest.raises(ApiError, match=f"DependencyViolation: resource {site.group.short} has"):
        site.aws.delete(site.group)
    site.aws.delete(made)
    site.aws.delete(site.group)


def test_private_names_need_dns_in_the_vpc(site):
    site.aws.update(site.vpc, enableDnsHostnames=False)

    with pytest.raises(RefusedError) as refused:
        interface(site)
    assert str(refused.value) == (
        "privateDnsEnabled: Enabling private DNS requires both enableDnsSupport and "
        f"enableDnsHostnames VPC attributes set to true for {site.vpc.short} (InvalidParameter)"
    )


def test_a_private_name_belongs_to_one_endpoint(site):
    interface(site)

    with pytest.raises(RefusedError) as refused:
        interface(site, "again")
    assert str(refused.value) == (
        "privateDnsEnabled: private-dns-enabled cannot be set because there is already a "
        "conflicting DNS domain for secretsmanager.eu-central-1.amazonaws.com in the VPC "
        f"{site.vpc.short} (InvalidParameter)"
    )
    interface(site, "other", privateDnsEnabled=False)


def test_one_subnet_a_zone(site):
    third = site.aws.create(
        "ec2:Subnet",
        "third",
        vpcId=site.vpc.short,
        cidrBlock="10.30.7.0/24",
        availabilityZone="eu-central-1a",
    )
    with pytest.raises(RefusedError, match=r"\(DuplicateSubnetsInSameZone\)"):
        interface(site, subnetIds=[site.subnet.short, third.short])


@pytest.mark.parametrize(
    ("inputs", "reason"),
    [
        (
            {"serviceName": "com.amazonaws.eu-central-1.secretmanager"},
            (
                "serviceName: The Vpc Endpoint Service "
                "'com.amazonaws.eu-central-1.secretmanager' does not exist (InvalidServiceName)"
            ),
        ),
        (
            {"serviceName": "com.amazonaws.eu-west-1.secretsmanager"},
            (
                "serviceName: The Vpc Endpoint Service "
                "'com.amazonaws.eu-west-1.secretsmanager' does not exist (InvalidServiceName)"
            ),
        ),
        (
            {"routeTableIds": ["rtb"]},
            (
                "routeTableIds[0]: The routeTable ID 'rtb' does not exist "
                "(InvalidRouteTableID.NotFound)"
            ),
        ),
        (
            {"securityGroupIds": []},
            ("securityGroupIds: the sandbox does not emulate the VPC's default group: give one"),
        ),
    ],
)
def test_an_interface_endpoint_that_is_refused(site, inputs, reason):
    with pytest.raises(RefusedError) as refused:
        interface(site, **inputs)

    assert str(refused.value) == reason


def test_a_gateway_endpoint_has_the_addresses_of_its_service(site, table):
    made = gateway(site, table)
    lists = site.aws.call("ec2:getPrefixList", name=OBJECTS)

    assert made.outputs["prefixListId"] == lists["id"]
    assert made.outputs["cidrBlocks"] == lists["cidrBlocks"]
    assert json.loads(made.outputs["policy"])["Statement"][0]["Effect"] == "Allow"


def test_a_route_table_has_one_gateway_of_a_service(site, table):
    gateway(site, table)

    with pytest.raises(RefusedError, match=rf"route table {table.short} already .*RouteAlreadyE"):
        gateway(site, table, name="again")


def test_a_gateway_has_no_groups_and_its_policy_is_one(site, table):
    with pytest.raises(RefusedError) as refused:
        gateway(site, table, securityGroupIds=[site.group.short])
    assert str(refused.value) == (
        "securityGroupIds: an endpoint of type Gateway has no securityGroupIds (InvalidParameter)"
    )
    assert site.aws.problems("ec2:VpcEndpoint", vpcId="x", policy="{") == [
        "policy: Policy document is not a valid JSON policy (InvalidPolicyDocument)"
    ]


def test_another_service_is_another_endpoint_and_other_subnets_are_not(site):
    made = interface(site)

    assert site.aws.replaced_by(made, serviceName=OBJECTS) == ["serviceName"]
    assert site.aws.replaced_by(made, subnetIds=[site.subnet.short]) == []
    backwards = [each.short for each in reversed(site.subnets)]
    inputs = {**made.inputs, "subnetIds": backwards}
    assert site.aws.provider.diff(made.type, made.inputs, inputs).differences == ()
