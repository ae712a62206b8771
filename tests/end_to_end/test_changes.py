"""Nodes that change, die, come and go, and a database that goes away, all with requests running.

One environment, and one story in this order: the second test mends what the first one broke. No
client tries anything twice.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from sandbox.fabric import hosts
from sandbox.fabric.hosts.processes import Process
from sandbox.fabric.hosts.state import read
from tests.support.changed_program import copy_with
from tests.support.changing import BUSY, HEARTBEAT, IRIS, PROBED, QUESTION, await_use, ready
from tests.support.engine import Engine
from tests.support.live import Live, live
from tests.support.load import Load, sign_in, under_load
from tests.support.waiting import until

pytestmark = [pytest.mark.engine, pytest.mark.root]

SPEED = "12"
"""A node is told of its end 25 seconds before: it hears of it within 5 and drains for 15. One that
is unwell is replaced after 50 seconds."""
SCALE_SET = "azure-native:compute:VirtualMachineScaleSet"


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live("dev", tmp_path_factory.mktemp("changes"), ("--speed", SPEED)) as running:
        published = running.script("publish", str(IRIS))
        assert published.returncode == 0, published.stderr
        yield running


def host_of(dev: Live, node: str) -> hosts.Host:
    (found,) = [each for each in hosts.found(dev.home.hosts) if each.name == node]
    return found


def kill(dev: Live, node: str) -> datetime:
    """Pull the plug of a node's host; the moment from which on it was dead."""
    victim = Process.of(host_of(dev, node).leader)
    assert victim is not None
    victim.signal(signal.SIGKILL)
    assert victim.wait(30)
    return datetime.now(UTC)


@pytest.fixture(scope="module")
def lasting(dev: Live) -> set[str]:
    """Ids of what exists and is no group of nodes, after the first deployment."""
    return {each["id"] for each in dev.resources() if each["type"] != SCALE_SET}


def assert_nothing_is_left_over(dev: Live, lasting: set[str]) -> None:
    """Resources, hosts, namespaces and databases are those of the declared state."""
    state = dev.engine.resources(dev.stack).values()
    declared = {each["id"] for each in state if each["type"] == SCALE_SET}
    assert len(declared) == 2
    assert {each["id"] for each in dev.resources()} == lasting | declared

    names = {node["name"] for node in dev.nodes}
    groups = {each["id"].rpartition("/")[2] for each in dev.resources(SCALE_SET)}
    assert {name.rpartition("_")[0] for name in names} == groups
    assert {each.name for each in hosts.found(dev.home.hosts)} == names
    assert len(list(dev.home.hosts.iterdir())) == len(names)
    assert len(list(dev.home.databases.iterdir())) == 1
    places = [each.name for each in Path("/run/netns").glob(f"{dev.home.prefix}-*")]
    kinds = sorted(name.split("-")[1] for name in places)
    assert kinds == ["database", "internet", *["machine"] * len(names), "platform", "router"]


@pytest.fixture
def mistaken(dev: Live, tmp_path: Path) -> Live:
    """The same environment, deployed from a working copy with a slip in the proxies' settings."""
    files = ("shared/frontend.cfg", "compute/haproxy.cfg")
    slip = ("timeout connect 3s", "timeout conect 3s")
    program = copy_with(
        tmp_path / "program",
        {f"components/runtimes/plumber/node/{name}": slip for name in files},
    )
    return Live(dev.stack, Engine(dev.engine.folder, program, dev.engine.variables))


def test_nodes_that_do_not_work_leave_the_old_ones_serving(
    dev: Live, mistaken: Live, lasting: set[str]
) -> None:
    old = ready(dev)
    with under_load(dev, QUESTION) as load:
        load.await_served(BUSY)
        result = mistaken.engine.up(dev.stack, dev.configure({}))
        load.await_served(BUSY)

    assert load.losses == ()
    assert result.exit_code != 0
    for role in ("web", "compute"):
        assert f"VirtualMachineScaleSet (dev-{role}-nodes):" in result.display
    assert result.display.count("the end of /var/log/operationalization/configure.log:") == 2
    assert result.display.count("(got 'conect')") == 2
    assert ready(dev) == old
    assert lasting < {each["id"] for each in dev.resources()}
    for node in set(dev.names()) - old:
        # Nothing starts it again and again.
        proxy = dev.on(node, "systemctl", "is-active", "operationalization-proxy", check=False)
        assert proxy.stdout.strip() in ("inactive", "failed")
    assert dev.script("score", "iris", str(IRIS / "request.json")).returncode == 0


def test_the_next_good_content_takes_over_and_no_request_is_lost(
    dev: Live, lasting: set[str]
) -> None:
    old = ready(dev)
    changes = {"compute.workersPerNode": 3, "database.connectionsPerWebNode": 6}
    with under_load(dev, QUESTION) as load:
        load.await_served(BUSY)
        result = dev.up(changes)
        load.await_served(BUSY)

    assert load.losses == (), load
    steps = [(op, name) for op, token, name in result.changes if token == SCALE_SET]
    for name in ("dev-web-nodes", "dev-compute-nodes"):
        made, gone = (
            steps.index(("create-replacement", name)),
            steps.index(("delete-replaced", name)),
        )
        assert made < gone
    new = ready(dev)
    assert len(new) == len(old) == 4
    assert not new & old
    for node in ready(dev, "compute"):
        units = dev.on(node, "systemctl", "list-units", "--plain", "--no-legend", "*-worker@*")
        assert len(units.stdout.splitlines()) == 3
    assert_nothing_is_left_over(dev, lasting)


