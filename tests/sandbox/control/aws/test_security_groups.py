import pytest

from sandbox.control.kinds import ApiError
from tests.support.world import RefusedError

CLIENTS = {
    "ipProtocol": "tcp",
    "fromPort": 12800,
    "toPort": 12800,
    "cidrIpv4": "203.0.113.0/24",
}


def ingress(site, name="rule", group=None, **inputs):
    group = group or site.group
    given = {"securityGroupId": group.short, **CLIENTS, **inputs}
    return site.aws.create("vpc:SecurityGroupIngressRule", name, **given)


def test_a_group_begins_without_rules_and_with_a_name(site):
    assert site.group.outputs["name"].startswith("group-")
    assert len(site.group.outputs["name"]) == len("group-") + 7
    assert site.group.outputs["description"] == "Managed by Pulumi"
    assert site.group.outputs["egress"] == []


def test_names_are_unique_in_a_vpc(site):
    name = site.group.outputs["name"]
    with pytest.raises(RefusedError) as refused:
        site.aws.create("ec2:SecurityGroup", "second", name=name, vpcId=site.vpc.short)

    assert str(refused.value) == (
        f"name: The security group '{name}' already exists for VPC '{site.vpc.short}' "
        "(InvalidGroup.Duplicate)"
    )


@pytest.mark.parametrize(
    ("inputs", "reason"),
    [
        ({"name": "sg-web"}, "name: cannot begin with sg- (InvalidParameterValue)"),
        (
            {"description": "Größe"},
            (
                "description: Value (Größe) for parameter GroupDescription is invalid. Character "
                "sets beyond letters, digits, spaces and ._-:/()#,@[]+=&;{}!$* are not supported. "
                "(InvalidParameterValue)"
            ),
        ),
        (
            {"ingress": [{"fromPort": 1, "toPort": 1, "protocol": "tcp"}]},
            (
                "ingress: the sandbox does not emulate this: declare each rule as an "
                "aws:vpc:SecurityGroupIngressRule, so that no rule is both inline and standalone"
            ),
        ),
    ],
)
def test_a_group_that_is_refused(aws, inputs, reason):
    assert aws.problems("ec2:SecurityGroup", vpcId="vpc", **inputs) == [reason]


def test_a_rule_has_an_id_and_goes_with_its_group(site):
    made = ingress(site, description="clients")

    assert made.short.startswith("sgr-")
    assert made.outputs["securityGroupRuleId"] == made.short
    site.aws.delete(site.group)
    assert site.aws.world.find(made.id) is None


def test_the_same_rule_twice(site):
    ingress(site, description="clients")
    ingress(site, "other", fromPort=12801, toPort=12801)

    with pytest.raises(RefusedError) as refused:
        ingress(site, "again", description="clients, again")
    assert str(refused.value) == (
        ': the specified rule "peer: 203.0.113.0/24, TCP, from port: 12800, to port: 12800, '
        'ALLOW" already exists (InvalidPermission.Duplicate)'
    )


def test_a_group_that_a_rule_of_another_names_stays(site):
    web = site.aws.create("ec2:SecurityGroup", "web", vpcId=site.vpc.short)
    rule = ingress(site, cidrIpv4=None, referencedSecurityGroupId=web.short)

    with pytest.raises(ApiError) as refused:
        site.aws.delete(web)
    assert str(refused.value) == (
        f"api error DependencyViolation: resource {web.short} has a dependent object: {rule.short}"
    )
    site.aws.delete(rule)
    site.aws.delete(web)


def test_a_group_may_name_itself(site):
    ingress(site, cidrIpv4=None, referencedSecurityGroupId=site.group.short)
    site.aws.delete(site.group)


def test_groups_of_a_rule_are_in_one_vpc(site):
    vpc = site.aws.create("ec2:Vpc", "other", cidrBlock="10.40.0.0/16")
    far = site.aws.create("ec2:SecurityGroup", "far", vpcId=vpc.short)

    with pytest.raises(RefusedError, match="two resources that belong to different networks"):
        ingress(site, cidrIpv4=None, referencedSecurityGroupId=far.short)


def test_a_rule_may_name_the_addresses_of_s3(site):
    lists = site.aws.call("ec2:getPrefixList", name="com.amazonaws.eu-central-1.s3")
    made = site.aws.create(
        "vpc:SecurityGroupEgressRule",
        "artifacts",
        securityGroupId=site.group.short,
        ipProtocol="tcp",
        fromPort=443,
        toPort=443,
        prefixListId=lists["id"],
    )

    assert made.outputs["prefixListId"] == lists["id"]
    with pytest.raises(RefusedError, match="pl-01234567"):
        site.aws.update(made, prefixListId="pl-01234567")


@pytest.mark.parametrize(
    ("inputs", "reason"),
    [
        (
            {"cidrIpv4": "203.0.113.1/24"},
            "cidrIpv4: CIDR block 203.0.113.1/24 is malformed (InvalidParameterValue)",
        ),
        (
            {"ipProtocol": "tpc"},
            (
                "ipProtocol: Invalid value 'tpc' for IP protocol. Unknown protocol. "
                "(InvalidParameterValue)"
            ),
        ),
        (
            {"fromPort": 12801},
            "toPort: Invalid TCP/UDP port range (12801:12800) (InvalidParameterValue)",
        ),
        (
            {"ipProtocol": "-1", "fromPort": 1, "toPort": -1},
            "fromPort: a rule for all protocols has no ports (InvalidParameterCombination)",
        ),
        (
            {"prefixListId": "pl-1"},
            (
                "prefixListId: conflicts with cidrIpv4: a rule has one source or destination "
                "(InvalidParameterCombination)"
            ),
        ),
    ],
)
def test_a_rule_that_is_refused(aws, inputs, reason):
    given = {"securityGroupId": "sg", **CLIENTS, **inputs}

    assert aws.problems("vpc:SecurityGroupIngressRule", **given) == [reason]


def test_a_rule_needs_ports_and_a_peer(site):
    with pytest.raises(RefusedError) as refused:
        ingress(site, fromPort=None, cidrIpv4=None)

    assert str(refused.value).splitlines() == [
        (
            "cidrIpv4: one of cidrIpv4, cidrIpv6, prefixListId, referencedSecurityGroupId must be "
            "given (MissingParameter)"
        ),
        "fromPort: The request must contain the parameter fromPort (MissingParameter)",
    ]


def test_a_group_has_sixty_rules_in_each_direction(site):
    for number in range(60):
        ingress(site, f"r{number}", fromPort=number, toPort=number)

    with pytest.raises(RefusedError) as refused:
        ingress(site, "more")
    assert str(refused.value) == (
        ": The maximum number of rules per security group has been reached. "
        "(RulesPerSecurityGroupLimitExceeded)"
    )
    site.aws.create(
        "vpc:SecurityGroupEgressRule", "out", securityGroupId=site.group.short, **CLIENTS
    )


def test_the_default_group_is_adopted_and_goes_with_its_vpc(site):
    made = site.aws.create("ec2:DefaultSecurityGroup", "default", vpcId=site.vpc.short)

    assert made.short == site.vpc.outputs["defaultSecurityGroupId"]
    assert made.outputs["name"] == "default"
    with pytest.raises(RefusedError, match="is adopted already"):
        site.aws.create("ec2:DefaultSecurityGroup", "twice", vpcId=site.vpc.short)
    for each in (site.gateway, *site.subnets, site.group, site.vpc):
        site.aws.delete(each)
    assert site.aws.world.find(made.id) is None
