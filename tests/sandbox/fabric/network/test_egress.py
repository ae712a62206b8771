"""The way to the real internet: seen where packets leave the sandbox, so that none goes far."""

import os
import signal
import socket
import subprocess
import time
from ipaddress import IPv4Address

import psutil
import pytest

from sandbox.fabric.contract import FabricError
from sandbox.fabric.network import egress, inside
from sandbox.fabric.network.internet import TAP
from tests.sandbox.fabric.network.town import network, port

pytestmark = pytest.mark.root

ABROAD = IPv4Address("192.0.2.200")
"""RFC 5737: documentation, nobody's."""
_IPV4, _ALL = 0x0800, 3


class _Watch:
    """Datagrams that leave through slirp4netns."""

    def __init__(self, town):
        with inside(f"{town.prefix}-internet"):
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ALL))
            self._socket.bind((TAP, _ALL))
        self._socket.settimeout(2)

    def close(self):
        self._socket.close()

    def next(self):
        """Source, destination and contents of the next datagram."""
        while True:
            packet, (_, protocol, kind, *_) = self._socket.recvfrom(2000)
            if protocol == _IPV4 and kind == socket.PACKET_OUTGOING and packet[9] == 17:
                start = (packet[0] & 15) * 4 + 8
                return IPv4Address(packet[12:16]), IPv4Address(packet[16:20]), packet[start:]


def _send(town, owner, address, text):
    with inside(town.place(owner)):
        sending = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with sending:
        sending.sendto(text, (str(address), 9))


def _own():
    """Addresses of this machine that are public."""
    return [
        IPv4Address(found.address)
        for name, several in psutil.net_if_addrs().items()
        for found in several
        if found.family == socket.AF_INET and name == "eth0"
    ]


def _pids(town):
    return egress.running(f"{town.prefix}-internet")


def test_only_a_port_with_nat_gets_out_and_only_to_the_internet(town):
    inner, outer = port("inner", "10.0.1.4"), port("outer", "10.0.1.5", nat=town.pool[300])
    town.settle(network(inner, outer))
    watch = _Watch(town)
    try:
        _send(town, inner.owner, ABROAD, b"no way")
        private = ["10.9.9.9", "172.16.0.1", "192.168.1.1", "100.64.0.1", "169.254.1.1", "10.0.2.2"]
        for address in [*private, *_own(), "198.19.255.254", "203.0.113.10"]:
            _send(town, outer.owner, address, b"nowhere")
        _send(town, outer.owner, ABROAD, b"out")
        # They go one way, one after another: what came before would have been seen before.
        assert watch.next() == (IPv4Address("10.0.2.100"), ABROAD, b"out")
    finally:
        watch.close()


def test_it_runs_while_somebody_may_leave(town):
    town.settle(network(port("a", "10.0.1.4")))
    assert _pids(town) == []
    town.settle(network(port("a", "10.0.1.4", nat=town.pool[300])))
    assert len(_pids(town)) == 1
    town.settle(network(port("a", "10.0.1.4")))
    assert _pids(town) == []


def test_one_that_dies_is_started_again(town):
    outer = port("a", "10.0.1.4", nat=town.pool[300])
    town.settle(network(outer))
    (before,) = _pids(town)
    os.kill(before, signal.SIGKILL)
    while psutil.pid_exists(before) and psutil.Process(before).status() != "zombie":
        time.sleep(0.01)
    town.settle(network(outer))
    (after,) = _pids(town)
    assert after != before
    assert not psutil.pid_exists(before)
    watch = _Watch(town)
    try:
        _send(town, outer.owner, ABROAD, b"out")
        assert watch.next()[1:] == (ABROAD, b"out")
    finally:
        watch.close()


def test_another_daemon_adopts_it(town):
    outer = port("a", "10.0.1.4", nat=town.pool[300])
    town.settle(network(outer))
    before = _pids(town)
    town.networks = town.another()
    town.settle(network(outer))
    assert _pids(town) == before
    town.another().clear()
    assert _pids(town) == []


def test_one_that_can_not_start_says_why_and_the_rest_is_there(town, monkeypatch):
    outer = port("a", "10.0.1.4", nat=town.pool[300])
    monkeypatch.setattr(egress, "TAP", "lo")
    with pytest.raises(FabricError, match="no way to the internet: slirp4netns did not start: "):
        town.settle(network(outer))
    assert town.place(outer.owner) in " ".join(town.networks.leftovers())
    assert _pids(town) == []
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(FabricError, match="slirp4netns is not installed"):
        town.settle(network(outer))
    monkeypatch.undo()
    town.settle(network(outer))
    assert len(_pids(town)) == 1


def test_it_does_not_touch_namespaces_of_others(town):
    other = f"{town.prefix}other"
    subprocess.run(["ip", "netns", "add", other], check=True)
    try:
        town.settle(network(port("a", "10.0.1.4", nat=town.pool[300])))
        with inside(other):
            pass
    finally:
        subprocess.run(["ip", "netns", "del", other], check=True)
