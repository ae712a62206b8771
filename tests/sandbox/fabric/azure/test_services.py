import logging
import secrets
import socket
import subprocess
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from sandbox.fabric.contract import Blueprint, FabricError, Place
from sandbox.fabric.network import inside
from sandbox.fabric.serving import listening
from tests.sandbox.fabric.azure.conftest import VALUE, VAULT_ADDRESS, WEB

NAME = "instance/compute/name?api-version=2021-02-01&format=text"


def is_open(port):
    with socket.socket() as client:
        client.settimeout(1)
        return client.connect_ex(("127.0.0.1", port)) == 0


def test_what_is_there_already_is_left_alone(running):
    before = dict(running.networks.opened)
    started = time.monotonic()
    for _ in range(100):
        running.services.settle(running.site.blueprint)

    assert running.networks.opened == before
    assert time.monotonic() - started < 1


def test_each_network_has_metadata_and_names_and_its_vaults(running):
    places = {(address, port) for _, address, port in running.networks.opened}

    assert places == {
        ("169.254.169.254", 80),
        ("168.63.129.16", 53),
        ("168.63.129.16", -53),
        (str(VAULT_ADDRESS), 443),
    }


def test_what_has_gone_is_closed(running):
    network = running.site.blueprint.networks[0]
    vault = running.networks.port(str(VAULT_ADDRESS), 443)
    metadata = running.networks.port("169.254.169.254", 80)

    without = replace(running.site.blueprint, networks=(replace(network, ports=()),))
    running.services.settle(without)
    assert (is_open(vault), is_open(metadata)) == (False, True)

    running.services.settle(Blueprint())
    assert not is_open(metadata)
    assert all(each.fileno() == -1 for each in running.networks.sockets)


def test_a_vault_that_comes_back_gets_a_fresh_certificate(running):
    running.services.settle(Blueprint())
    running.networks.opened.clear()
    running.services.settle(running.site.blueprint)

    assert len(running.authority.issued) == 2
    assert running.vault("secrets").status_code == 401


def test_other_platform_services_are_not_vaults(running):
    network = running.site.blueprint.networks[0]
    other = replace(
        network.ports[0],
        id="x",
        owner="/subscriptions/s/resourceGroups/rg/providers/Microsoft.Web/sites/x",
    )
    machine = replace(network.ports[0], id="y", place=Place.MACHINE)
    running.services.settle(Blueprint(networks=(replace(network, ports=(other, machine)),)))

    assert not is_open(running.networks.port(str(VAULT_ADDRESS), 443))


def test_what_can_not_be_opened_is_said_and_tried_again(running):
    running.services.settle(Blueprint())
    running.networks.opened.clear()
    running.networks.refused.add(443)

    with pytest.raises(FabricError, match=r"10\.20\.64\.4:443 of .*vnet can't be served: not yet"):
        running.services.settle(running.site.blueprint)
    assert running.metadata(NAME).text == "web_0"

    running.networks.refused.clear()
    running.services.settle(running.site.blueprint)
    assert running.vault("secrets").status_code == 401


def test_a_certificate_that_gets_old_is_renewed_in_place(running):
    running.authority.hours = 0
    running.services.settle(Blueprint())
    running.networks.opened.clear()
    running.services.settle(running.site.blueprint)
    running.authority.hours = 24
    running.services._certificates.renew()
    running.services._certificates.renew()

    assert len(running.authority.issued) == 3
    assert running.vault("secrets").status_code == 401


def test_the_end_comes_at_once_with_clients_connected(running):
    port = running.networks.port("169.254.169.254", 80)
    before = threading.active_count()
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(b"GET /metadata")
        started = time.monotonic()
        running.services.stop()
        running.services.stop()

        assert time.monotonic() - started < 2
        assert client.recv(10) == b""
    assert threading.active_count() < before
    assert not is_open(port)
    running.services.settle(running.site.blueprint)
    assert not is_open(port)


# Clients that are no good.


@pytest.mark.parametrize("where", [("169.254.169.254", 80), (str(VAULT_ADDRESS), 443)])
def test_silent_clients_hold_up_nobody(running, where):
    port = running.networks.port(*where)
    silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(20)]
    try:
        started = time.monotonic()
        assert running.metadata(NAME).text == "web_0"
        assert running.vault("secrets").status_code == 401
        assert time.monotonic() - started < 2
    finally:
        for client in silent:
            client.close()


@pytest.mark.parametrize("where", [("169.254.169.254", 80), (str(VAULT_ADDRESS), 443)])
def test_a_silent_client_is_let_go(running, monkeypatch, where):
    monkeypatch.setattr(listening, "PATIENCE", 0.2)
    monkeypatch.setattr(listening, "HANDSHAKE", 0.2)
    with socket.create_connection(
        ("127.0.0.1", running.networks.port(*where)), timeout=5
    ) as client:
        assert client.recv(10) == b""


def test_one_that_sends_a_byte_now_and_then_is_let_go(running, monkeypatch):
    monkeypatch.setattr(listening, "PATIENCE", 0.5)
    port = running.networks.port("169.254.169.254", 80)
    started = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        client.settimeout(0.05)
        while time.monotonic() - started < 5:
            try:
                client.sendall(b"G")
                if client.recv(10) == b"":
                    break
            except TimeoutError:
                continue
            except OSError:
                break

    assert time.monotonic() - started < 3


