"""The packet filter, with real packets: a router, three hosts, the platform and the internet."""

import ctypes
import itertools
import os
import socket
import struct
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Network
from itertools import product
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.fabric.contract import (
    EVERYWHERE,
    Frontend,
    Member,
    Network,
    Place,
    Port,
    Rule,
    Stage,
)
from sandbox.fabric.packet_filter import ruleset

PUBLIC = IPv4Network("198.18.0.0/20")
RANGES = (IPv4Network("10.20.0.0/16"),)
GATEWAY = "10.20.0.1"
HOSTS = {"web": "10.20.0.4", "twin": "10.20.0.5", "compute": "10.20.128.4"}
VAULT = "10.20.64.4"
PROBE, METADATA = "168.63.129.16", "169.254.169.254"
CLIENT, STRANGER = "203.0.113.10", "192.0.2.7"
FRONT, NAT, UNUSED = "198.18.0.5", "198.18.0.9", "198.18.0.77"
INSIDE = "10.20.0.200"
"""Of a frontend inside of the network."""

PATIENCE = 0.25
"""Seconds after which what has not come was dropped."""


def only(written):
    return (IPv4Network(written),)


def allow(name="allow", **conditions):
    return Rule(name=name, allow=True, **conditions)


def deny(name="deny", **conditions):
    return Rule(name=name, allow=False, **conditions)


def stage(*rules, name="group"):
    return Stage(id=f"/subscriptions/x/networkSecurityGroups/{name}", rules=rules)


OPEN = stage(allow("everything"), name="open")
CLOSED = stage(deny("nothing"), name="closed")


def network(frontends=(), *, vault=(), nat=NAT, **stages):
    """The network of these tests; *stages* by host: (inbound, outbound)."""
    ports = [
        Port(
            id=name,
            place=Place.MACHINE,
            owner=name,
            address=IPv4Address(address),
            gateway=IPv4Address(GATEWAY),
            inbound=stages.get(name, ((), ()))[0],
            outbound=stages.get(name, ((), ()))[1],
            nat=IPv4Address(nat) if nat else None,
        )
        for name, address in HOSTS.items()
    ]
    endpoint = Port(
        id="vault",
        place=Place.PLATFORM,
        owner="vault",
        address=IPv4Address(VAULT),
        gateway=IPv4Address(GATEWAY),
        inbound=vault,
    )
    return Network(
        id="net", name="net", ranges=RANGES, ports=(*ports, endpoint), frontends=tuple(frontends)
    )


def front(*members, address=FRONT, port=80, member_port=8080, protocol="tcp"):
    return Frontend(
        id=f"front-{address}-{port}-{protocol}",
        address=IPv4Address(address),
        port=port,
        member_port=member_port,
        protocol=protocol,
        members=tuple(Member(port=name, address=IPv4Address(HOSTS[name])) for name in members),
    )


def everybody(frontend):
    return [member.address for member in frontend.members]


def nobody(_):
    return []


def text(given, healthy=everybody):
    return ruleset(given, healthy, lambda port: f"p-{port}", PUBLIC)


# Namespaces.

_LIBC = ctypes.CDLL(None, use_errno=True)


