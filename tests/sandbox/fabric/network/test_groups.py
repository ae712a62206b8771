"""Rules that mean groups, with real packets: members, balancers, and who has a way where."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network

import pytest

from sandbox.fabric.contract import METADATA, Place, Rule, Service, Stage
from tests.sandbox.fabric.network.town import (
    CLIENT,
    answers,
    blueprint,
    closing,
    denied,
    everyone,
    frontend,
    network,
    port,
    reach,
    talks,
)

pytestmark = pytest.mark.root

CLIENTS = (IPv4Network("203.0.113.0/24"),)
RESOLVER = IPv4Address("10.0.0.2")
S3 = IPv4Address("192.0.2.10")
NOTHING = Stage(id="sg-nothing", rules=())


def allows(name, *, number=8080, sources=(), **rest):
    """A security group with one rule."""
    rule = Rule(
        name=name,
        allow=True,
        protocol="tcp",
        sources=tuple(map(IPv4Network, sources)),
        destination_ports=((number, number),),
        **rest,
    )
    return (Stage(id=f"sg-{name}", rules=(rule,)),)


def test_members_of_a_group_come_and_go_and_connections_that_exist_go_on(town):
    first, second = port("web0", "10.0.1.4"), port("web1", "10.0.1.5")
    compute = port("compute", "10.0.1.6", inbound=allows("web", sources=["10.0.1.4"]))
    town.settle(network(first, second, compute))
    with closing(server := town.serve(compute.owner, compute.address)):
        server.settimeout(2)
        with closing(early := reach(town.place(first.owner), compute.address)):
            seen = server.accept()[0]
            assert denied(town.place(second.owner), compute.address)

            later = replace(compute, inbound=allows("web", sources=["10.0.1.5"]))
            town.settle(network(first, second, later))
            assert answers(town.place(second.owner), compute.address)
            assert denied(town.place(first.owner), compute.address)
            with closing(seen):
                assert talks(early, seen)


def test_a_rule_for_a_balancer_lets_in_who_came_through_it_and_nobody_else(town):
    neighbour = port("neighbour", "10.0.1.5")
    web = port("web", "10.0.1.4", inbound=allows("balancer", frontends=("/lb/front",)))
    front = frontend(town.pool[300], web)
    other = frontend(town.pool[301], web, name="other")
    town.settle(network(web, neighbour, frontends=(front, other)))
    with closing(server := town.serve(web.owner, web.address)):
        server.settimeout(2)
        with closing(reach("", front.address, 80)):
            connection, seen = server.accept()
            connection.close()
        assert seen[0] == str(CLIENT)
        assert denied("", other.address, 80)
        assert denied(town.place(neighbour.owner), web.address)


def test_a_balancers_own_rules_hold_for_clients_and_for_members(town):
    web = port("web", "10.0.1.4")
    plain = frontend(town.pool[300], web)
    town.settle(network(web, frontends=(plain,)))

    def settle(**stages):
        town.settle(network(web, frontends=(replace(plain, **stages),)))

    with closing(town.serve(web.owner, web.address)):
        settle(inbound=allows("clients", number=80, sources=map(str, CLIENTS)))
        assert answers("", plain.address, 80)
        with town.networks.visit(IPv4Address("198.51.100.7")) as stranger:
            assert denied(stranger, plain.address, 80)
        settle(inbound=(NOTHING,))
        assert denied("", plain.address, 80)
        target = (IPv4Network(f"{web.address}/32"),)
        settle(outbound=allows("web", sources=["0.0.0.0/0"], destinations=target))
        assert answers("", plain.address, 80)
        settle(outbound=allows("web", number=9090, sources=["0.0.0.0/0"], destinations=target))
        assert denied("", plain.address, 80)


def test_probes_come_from_the_balancers_own_address_through_both_ends_rules(town):
    node = port("node", "10.0.1.9", place=Place.PLATFORM)
    web = port("web", "10.0.1.4", inbound=allows("node", sources=["10.0.1.9"]))
    front = replace(frontend(town.pool[300], web), probe_from=node.address)

    def probe():
        town.networks.connect("/one", node.address, web.address, 8080, 0.5).close()

    town.settle(network(web, node, frontends=(front,)))
    with closing(town.serve(web.owner, web.address)):
        probe()
        town.settle(network(web, replace(node, outbound=(NOTHING,)), frontends=(front,)))
        with pytest.raises(TimeoutError):
            probe()
        town.settle(network(web, node))  # no frontend asks from there
        with pytest.raises(TimeoutError):
            probe()


def test_names_and_metadata_are_where_the_network_has_them_whatever_the_rules(town):
    web = port("web", "10.0.1.4", outbound=(NOTHING,), inbound=(NOTHING,))
    town.settle(replace(network(web), given=(METADATA, RESOLVER)))
    here = town.place(web.owner)
    for address in (METADATA, RESOLVER):
        with closing(town.networks.open("/one", address, 80)):
            assert answers(here, address, 80)
    with closing(town.networks.open("/one", IPv4Address("168.63.129.16"), 80)):
        assert denied(here, "168.63.129.16", 80)


def test_only_who_has_a_way_to_a_service_reaches_it_through_its_own_rules(town):
    near, far = port("near", "10.0.1.4"), port("far", "10.0.1.5")
    shut = port("shut", "10.0.1.6", outbound=(NOTHING,))
    service = Service(id="s3", address=S3, ports=(near.id, shut.id))
    wanted = replace(network(near, far, shut), services=(service,))
    town.settle(wanted)
    with closing(server := town.networks.open("/one", S3, 443)):
        with closing(reach(town.place(near.owner), S3, 443)):
            connection, seen = server.accept()
            connection.close()
        assert seen[0] == str(near.address)
        assert denied(town.place(far.owner), S3, 443)
        assert denied(town.place(shut.owner), S3, 443)
        # As a daemon finds it that starts after `kill -9`.
        again = town.another()
        again.settle(blueprint(wanted), everyone)
        assert answers(town.place(near.owner), S3, 443)
        town.settle(replace(wanted, services=()))
        assert denied(town.place(near.owner), S3, 443)


def test_a_port_with_a_public_address_is_reached_there_and_is_seen_with_it(town):
    own = town.pool[310]
    bastion = port(
        "bastion",
        "10.0.1.4",
        public=own,
        nat=own,
        inbound=allows("clients", sources=map(str, CLIENTS)),
    )
    other = port("other", "10.0.1.4", network="two", nat=town.pool[311])
    front = frontend(town.pool[312], other)
    town.settle(network(bastion), network(other, name="two", frontends=(front,)))
    with (
        closing(server := town.serve(bastion.owner, bastion.address)),
        closing(away := town.serve(other.owner, other.address)),
    ):
        server.settimeout(2)
        away.settimeout(2)
        with closing(reach("", own, 8080)):
            connection, seen = server.accept()
            connection.close()
        assert seen[0] == str(CLIENT)
        with town.networks.visit(IPv4Address("198.51.100.7")) as stranger:
            assert denied(stranger, own)
        with closing(reach(town.place(bastion.owner), front.address, 80)):
            connection, seen = away.accept()
            connection.close()
        assert seen[0] == str(own)
