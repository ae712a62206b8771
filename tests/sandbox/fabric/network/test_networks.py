"""Virtual networks with real packets: who reaches whom, and what a receiver sees."""

import socket
import threading
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from sandbox.fabric.contract import Blueprint, FabricError, Place, Rule, Stage
from sandbox.fabric.network import hardware_address, inside, namespaces
from tests.sandbox.fabric.network.town import (
    CLIENT,
    answers,
    closing,
    database,
    denied,
    everyone,
    frontend,
    ip,
    machine,
    network,
    port,
    reach,
    talks,
)

pytestmark = pytest.mark.root

ONLY_8080 = Stage(
    id="only-8080",
    rules=(Rule(name="8080", allow=True, protocol="tcp", destination_ports=((8080, 8080),)),),
)
PROBE = IPv4Address("168.63.129.16")


def test_neighbours_reach_each_other_through_the_router_only(town):
    web, open_one = port("web", "10.0.1.4"), port("open", "10.0.1.5")
    closed = port("closed", "10.0.1.6", inbound=(ONLY_8080,))
    town.settle(network(web, open_one, closed))
    servers = [
        town.serve(target.owner, target.address, number)
        for target in (open_one, closed)
        for number in (8080, 9090)
    ]
    here = town.place(web.owner)
    with closing(*servers):
        assert answers(here, open_one.address, 8080)
        assert answers(here, open_one.address, 9090)
        assert answers(here, closed.address, 8080)
        assert denied(here, closed.address, 9090)


def test_an_address_of_somebody_else_is_not_heard(town):
    honest, liar, target = (port(n, f"10.0.1.{i}") for n, i in (("a", 4), ("b", 5), ("c", 6)))
    town.settle(network(honest, liar, target))
    here = town.place(liar.owner)
    ip("addr", "add", f"{honest.address}/32", "dev", "eth0", namespace=here)
    with closing(town.serve(target.owner, target.address)):
        assert answers(here, target.address, source=liar.address)
        assert denied(here, target.address, source=honest.address)


def test_networks_with_the_same_range_are_two_worlds(town):
    ours, friend = port("a", "10.0.1.4"), port("b", "10.0.1.5")
    theirs = port("a", "10.0.1.4", network="two", nat=town.pool[300])
    front = frontend(town.pool[301], ours)
    town.settle(network(ours, friend, frontends=(front,)), network(theirs, name="two"))
    with closing(server := town.serve(ours.owner, ours.address)):
        server.settimeout(2)
        assert answers(town.place(friend.owner), ours.address)
        server.accept()[0].close()
        with pytest.raises(ConnectionRefusedError):  # by itself: it has the address, too
            reach(town.place(theirs.owner), ours.address)
        assert denied(town.place(theirs.owner), friend.address)
        with closing(reach(town.place(theirs.owner), front.address, 80)):
            connection, seen = server.accept()
            connection.close()
        assert seen[0] == str(theirs.nat)


def test_a_public_address_answers_the_user_and_visitors_who_are_seen_as_themselves(town):
    web = port("web", "10.0.1.4")
    front = frontend(town.pool[300], web)
    town.settle(network(web, frontends=(front,)))
    with closing(server := town.serve(web.owner, web.address)):
        server.settimeout(2)
        with closing(reach("", front.address, 80)):
            connection, seen = server.accept()
            connection.close()
        assert seen[0] == str(CLIENT)
        visitor = IPv4Address("198.51.100.7")
        with town.networks.visit(visitor) as there, closing(reach(there, front.address, 80)):
            connection, seen = server.accept()
            connection.close()
        assert seen[0] == str(visitor)
        with pytest.raises(OSError, match="No route to host"):
            reach("", town.pool[301], 80)


def test_an_environment_opens_no_connection_to_the_user(town):
    web = port("web", "10.0.1.4", nat=town.pool[300])
    town.settle(network(web))
    with closing(user := socket.create_server((str(CLIENT), 0))):
        assert answers("", CLIENT, user.getsockname()[1])
        assert denied(town.place(web.owner), CLIENT, user.getsockname()[1])


