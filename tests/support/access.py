"""Who may talk to whom, with real packets: the recipe's table of flows and nothing beside it.

The tests are the same for every cloud. A module of tests imports them all, and has the fixtures
`dev`, a small environment that runs, and `place`, what is the cloud's own about it.
"""

import http.client
import json
import ssl
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Protocol

import pytest

from components.runtimes import flows, recipe
from components.runtimes.flows import Zone
from components.settings import parse
from operations.patience import until
from tests.support.deployed import ENVIRONMENT, stack_config
from tests.support.hostile import Hostile, connecting, hostile
from tests.support.live import Live
from tests.support.reaching import Run, answers, every, reached

PORTS = (22, 80, 443, 1433, 5432, 8000, 12800, 12805)
DATAGRAMS = (53, 123, 12805)
"""Ports that are asked with UDP; no flow of the table is of it."""
ALLOWED_CLIENT = "203.0.113.77"
FOREIGN_CLIENT = "198.51.100.7"
INTERNET = "198.51.100.9"
METADATA = "169.254.169.254"
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


class Place(Protocol):
    """What is a cloud's own about the environment."""

    artifacts: bool
    """Whether nodes fetch files from a store."""

    platform: tuple[str, ...]
    """Addresses of the cloud's services on the machine, beside the metadata service's."""

    def hosts(self, dev: Live) -> dict[Zone, str]:
        """Return an address of the database, the vault, and of what else the cloud has."""

    def beside(self, zone: Zone) -> tuple[Zone, ...]:
        """Return the zones that packets come through to where *zone* is allowed."""

    def probe(self, dev: Live) -> Run:
        """Return what runs a command where the balancer's probes come from."""

    def clients_denied(self, dev: Live) -> AbstractContextManager[None]:
        """Let the cloud's filter refuse clients for a while."""

    def open(self, dev: Live) -> AbstractContextManager[None]:
        """Let the cloud's filter pass everything for a while."""


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
def hosts(dev: Live, place: Place, nodes: dict[str, str]) -> dict[Zone, str]:
    """An address of each zone; of nodes the second one, so that the first can ask its like."""
    return {
        Zone.WEB: nodes[_of(Zone.WEB, nodes)[1]],
        Zone.COMPUTE: nodes[_of(Zone.COMPUTE, nodes)[1]],
        **place.hosts(dev),
        Zone.INTERNET: INTERNET,
    }


@pytest.fixture(scope="module")
def balancers(dev: Live) -> list[str]:
    """Every address of the load balancer."""
    return list(dev.outputs()["loadBalancerAddresses"])


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


def table(source: Zone, dev: Live, place: Place) -> set[tuple[Zone, int]]:
    """Zones and ports that *source* may call."""
    environment = parse(stack_config(dev.stack)[ENVIRONMENT], stack=dev.stack)
    recipes = {role: recipe.for_role(environment, role) for role in ("web", "compute")}
    found = flows.allowed(environment, recipes, artifacts=place.artifacts)
    return {(flow.destination, flow.port) for flow in found if flow.source == source}


class Matrix:
    """What the table comes to in addresses."""

    def __init__(self, dev: Live, place: Place, hosts: dict[Zone, str]) -> None:
        self._dev, self._place, self._hosts = dev, place, hosts

    def services(self, source: Zone) -> set[str]:
        """What answers *source*: all of the table but the internet, where nobody listens."""
        found = table(source, self._dev, self._place)
        return {f"{self._hosts[zone]}:{port}" for zone, port in found if zone is not Zone.INTERNET}

    def passages(self, source: Zone) -> set[str]:
        """Where packets of *source* come through, which may be more than what the table says."""
        return self._passages(source, self._place.beside)

    def own_passages(self, source: Zone) -> set[str]:
        """The same by the nodes' own filter, which knows subnets and public addresses only."""
        return self._passages(source, self._as_addresses)

    def _passages(self, source: Zone, beside: Callable[[Zone], tuple[Zone, ...]]) -> set[str]:
        return {
            f"{self._hosts[each]}:{port}"
            for zone, port in table(source, self._dev, self._place)
            for each in beside(zone)
        }

    def _as_addresses(self, zone: Zone) -> tuple[Zone, ...]:
        places = [(Zone.DATABASE, Zone.VAULT), (Zone.ARTIFACTS, Zone.INTERNET)]
        shared = next((place for place in places if zone in place), (zone,))
        return tuple(each for each in shared if each in self._hosts)


