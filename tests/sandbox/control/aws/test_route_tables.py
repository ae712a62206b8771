import zlib

import pytest

from sandbox.control.kinds import ApiError
from tests.support.world import RefusedError

EVERYWHERE = "0.0.0.0/0"


@pytest.fixture
def table(site):
    return site.aws.create("ec2:RouteTable", "table", vpcId=site.vpc.short)


@pytest.fixture
def foreign(site):
    """A gateway of another VPC."""
    vpc = site.aws.create("ec2:Vpc", "other", cidrBlock="10.40.0.0/16")
    return site.aws.create("ec2:InternetGateway", "other", vpcId=vpc.short)


def route(site, table, name="route", **inputs):
    return site.aws.create("ec2:Route", name, routeTableId=table.short, **inputs)


def test_a_route_is_called_by_its_table_and_destination(site, table):
    made = route(site, table, destinationCidrBlock=EVERYWHERE, gatewayId=site.gateway.short)

    assert made.short == f"r-{table.short}{zlib.crc32(EVERYWHERE.encode())}"
    assert made.parent == table.id
    assert made.outputs["state"] == "active"


def test_a_destination_is_routed_once(site, table):
    route(site, table, destinationCidrBlock=EVERYWHERE, gatewayId=site.gateway.short)

    with pytest.raises(RefusedError, match=r"\(RouteAlreadyExists\)"):
        route(site, table, "x", destinationCidrBlock=EVERYWHERE, gatewayId=site.gateway.short)


def test_the_local_route_is_there_already(site, table):
    with pytest.raises(RefusedError) as refused:
        route(site, table, destinationCidrBlock="10.30.0.0/16", gatewayId=site.gateway.short)

    assert str(refused.value) == (
        "destinationCidrBlock: The route identified by 10.30.0.0/16 already exists. "
        "(RouteAlreadyExists)"
    )


def test_a_target_is_in_the_tables_network(site, table, foreign):
    with pytest.raises(RefusedError) as refused:
        route(site, table, destinationCidrBlock=EVERYWHERE, gatewayId=foreign.short)

    assert str(refused.value) == (
        f"gatewayId: route table {table.short} and network gateway {foreign.short} belong to "
        "different networks (InvalidParameterValue)"
    )


def test_a_route_has_one_target(site, table):
    with pytest.raises(RefusedError, match="one of gatewayId and natGatewayId must be given"):
        route(site, table, destinationCidrBlock=EVERYWHERE)
    assert site.aws.problems(
        "ec2:Route",
        routeTableId="rtb",
        destinationCidrBlock=EVERYWHERE,
        gatewayId="a",
        natGatewayId="b",
    ) == [("natGatewayId: conflicts with gatewayId: a route has one target "
          "(InvalidParameterCombination)")]  # fmt: skip


def test_a_destination_has_no_host_bits(aws):
    assert aws.problems("ec2:Route", routeTableId="rtb", destinationCidrBlock="10.0.0.1/8") == [
        (
            'destinationCidrBlock: "10.0.0.1/8" is not a valid IPv4 CIDR block '
            "(InvalidParameterValue)"
        )
    ]


def test_a_route_does_not_hold_its_target(site, table):
    route(site, table, destinationCidrBlock=EVERYWHERE, gatewayId=site.gateway.short)

    site.aws.delete(site.gateway)


def test_routes_go_with_their_table(site, table):
    made = route(site, table, destinationCidrBlock=EVERYWHERE, gatewayId=site.gateway.short)
    site.aws.delete(table)

    assert site.aws.world.find(made.id) is None


def test_inline_routes_are_refused_by_name(aws):
    found = aws.problems("ec2:RouteTable", vpcId="x", routes=[{"cidrBlock": EVERYWHERE}])

    assert found == [
        (
            "routes: the sandbox does not emulate this: declare each route as an "
            "aws:ec2/route:Route, so that no route is both inline and standalone"
        )
    ]


def associate(site, table, subnet, name="association"):
    return site.aws.create(
        "ec2:RouteTableAssociation", name, routeTableId=table.short, subnetId=subnet.short
    )


def test_a_table_that_subnets_use_stays(site, table):
    made = associate(site, table, site.subnet)

    with pytest.raises(ApiError) as refused:
        site.aws.delete(table)
    assert str(refused.value) == (
        f"api error DependencyViolation: The routeTable '{table.short}' has dependencies and "
        f"cannot be deleted: {made.short}."
    )
    site.aws.delete(made)
    site.aws.delete(table)


def test_a_subnet_uses_one_table(site, table):
    first = associate(site, table, site.subnet)
    other = site.aws.create("ec2:RouteTable", "other", vpcId=site.vpc.short)

    with pytest.raises(RefusedError) as refused:
        associate(site, other, site.subnet, "again")
    assert str(refused.value) == (
        f"subnetId: the specified association for route table {other.short} conflicts with an "
        f"existing association: {first.short} (Resource.AlreadyAssociated)"
    )
    changed = site.aws.update(first, routeTableId=other.short)
    assert changed.short == first.short


def test_a_table_and_its_subnet_are_in_one_network(site, foreign):
    other = site.aws.create("ec2:RouteTable", "other", vpcId=foreign.inputs["vpcId"])

    with pytest.raises(RefusedError, match=f"route table {other.short} and subnet .* different"):
        associate(site, other, site.subnet)


def test_an_association_goes_with_its_subnet(site, table):
    made = associate(site, table, site.subnet)
    site.aws.delete(site.subnet)

    assert site.aws.world.find(made.id) is None
    site.aws.delete(table)


def test_a_vpc_has_one_internet_gateway(site):
    with pytest.raises(RefusedError) as refused:
        site.aws.create("ec2:InternetGateway", "second", vpcId=site.vpc.short)

    assert str(refused.value) == (
        f"vpcId: resource {site.vpc.short} already has an internet gateway attached "
        "(Resource.AlreadyAssociated)"
    )
    assert site.aws.create("ec2:InternetGateway", "third").outputs["arn"].startswith("arn:aws:ec2:")


def test_a_route_and_an_association_are_imported_by_what_they_join(site, table):
    way = route(site, table, destinationCidrBlock=EVERYWHERE, gatewayId=site.gateway.short)
    made = associate(site, table, site.subnet)
    provider = site.aws.provider

    assert provider.read(way.type, f"{table.short}_{EVERYWHERE}", {}, {}).id == way.short
    assert provider.read(made.type, f"{site.subnet.short}/{table.short}", {}, {}).id == made.short
    with pytest.raises(ApiError, match=r"InvalidAssociationID\.NotFound"):
        provider.read(made.type, f"{site.subnet.short}/rtb-0", {}, {})
