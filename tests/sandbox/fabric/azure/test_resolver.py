"""DNS over real sockets: the network's resolver, and a stand-in for those of the user's machine."""

import asyncio
import socket
import struct
import threading
import time
from contextlib import closing

import dns.flags
import dns.message
import dns.opcode
import dns.query
import dns.rcode
import dns.rrset
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.fabric.azure import names
from sandbox.fabric.serving import resolver

HERE = "127.0.0.1"


class Upstream:
    """A resolver of the user's machine that knows what it is told."""

    def __init__(self):
        self.answers = {}
        self.asked = []
        self.code = dns.rcode.NOERROR
        self.silent = False
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind((HERE, 0))
        self.port = self.udp.getsockname()[1]
        self.tcp = socket.create_server((HERE, self.port))
        self.threads = [threading.Thread(target=each) for each in (self._datagrams, self._streams)]
        for thread in self.threads:
            thread.start()

    def _answer(self, message, *, small):
        query = dns.message.from_wire(message)
        self.asked.append(query.question[0].to_text())
        response = dns.message.make_response(query)
        response.set_rcode(self.code)
        lines = self.answers.get(query.question[0].name.to_text(), [])
        if lines:
            response.answer.append(
                dns.rrset.from_text(query.question[0].name, 60, "IN", "A", *lines)
            )
        return response.to_wire(max_size=1232 if small else 65535, prefer_truncation=True)

    def _datagrams(self):
        while True:
            message, client = self.udp.recvfrom(65535)
            if message == b"end":
                return
            if not self.silent:
                self.udp.sendto(self._answer(message, small=True), client)

    def _streams(self):
        while True:
            connection, _ = self.tcp.accept()
            with connection, connection.makefile("rb") as stream:
                size = stream.read(2)
                if len(size) < 2:
                    return
                answer = self._answer(stream.read(struct.unpack("!H", size)[0]), small=False)
                connection.sendall(struct.pack("!H", len(answer)) + answer)

    def close(self):
        with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as client:
            client.sendto(b"end", (HERE, self.port))
        socket.create_connection((HERE, self.port)).close()
        for thread in self.threads:
            thread.join()
        self.udp.close()
        self.tcp.close()


@pytest.fixture
def upstream(running):
    made = Upstream()
    running.upstream.append((HERE, made.port))
    yield made
    made.close()


@pytest.fixture
def port(running):
    return running.networks.port("168.63.129.16", -53)


def ask(running, name, kind="A", *, tcp=False, **more):
    query = dns.message.make_query(name, kind, **more)
    where = {"port": running.networks.port("168.63.129.16", 53 if tcp else -53), "timeout": 10}
    return (dns.query.tcp if tcp else dns.query.udp)(query, HERE, **where)


def addresses(answer):
    return [each.address for rrset in answer.answer for each in rrset]


@pytest.mark.parametrize("tcp", [False, True])
def test_names_of_the_network_are_answered_here(running, upstream, tcp):
    own = names.suffix(running.site.web.network).to_text()
    answer = ask(running, f"web000000.{own}", tcp=tcp)

    assert addresses(answer) == ["127.0.0.21"]
    assert answer.flags & dns.flags.RA
    assert upstream.asked == []


@pytest.mark.parametrize("tcp", [False, True])
def test_other_names_are_asked_of_the_users_own_resolvers(running, upstream, tcp):
    upstream.answers["example.org."] = ["192.0.2.1"]

    assert addresses(ask(running, "example.org", tcp=tcp)) == ["192.0.2.1"]


def test_what_does_not_exist_elsewhere_does_not_exist_here(running, upstream):
    upstream.code = dns.rcode.NXDOMAIN

    assert ask(running, "nothing.example").rcode() == dns.rcode.NXDOMAIN


def test_names_of_the_sandboxs_own_internet_are_known_in_every_network(running, upstream):
    upstream.answers["downloads.sandbox.example."] = ["192.0.2.1"]

    assert addresses(ask(running, "Downloads.sandbox.example")) == ["198.18.0.2"]
    other = ask(running, "downloads.sandbox.example", "AAAA")
    assert (other.rcode(), other.answer) == (dns.rcode.NOERROR, [])
    assert upstream.asked == []


def test_services_of_the_real_cloud_are_never_asked_for(running, upstream):
    upstream.answers["somebodys.vault.azure.net."] = ["192.0.2.1"]

    assert ask(running, "somebodys.vault.azure.net").rcode() == dns.rcode.NXDOMAIN
    assert upstream.asked == []


def test_the_next_resolver_is_asked_when_one_fails(running, upstream):
    failing = Upstream()
    failing.code = dns.rcode.SERVFAIL
    running.upstream.insert(0, (HERE, failing.port))
    upstream.answers["example.org."] = ["192.0.2.1"]
    try:
        assert addresses(ask(running, "example.org")) == ["192.0.2.1"]
        assert failing.asked
    finally:
        failing.close()


