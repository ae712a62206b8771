from tests.support.aws import PREFIX, deployed, world
from tests.support.azure import changed
from tests.support.cloud import World

BALANCER = "aws:lb/loadBalancer:LoadBalancer"
TARGETS = "aws:lb/targetGroup:TargetGroup"
LISTENER = "aws:lb/listener:Listener"
EIP = "aws:ec2/eip:Eip"


def internal(**changes: object) -> World:
    return deployed(changed("dev-aws", loadBalancer__exposure="internal", **changes))


def test_it_passes_12800_to_the_web_nodes_without_stickiness() -> None:
    deployment = world("dev-aws")
    listener, targets = deployment.only(LISTENER), deployment.only(TARGETS)
    assert (listener["port"], listener["protocol"]) == (12800, "TCP")
    assert listener["defaultActions"][0]["targetGroupArn"].split("/")[1] == "web-"
    assert (targets["port"], targets["protocol"], targets["targetType"]) == (
        12800,
        "TCP",
        "instance",
    )
    assert targets["stickiness"]["enabled"] is False
    assert targets["preserveClientIp"] == "true"


def test_nodes_are_asked_whether_they_are_ready() -> None:
    assert world("dev-aws").only(TARGETS)["healthCheck"] == {
        "protocol": "HTTPS",
        "port": "12800",
        "path": "/ping",
        "matcher": "200",
        "interval": 5,
        "timeout": 4,
        "healthyThreshold": 2,
        "unhealthyThreshold": 2,
    }


def test_a_node_that_drains_ends_its_work() -> None:
    targets = world("dev-aws").only(TARGETS)
    assert targets["deregistrationDelay"] == 120
    assert targets["connectionTermination"] is True
    (state,) = targets["targetHealthStates"]
    assert state == {
        "enableUnhealthyConnectionTermination": False,
        "unhealthyDrainingInterval": 120,
    }


def test_the_idle_timeout_is_the_settings() -> None:
    short = deployed(changed("dev-aws", loadBalancer__idleTimeoutMinutes=4))
    assert short.only(LISTENER)["tcpIdleTimeoutSeconds"] == 240
    assert world("dev-aws").only(LISTENER)["tcpIdleTimeoutSeconds"] == 1800


def test_a_connection_goes_to_any_zone_and_only_where_its_firewall_lets_it() -> None:
    balancer = world("dev-aws").only(BALANCER)
    assert balancer["loadBalancerType"] == "network"
    assert balancer["enableCrossZoneLoadBalancing"] is True
    assert balancer["securityGroups"] == ["test-network-firewall-balancer-id"]


def test_a_public_one_has_a_fixed_address_a_zone() -> None:
    deployment = world("dev-aws")
    balancer = deployment.only(BALANCER)
    assert balancer["internal"] is False
    assert balancer["subnetMappings"] == [
        {
            "subnetId": f"test-network-public-{zone}-id",
            "allocationId": f"eipalloc-test-balancer-public-address-{zone}",
        }
        for zone in "ab"
    ]
    part = deployment.result._balancer
    assert part.probe_sources == ("10.20.96.0/27", "10.20.96.32/27")


def test_it_waits_for_the_way_to_the_internet() -> None:
    (options,) = world("dev-aws").options_of(BALANCER).values()
    assert any(urn.endswith("::test-network-public") for urn in options.depends_on)


def test_an_internal_one_takes_the_last_address_of_each_web_subnet() -> None:
    deployment = internal()
    balancer = deployment.only(BALANCER)
    assert balancer["internal"] is True
    assert balancer["subnetMappings"] == [
        {"subnetId": "test-network-web-a-id", "privateIpv4Address": "10.20.0.254"},
        {"subnetId": "test-network-web-b-id", "privateIpv4Address": "10.20.1.254"},
    ]
    part = deployment.result._balancer
    assert [deployment.value(address) for address in part.addresses] == [
        "10.20.0.254",
        "10.20.1.254",
    ]
    assert part.probe_sources == ("10.20.0.254/32", "10.20.1.254/32")
    assert list(deployment.of_type(EIP)) == ["test-network-nat-a-address"]


def test_another_exposure_is_another_balancer() -> None:
    assert world("dev-aws").only(BALANCER)["name"] == f"{PREFIX}-public"
    assert internal().only(BALANCER)["name"] == f"{PREFIX}-internal"


def test_two_of_one_name_never_exist() -> None:
    (balancer,) = world("dev-aws").options_of(BALANCER).values()
    assert balancer.delete_before_replace is True
    # A target group in use cannot be deleted: its successor has a name of its own, made up by AWS.
    (targets,) = world("dev-aws").options_of(TARGETS).values()
    assert targets.delete_before_replace is False
    assert world("dev-aws").only(TARGETS)["namePrefix"] == "web-"


def test_it_is_hard_to_delete_where_the_environment_is_protected() -> None:
    assert world("dev-aws").only(BALANCER)["enableDeletionProtection"] is False
    guarded = deployed(changed("dev-aws", protection=True))
    assert guarded.only(BALANCER)["enableDeletionProtection"] is True


def test_clients_call_its_name_and_the_certificate_is_for_its_addresses_too() -> None:
    deployment = world("dev-aws")
    outputs = deployment.result.outputs
    host = f"{PREFIX}-public-0123456789abcdef.elb.eu-central-1.amazonaws.com"
    assert deployment.value(outputs["endpoint"]) == f"https://{host}:12800"
    addresses = [deployment.value(each) for each in outputs["loadBalancerAddresses"]]
    assert len(set(addresses)) == 2
    request = deployment.of_type("tls:index/certRequest:CertRequest")[
        "test-credentials-web-server-request"
    ]
    assert request["dnsNames"] == [host]
    assert request["ipAddresses"] == addresses
