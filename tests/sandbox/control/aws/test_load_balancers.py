import pytest

from sandbox.control.kinds import ApiError
from tests.support.world import RefusedError


def internal(site, name="web", **inputs):
    given = {
        "name": name,
        "loadBalancerType": "network",
        "internal": True,
        "securityGroups": [site.group.short],
        "subnetMappings": [
            {"subnetId": each.short, "privateIpv4Address": f"10.30.{number}.200"}
            for number, each in enumerate(site.subnets)
        ],
        **inputs,
    }
    return site.aws.create("lb:LoadBalancer", name, **given)


def public(site, addresses, name="web", **inputs):
    mappings = [
        {"subnetId": subnet.short, "allocationId": address.short}
        for subnet, address in zip(site.subnets, addresses, strict=False)
    ]
    return internal(site, name, internal=False, subnetMappings=mappings, **inputs)


@pytest.fixture
def addresses(site):
    return [site.aws.create("ec2:Eip", f"a{number}") for number in range(2)]


def group(site, name="web", **inputs):
    given = {"name": name, "port": 12800, "protocol": "TCP", "vpcId": site.vpc.short, **inputs}
    return site.aws.create("lb:TargetGroup", name, **given)


def listener(site, balancer, target, name="clients", **inputs):
    return site.aws.create(
        "lb:Listener",
        name,
        **{
            "loadBalancerArn": balancer.id,
            "port": 12800,
            "protocol": "TCP",
            "defaultActions": [{"type": "forward", "targetGroupArn": target.id}],
            **inputs,
        },
    )


def test_a_balancer_is_called_by_its_arn_and_has_a_name_for_clients(site):
    made = internal(site)

    suffix = made.outputs["arnSuffix"]
    assert made.short == made.id == made.outputs["arn"]
    assert made.id.endswith(f":loadbalancer/{suffix}")
    assert suffix.startswith("net/web/")
    assert made.outputs["dnsName"] == (
        f"web-{suffix.rpartition('/')[2]}.elb.eu-central-1.amazonaws.com"
    )
    assert made.outputs["vpcId"] == site.vpc.short


def test_a_balancer_has_an_interface_with_its_group_in_each_subnet(site, addresses):
    made = public(site, addresses)

    found = sorted(
        (each.outputs["privateIp"], each.outputs["securityGroups"])
        for each in site.aws.world.children(made.id)
    )
    assert found == [("10.30.0.4", [site.group.short]), ("10.30.1.4", [site.group.short])]
    assert [each["privateIpv4Address"] for each in made.outputs["subnetMappings"]] == [
        "10.30.0.4",
        "10.30.1.4",
    ]
    site.aws.delete(made)
    site.aws.delete(site.group)
    for each in (*addresses, *site.subnets):
        site.aws.delete(each)


def test_an_address_is_for_one_balancer_or_gateway(site, addresses):
    public(site, addresses)

    with pytest.raises(RefusedError, match=rf"'{addresses[0].short}' is already in use"):
        public(site, addresses, "second")
    with pytest.raises(RefusedError, match="is already associated"):
        site.aws.create(
            "ec2:NatGateway", subnetId=site.subnet.short, allocationId=addresses[0].short
        )


def test_names_are_unique_in_a_region(site):
    internal(site)

    mappings = [{"subnetId": site.subnet.short}]
    with pytest.raises(RefusedError) as refused:
        site.aws.create(
            "lb:LoadBalancer",
            "other",
            name="web",
            loadBalancerType="network",
            internal=True,
            subnetMappings=mappings,
        )
    assert str(refused.value) == (
        "name: A load balancer with the same name 'web' exists, but with different settings "
        "(DuplicateLoadBalancerName)"
    )


@pytest.mark.parametrize("name", ["internal-web", "-web", "web-", "web_1", "w" * 33])
def test_a_name_that_is_refused(aws, name):
    (found,) = aws.problems("lb:LoadBalancer", name=name, loadBalancerType="network")

    assert found.startswith("name: must ")


def test_a_prefix_is_short(aws):
    assert aws.problems("lb:TargetGroup", namePrefix="website-") == [
        "namePrefix: must have at most 6 characters, got 8"
    ]


def test_a_name_is_made_from_a_prefix(site):
    made = site.aws.create(
        "lb:TargetGroup", "g", namePrefix="web-", port=1, protocol="TCP", vpcId=site.vpc.short
    )
    other = site.aws.create(
        "lb:TargetGroup", "h", namePrefix="web-", port=1, protocol="TCP", vpcId=site.vpc.short
    )

    assert len(made.outputs["name"]) == len("web-") + 26
    assert made.outputs["name"] != other.outputs["name"]
    changed = site.aws.update(made, deregistrationDelay=10)
    assert changed.outputs["name"] == made.outputs["name"]
    found = site.aws.provider.diff(made.type, made.inputs, {**made.inputs, "port": 2})
    assert (found.replaces, found.delete_first) == (("port",), False)


