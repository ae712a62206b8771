"""Who may talk to whom, with real packets: the recipe's table of flows and nothing beside it."""

import http.client
import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest

from components.runtimes import flows, recipe
from components.runtimes.flows import Zone
from components.settings import parse
from operations.patience import until
from tests.support.deployed import ENVIRONMENT, stack_config
from tests.support.hostile import Hostile, connecting, hostile
from tests.support.live import SECURITY_GROUP, Live, live
from tests.support.reaching import answers, every, reached

pytestmark = [pytest.mark.engine, pytest.mark.root]

PORTS = (22, 80, 443, 1433, 5432, 8000, 12800, 12805)
DATAGRAMS = (53, 123, 12805)
"""Ports that are asked with UDP; no flow of the table is of it."""
ALLOWED_CLIENT = "203.0.113.77"
FOREIGN_CLIENT = "198.51.100.7"
INTERNET = "198.51.100.9"
METADATA = "169.254.169.254"
PLATFORM = "168.63.129.16"
LIMIT = 60.0
"""Seconds in which a change must show, also on a machine that does ten other things."""

FOR_EVERYONE = {
    "/run/systemd/io.system.ManagedOOM",
    "/run/systemd/journal/dev-log",
    "/run/systemd/journal/socket",
    "/run/systemd/journal/stdout",
    "/run/systemd/notify",
    "/run/systemd/userdb/io.systemd.DynamicUser",
}
"""What systemd lets every process write to: the journal, and services that ask who it is."""

OPEN = {
    "name": "open", "priority": 100, "access": "Allow", "protocol": "*",
    "sourceAddressPrefix": "*", "sourcePortRange": "*",
    "destinationAddressPrefix": "*", "destinationPortRange": "*",
}  # fmt: skip

READ = """
import sys
for path in sys.argv[1:]:
    try:
        with open(path, "rb") as file:
            file.read(1)
    except OSError:
        continue
    print(path)
"""
"""Prints each path whose content it may read."""

CONNECT = """
import os, socket, sys
own = os.environ.get("RUNTIME_DIRECTORY", "")
for path in sys.argv[1:]:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET):
        with socket.socket(socket.AF_UNIX, kind) as client:
            try:
                client.connect(path)
            except OSError:
                continue
        print(path.replace(own, "OWN") if own else path)
"""
"""Prints each Unix socket that lets it in, with OWN for the folder of its own unit."""


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live("dev", tmp_path_factory.mktemp("access"), options=()) as running:
        yield running


@pytest.fixture(scope="module")
def nodes(dev: Live) -> dict[str, str]:
    """Addresses by name."""
    return {node["name"]: node["address"] for node in dev.nodes}


@pytest.fixture(scope="module")
def askers(nodes: dict[str, str]) -> dict[Zone, str]:
    """The first node of each kind, by name."""
    return {zone: _of(zone, nodes)[0] for zone in (Zone.WEB, Zone.COMPUTE)}


def _of(zone: Zone, nodes: dict[str, str]) -> list[str]:
    return [name for name in sorted(nodes) if f"-{zone.value}-" in name]


@pytest.fixture(scope="module")
def hosts(dev: Live, nodes: dict[str, str]) -> dict[Zone, str]:
    """An address of each zone; of nodes the second one, so that the first can ask its like."""
    endpoints = {
        found["properties"]["privateLinkServiceConnections"][0]["groupIds"][0]: found["properties"][
            "customDnsConfigs"
        ][0]["ipAddresses"][0]
        for found in dev.resources("azure-native:network:PrivateEndpoint")
    }
    return {
        Zone.WEB: nodes[_of(Zone.WEB, nodes)[1]],
        Zone.COMPUTE: nodes[_of(Zone.COMPUTE, nodes)[1]],
        Zone.DATABASE: endpoints["postgresqlServer"],
        Zone.VAULT: endpoints["vault"],
        Zone.INTERNET: INTERNET,
    }


@pytest.fixture(scope="module")
def balancer(dev: Live) -> str:
    return str(dev.outputs()["loadBalancerAddress"])


@pytest.fixture(scope="module")
def model(dev: Live, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hostile]:
    with hostile(dev, tmp_path_factory.mktemp("hostile")) as published:
        yield published


@pytest.fixture
def internet(dev: Live) -> Iterator[None]:
    """A machine of the internet that refuses, so that whoever gets there hears of it."""
    with dev.visitor(INTERNET):
        yield


def targets(hosts: dict[Zone, str]) -> list[str]:
    """All that is tried."""
    return every(hosts.values(), PORTS) + every(hosts.values(), DATAGRAMS, "/udp")


def table(source: Zone) -> set[tuple[Zone, int]]:
    """Zones and ports that *source* may call."""
    environment = parse(stack_config("dev")[ENVIRONMENT], stack="dev")
    recipes = {role: recipe.for_role(environment, role) for role in ("web", "compute")}
    found = flows.allowed(environment, recipes)
    return {(flow.destination, flow.port) for flow in found if flow.source == source}


