"""Probes: real sockets on this machine's loopback, where each member is an address of 127/8."""

import http.server
import json
import queue
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv4Network
from itertools import pairwise

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from sandbox.fabric.contract import FabricError, Frontend, Member, Network, Probe, Protocol
from sandbox.fabric.prober import QUICK, Prober, ask

FIRST, SECOND = IPv4Address("127.20.0.4"), IPv4Address("127.20.0.5")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        server = self.server
        server.asked.put((time.monotonic(), self.path, dict(self.headers)))
        status = server.script.popleft() if server.script else server.status
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/fine")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_):
        pass


@contextmanager
def serving(address=FIRST, port=0, status=200, certificate=None):
    server = http.server.ThreadingHTTPServer((str(address), port), Handler)
    server.daemon_threads = True
    server.block_on_close = False
    server.status, server.script, server.asked = status, deque(), queue.Queue()
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def silent(address=FIRST):
    """A member that accepts, and says nothing."""
    with socket.create_server((str(address), 0)) as listening:
        yield listening.getsockname()[1]


def self_signed(folder, name):
    """A file with a key and a certificate that nobody has reason to trust."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    yesterday = datetime.now(UTC) - timedelta(days=1)
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key())
        .serial_number(1)
        .not_valid_before(yesterday - timedelta(days=1))
        .not_valid_after(yesterday)
        .sign(key, hashes.SHA256())
    )
    file = folder / "server.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return file


def free_port(address=FIRST):
    with socket.create_server((str(address), 0)) as found:
        return found.getsockname()[1]


def frontend(port, *members, protocol=Protocol.HTTP, interval=5.0, failures=2, name="front"):
    return Frontend(
        id=name,
        address=IPv4Address("198.18.0.5"),
        port=80,
        member_port=80,
        members=tuple(Member(port=f"nic-{address}", address=address) for address in members),
        probe=Probe(
            protocol=protocol, port=port, path="/ping", interval=interval, failures=failures
        ),
    )


def network(*frontends):
    return Network(
        id="net", name="net", ranges=(IPv4Network("10.0.0.0/8"),), frontends=tuple(frontends)
    )


@dataclass
class Bench:
    """A prober, and what it said and did."""

    news: queue.Queue[float] = field(default_factory=queue.Queue)
    connected: list[tuple[str, str, str]] = field(default_factory=list)
    refuse: set[IPv4Address] = field(default_factory=set)

    def connect(self, where, source, target, port, timeout):
        self.connected.append((where, str(source), str(target)))
        if target in self.refuse:
            raise FabricError(f"there is no network {where}")
        return socket.create_connection((str(target), port), timeout)

    def changed(self):
        self.news.put(time.monotonic())


@pytest.fixture
def bench():
    return Bench()


@pytest.fixture
def prober(bench):
    made = Prober(bench.connect, bench.changed)
    yield made
    made.stop()


def until(condition: Callable[[], bool], seconds=5.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


def reaching(server):
    port = server.server_address[1]
    return lambda _, timeout: socket.create_connection((str(FIRST), port), timeout)


# One question.


@pytest.mark.parametrize(
    ("status", "well"), [(200, True), (204, False), (302, False), (404, False), (503, False)]
)
def test_only_200_is_well(status, well):
    with serving(status=status) as server:
        assert ask(Probe(protocol=Protocol.HTTP, port=80), reaching(server)) is well


def test_the_question_is_a_get_of_the_path_to_the_member():
    with serving() as server:
        port = server.server_address[1]
        assert ask(Probe(protocol=Protocol.HTTP, port=port, path="/ping?a=b"), reaching(server))
        _, path, headers = server.asked.get_nowait()

    assert path == "/ping?a=b"
    assert headers["Host"] == f"{FIRST}:{port}"


def test_any_certificate_will_do(tmp_path):
    with serving(certificate=self_signed(tmp_path, "somebody.else.example")) as server:
        assert ask(Probe(protocol=Protocol.HTTPS, port=443), reaching(server))
        assert not ask(Probe(protocol=Protocol.HTTP, port=443), reaching(server))


def test_https_is_not_http():
    with serving() as server:
        assert not ask(Probe(protocol=Protocol.HTTPS, port=443), reaching(server))


def test_a_tcp_probe_needs_a_handshake_and_no_words():
    def reach(port, timeout):
        return socket.create_connection((str(FIRST), port), timeout)

    with silent() as port:
        assert ask(Probe(protocol=Protocol.TCP, port=port), reach)
    assert not ask(Probe(protocol=Protocol.TCP, port=port), reach)


@pytest.mark.parametrize("protocol", [Protocol.HTTP, Protocol.HTTPS])
def test_silence_is_unwell_when_the_time_is_over(protocol):
    def reach(port, timeout):
        return socket.create_connection((str(FIRST), port), timeout)

    with silent() as port:
        began = time.monotonic()
        assert not ask(Probe(protocol=protocol, port=port), reach, timeout=0.2)
    assert 0.15 < time.monotonic() - began < 1


def test_an_answer_that_drips_is_unwell_when_the_time_is_over():
    over = threading.Event()
    with socket.create_server((str(FIRST), 0)) as listening, ExitStack() as stack:

        def drip():
            found, _ = listening.accept()
            with found, suppress(OSError):
                while not over.wait(0.02):
                    found.send(b"H")

        thread = threading.Thread(target=drip)
        thread.start()
        stack.callback(thread.join)
        stack.callback(over.set)
        began = time.monotonic()
        assert not ask(
            Probe(protocol=Protocol.HTTP, port=80),
            lambda _, timeout: socket.create_connection(listening.getsockname(), timeout),
            timeout=0.3,
        )
        assert time.monotonic() - began < 1


# Many questions.


def test_a_member_is_unwell_until_its_first_good_answer(prober, bench):
    port = free_port()
    front = frontend(port, FIRST)
    prober.settle([network(front)])
    assert prober.healthy(front) == ()

    with serving(port=port):
        bench.news.get(timeout=3)
        assert prober.healthy(front) == (FIRST,)
    assert bench.connected[0] == ("net", "168.63.129.16", str(FIRST))


def test_a_new_member_is_asked_at_once_and_a_well_one_every_interval(prober, bench):
    with serving() as server:
        front = frontend(server.server_address[1], FIRST, interval=0.6)
        began = time.monotonic()
        prober.settle([network(front)])
        asked = [server.asked.get(timeout=3)[0] - began for _ in range(4)]

    assert asked[0] < QUICK
    pauses = [later - earlier for earlier, later in pairwise(asked)]
    assert 0.25 < pauses[0] < 1
    assert all(0.4 < pause < 1 for pause in pauses[1:])


def test_failures_in_a_row_make_a_member_unwell_and_one_success_makes_it_well(prober, bench):
    with serving() as server:
        front = frontend(server.server_address[1], FIRST, interval=0.2, failures=3)
        prober.settle([network(front)])
        bench.news.get(timeout=3)

        server.status = 503
        asked = 0
        while prober.healthy(front):
            server.asked.get(timeout=3)
            asked += 1
        bench.news.get(timeout=3)
        assert asked >= 3

        server.status = 200
        bench.news.get(timeout=3)
        assert prober.healthy(front) == (FIRST,)


def test_a_failure_between_successes_changes_nothing(prober, bench):
    with serving() as server:
        server.script.extend([200, 503] * 4)
        front = frontend(server.server_address[1], FIRST, interval=0.05, failures=2)
        prober.settle([network(front)])
        for _ in range(10):
            server.asked.get(timeout=3)
        assert prober.healthy(front) == (FIRST,)
    assert bench.news.qsize() == 1


def test_a_member_that_hangs_delays_nobody(prober, bench):
    with silent(FIRST) as port, serving(SECOND, port) as server:
        hanging = [IPv4Address("127.20.1.0") + number for number in range(100)]
        stuck = frontend(port, FIRST, *hanging, interval=5, name="stuck")
        well = frontend(port, SECOND, interval=0.2, name="well")
        with ExitStack() as stack:
            for address in hanging:
                stack.enter_context(socket.create_server((str(address), port)))
            prober.settle([network(stuck, well)])
            asked = [server.asked.get(timeout=2)[0] for _ in range(6)]

    assert asked[-1] - asked[0] < 2
    assert prober.healthy(stuck) == ()


def test_stop_does_not_wait_for_who_hangs(bench):
    prober = Prober(bench.connect, bench.changed)
    with silent() as port:
        prober.settle([network(frontend(port, FIRST, interval=30))])
        until(lambda: bool(bench.connected))
        began = time.monotonic()
        prober.stop()
        assert time.monotonic() - began < 0.5
        until(lambda: not [t for t in threading.enumerate() if t.name.startswith("prober")])


def test_who_is_no_longer_a_member_is_no_longer_asked(prober, bench):
    with serving() as server:
        front = frontend(server.server_address[1], FIRST, interval=0.1)
        prober.settle([network(front)])
        server.asked.get(timeout=3)
        prober.settle([network(replace(front, members=()))])
        assert prober.healthy(replace(front, members=())) == ()
        time.sleep(0.15)
        while not server.asked.empty():
            server.asked.get()
        time.sleep(0.3)
        assert server.asked.empty()


def test_a_frontend_without_probe_takes_every_member(prober):
    front = replace(frontend(80, FIRST, SECOND), probe=None)
    prober.settle([network(front)])
    assert prober.healthy(front) == (FIRST, SECOND)


def test_a_member_keeps_its_state_when_others_come_and_when_the_probe_changes(prober, bench):
    with serving() as server:
        front = frontend(server.server_address[1], FIRST)
        prober.settle([network(front)])
        bench.news.get(timeout=3)

        more = frontend(server.server_address[1], FIRST, SECOND, interval=7)
        prober.settle([network(more)])
        assert prober.healthy(more) == (FIRST,)


def test_frontends_with_the_same_probe_ask_a_member_once(prober, bench):
    with serving() as server:
        port = server.server_address[1]
        fronts = [frontend(port, FIRST, name=name, interval=60) for name in ("one", "two")]
        prober.settle([network(*fronts)])
        bench.news.get(timeout=3)
        assert [prober.healthy(front) for front in fronts] == [(FIRST,), (FIRST,)]
        assert server.asked.qsize() == 1


def test_a_network_that_is_not_there_is_an_unwell_member(prober, bench):
    bench.refuse.add(FIRST)
    with serving(SECOND) as server:
        front = frontend(server.server_address[1], FIRST, SECOND)
        prober.settle([network(front)])
        bench.news.get(timeout=3)
        assert prober.healthy(front) == (SECOND,)


def test_the_news_go_on_when_one_could_not_be_applied(bench, caplog):
    told = queue.Queue()

    def changed():
        told.put(None)
        raise FabricError("nft is missing")

    prober = Prober(bench.connect, changed)
    try:
        with serving() as server:
            front = frontend(server.server_address[1], FIRST, interval=0.1, failures=1)
            prober.settle([network(front)])
            told.get(timeout=3)
            server.status = 500
            told.get(timeout=3)
    finally:
        prober.stop()
    assert "nft is missing" in caplog.text


def test_a_new_daemon_begins_with_what_the_last_one_knew(tmp_path, bench):
    memory = tmp_path / "healthy.json"
    with serving() as server:
        front = frontend(server.server_address[1], FIRST, interval=60)
        first = Prober(bench.connect, bench.changed, memory)
        first.settle([network(front)])
        bench.news.get(timeout=3)
        first.stop()

        again = Prober(bench.connect, bench.changed, memory)
        assert again.healthy(front) == (FIRST,)
        again.settle([network(front)])
        assert again.healthy(front) == (FIRST,)
        again.stop()
    assert len(json.loads(memory.read_text())) == 1


def test_what_was_only_remembered_needs_one_bad_answer_to_be_unwell(tmp_path, bench):
    memory = tmp_path / "healthy.json"
    with serving() as server:
        front = frontend(server.server_address[1], FIRST, interval=60, failures=5)
        first = Prober(bench.connect, bench.changed, memory)
        first.settle([network(front)])
        bench.news.get(timeout=3)
        first.stop()

    again = Prober(bench.connect, bench.changed, memory)
    again.settle([network(front)])
    bench.news.get(timeout=3)
    assert again.healthy(front) == ()
    again.stop()


def test_an_unreadable_memory_is_said_and_forgotten(tmp_path, bench, caplog):
    memory = tmp_path / "healthy.json"
    memory.write_text("{")
    prober = Prober(bench.connect, bench.changed, memory)
    prober.stop()
    assert "healthy.json can't be read" in caplog.text