@contextmanager
def frozen_database(dev: Live) -> Iterator[Process]:
    """The database's server as a hung machine: it keeps its connections and answers nothing.

    Gives the first process of its guest. What is left of it goes on afterwards.
    """
    (guest,) = dev.home.databases.glob("*/guest")
    state = read(guest)
    assert state is not None
    assert state.first is not None
    asleep = psutil.Process(state.pid).children(recursive=True)
    for process in asleep:
        process.send_signal(signal.SIGSTOP)
    try:
        yield state.first
    finally:
        for process in asleep:
            if process.is_running():
                process.send_signal(signal.SIGCONT)


def health(dev: Live) -> dict[str, str]:
    """What each node says on /live and /ping."""
    curl = "curl -sk -o /dev/null -w '%{http_code} ' https://localhost:$0"
    ask = f"{curl}/live; {curl}/ping"
    ports = {"web": "12800", "compute": "12805"}
    return {
        node: dev.on(node, "sh", "-c", ask, port).stdout.strip()
        for role, port in ports.items()
        for node in dev.names(role)
    }


def test_a_database_that_hangs_and_restarts_costs_no_score_and_no_node(dev: Live) -> None:
    before = {node["name"]: node["since"] for node in dev.nodes}
    with sign_in(dev).client() as person, under_load(dev, QUESTION) as load:
        load.await_served(BUSY)
        with frozen_database(dev) as server:
            load.go_on(HEARTBEAT)
            status = person.get("/status").json()
            assert status["components"]["database"]["details"]["state"] == "Closed"
            assert set(health(dev).values()) == {"200 200"}
            server.signal(signal.SIGKILL)
        until(lambda: dev.script("publish", str(IRIS)).returncode == 0, "nothing can be published")
        load.await_served(5 * BUSY)
        until(lambda: person.get("/status").json()["statusCode"] == "pass", "not all is well again")

    assert load.losses == (), load
    assert set(health(dev).values()) == {"200 200"}
    assert {node["name"]: node["since"] for node in dev.nodes} == before


def test_a_killed_compute_node_costs_at_most_what_it_was_working_on(dev: Live) -> None:
    """A web node asks another compute node when it can't connect; what was sent is not repeated."""
    victim = min(ready(dev, "compute"))
    with under_load(dev, QUESTION) as load:
        load.await_served(BUSY)
        dead = kill(dev, victim)
        load.await_served(BUSY)
        until(lambda: victim in ready(dev), f"{victim} does not come back")
        await_use(dev, victim)

    assert all(loss.began <= dead for loss in load.losses), load
    assert host_of(dev, victim).leader


def test_a_killed_web_node_costs_connections_to_it_until_the_probe_has_noticed(dev: Live) -> None:
    """The balancer sends connections to a dead node until its probe failed often enough."""
    victim = min(ready(dev, "web"))
    with under_load(dev, QUESTION) as load:
        load.await_served(BUSY)
        dead = kill(dev, victim)
        load.await_served(BUSY)
        until(lambda: victim in ready(dev), f"{victim} does not come back")
        await_use(dev, victim)

    assert all(loss.began <= dead + PROBED for loss in load.losses), load


@dataclass(frozen=True, kw_only=True)
class Unwell:
    """A web node whose proxy is gone for good, though its machine runs."""

    name: str
    since: datetime
    load: Load
    """What clients saw until the balancer's probe must have noticed, and a while longer."""


@pytest.fixture(scope="module")
def unwell(dev: Live) -> Unwell:
    name = min(ready(dev, "web"))
    with under_load(dev, QUESTION) as load:
        load.await_served(BUSY)
        dev.on(name, "systemctl", "mask", "--runtime", "--now", "operationalization-proxy.service")
        since = datetime.now(UTC)
        load.go_on(PROBED.total_seconds())
        load.await_served(BUSY)
    return Unwell(name=name, since=since, load=load)


def test_a_web_node_that_is_unwell_is_passed_by(unwell: Unwell) -> None:
    assert all(loss.began <= unwell.since + PROBED for loss in unwell.load.losses), unwell.load


def test_nodes_that_come_and_go_by_hand_cost_no_request(dev: Live) -> None:
    (group,) = [each["id"] for each in dev.resources(SCALE_SET) if "-compute-" in each["id"]]
    old = set(dev.names("compute"))
    with under_load(dev, QUESTION) as load:
        load.await_served(BUSY)
        dev.tamper(group, "sku.capacity", "3")
        until(lambda: len(ready(dev, "compute")) == 3, "no third compute node serves")
        (new,) = ready(dev, "compute") - old
        await_use(dev, new)
        dev.tamper(group, "sku.capacity", "2")
        until(lambda: set(dev.names("compute")) == old, f"{new} does not go")
        load.await_served(BUSY)

    assert load.losses == (), load


def test_a_web_node_that_stays_unwell_is_replaced(
    dev: Live, unwell: Unwell, lasting: set[str]
) -> None:
    with under_load(dev, QUESTION) as load:
        until(lambda: len(ready(dev, "web") - {unwell.name}) == 2, f"{unwell.name} is not replaced")
        for node in ready(dev, "web"):
            await_use(dev, node)

    assert load.losses == (), load
    assert unwell.name not in dev.names()
    assert_nothing_is_left_over(dev, lasting)