@pytest.fixture(scope="module")
def matrix(dev: Live, place: Place, hosts: dict[Zone, str]) -> Matrix:
    return Matrix(dev, place, hosts)


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
def connection(dev: Live) -> Iterator[http.client.HTTPSConnection]:
    outputs = dev.outputs()
    context = ssl.create_default_context(cadata=outputs["certificateAuthority"])
    held = http.client.HTTPSConnection(
        outputs["loadBalancerAddresses"][0], 12800, timeout=LIMIT, context=context
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
    dev: Live,
    askers: dict[Zone, str],
    hosts: dict[Zone, str],
    matrix: Matrix,
    internet: None,
    zone: Zone,
) -> None:
    heard = answers(partial(dev.on, askers[zone]), targets(hosts))

    assert set(heard) == matrix.passages(zone)
    assert {where for where in heard if heard[where] == "accepted"} == matrix.services(zone)


def test_the_balancers_probe_reaches_web_nodes_on_their_port_only(
    dev: Live, place: Place, hosts: dict[Zone, str], matrix: Matrix
) -> None:
    members = [hosts[Zone.WEB], hosts[Zone.COMPUTE]]

    assert reached(place.probe(dev), every(members, PORTS)) == matrix.services(Zone.PROBE)


def test_this_machine_reaches_the_balancer_on_its_port_only(
    dev: Live, balancers: list[str]
) -> None:
    assert reached(dev.here, every(balancers, PORTS)) == set(every(balancers, [12800]))


def test_an_allowed_client_reaches_the_balancer_and_no_private_address(
    dev: Live, hosts: dict[Zone, str], balancers: list[str]
) -> None:
    client = partial(dev.coming_from, ALLOWED_CLIENT)
    found = reached(client, every([*balancers, *hosts.values()], PORTS))

    assert found == set(every(balancers, [12800]))


def test_a_client_outside_of_the_allowed_range_reaches_nothing(
    dev: Live, hosts: dict[Zone, str], balancers: list[str]
) -> None:
    client = partial(dev.coming_from, FOREIGN_CLIENT)

    assert reached(client, every([*balancers, *hosts.values()], PORTS)) == set()


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
    place: Place,
    nodes: dict[str, str],
    hosts: dict[Zone, str],
    balancers: list[str],
    internet: None,
    model: Hostile,
) -> None:
    everywhere = [
        *every([METADATA, *place.platform], [53, 80]),
        *every(place.platform, [53], "/udp"),
        *every(
            [*nodes.values(), *hosts.values(), "127.0.0.1", *balancers],
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
    dev: Live, place: Place, balancers: list[str]
) -> None:
    doors = every(balancers, [12800])

    def open_to_us() -> set[str]:
        return reached(dev.here, doors)

    with connection(dev) as held:
        assert ping(held) == "ready"
        with place.clients_denied(dev):
            assert until(open_to_us, lambda found: not found, LIMIT) == set()
            assert ping(held) == "ready"
            assert open_to_us() == set()
        assert until(open_to_us, set(doors).__eq__, LIMIT) == set(doors)
        assert ping(held) == "ready"


def test_the_clouds_filter_holds_without_the_nodes_own(
    dev: Live,
    nodes: dict[str, str],
    askers: dict[Zone, str],
    hosts: dict[Zone, str],
    matrix: Matrix,
    internet: None,
) -> None:
    with without_own_firewall(dev, *nodes):
        found = {
            zone: reached(partial(dev.on, asker), targets(hosts)) for zone, asker in askers.items()
        }

    assert found == {zone: matrix.passages(zone) for zone in askers}


def test_the_nodes_own_filter_holds_without_the_clouds(
    dev: Live,
    place: Place,
    askers: dict[Zone, str],
    hosts: dict[Zone, str],
    matrix: Matrix,
    balancers: list[str],
    internet: None,
) -> None:
    compute = askers[Zone.COMPUTE]
    elsewhere = {
        *every([hosts[Zone.VAULT], INTERNET], PORTS),
        *every([INTERNET], DATAGRAMS, "/udp"),
    }
    neighbours = targets({zone: hosts[zone] for zone in askers})
    with place.open(dev):
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
        assert reached(foreigner, every(balancers, PORTS)) == set()

    assert found == {zone: matrix.own_passages(zone) for zone in askers}