def test_the_platform_serves_in_a_network_and_asks_its_members(town):
    web = port("web", "10.0.1.4")
    vault = port("vault", "10.0.3.4", place=Place.PLATFORM)
    town.settle(network(web, vault))
    here = town.place(web.owner)
    before = Path("/proc/thread-self/ns/net").readlink()
    for address in ("168.63.129.16", "169.254.169.254", vault.address):
        with (
            closing(served := town.networks.open("/one", IPv4Address(address), 80)),
            closing(asked := reach(here, address, 80)),
        ):
            connection, seen = served.accept()
            with closing(connection):
                assert talks(asked, connection)
            assert seen[0] == str(web.address)
    with (
        closing(server := town.serve(web.owner, web.address)),
        closing(town.networks.connect("/one", PROBE, web.address, 8080, 2)),
    ):
        connection, seen = server.accept()
        connection.close()
        assert seen[0] == str(PROBE)
    with pytest.raises(ConnectionRefusedError):
        town.networks.connect("/one", PROBE, web.address, 8080, 2)
    assert Path("/proc/thread-self/ns/net").readlink() == before


def test_the_platform_answers_datagrams_from_the_address_that_was_asked(town):
    web = port("web", "10.0.1.4")
    town.settle(network(web))
    with inside(town.place(web.owner)):
        asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with closing(served := town.networks.open("/one", PROBE, 53, socket.SOCK_DGRAM), asking):
        asking.settimeout(2)
        served.settimeout(2)
        asking.sendto(b"who", (str(PROBE), 53))
        question, where = served.recvfrom(100)
        served.sendto(b"me", where)
        assert question == b"who"
        assert asking.recvfrom(100) == (b"me", (str(PROBE), 53))


def test_what_is_not_there_is_named(town):
    town.settle(network())
    with pytest.raises(FabricError, match="there is no virtual network /other now"):
        town.networks.open("/other", PROBE, 53)
    with pytest.raises(FabricError, match=r"nothing can be served at 10\.9\.9\.9:53 in .* /one"):
        town.networks.open("/one", IPv4Address("10.9.9.9"), 53)
    with pytest.raises(FabricError, match="/one/web has no network namespace"):
        town.networks.namespace("/one/web")


def test_a_change_of_rules_holds_for_new_connections_and_cuts_no_old_one(town):
    web, target = port("web", "10.0.1.4"), port("target", "10.0.1.5")
    town.settle(network(web, target))
    server = town.serve(target.owner, target.address, 9090)
    with closing(server, asked := reach(town.place(web.owner), target.address, 9090)):
        connection, _ = server.accept()
        closed = port("target", "10.0.1.5", inbound=(ONLY_8080,))
        town.settle(network(web, closed))
        assert denied(town.place(web.owner), target.address, 9090)
        with closing(connection):
            assert talks(asked, connection)


def test_ports_come_and_go_while_the_others_talk(town):
    web, target, more = (port(n, f"10.0.1.{i}") for n, i in (("a", 4), ("b", 5), ("c", 6)))
    town.settle(network(web, target))
    server = town.serve(target.owner, target.address)
    with closing(server, asked := reach(town.place(web.owner), target.address)):
        connection, _ = server.accept()
        with closing(connection):
            town.settle(network(web, target, more))
            assert answers(town.place(more.owner), target.address)
            gone = town.place(more.owner)
            assert talks(asked, connection)
            town.settle(network(web, target))
            assert gone not in ip("netns")
            assert talks(asked, connection)


def test_a_database_has_a_place_before_it_has_an_endpoint_and_may_have_several(town):
    town.settle(network(), databases=(database(),))
    place = town.place("/one/db")
    with inside(place):
        alone = socket.create_server(("127.0.0.1", 5432))
    with closing(alone):
        assert answers(place, "127.0.0.1", 5432)
    ends = [
        port("db", "10.0.3.4", place=Place.DATABASE),
        replace(port("db", "10.0.3.5", network="two", place=Place.DATABASE), owner="/one/db"),
    ]
    asking = [port("a", "10.0.1.4"), port("a", "10.0.1.4", network="two")]
    town.settle(
        network(ends[0], asking[0]),
        network(ends[1], asking[1], name="two"),
        databases=(database(*ends),),
    )
    assert town.place("/one/db") == place
    with inside(place):
        server = socket.create_server(("0.0.0.0", 5432))
    with closing(server):
        assert answers(town.place(asking[0].owner), ends[0].address, 5432)
        assert answers(town.place(asking[1].owner), ends[1].address, 5432)