def services(source: Zone, hosts: dict[Zone, str]) -> set[str]:
    """What answers *source*: all of the table but the internet, where nobody listens."""
    return {f"{hosts[zone]}:{port}" for zone, port in table(source) if zone is not Zone.INTERNET}


def passages(source: Zone, hosts: dict[Zone, str]) -> set[str]:
    """Where packets of *source* come through: rules name subnets, and the endpoints share one."""
    endpoints = (Zone.DATABASE, Zone.VAULT)
    return {
        f"{hosts[beside]}:{port}"
        for zone, port in table(source)
        for beside in (endpoints if zone in endpoints else (zone,))
    }


@contextmanager
def without_own_firewall(dev: Live, *nodes: str) -> Iterator[None]:
    try:
        for node in nodes:
            dev.on(node, "nft", "delete", "table", "inet", "operationalization")
        yield
    finally:
        for node in nodes:
            dev.on(node, "systemctl", "restart", "operationalization-firewall.service")


@contextmanager
def clients_denied(dev: Live) -> Iterator[None]:
    """The web nodes' security group refuses clients for a while."""
    (group,) = [found for found in dev.resources(SECURITY_GROUP) if "-web" in found["id"]]
    names = [rule["name"] for rule in group["properties"]["securityRules"]]
    access = f"securityRules[{names.index('allow-clients-to-web-12800')}].access"
    try:
        dev.tamper(group["id"], access, '"Deny"')
        yield
    finally:
        dev.tamper(group["id"], access, '"Allow"')


@contextmanager
def connection(dev: Live) -> Iterator[http.client.HTTPSConnection]:
    outputs = dev.outputs()
    context = ssl.create_default_context(cadata=outputs["certificateAuthority"])
    held = http.client.HTTPSConnection(
        outputs["loadBalancerAddress"], 12800, timeout=LIMIT, context=context
    )
    try:
        held.connect()
        held.auto_open = 0  # it never connects again by itself
        yield held
    finally:
        held.close()


def ping(held: http.client.HTTPSConnection) -> str:
    held.request("GET", "/ping")
    return str(json.loads(held.getresponse().read()))


# The table, path by path.


@pytest.mark.parametrize("zone", [Zone.WEB, Zone.COMPUTE])
def test_a_node_reaches_what_the_table_says_and_nothing_else(
    dev: Live, askers: dict[Zone, str], hosts: dict[Zone, str], internet: None, zone: Zone
) -> None:
    heard = answers(partial(dev.on, askers[zone]), targets(hosts))

    assert set(heard) == passages(zone, hosts)
    assert {where for where in heard if heard[where] == "accepted"} == services(zone, hosts)


def test_the_balancers_probe_reaches_web_nodes_on_their_port_only(
    dev: Live, hosts: dict[Zone, str]
) -> None:
    members = [hosts[Zone.WEB], hosts[Zone.COMPUTE]]

    assert reached(dev.platform, every(members, PORTS)) == services(Zone.PROBE, hosts)


def test_this_machine_reaches_the_balancer_on_its_port_only(dev: Live, balancer: str) -> None:
    assert reached(dev.here, every([balancer], PORTS)) == {f"{balancer}:12800"}


def test_an_allowed_client_reaches_the_balancer_and_no_private_address(
    dev: Live, hosts: dict[Zone, str], balancer: str
) -> None:
    client = partial(dev.coming_from, ALLOWED_CLIENT)

    assert reached(client, every([balancer, *hosts.values()], PORTS)) == {f"{balancer}:12800"}


def test_a_client_outside_of_the_allowed_range_reaches_nothing(
    dev: Live, hosts: dict[Zone, str], balancer: str
) -> None:
    client = partial(dev.coming_from, FOREIGN_CLIENT)

    assert reached(client, every([balancer, *hosts.values()], PORTS)) == set()


# Models.


def test_a_node_asks_the_metadata_service_as_root_only(dev: Live, askers: dict[Zone, str]) -> None:
    node = askers[Zone.COMPUTE]
    as_nobody = partial(dev.on, node, "setpriv", "--reuid", "65534", "--clear-groups", "--")

    assert reached(partial(dev.on, node), [f"{METADATA}:80"]) == {f"{METADATA}:80"}
    assert reached(as_nobody, [f"{METADATA}:80"]) == set()


def test_a_model_connects_to_nothing_where_root_of_its_node_would(
    dev: Live, askers: dict[Zone, str], hosts: dict[Zone, str], model: Hostile
) -> None:
    node = askers[Zone.COMPUTE]
    places = [
        (METADATA, 80),
        (hosts[Zone.DATABASE], 5432),
        (hosts[Zone.VAULT], 443),
        ("127.0.0.1", 12805),
    ]
    code = f"c({', '.join(connecting(*place) for place in places)})"

    assert (
        dev.on(node, "Rscript", "--vanilla", "-e", f"cat({code})").stdout == "TRUE TRUE TRUE TRUE"
    )
    assert model.r(code) == "FALSE, FALSE, FALSE, FALSE"


