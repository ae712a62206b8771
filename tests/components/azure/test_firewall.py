import pytest

from components.azure import firewall
from components.azure.firewall import FirewallArgs
from components.runtimes.flows import Flow, Zone
from components.settings import addresses as address_plan
from tests.support.azure import CLOSED, changed, deployed, world
from tests.support.cloud import World
from tests.support.environments import AZURE, environment

NSG = "azure-native:network:NetworkSecurityGroup"


def rules(deployment: World, subnet: str, direction: str) -> list[str]:
    """The rules of a subnet in Azure's order, one line each."""
    group = deployment.of_type(NSG)[f"test-network-firewall-{subnet}"]
    found = [rule for rule in group["securityRules"] if rule["direction"] == direction]
    return [line(rule) for rule in sorted(found, key=lambda rule: rule["priority"])]


def line(rule: dict) -> str:
    sources = rule.get("sourceAddressPrefixes") or [rule["sourceAddressPrefix"]]
    return (
        f"{rule['priority']:.0f} {rule['access']} {rule['protocol']} {','.join(sources)} -> "
        f"{rule['destinationAddressPrefix']}:{rule['destinationPortRange']}"
    )


@pytest.mark.parametrize(
    ("subnet", "direction", "expected"),
    [
        (
            "web",
            "Inbound",
            [
                "100 Allow Tcp 203.0.113.0/24 -> 10.20.0.0/24:12800",
                "110 Allow Tcp AzureLoadBalancer -> 10.20.0.0/24:12800",
                "4096 Deny * * -> *:*",
            ],
        ),
        (
            "web",
            "Outbound",
            [
                "100 Allow Tcp 10.20.0.0/24 -> 10.20.128.0/24:12805",
                "110 Allow Tcp 10.20.0.0/24 -> 10.20.64.0/25:5432",
                "120 Allow Tcp 10.20.0.0/24 -> 10.20.64.0/25:443",
                "130 Allow Tcp 10.20.0.0/24 -> Internet:80",
                "140 Allow Tcp 10.20.0.0/24 -> Internet:443",
                "4096 Deny * * -> *:*",
            ],
        ),
        (
            "compute",
            "Inbound",
            ["100 Allow Tcp 10.20.0.0/24 -> 10.20.128.0/24:12805", "4096 Deny * * -> *:*"],
        ),
        (
            "compute",
            "Outbound",
            [
                "100 Allow Tcp 10.20.128.0/24 -> 10.20.64.0/25:5432",
                "110 Allow Tcp 10.20.128.0/24 -> 10.20.64.0/25:443",
                "120 Allow Tcp 10.20.128.0/24 -> Internet:80",
                "130 Allow Tcp 10.20.128.0/24 -> Internet:443",
                "4096 Deny * * -> *:*",
            ],
        ),
        (
            "endpoints",
            "Inbound",
            [
                "100 Allow Tcp 10.20.0.0/24 -> 10.20.64.0/25:5432",
                "110 Allow Tcp 10.20.128.0/24 -> 10.20.64.0/25:5432",
                "120 Allow Tcp 10.20.0.0/24 -> 10.20.64.0/25:443",
                "130 Allow Tcp 10.20.128.0/24 -> 10.20.64.0/25:443",
                "4096 Deny * * -> *:*",
            ],
        ),
        ("endpoints", "Outbound", ["4096 Deny * * -> *:*"]),
    ],
)
def test_a_subnet_allows_its_flows_and_denies_the_rest(subnet, direction, expected) -> None:
    assert rules(world("dev"), subnet, direction) == expected


def test_several_clients_are_one_rule() -> None:
    clients = ["203.0.113.0/24", "198.51.100.7/32"]
    inbound = rules(deployed(changed("dev", access__clients=clients)), "web", "Inbound")
    assert inbound[0] == "100 Allow Tcp 203.0.113.0/24,198.51.100.7/32 -> 10.20.0.0/24:12800"


def test_without_egress_no_rule_leads_to_the_internet() -> None:
    closed = deployed(changed("dev", **CLOSED))
    for subnet in ("web", "compute", "endpoints"):
        assert not [rule for rule in rules(closed, subnet, "Outbound") if "Internet" in rule]


def test_nobody_reaches_a_login() -> None:
    for group in world("dev").of_type(NSG).values():
        ports = {
            r["destinationPortRange"] for r in group["securityRules"] if r["access"] == "Allow"
        }
        assert ports <= {"12800", "12805", "5432", "443", "80"}


def test_every_rule_says_why() -> None:
    for group in world("dev").of_type(NSG).values():
        names = [rule["name"] for rule in group["securityRules"]]
        assert len(set(names)) == len(names)
        # Azure takes descriptions of 140 characters.
        assert all(0 < len(rule["description"]) <= 140 for rule in group["securityRules"])


def test_no_rule_is_a_resource_of_its_own() -> None:
    assert world("dev").of_type("azure-native:network:SecurityRule") == {}


@pytest.mark.parametrize("addresses", [("10.9.8.0/28",), ("10.9.8.0/28", "10.9.9.7/32")])
def test_nodes_are_let_out_to_a_directory_in_one_rule(addresses: tuple[str, ...]) -> None:
    flow = Flow(
        source=Zone.WEB, destination=Zone.DIRECTORY, port=636, why="asks", addresses=addresses
    )
    plan = address_plan.plan(environment(AZURE))
    # No resource is made of it, so the site says nothing.
    args = FirewallArgs(site=None, flows=[flow], plan=plan, clients=[])
    allowed, last = firewall.rules("web", "Outbound", args)

    one, several = allowed.destination_address_prefix, allowed.destination_address_prefixes
    assert (several or [one]) == list(addresses)
    assert (one is None) == (len(addresses) > 1), "Azure takes one prefix or several"
    assert allowed.destination_port_range == "636"
    assert last.access == "Deny"
    assert len(firewall.rules("compute", "Outbound", args)) == 1