def test_a_machine_finds_its_interface_as_it_should_be(town):
    web = port("web", "10.0.1.4")
    town.settle(network(web))
    here = town.place(web.owner)
    shown = ip("link", "show", "eth0", namespace=here)
    assert "mtu 1500" in shown
    assert hardware_address(web.id) in shown
    assert "10.0.1.4/32" in ip("addr", "show", "eth0", namespace=here)
    assert "default via 10.0.1.1" in ip("route", namespace=here)
    assert "default" not in ip("-6", "route", namespace=here)
    assert "inet6" not in ip("addr", namespace=f"{town.prefix}-internet")


def test_another_incarnation_has_another_namespace_with_the_same_address(town):
    web = port("web", "10.0.1.4")
    town.settle(network(web))
    before = town.place(web.owner)
    again = Blueprint(networks=(network(web),), machines=(machine(web, incarnation="2"),))
    town.networks.settle(again, everyone)
    assert town.place(web.owner) != before
    assert before not in ip("netns")
    assert "10.0.1.4/32" in ip("addr", namespace=town.place(web.owner))


def test_a_renewed_host_has_lost_its_own_rules_and_is_reached_again(town):
    web, other = port("web", "10.0.1.4"), port("other", "10.0.1.5")
    town.settle(network(web, other))
    here = town.place(web.owner)
    rules = "table ip own { chain c { type filter hook input priority 0; policy drop; }; }"
    namespaces.run(here, ["nft", "-f", "-"], rules)
    with closing(town.serve(web.owner, web.address)):
        assert denied(town.place(other.owner), web.address)
    assert town.networks.renew(web.owner) == here
    with closing(town.serve(web.owner, web.address)):
        assert answers(town.place(other.owner), web.address)


def test_a_network_whose_rules_are_refused_is_not_linked(town, monkeypatch):
    web = port("web", "10.0.1.4")
    monkeypatch.setattr(
        "sandbox.fabric.packet_filter.ruleset", lambda *_: "table inet fabric { nonsense }"
    )
    with pytest.raises(FabricError, match="nft -f - failed in network namespace"):
        town.settle(network(web))
    links = [namespaces.interfaces(name) for name in namespaces.existing(town.prefix)]
    assert links
    assert set().union(*links) == set()


def test_namespaces_are_entered_in_any_thread_and_left_again(town):
    web = port("web", "10.0.1.4")
    town.settle(network(web))
    seen = {}

    def look():
        before = Path("/proc/thread-self/ns/net").readlink()
        with inside(town.place(web.owner)):
            seen["inside"] = {name for _, name in socket.if_nameindex()}
        seen["back"] = Path("/proc/thread-self/ns/net").readlink() == before

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == {"inside": {"lo", "eth0"}, "back": True}
    with pytest.raises(FileNotFoundError), inside(f"{town.prefix}-nowhere"):
        pass


def test_a_pool_that_leads_elsewhere_is_refused_with_who_has_it(town):
    plan = network(port("web", "10.0.1.4"))
    other = f"{town.prefix}zz"
    ip("link", "add", other, "type", "veth", "peer", "name", f"{other}2")
    try:
        ip("link", "set", other, "up")
        ip("route", "add", str(town.pool), "dev", other)
        with pytest.raises(FabricError, match=f"{town.pool} lead to interface {other} on this"):
            town.settle(plan)
    finally:
        ip("link", "del", other)
    town.settle(plan)


def test_nothing_deployed_leaves_nothing_on_the_machine(town):
    town.settle(network(port("web", "10.0.1.4")))
    assert f"interface {town.prefix}user" in town.networks.leftovers()
    town.settle()
    assert town.networks.leftovers() == []
    town.settle(network(port("web", "10.0.1.4")))
    assert f"network namespace {town.prefix}-internet" in town.networks.leftovers()
