"""What a blueprint means, without touching anything."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network

import pytest

from sandbox.fabric.contract import Blueprint, FabricError
from sandbox.fabric.network import Networks, hardware_address, names
from sandbox.fabric.network.layout import layout
from tests.sandbox.fabric.network.town import CLIENT, blueprint, frontend, machine, network, port

POOL = IPv4Network("198.18.16.0/20")


def lay_out(*networks):
    return layout("opabcd", POOL, CLIENT, blueprint(*networks))


def test_every_interface_has_a_name_that_the_kernel_takes():
    ports = [port(f"a-machine-with-a-long-name-{i}", f"10.0.1.{i + 4}") for i in range(200)]
    more = [port(f"another-{i}", f"10.0.1.{i + 4}", network="two") for i in range(200)]
    found = lay_out(network(*ports), network(*more, name="two"))
    ends = [end for link in found.links.values() for end in (link.inner, link.outer)]
    assert max(len(end.name) for end in ends) <= 15
    assert len({(end.namespace, end.name) for end in ends}) == len(ends)
    assert max(map(len, found.namespaces)) < 64


def test_two_ports_with_one_address_are_refused():
    with pytest.raises(FabricError, match=r"have the same address 10\.0\.1\.4 in the .* one"):
        lay_out(network(port("a", "10.0.1.4"), port("b", "10.0.1.4")))


def test_a_public_address_leads_to_one_network():
    one, two = port("a", "10.0.1.4", nat=POOL[300]), port("b", "10.0.1.5", nat=POOL[300])
    assert len(lay_out(network(one, two)).routes) == 1
    front = frontend(POOL[300], port("c", "10.0.1.6", network="two"))
    with pytest.raises(FabricError, match=r"public address 198\.18\.17\.44 is used in two "):
        lay_out(network(one), network(name="two", frontends=(front,)))


def test_all_interfaces_of_one_owner_have_names_of_their_own():
    first, second = port("a", "10.0.1.4"), replace(port("b", "10.0.1.5"), owner="/one/a")
    third = replace(port("a", "10.0.1.6", network="two"), owner="/one/a")
    plan = Blueprint(
        networks=(network(first, second), network(third, name="two")), machines=(machine(first),)
    )
    found = layout("opabcd", POOL, CLIENT, plan)
    inner = {link.address: link.inner.name for link in found.links.values()}
    found = [inner[hardware_address(each.id)] for each in (first, second, third)]
    assert found == ["eth0", "eth1", "eth2"]


def test_an_internal_frontend_is_not_on_the_internet():
    inner = port("a", "10.0.1.4")
    assert not lay_out(network(inner, frontends=(frontend("10.0.1.9", inner),))).routes


def test_names_that_would_be_one_are_refused(monkeypatch):
    monkeypatch.setattr(names, "_short", lambda *_: "0" * 12)
    with pytest.raises(FabricError, match="would both be p000000000000"):
        lay_out(network(port("a", "10.0.1.4"), port("b", "10.0.1.5")))


def test_a_hardware_address_is_the_port_s_own_and_stays():
    assert hardware_address("/nic/1") == hardware_address("/nic/1")
    assert hardware_address("/nic/1") != hardware_address("/nic/2")
    assert int(hardware_address("/nic/1")[:2], 16) & 3 == 2  # local, and one receiver's


@pytest.mark.parametrize("prefix", ["", "Op", "op-1", "1op", "a" * 12])
def test_a_prefix_that_would_not_fit_is_refused(prefix):
    with pytest.raises(FabricError, match="can't begin the names"):
        Networks(prefix, POOL, IPv4Address("203.0.113.10"))