def test_one_address_gets_a_share_of_the_places_only(running, monkeypatch):
    monkeypatch.setattr(listening, "PLACES_EACH", 3)
    port = running.networks.port("169.254.169.254", 80)
    greedy = [socket.create_connection(("127.0.0.1", port), timeout=5) for _ in range(4)]
    try:
        assert greedy[3].recv(10) == b""
        assert running.metadata(NAME, WEB).text == "web_0"
        greedy[0].close()
        greedy[1].sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert greedy[1].recv(12) == b"HTTP/1.1 404"
    finally:
        for client in greedy:
            client.close()


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b"400"),
        (b"GET /metadata HTTP/1.1\r\n\r\n", b"400"),
        (b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"x" * 200_000 + b"\r\n\r\n", b"431"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 70000\r\n\r\n" + b"x" * 70_000, b"413"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"400"),
    ],
    ids=["tls", "no host", "space", "headers", "body", "length", "chunk"],
)
def test_what_is_no_request_is_refused(running, sent, expected):
    port = running.networks.port("169.254.169.254", 80)
    with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        client.sendall(sent)
        assert client.recv(12).partition(b" ")[2] == expected


def test_a_connection_serves_several_requests_and_bodies_are_waited_for(running):
    port = running.networks.port("169.254.169.254", 80)
    one = b"GET /metadata/versions HTTP/1.1\r\nHost: x\r\nMetadata: true\r\n\r\n"
    waiting = (
        b"POST /metadata/x HTTP/1.1\r\nHost: x\r\nMetadata: true\r\nContent-Length: 2\r\n"
        b"Expect: 100-continue\r\n\r\n"
    )
    with socket.socket() as client:
        client.bind((str(WEB), 0))
        client.settimeout(5)
        client.connect(("127.0.0.1", port))
        with client.makefile("rb") as answers:
            for _ in range(3):
                client.sendall(one)
                assert answers.readline() == b"HTTP/1.1 200 \r\n"
                size = 0
                while (line := answers.readline()) != b"\r\n":
                    if line.lower().startswith(b"content-length:"):
                        size = int(line.split()[1])
                assert answers.read(size).startswith(b'{"apiVersions"')
            client.sendall(waiting)
            assert answers.readline().startswith(b"HTTP/1.1 100")


def test_a_mistake_of_ours_is_not_shown_to_the_client(running, monkeypatch, caplog):
    def fails(*_):
        raise KeyError("the-hidden-part")

    monkeypatch.setattr(running.site, "machine_at", fails)
    monkeypatch.setattr("sandbox.fabric.azure.metadata.Metadata.answer", fails)
    # The service holds its own bound method already: a new network gets a new one.
    network = running.site.blueprint.networks[0]
    running.services.settle(Blueprint())
    running.networks.opened.clear()
    running.services.settle(Blueprint(networks=(network,)))
    answer = running.metadata(NAME)

    assert answer.status_code == 500
    assert "the-hidden-part" not in answer.text


def test_the_log_has_neither_query_nor_token_nor_value(running, caplog):
    caplog.set_level(logging.DEBUG)
    secret = running.site.cloud.secret("admin")
    running.site.cloud.assign(secret.id, running.site.web_identity.outputs["principalId"])
    token = running.token()
    assert running.vault("secrets/admin", token).json()["value"] == VALUE
    ours = "\n".join(
        each.getMessage() for each in caplog.records if each.name.startswith("sandbox.")
    )

    assert "metadata vnet: 127.0.0.21 GET /metadata/identity/oauth2/token: 200" in ours
    assert "vault models-abc123: 127.0.0.1 GET /secrets/admin: 200" in ours
    for hidden in (VALUE, token, token.split(".")[2], "api-version", "vault.azure.net"):
        assert hidden not in ours


def test_many_ask_at_once(running):
    secret = running.site.cloud.secret("admin")
    running.site.cloud.assign(secret.id, running.site.web_identity.outputs["principalId"])
    token, found = running.token(), []

    def ask():
        found.append(running.vault("secrets/admin", token).json()["value"])
        found.append(running.metadata(NAME).text)

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(set(found)) == [VALUE, "web_0"]
    assert len(found) == 32


def test_an_unknown_address_is_of_no_machine(running):
    assert running.site.machine_at("x", IPv4Address("127.0.0.21")) is None


@pytest.mark.root
def test_a_namespace_that_was_made_anew_is_served_again(running):
    with network_namespaces(2) as (first, second):
        inner = running.networks.open
        where = [first]

        def opened(network, address, port, kind=socket.SOCK_STREAM):
            with inside(where[0]):
                return inner(network, address, port, kind)

        running.networks.open = opened
        running.services.settle(Blueprint())
        running.networks.opened.clear()
        running.services.settle(running.site.blueprint)
        kept = dict(running.networks.opened)
        running.services.settle(running.site.blueprint)
        assert running.networks.opened == kept

        where[0] = second
        running.services.settle(running.site.blueprint)
        with inside(second):
            assert all(is_open(port) for (_, _, own), port in open_streams(running, kept))
        with inside(first):
            assert not any(is_open(port) for port in kept.values())


def open_streams(running, old):
    found = running.networks.opened.items()
    return [(place, port) for place, port in found if place[2] > 0 and old[place] != port]


@contextmanager
def network_namespaces(count):
    names = [f"opE{secrets.token_hex(3)}" for _ in range(count)]
    try:
        for name in names:
            subprocess.run(["ip", "netns", "add", name], check=True)
            subprocess.run(["ip", "-n", name, "link", "set", "lo", "up"], check=True)
        yield names
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "delete", name], check=False)
