from tests.support.azure import GROUP, changed, deployed, world

BALANCER = "azure-native:network:LoadBalancer"
ADDRESS = "azure-native:network:PublicIPAddress"
PUBLIC = f"{GROUP}/providers/Microsoft.Network/loadBalancers/test-balancer-public"


def test_it_sends_12800_to_ready_web_nodes_without_affinity() -> None:
    balancer = world("dev").only(BALANCER)
    assert balancer["sku"] == {"name": "Standard", "tier": "Regional"}
    assert balancer["loadBalancingRules"] == [
        {
            "name": "calls",
            "protocol": "Tcp",
            "frontendPort": 12800,
            "backendPort": 12800,
            "frontendIPConfiguration": {"id": f"{PUBLIC}/frontendIPConfigurations/clients"},
            "backendAddressPool": {"id": f"{PUBLIC}/backendAddressPools/web"},
            "probe": {"id": f"{PUBLIC}/probes/ready"},
            "loadDistribution": "Default",
            "enableTcpReset": True,
            "enableFloatingIP": False,
            "idleTimeoutInMinutes": 30,
            "disableOutboundSnat": True,
        }
    ]
    assert balancer["probes"] == [
        {
            "name": "ready",
            "protocol": "Https",
            "port": 12800,
            "requestPath": "/ping",
            "intervalInSeconds": 5,
            "numberOfProbes": 2,
            "probeThreshold": 2,
        }
    ]


def test_the_idle_timeout_is_the_settings() -> None:
    short = deployed(changed("dev", loadBalancer__idleTimeoutMinutes=4))
    assert short.only(BALANCER)["loadBalancingRules"][0]["idleTimeoutInMinutes"] == 4


def test_a_public_one_has_an_address_of_its_own() -> None:
    deployment = world("dev")
    (frontend,) = deployment.only(BALANCER)["frontendIPConfigurations"]
    assert frontend["publicIPAddress"]["id"].endswith("/test-balancer-public-address")
    assert "subnet" not in frontend
    address = deployment.of_type(ADDRESS)["test-balancer-public-address"]
    assert address["publicIPAllocationMethod"] == "Static"
    assert deployment.value(deployment.result.outputs["endpoint"]) == "https://20.50.2.80:12800"


def test_an_internal_one_takes_the_web_subnets_last_address() -> None:
    deployment = world("azure-production")
    balancer = deployment.only(BALANCER)
    (frontend,) = balancer["frontendIPConfigurations"]
    assert "publicIPAddress" not in frontend
    assert frontend["privateIPAddress"] == "10.20.0.254"
    assert frontend["subnet"]["id"].endswith("/test-network-web")
    assert frontend["zones"] == ["1", "2", "3"]
    assert list(deployment.of_type(ADDRESS)) == ["test-network-nat-address"]


def test_another_exposure_is_another_balancer() -> None:
    names = {
        name: world(name).only(BALANCER)["loadBalancerName"] for name in ("dev", "azure-production")
    }
    assert names == {"dev": "test-balancer-public", "azure-production": "test-balancer-internal"}