def test_without_any_that_answers_the_failure_is_said_in_time(running, upstream, monkeypatch):
    monkeypatch.setattr(resolver, "_PATIENCE", 0.2)
    upstream.silent = True
    started = time.monotonic()

    assert ask(running, "example.org").rcode() == dns.rcode.SERVFAIL
    assert time.monotonic() - started < 3
    running.upstream.clear()
    assert ask(running, "example.org").rcode() == dns.rcode.SERVFAIL


def test_a_silent_resolver_holds_up_nobody_else(running, upstream):
    upstream.silent = True
    waiting = threading.Thread(target=ask, args=(running, "example.org"))
    waiting.start()
    started = time.monotonic()
    own = names.suffix(running.site.web.network).to_text()

    assert addresses(ask(running, f"web000000.{own}"))
    assert time.monotonic() - started < 1
    waiting.join()


def test_a_long_answer_is_cut_over_udp_and_whole_over_tcp(running, upstream):
    many = [f"192.0.2.{last}" for last in range(1, 200)]
    upstream.answers["example.org."] = many

    short = ask(running, "example.org")
    assert short.flags & dns.flags.TC
    assert len(short.to_wire()) <= 1232
    assert sorted(addresses(ask(running, "example.org", tcp=True))) == sorted(many)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("AXFR", dns.rcode.NOTIMP), ("ANY", dns.rcode.NOTIMP), ("OPT", dns.rcode.NOTIMP)],
)
def test_what_is_no_question_for_a_record_is_refused(running, port, kind, expected):
    query = dns.message.make_query("example.org", kind)
    assert exchange(port, query.to_wire()).rcode() == expected


def exchange(port, message):
    """The answer to one datagram, or None."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as client:
        client.settimeout(0.3)
        client.sendto(message, (HERE, port))
        try:
            return dns.message.from_wire(client.recv(65535))
        except TimeoutError:
            return None


def test_other_operations_and_classes_are_refused(running, port):
    update = dns.message.make_query("example.org", "A")
    update.set_opcode(dns.opcode.STATUS)
    chaos = dns.message.make_query("version.bind", "TXT", "CH")
    empty = dns.message.Message(id=7)

    assert exchange(port, update.to_wire()).rcode() == dns.rcode.NOTIMP
    assert exchange(port, chaos.to_wire()).rcode() == dns.rcode.REFUSED
    assert exchange(port, empty.to_wire()).rcode() == dns.rcode.FORMERR


def test_answers_and_noise_get_no_answer(running, port):
    response = dns.message.make_response(dns.message.make_query("example.org", "A"))

    assert exchange(port, response.to_wire()) is None
    assert exchange(port, b"") is None
    assert exchange(port, b"\x00" * 11) is None


def test_a_broken_question_is_refused_and_the_next_one_answered(running, port):
    broken = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x3fabc"
    answer = exchange(port, broken)

    assert (answer.id, answer.rcode()) == (0x1234, dns.rcode.FORMERR)
    own = names.suffix(running.site.web.network).to_text()
    assert addresses(ask(running, f"web000000.{own}"))


def test_a_stream_that_breaks_off_or_says_nothing_of_use_is_closed(running):
    port = running.networks.port("168.63.129.16", 53)
    for sent in (b"", b"\x00", b"\x00\x0a12", b"\x00\x00", b"\xff\xff" + b"x" * 65535):
        with socket.create_connection((HERE, port), timeout=5) as client:
            client.sendall(sent)
            client.shutdown(socket.SHUT_WR)
            client.settimeout(5)
            while client.recv(4096):
                pass


async def _nobody(name, kind):
    return resolver.Found()


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.one_of(st.binary(max_size=300), st.binary(max_size=64).map(lambda rest: HEADER + rest)))
def test_no_message_whatever_breaks_the_server(message):
    server = resolver.Resolver(_nobody, lambda: ())
    answer = asyncio.run(server.respond(message, over_tcp=False))

    assert answer is None or dns.message.from_wire(answer).flags & dns.flags.QR


HEADER = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x01"


def test_the_configuration_of_the_machine_is_read(tmp_path):
    file = tmp_path / "resolv.conf"
    file.write_text(
        "# comment\nsearch example.org\nnameserver 10.0.0.1\nnameserver\n"
        "nameserver 10.0.0.2\noptions edns0\nnameserver ::1\nnameserver 10.0.0.4\n"
    )

    assert resolver.configured(file) == (("10.0.0.1", 53), ("10.0.0.2", 53), ("::1", 53))
    assert resolver.configured(tmp_path / "none") == ()