def run(*command, text_in=None):
    done = subprocess.run(command, input=text_in, text=True, capture_output=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
    return done.stdout


def in_namespace(name, make):
    """What *make* makes in a thread that has moved there and ends."""
    result = []

    def work():
        with Path(f"/run/netns/{name}").open() as where:
            if _LIBC.setns(where.fileno(), 0x40000000) != 0:
                raise OSError(ctypes.get_errno(), "setns")
        result.append(make())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return result[0]


@dataclass
class Lab:
    """The namespaces, and sockets in them."""

    prefix: str
    stack: ExitStack

    def name(self, host):
        return f"{self.prefix}-{host}"

    def ip(self, host, *command):
        return run("ip", "-n", self.name(host), *command)

    def socket(self, host, kind=socket.SOCK_STREAM, protocol=0):
        def make():
            found = socket.socket(socket.AF_INET, kind, protocol)
            found.settimeout(PATIENCE)
            return found

        return in_namespace(self.name(host), make)

    def link(self, host, interface, *addresses):
        """A link to the router, whose end is called *interface*."""
        there = self.name(host)
        run("ip", "netns", "add", there)
        run(
            *("ip", "-n", self.name("router"), "link", "add", interface),
            *("type", "veth", "peer", "name", "eth0", "netns", there),
        )
        self.ip("router", "addr", "add", f"{GATEWAY}/32", "dev", interface)
        self.ip("router", "link", "set", interface, "up")
        self.ip(host, "link", "set", "lo", "up")
        self.ip(host, "link", "set", "eth0", "up")
        for address in addresses:
            self.ip(host, "addr", "add", f"{address}/32", "dev", "eth0")
            self.ip("router", "route", "add", f"{address}/32", "dev", interface)
        self.ip(host, "route", "add", GATEWAY, "dev", "eth0")
        self.ip(host, "route", "add", "default", "via", GATEWAY, "src", addresses[0])

    def apply(self, given, healthy=everybody):
        run("ip", "netns", "exec", self.name("router"), "nft", "-f", "-",
            text_in=text(given, healthy))  # fmt: skip

    def listed(self):
        return run("ip", "netns", "exec", self.name("router"), "nft", "list", "ruleset")

    def serve(self, host, *ports):
        """Answer each connection with this host's name and the client's address, then echo."""
        for port in ports:
            listening = self.socket(host)
            listening.settimeout(None)
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(("0.0.0.0", port))
            listening.listen(300)
            self.stack.callback(listening.close)
            self.stack.callback(listening.shutdown, socket.SHUT_RDWR)
            threading.Thread(target=_accept, args=(listening, host), daemon=True).start()

    def open(self, host, target, port, source=None, source_port=0):
        """A connection; TimeoutError when it was dropped."""
        found = self.socket(host)
        try:
            found.bind((source or "0.0.0.0", source_port))
            found.connect((str(target), port))
        except OSError:
            found.close()
            raise
        return found

    def ask(self, host, target, port=8080, source=None):
        """`HOST CLIENT` of who answered; "" when the connection was dropped."""
        try:
            with self.open(host, target, port, source) as found:
                return found.recv(100).decode()
        except TimeoutError:
            return ""

    def ping(self, host, target):
        """Whether an echo came back."""
        with self.socket(host, socket.SOCK_RAW, socket.IPPROTO_ICMP) as found:
            body = struct.pack("!BBHHH", 8, 0, 0, int.from_bytes(os.urandom(2)), 1)
            total = sum(struct.unpack("!4H", body))
            check = ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
            found.sendto(body[:2] + struct.pack("!H", check) + body[4:], (str(target), 0))
            try:
                return found.recv(200)[20] == 0
            except TimeoutError:
                return False


def _accept(listening, name):
    while True:
        try:
            found, (client, _) = listening.accept()
        except OSError:
            return
        threading.Thread(target=_echo, args=(found, f"{name} {client}"), daemon=True).start()


def _echo(found, greeting):
    with found, suppress(OSError):
        found.sendall(greeting.encode())
        while words := found.recv(1000):
            found.sendall(words)


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    stack = ExitStack()
    made = Lab(f"opc{uuid4().hex[:6]}", stack)
    names = ["router", *HOSTS, "platform", "client"]
    try:
        run("ip", "netns", "add", made.name("router"))
        made.ip("router", "link", "set", "lo", "up")
        for host, address in HOSTS.items():
            made.link(host, f"p-{host}", address)
        made.link("platform", "platform", PROBE, METADATA, VAULT)
        made.link("client", "internet", CLIENT, STRANGER)
        made.ip("router", "route", "add", "default", "dev", "internet", "via", CLIENT)
        for host in ("router", "client"):
            in_namespace(
                made.name(host),
                lambda: Path("/proc/sys/net/ipv4/ip_forward").write_text("1"),
            )
        for host in HOSTS:
            made.serve(host, 8080, 22)
        made.serve("platform", 443, 80)
        made.serve("client", 80)
        yield made
    finally:
        stack.close()
        existing = run("ip", "netns")
        for name in names:
            if made.name(name) in existing:
                run("ip", "netns", "del", made.name(name))


# Who may talk to whom.


@pytest.mark.root
class TestStages:
    def test_without_stages_everybody_in_the_network_is_reached(self, lab):
        lab.apply(network())
        assert lab.ask("web", HOSTS["compute"]) == f"compute {HOSTS['web']}"
        assert lab.ask("web", HOSTS["twin"]) == f"twin {HOSTS['web']}"

    def test_a_rule_allows_its_port_and_no_other_also_in_one_subnet(self, lab):
        inbound = stage(allow(protocol="tcp", destination_ports=((8080, 8080),)))
        lab.apply(network(twin=((inbound,), ())))
        assert lab.ask("web", HOSTS["twin"])
        assert not lab.ask("web", HOSTS["twin"], 22)

    def test_a_rule_allows_its_sources_and_no_others(self, lab):
        inbound = stage(allow(sources=only("10.20.0.4/32")))
        lab.apply(network(compute=((inbound,), ())))
        assert lab.ask("web", HOSTS["compute"])
        assert not lab.ask("twin", HOSTS["compute"])

    def test_a_rule_allows_its_destinations_and_no_others(self, lab):
        outbound = stage(allow(destinations=only("10.20.128.0/24")))
        lab.apply(network(web=((), (outbound,))))
        assert lab.ask("web", HOSTS["compute"])
        assert not lab.ask("web", HOSTS["twin"])

    def test_the_first_rule_that_matches_decides(self, lab):
        early, late = deny(destination_ports=((22, 22),)), allow()
        lab.apply(network(web=((stage(early, late),), ())))
        assert lab.ask("twin", HOSTS["web"])
        assert not lab.ask("twin", HOSTS["web"], 22)
        lab.apply(network(web=((stage(late, early),), ())))
        assert lab.ask("twin", HOSTS["web"], 22)

    @pytest.mark.parametrize("outbound", [(OPEN, OPEN), (OPEN, CLOSED), (CLOSED, OPEN)])
    @pytest.mark.parametrize("inbound", [(OPEN, OPEN), (OPEN, CLOSED), (CLOSED, OPEN)])
    def test_every_stage_at_both_ends_must_allow(self, lab, inbound, outbound):
        lab.apply(network(web=((), outbound), compute=(inbound, ())))
        allowed = CLOSED not in (*inbound, *outbound)
        assert bool(lab.ask("web", HOSTS["compute"])) is allowed

    def test_where_no_rule_matches_nothing_passes(self, lab):
        lab.apply(network(web=((stage(),), ())))
        assert not lab.ask("twin", HOSTS["web"])
        assert lab.ask("web", HOSTS["twin"])  # the answer comes back: the stage is inbound

    def test_prefixes_that_overlap_and_ports_that_overlap_are_one(self, lab):
        inbound = stage(
            allow(
                sources=tuple(map(IPv4Network, ("10.20.0.0/16", "10.20.0.4/32", "10.20.0.0/24"))),
                destination_ports=((8000, 8080), (8080, 9000), (1, 21)),
            )
        )
        lab.apply(network(compute=((inbound,), ())))
        assert lab.ask("web", HOSTS["compute"])
        assert not lab.ask("web", HOSTS["compute"], 22)

    def test_a_rule_for_nobody_matches_nobody(self, lab):
        nowhere = stage(deny(sources=()), deny(destinations=()), allow())
        lab.apply(network(web=((nowhere,), ())))
        assert lab.ask("twin", HOSTS["web"])

    def test_icmp_is_allowed_by_itself(self, lab):
        lab.apply(network(web=((stage(allow(protocol="icmp")),), ())))
        assert lab.ping("twin", HOSTS["web"])
        assert not lab.ask("twin", HOSTS["web"])
        lab.apply(network(web=((stage(allow(protocol="tcp")),), ())))
        assert not lab.ping("twin", HOSTS["web"])

    def test_a_rule_of_ports_for_any_protocol_allows_no_ping(self, lab):
        lab.apply(network(web=((stage(allow(destination_ports=((0, 65535),))),), ())))
        assert lab.ask("twin", HOSTS["web"])
        assert not lab.ping("twin", HOSTS["web"])

    def test_a_denied_packet_is_counted_under_the_name_of_the_rule(self, lab):
        lab.apply(network(web=((stage(deny("deny-all-inbound"), name="web-nsg"),), ())))
        assert not lab.ask("twin", HOSTS["web"])
        line = next(line for line in lab.listed().splitlines() if "deny-all-inbound" in line)
        assert "packets 0" not in line
        assert "networkSecurityGroups/web-nsg" in lab.listed()

    def test_nothing_answers_at_an_address_that_nobody_has(self, lab):
        lab.apply(network())
        assert not lab.ask("web", "10.20.0.99")
        assert not lab.ask("web", "192.168.1.1")

    def test_the_router_answers_pings_of_its_network_and_nothing_else(self, lab):
        lab.apply(network())
        lab.serve("router", 8022)
        assert lab.ping("web", GATEWAY)
        assert not lab.ask("web", GATEWAY, 8022)
        assert not lab.ping("client", GATEWAY)


@pytest.mark.root
class TestConnections:
    def test_a_narrower_rule_cuts_nobody_off_and_holds_for_the_next(self, lab):
        lab.apply(network(web=((OPEN,), ())))
        with lab.open("twin", HOSTS["web"], 8080) as established:
            assert established.recv(100)
            lab.apply(network(web=((CLOSED,), ()), twin=((), (CLOSED,))))
            established.sendall(b"still there?")
            assert established.recv(100) == b"still there?"
            assert not lab.ask("twin", HOSTS["web"])

    def test_no_packet_is_lost_while_the_rules_are_replaced(self, lab):
        given = network(web=((OPEN,), ()), twin=((OPEN,), (OPEN,)))
        lab.apply(given)
        with (
            lab.socket("web", socket.SOCK_DGRAM) as receiver,
            lab.socket("twin", socket.SOCK_DGRAM) as sender,
        ):
            receiver.bind(("0.0.0.0", 5000))
            reloading = threading.Thread(target=lambda: [lab.apply(given) for _ in range(15)])
            reloading.start()
            sent = received = 0
            while reloading.is_alive():
                sender.sendto(b"x", (HOSTS["web"], 5000))
                sent += 1
                received += _arrives(receiver)
            reloading.join()
        assert received == sent > 1000

    def test_what_begins_in_the_middle_is_no_connection(self, lab):
        lab.apply(network())
        with lab.socket("web", socket.SOCK_RAW, socket.IPPROTO_TCP) as raw:
            raw.sendto(_tcp(4000, 8080, flags=0x10), (HOSTS["twin"], 0))  # ACK
            assert not _arrives_from(raw, HOSTS["twin"])
            raw.sendto(_tcp(4001, 8080, flags=0x02, to=HOSTS["twin"]), (HOSTS["twin"], 0))  # SYN
            assert _arrives_from(raw, HOSTS["twin"])


def _arrives(receiver):
    try:
        receiver.recv(2000)
    except TimeoutError:
        return False
    return True


def _arrives_from(raw, address):
    try:
        while True:
            if raw.recvfrom(2000)[1][0] == address:
                return True
    except TimeoutError:
        return False


def _tcp(source_port, port, flags, sender=HOSTS["web"], to=HOSTS["twin"]):
    """A TCP segment without data."""
    bare = struct.pack("!HHIIBBHHH", source_port, port, 1000, 0, 5 << 4, flags, 8192, 0, 0)
    pseudo = socket.inet_aton(sender) + socket.inet_aton(to) + struct.pack("!HH", 6, len(bare))
    total = sum(struct.unpack(f"!{(len(pseudo) + len(bare)) // 2}H", pseudo + bare))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return bare[:16] + struct.pack("!H", ~total & 0xFFFF) + bare[18:]


@pytest.mark.root
class TestBalancer:
    def test_one_clients_connections_go_to_all_members_and_show_its_address(self, lab):
        lab.apply(network([front("web", "twin")]))
        answers = Counter(lab.ask("client", FRONT, 80) for _ in range(120))
        assert set(answers) == {f"web {CLIENT}", f"twin {CLIENT}"}
        assert min(answers.values()) > 30

    def test_without_healthy_member_a_client_waits_in_vain(self, lab):
        lab.apply(network([front("web", "twin")]), nobody)
        assert not lab.ask("client", FRONT, 80)

    def test_an_unwell_member_keeps_its_connections_and_gets_no_new_ones(self, lab):
        given = network([front("web", "twin")])
        lab.apply(given, lambda _: [IPv4Address(HOSTS["web"])])
        with lab.open("client", FRONT, 80) as established:
            assert established.recv(100) == f"web {CLIENT}".encode()
            lab.apply(given, lambda _: [IPv4Address(HOSTS["twin"])])
            established.sendall(b"still there?")
            assert established.recv(100) == b"still there?"
            assert {lab.ask("client", FRONT, 80) for _ in range(20)} == {f"twin {CLIENT}"}

    def test_the_members_rules_see_the_real_client_and_the_members_port(self, lab):
        inbound = stage(
            allow(
                protocol="tcp",
                sources=only("203.0.113.0/24"),
                destinations=only("10.20.0.0/24"),
                destination_ports=((8080, 8080),),
            )
        )
        lab.apply(network([front("web")], web=((inbound,), ())))
        assert lab.ask("client", FRONT, 80) == f"web {CLIENT}"
        assert not lab.ask("client", FRONT, 80, source=STRANGER)

    def test_from_the_internet_only_frontends_are_reached(self, lab):
        lab.apply(network([front("web")]))
        assert lab.ask("client", FRONT, 80)
        assert not lab.ask("client", FRONT, 8080)
        assert not lab.ask("client", UNUSED, 80)
        assert not lab.ask("client", HOSTS["web"])
        assert not lab.ask("client", VAULT, 443)
        assert not lab.ask("client", METADATA, 80)

    def test_a_protocol_is_part_of_a_frontend(self, lab):
        lab.apply(network([front("web", protocol="udp", member_port=5001)]))
        assert not lab.ask("client", FRONT, 80)
        with lab.socket("web", socket.SOCK_DGRAM) as receiver:
            receiver.bind(("0.0.0.0", 5001))
            with lab.socket("client", socket.SOCK_DGRAM) as sender:
                sender.sendto(b"x", (FRONT, 80))
                assert receiver.recvfrom(10)[1][0] == CLIENT

    def test_a_frontend_inside_serves_the_network_and_not_the_internet(self, lab):
        lab.apply(network([front("web", "twin", address=INSIDE)]))
        answers = {lab.ask("compute", INSIDE, 80) for _ in range(30)}
        assert answers == {f"web {HOSTS['compute']}", f"twin {HOSTS['compute']}"}
        assert not lab.ask("client", INSIDE, 80)

    def test_who_calls_a_frontend_needs_a_rule_for_it_and_not_for_its_members(self, lab):
        inside = [front("web", address=INSIDE)]
        for destination, reached in ((INSIDE, True), (HOSTS["web"], False)):
            outbound = stage(allow(destinations=only(destination)))
            lab.apply(network(inside, compute=((), (outbound,))))
            assert bool(lab.ask("compute", INSIDE, 80)) is reached

    def test_a_public_frontend_is_called_from_inside_by_way_of_the_internet(self, lab):
        lab.apply(network([front("web")]))
        assert lab.ask("compute", FRONT, 80) == f"web {NAT}"
        lab.apply(network([front("web")], nat=None))
        assert not lab.ask("compute", FRONT, 80)


@pytest.mark.root
class TestWaysOut:
    def test_who_leaves_has_the_address_of_the_nat(self, lab):
        lab.apply(network())
        assert lab.ask("web", CLIENT, 80) == f"client {NAT}"

    def test_without_nat_there_is_no_way_out(self, lab):
        lab.apply(network(nat=None))
        assert not lab.ask("web", CLIENT, 80)

    def test_the_rules_of_who_leaves_hold(self, lab):
        outbound = stage(allow(destinations=only("203.0.113.0/24"), destination_ports=((80, 80),)))
        lab.apply(network(web=((), (outbound,))))
        assert lab.ask("web", CLIENT, 80)
        assert not lab.ask("web", STRANGER, 80)

    def test_nobody_comes_back_in_by_the_address_of_the_nat(self, lab):
        lab.apply(network())
        assert not lab.ask("client", NAT)


@pytest.mark.root
class TestPlatform:
    def test_the_platform_answers_whatever_the_rules_say(self, lab):
        lab.apply(network(web=((CLOSED,), (CLOSED,))))
        assert lab.ask("web", METADATA, 80) == f"platform {HOSTS['web']}"
        assert lab.ask("web", PROBE, 80)

    def test_probes_are_filtered_by_inbound_rules(self, lab):
        inbound = stage(allow(sources=only("168.63.129.16/32")))
        lab.apply(network(web=((inbound,), (CLOSED,)), twin=((CLOSED,), ())))
        assert lab.ask("platform", HOSTS["web"], source=PROBE) == f"web {PROBE}"
        assert not lab.ask("platform", HOSTS["twin"], source=PROBE)

    def test_nothing_else_of_the_platform_begins_a_connection(self, lab):
        lab.apply(network())
        assert not lab.ask("platform", HOSTS["web"], source=METADATA)
        assert not lab.ask("platform", HOSTS["web"], source=VAULT)
        assert not lab.ask("platform", CLIENT, 80, source=PROBE)

    def test_a_private_endpoint_of_the_platform_has_inbound_rules(self, lab):
        lab.apply(network())
        assert lab.ask("web", VAULT, 443) == f"platform {HOSTS['web']}"
        inbound = stage(allow(sources=only("10.20.0.4/32"), destination_ports=((443, 443),)))
        lab.apply(network(vault=(inbound,)))
        assert lab.ask("web", VAULT, 443)
        assert not lab.ask("twin", VAULT, 443)
        assert not lab.ask("web", VAULT, 80)


@pytest.mark.root
class TestSpoofing:
    @pytest.mark.parametrize("pretended", [HOSTS["twin"], VAULT, PROBE, CLIENT, "10.20.0.99"])
    def test_a_host_cant_send_under_another_address(self, lab, pretended):
        lab.apply(network())
        with self._pretending(lab, "web", pretended) as sender:
            assert not self._reaches(lab, sender, "compute")
        with lab.socket("web", socket.SOCK_DGRAM) as honest:
            assert self._reaches(lab, honest, "compute")

    @pytest.mark.parametrize("pretended", [HOSTS["web"], "10.20.9.9", PROBE, METADATA, "10.1.1.1"])
    def test_nobody_on_the_internet_has_an_address_of_the_inside(self, lab, pretended):
        frontend = front("compute", port=5002, member_port=5002, protocol="udp")
        lab.apply(network([frontend]))
        with self._pretending(lab, "client", pretended) as sender:
            assert not self._reaches(lab, sender, "compute", FRONT)
        with lab.socket("client", socket.SOCK_DGRAM) as honest:
            assert self._reaches(lab, honest, "compute", FRONT)

    @contextmanager
    def _pretending(self, lab, host, address):
        with lab.socket(host, socket.SOCK_DGRAM) as found:
            found.setsockopt(socket.IPPROTO_IP, socket.IP_TRANSPARENT, 1)
            found.bind((address, 0))
            yield found

    def _reaches(self, lab, sender, host, target=None):
        with lab.socket(host, socket.SOCK_DGRAM) as receiver:
            receiver.bind(("0.0.0.0", 5002))
            sender.sendto(b"x", (target or HOSTS[host], 5002))
            return _arrives(receiver)


# Any rules at all, against a model of what a stage is.

PORTS, SOURCE_PORTS = range(6000, 6006), range(4)
_prefixes = st.lists(
    st.sampled_from(
        [*map(IPv4Network, ("10.20.0.0/24", "10.20.0.4/32", "10.20.0.5/32", "10.20.128.0/17")),
         *EVERYWHERE]
    ),
    max_size=3,
).map(tuple)  # fmt: skip


def _ranges_of(ports):
    among = st.tuples(st.sampled_from(ports), st.sampled_from(ports))
    return st.lists(among.map(sorted).map(tuple), max_size=3).map(tuple)


_rules = st.builds(
    Rule,
    name=st.text(max_size=140),
    allow=st.booleans(),
    protocol=st.sampled_from(["*", "udp", "udp", "tcp", "icmp"]),
    sources=_prefixes,
    source_ports=_ranges_of(SOURCE_PORTS),
    destinations=_prefixes,
    destination_ports=_ranges_of(PORTS),
)
_stages = st.lists(st.lists(_rules, max_size=6), max_size=2)


def allows(rules, source, source_port, destination, port):
    """What `Stage` says of a UDP packet."""
    for rule in rules:
        if (
            rule.protocol in ("*", "udp")
            and any(IPv4Address(source) in prefix for prefix in rule.sources)
            and any(IPv4Address(destination) in prefix for prefix in rule.destinations)
            and (not rule.source_ports or any(a <= source_port <= b for a, b in rule.source_ports))
            and (
                not rule.destination_ports or any(a <= port <= b for a, b in rule.destination_ports)
            )
        ):
            return rule.allow
    return False


@pytest.fixture(scope="module")
def datagrams(lab) -> Iterator[Callable[[range], set[tuple[str, int, int]]]]:
    """Sends one from each host and source port to each port of `compute`; which ones arrived."""
    with ExitStack() as stack:
        receivers = {port: lab.socket("compute", socket.SOCK_DGRAM) for port in PORTS}
        for port, receiver in receivers.items():
            stack.enter_context(receiver)
            receiver.bind(("0.0.0.0", port))
            receiver.setblocking(False)

        def send(source_ports):
            for host, source_port in product(("web", "twin"), source_ports):
                with lab.socket(host, socket.SOCK_DGRAM) as sender:
                    sender.bind(("0.0.0.0", source_port))
                    for port in PORTS:
                        sender.sendto(b"x", (HOSTS["compute"], port))
            arrived = set()
            for port, receiver in receivers.items():
                with suppress(BlockingIOError):
                    while True:
                        address, source_port = receiver.recvfrom(10)[1]
                        arrived.add((address, source_port, port))
            return arrived

        yield send


def shifted(rule, first):
    """The rule for source ports from *first* on."""
    ranges = tuple((low + first, high + first) for low, high in rule.source_ports)
    return replace(rule, source_ports=ranges)


FRESH = itertools.count(10000, len(SOURCE_PORTS))
"""Source ports that conntrack has not seen."""


@pytest.mark.root
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(outbound=_stages, inbound=_stages)
def test_any_rules_filter_as_the_contract_says(lab, datagrams, outbound, inbound):
    first = next(FRESH)
    source_ports = range(first, first + len(SOURCE_PORTS))
    outbound, inbound = (
        [[shifted(rule, first) for rule in rules] for rules in stages]
        for stages in (outbound, inbound)
    )
    leaving = tuple(stage(*rules) for rules in outbound)
    arriving = tuple(stage(*rules) for rules in inbound)
    lab.apply(network(web=((), leaving), twin=((), leaving), compute=(arriving, ())))

    assert datagrams(source_ports) == {
        (HOSTS[host], source_port, port)
        for host, source_port, port in product(("web", "twin"), source_ports, PORTS)
        if all(
            allows(rules, HOSTS[host], source_port, HOSTS["compute"], port)
            for rules in (*outbound, *inbound)
        )
    }


# Size and text.


@pytest.mark.root
def test_a_thousand_ports_are_filtered_in_less_than_a_second(lab):
    groups = [
        stage(*(allow(f"rule-{n}", destination_ports=((n, n),)) for n in range(100)), name=name)
        for name in ("web", "compute", "out")
    ]
    ports = tuple(
        Port(
            id=f"{number}",
            place=Place.MACHINE,
            owner=f"{number}",
            address=RANGES[0][1024 + number],
            gateway=IPv4Address(GATEWAY),
            inbound=(groups[number % 2],),
            outbound=(groups[2],),
            nat=IPv4Address(NAT),
        )
        for number in range(1000)
    )
    members = tuple(Member(port=port.id, address=port.address) for port in ports)
    large = replace(network([replace(front(), members=members)]), ports=ports)
    began = time.monotonic()
    lab.apply(large)
    assert time.monotonic() - began < 1
    assert text(large).count("rule-99") == 3


def test_the_text_is_the_same_for_the_same_network():
    given = network([front("web", "twin")], web=((OPEN, CLOSED), (OPEN,)))
    assert text(given) == text(given)


@pytest.mark.parametrize("name", ['a"; flush ruleset; "', "line\nbreak", "ü", "x" * 500, "\\"])
def test_a_rules_name_is_a_comment_whatever_it_is(name):
    lines = text(network(web=((stage(deny(name)),), ()))).splitlines()
    comment = next(line for line in lines if line.startswith("  counter drop comment")).strip()
    said = comment.removeprefix('counter drop comment "').removesuffix('"')
    assert '"' not in said
    assert "\\" not in said
    assert said.isascii()
    assert len(said) < 128