@pytest.mark.parametrize(
    ("inputs", "reason"),
    [
        (
            {"loadBalancerType": "application"},
            "loadBalancerType: the sandbox emulates Network Load Balancers: use network",
        ),
        (
            {"internal": True, "subnetMappings": [{"subnetId": "s", "allocationId": "e"}]},
            (
                "subnetMappings[0].allocationId: an internal load balancer has no Elastic IP "
                "address (InvalidConfigurationRequest)"
            ),
        ),
        (
            {"internal": False, "subnetMappings": [{"subnetId": "s", "privateIpv4Address": "a"}]},
            (
                "subnetMappings[0].privateIpv4Address: only an internal load balancer has private "
                "addresses of your own (InvalidConfigurationRequest)"
            ),
        ),
        (
            {"subnets": ["s"], "subnetMappings": [{"subnetId": "s"}]},
            (
                "subnetMappings: conflicts with subnets: give one of them "
                "(InvalidParameterCombination)"
            ),
        ),
        (
            {"idleTimeout": 60},
            (
                "idleTimeout: the sandbox does not emulate this: it belongs to Application Load "
                "Balancers"
            ),
        ),
    ],
)
def test_a_balancer_that_is_refused(aws, inputs, reason):
    assert aws.problems("lb:LoadBalancer", **{"loadBalancerType": "network", **inputs}) == [reason]


def test_an_address_of_ones_own_is_free_and_in_the_subnet(site):
    for address, words in (
        ("10.30.9.9", "Address does not fall within the subnet's address range"),
        ("10.30.0.1", "Address is in subnet's reserved address range"),
    ):
        mappings = [{"subnetId": site.subnet.short, "privateIpv4Address": address}]
        with pytest.raises(RefusedError, match=words):
            internal(site, subnetMappings=mappings)
    internal(site)
    with pytest.raises(RefusedError, match=r"Address 10.30.0.200 is in use. \(InvalidIPAddress"):
        internal(site, "second")


def test_a_public_balancer_needs_a_way_to_the_internet_and_addresses(site, addresses):
    with pytest.raises(RefusedError, match="does not emulate public addresses of AWS's choice"):
        internal(site, internal=False, subnetMappings=[{"subnetId": site.subnet.short}])
    site.aws.delete(site.gateway)
    with pytest.raises(RefusedError, match=rf"VPC {site.vpc.short} has no internet gateway"):
        public(site, addresses)


def test_subnets_can_be_added_and_not_taken_away(site, addresses):
    made = public(site, addresses[:1])
    mappings = list(made.inputs["subnetMappings"])
    both = [*mappings, {"subnetId": site.subnets[1].short, "allocationId": addresses[1].short}]

    assert site.aws.replaced_by(made, subnetMappings=both) == []
    assert len(list(site.aws.world.children(site.aws.update(made, subnetMappings=both).id))) == 2
    grown = site.aws.again(made)
    assert site.aws.replaced_by(grown, subnetMappings=mappings) != []


def test_groups_come_at_creation_or_never(site):
    made = internal(site)
    other = site.aws.create("ec2:SecurityGroup", "other", vpcId=site.vpc.short)

    assert site.aws.replaced_by(made, securityGroups=[other.short]) == []
    assert site.aws.replaced_by(made, securityGroups=[]) != []
    bare = internal(site, "bare", securityGroups=None, subnetMappings=[
        {"subnetId": each.short} for each in site.subnets
    ])  # fmt: skip
    assert site.aws.replaced_by(bare, securityGroups=[other.short]) != []


def test_a_protected_balancer_stays(site):
    made = internal(site, enableDeletionProtection=True)

    with pytest.raises(ApiError) as refused:
        site.aws.delete(made)
    assert str(refused.value) == (
        f"api error OperationNotPermitted: Load balancer '{made.id}' cannot be deleted because "
        "deletion protection is enabled"
    )
    site.aws.delete(site.aws.update(made, enableDeletionProtection=False))


def test_health_checks_have_defaults(site):
    made = group(site, healthCheck={"protocol": "HTTPS", "path": "/ping"})

    assert made.outputs["healthCheck"] == {
        "enabled": True,
        "protocol": "HTTPS",
        "path": "/ping",
        "port": "traffic-port",
        "interval": 30,
        "timeout": 10,
        "healthyThreshold": 5,
        "unhealthyThreshold": 2,
        "matcher": "200-399",
    }
    assert made.outputs["preserveClientIp"] == "true"
    assert group(site, "ip", targetType="ip").outputs["preserveClientIp"] == "false"