def test_no_program_that_a_model_starts_reaches_anything(
    nodes: dict[str, str],
    hosts: dict[Zone, str],
    balancer: str,
    internet: None,
    model: Hostile,
) -> None:
    everywhere = [
        *every([METADATA, PLATFORM], [53, 80]),
        *every([PLATFORM], [53], "/udp"),
        *every(
            [*nodes.values(), *hosts.values(), "127.0.0.1", balancer],
            [80, 443, 5432, 12800, 12805],
        ),
    ]

    assert model.run("echo", "it runs").stdout == "it runs"
    assert reached(model.run, everywhere) == set()


def test_a_model_reads_no_secret_of_its_node(
    dev: Live, askers: dict[Zone, str], model: Hostile
) -> None:
    node = askers[Zone.COMPUTE]
    secrets = "/run/operationalization/secrets"
    kept = dev.on(node, "find", secrets, "/run/credentials", "-type", "f").stdout.split()
    paths = [
        *kept,
        "/etc/shadow",
        "/var/lib/cloud/instance/user-data.txt",
        "/var/log/operationalization/configure.log",
        "/proc/1/environ",
        "/proc/1/root/etc/shadow",
    ]

    assert f"{secrets}/database-loader" in kept
    assert f"{secrets}/compute-server" in kept
    assert dev.on(node, "python3", "-c", READ, *paths).stdout.split() == paths
    assert model.run("python3", "-c", READ, *paths).stdout.split() == []


def test_a_model_enters_no_socket_but_its_own_and_systemds_for_everyone(
    dev: Live, askers: dict[Zone, str], model: Hostile
) -> None:
    node = askers[Zone.COMPUTE]
    paths = dev.on(node, "find", "/run", "-type", "s").stdout.split()
    asked = set(dev.on(node, "python3", "-c", CONNECT, *paths).stdout.split())

    found = set(model.run("python3", "-c", CONNECT, *paths).stdout.split())

    assert found == {"OWN/worker.sock"} | FOR_EVERYONE
    assert asked > FOR_EVERYONE | {
        "/run/operationalization-worker/1/worker.sock",
        "/run/operationalization-worker/2/worker.sock",
        "/run/operationalization/check.sock",
        "/run/operationalization/proxy.sock",
        "/run/dbus/system_bus_socket",
    }


# Rules that change, and what each firewall is worth alone.


def test_a_rule_holds_for_new_connections_and_leaves_old_ones_alone(
    dev: Live, balancer: str
) -> None:
    def open_to_us() -> set[str]:
        return reached(dev.here, [f"{balancer}:12800"])

    with connection(dev) as held:
        assert ping(held) == "ready"
        with clients_denied(dev):
            assert until(open_to_us, lambda found: not found, LIMIT) == set()
            assert ping(held) == "ready"
            assert open_to_us() == set()
        assert until(open_to_us, bool, LIMIT) == {f"{balancer}:12800"}
        assert ping(held) == "ready"


def test_the_clouds_filter_holds_without_the_nodes_own(
    dev: Live,
    nodes: dict[str, str],
    askers: dict[Zone, str],
    hosts: dict[Zone, str],
    internet: None,
) -> None:
    with without_own_firewall(dev, *nodes):
        found = {
            zone: reached(partial(dev.on, asker), targets(hosts)) for zone, asker in askers.items()
        }

    assert found == {zone: passages(zone, hosts) for zone in askers}


def test_the_nodes_own_filter_holds_without_the_clouds(
    dev: Live,
    askers: dict[Zone, str],
    hosts: dict[Zone, str],
    balancer: str,
    internet: None,
) -> None:
    compute = askers[Zone.COMPUTE]
    elsewhere = {
        *every([hosts[Zone.VAULT], INTERNET], PORTS),
        *every([INTERNET], DATAGRAMS, "/udp"),
    }
    neighbours = targets({zone: hosts[zone] for zone in askers})
    rules = [{**OPEN, "direction": "Inbound"}, {**OPEN, "name": "out", "direction": "Outbound"}]
    with dev.security_rules(rules):
        with without_own_firewall(dev, compute):
            # Nothing is in the way of this one but the other nodes' own filters.
            asks = partial(dev.on, compute)
            assert until(lambda: reached(asks, elsewhere), elsewhere.__eq__, LIMIT) == elsewhere
            assert reached(asks, neighbours) == set()
        # Any node may ask for names and the time (UDP 53 and 123): whom, the cloud decides.
        found = {
            zone: reached(partial(dev.on, asker), every(hosts.values(), PORTS))
            for zone, asker in askers.items()
        }
        foreigner = partial(dev.coming_from, FOREIGN_CLIENT)
        assert reached(foreigner, every([balancer], PORTS)) == set()

    assert found == {zone: passages(zone, hosts) for zone in askers}
