"""Clients elsewhere on the internet."""

import os
import signal
import socket
import subprocess
import sys
from ipaddress import IPv4Address

import pytest

from sandbox.fabric.contract import FabricError
from sandbox.fabric.network import inside, namespaces, visit
from tests.sandbox.fabric.network.town import (
    CLIENT,
    answers,
    closing,
    denied,
    frontend,
    network,
    port,
)

pytestmark = pytest.mark.root

ADDRESS = IPv4Address("198.51.100.7")
PROGRAM = """
import sys
from ipaddress import IPv4Address
from sandbox.fabric.network import visit
with visit(sys.argv[1], IPv4Address(sys.argv[2])) as name:
    print(name, flush=True)
    sys.stdin.read()
"""


def _visitor(town):
    started = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, town.prefix, str(ADDRESS)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    return started, started.stdout.readline().strip()


def _end(started, how):
    os.kill(started.pid, how)
    started.communicate()


def test_a_visit_from_another_process_ends_with_ctrl_c(town):
    town.settle(network())
    started, name = _visitor(town)
    assert name in namespaces.existing(town.prefix)
    _end(started, signal.SIGINT)
    assert name not in namespaces.existing(town.prefix)
    assert "v" + f"{int(ADDRESS):08x}" not in namespaces.interfaces(f"{town.prefix}-internet")


def test_two_visits_with_one_address_share_it_until_the_last_goes(town):
    web = port("web", "10.0.1.4")
    front = frontend(town.pool[300], web)
    town.settle(network(web, frontends=(front,)))
    started, name = _visitor(town)
    with closing(town.serve(web.owner, web.address)), town.networks.visit(ADDRESS) as here:
        assert here == name
        _end(started, signal.SIGINT)
        assert answers(here, front.address, 80)
    assert name not in namespaces.existing(town.prefix)


def test_what_a_killed_visitor_left_goes_with_the_next(town):
    town.settle(network())
    started, name = _visitor(town)
    _end(started, signal.SIGKILL)
    assert name in namespaces.existing(town.prefix)
    with visit(town.prefix, IPv4Address("198.51.100.8")):
        assert name not in namespaces.existing(town.prefix)


def test_a_visit_survives_another_daemon_and_a_stop_ends_it(town):
    web = port("web", "10.0.1.4")
    front = frontend(town.pool[300], web)
    town.settle(network(web, frontends=(front,)))
    with town.networks.visit(ADDRESS) as here:
        town.networks = town.another()
        town.settle(network(web, frontends=(front,)))
        with closing(town.serve(web.owner, web.address)):
            assert answers(here, front.address, 80)
        town.networks.clear()
        assert town.networks.leftovers() == []


def test_a_visitor_is_a_machine_of_the_internet_for_those_with_a_way_there(town):
    inside_only = port("compute", "10.0.1.5")
    web = port("web", "10.0.1.4", nat=town.pool[301])
    town.settle(network(web, inside_only))
    with town.networks.visit(ADDRESS) as there, _served(there) as server:
        assert answers(town.place(web.owner), ADDRESS, 80)
        accepted, (source, _) = server.accept()
        accepted.close()
        assert denied(town.place(inside_only.owner), ADDRESS, 80)
    assert source == str(town.pool[301])


def _served(namespace):
    with inside(namespace):
        return socket.create_server((str(ADDRESS), 80))


@pytest.mark.parametrize("address", ["10.0.0.1", "127.0.0.1", "169.254.1.1", "224.0.0.1"])
def test_nobody_comes_from_an_address_that_is_not_of_the_internet(town, address):
    town.settle(network())
    with (
        pytest.raises(FabricError, match=f"{address} is no address of the internet"),
        town.networks.visit(IPv4Address(address)),
    ):
        pass


def test_nobody_comes_from_the_sandbox_s_own_addresses_or_the_user_s(town):
    town.settle(network())
    with (
        pytest.raises(FabricError, match="one of the sandbox's own public addresses"),
        town.networks.visit(town.pool[300]),
    ):
        pass
    with (
        pytest.raises(FabricError, match="is this machine itself"),
        town.networks.visit(CLIENT),
    ):
        pass


def test_without_an_environment_there_is_nothing_to_visit(town):
    with (
        pytest.raises(FabricError, match="there is no environment to visit"),
        town.networks.visit(ADDRESS),
    ):
        pass