@pytest.mark.parametrize(
    ("inputs", "reason"),
    [
        ({"interval": 4}, "interval: must be 5 to 300, got 4 (ValidationError)"),
        ({"timeout": 1}, "timeout: must be 2 to 120, got 1 (ValidationError)"),
        ({"healthyThreshold": 1}, "healthyThreshold: must be 2 to 10, got 1 (ValidationError)"),
        (
            {"unhealthyThreshold": 11},
            "unhealthyThreshold: must be 2 to 10, got 11 (ValidationError)",
        ),
        (
            {"interval": 5, "timeout": 6},
            (
                "timeout: Health check timeout '6' must be smaller than or equal to the interval "
                "'5' (ValidationError)"
            ),
        ),
        (
            {"protocol": "HTTPS", "path": "ping"},
            "path: Health check path 'ping' is not valid (ValidationError)",
        ),
        (
            {"protocol": "TCP", "path": "/ping"},
            "path: a TCP health check has none (ValidationError)",
        ),
        (
            {"port": "0"},
            "port: Health check port must be between 1 and 65535 (ValidationError)",
        ),
    ],
)
def test_a_health_check_that_is_refused(aws, inputs, reason):
    assert aws.problems("lb:TargetGroup", healthCheck=inputs) == [f"healthCheck.{reason}"]


@pytest.mark.parametrize(
    ("inputs", "reason"),
    [
        (
            {"deregistrationDelay": 3601},
            "deregistrationDelay: must be 0 to 3600, got 3601 (ValidationError)",
        ),
        (
            {"stickiness": {"type": "lb_cookie", "enabled": False}},
            (
                "stickiness.type: Network Load Balancers have stickiness of type source_ip only "
                "(ValidationError)"
            ),
        ),
        (
            {
                "targetHealthStates": [
                    {
                        "enableUnhealthyConnectionTermination": True,
                        "unhealthyDrainingInterval": 60,
                    }
                ]
            },
            (
                "targetHealthStates[0].unhealthyDrainingInterval: connections that are ended at "
                "once have no interval to drain in (ValidationError)"
            ),
        ),
    ],
)
def test_a_target_group_that_is_refused(aws, inputs, reason):
    assert aws.problems("lb:TargetGroup", **inputs) == [reason]


def test_a_listener_goes_with_its_balancer_and_holds_its_group(site):
    balancer, target = internal(site), group(site)
    made = listener(site, balancer, target)

    assert made.id.startswith(f"{balancer.id.replace(':loadbalancer/', ':listener/')}/")
    with pytest.raises(ApiError, match=r"api error ResourceInUse: Target group '.*' is currently"):
        site.aws.delete(target)
    site.aws.delete(balancer)
    assert site.aws.world.find(made.id) is None
    site.aws.delete(target)


def test_a_port_has_one_listener(site):
    balancer, target = internal(site), group(site)
    listener(site, balancer, target)

    with pytest.raises(RefusedError) as refused:
        listener(site, balancer, group(site, "two"), "again")
    assert str(refused.value) == (
        "port: A listener already exists on this port for this load balancer "
        f"'{balancer.id}' (DuplicateListener)"
    )
    listener(site, balancer, target, "other", port=12801)


def test_a_group_is_for_one_balancer_and_of_the_listeners_protocol(site):
    balancer, target = internal(site), group(site)
    listener(site, balancer, target)
    second = internal(site, "second", subnetMappings=[{"subnetId": site.subnet.short}])

    with pytest.raises(RefusedError, match=r"\(TargetGroupAssociationLimit\)"):
        listener(site, second, target)
    with pytest.raises(RefusedError, match="Listener protocol 'TCP' is not supported with target"):
        listener(site, second, group(site, "udp", protocol="UDP"))


def test_a_group_of_another_vpc(site):
    vpc = site.aws.create("ec2:Vpc", "other", cidrBlock="10.40.0.0/16")

    with pytest.raises(RefusedError, match="is in another VPC than the load balancer"):
        listener(site, internal(site), group(site, "far", vpcId=vpc.short))


def test_a_listener_that_is_refused(aws):
    forward = [{"type": "redirect"}]
    found = aws.problems("lb:Listener", loadBalancerArn="x", port=0, defaultActions=forward)

    assert found == [
        "port: must be 1 to 65535, got 0 (ValidationError)",
        "defaultActions[0].type: must be one of forward, got 'redirect' (ValidationError)",
    ]


def test_an_address_is_registered_within_the_vpc(site):
    target = group(site, targetType="ip")
    made = site.aws.create(
        "lb:TargetGroupAttachment", targetGroupArn=target.id, targetId="10.30.0.9"
    )

    assert made.outputs["port"] == 12800
    with pytest.raises(RefusedError) as refused:
        site.aws.create(
            "lb:TargetGroupAttachment", "far", targetGroupArn=target.id, targetId="10.40.0.9"
        )
    assert str(refused.value) == (
        "targetId: The IP address '10.40.0.9' is not within a range of addresses associated with "
        f"VPC {site.vpc.short} (InvalidTarget)"
    )
    with pytest.raises(RefusedError, match="is registered with this port already"):
        site.aws.create(
            "lb:TargetGroupAttachment", "twice", targetGroupArn=target.id, targetId="10.30.0.9"
        )
    site.aws.delete(target)
    assert site.aws.world.find(made.id) is None


def test_the_order_of_subnets_means_nothing(site):
    made = internal(site)
    turned = [dict(reversed(each.items())) for each in reversed(made.inputs["subnetMappings"])]

    assert (
        site.aws.provider.diff(
            made.type, made.inputs, {**made.inputs, "subnetMappings": turned}
        ).differences
        == ()
    )
