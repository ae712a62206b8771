"""The proxy's slots follow the compute nodes that serve."""

import socket
import threading

import pytest

from server.api.discovery import (
    FIRST_NODE_SECONDS,
    Node,
    ProxyError,
    Reliance,
    Slot,
    Welcome,
    plan,
    read_slots,
    update,
)

A, B, C = "10.0.1.4:12805", "10.0.1.5:12805", "10.0.1.6:12805"
EMPTY = "127.0.0.1:1"
STATE = """1
# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state (and more)
6 compute 1 node1 10.0.1.4 2 0 1 1 95 6 3 4 6 0 0 0 - 12805 - 1 0 - - 0
6 compute 2 node2 127.0.0.1 0 5 1 1 95 1 0 0 14 0 0 0 - 1 - 1 0 - - 0
"""


def test_a_node_that_serves_fills_an_empty_slot():
    slots = [Slot("node1", A, True), Slot("node2", EMPTY, False)]

    assert list(plan(slots, [Node(A, 4), Node(B, 8)], complete=True)) == [
        "set server compute/node2 addr 10.0.1.5 port 12805",
        "set maxconn server compute/node2 16",
        "set server compute/node2 state ready",
        "enable health compute/node2",
    ]


def test_nothing_is_said_while_nothing_changes():
    assert list(plan([Slot("node1", A, True)], [Node(A, 4)], complete=True)) == []


def test_a_node_that_left_frees_its_slot_for_the_next_one():
    assert list(plan([Slot("node1", A, True)], [Node(C, 1)], complete=True)) == [
        "set server compute/node1 state maint",
        "set server compute/node1 addr 10.0.1.6 port 12805",
        "set maxconn server compute/node1 2",
        "set server compute/node1 state ready",
        "enable health compute/node1",
    ]


def test_a_node_keeps_its_slot_while_it_may_have_been_unable_to_say_that_it_serves():
    assert list(plan([Slot("node1", A, True)], [], complete=False)) == []


def test_a_node_that_is_not_listed_has_gone_only_after_a_heartbeats_life_of_answers():
    reliance = Reliance()

    assert [reliance.answered(float(second)) for second in range(17)] == [False] * 15 + [True] * 2


def test_a_start_is_complete_once_a_compute_node_serves():
    welcome = Welcome(100.0)

    assert not welcome.over([], 101.0)
    assert welcome.over([Node(A, 4)], 101.0)


def test_a_start_goes_on_alone_where_no_compute_node_comes():
    welcome = Welcome(100.0)

    assert not welcome.over([], 99.9 + FIRST_NODE_SECONDS)
    assert welcome.over([], 100.0 + FIRST_NODE_SECONDS)


def test_a_database_that_was_silent_is_relied_on_anew():
    reliance = Reliance()
    for second in range(20):
        reliance.answered(float(second))

    assert reliance.answered(24.0)
    assert not reliance.answered(30.0)
    assert not reliance.answered(35.0)
    assert not reliance.answered(40.0)
    assert reliance.answered(45.0)


def test_a_node_without_a_slot_is_logged(caplog):
    assert list(plan([Slot("node1", A, True)], [Node(A, 1), Node(B, 1)], complete=True)) == []
    assert caplog.messages == ["1 compute nodes have no slot"]


def test_slots_are_read_from_the_proxys_own_words():
    assert read_slots(STATE) == [Slot("node1", A, True), Slot("node2", EMPTY, False)]


class Proxy:
    """Answers one command a connection, like HAProxy's admin socket."""

    def __init__(self, path, answers):
        self.heard = []
        self._answers = answers
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                channel, _ = self._listener.accept()
            except OSError:
                return
            with channel:
                command = channel.recv(4096).decode().strip()
                self.heard.append(command)
                channel.sendall(self._answers(command).encode())

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.fixture
def proxy(tmp_path):
    opened = []

    def start(answers):
        opened.append(Proxy(tmp_path / "proxy.sock", answers))
        return opened[-1], tmp_path / "proxy.sock"

    yield start
    for one in opened:
        one.close()


def test_the_proxy_is_told_what_changed(proxy):
    running, path = proxy(lambda command: STATE if command.startswith("show") else "\n")
    update([Node(A, 4), Node(B, 4)], path, complete=True)

    assert running.heard == [
        "show servers state compute",
        "set server compute/node2 addr 10.0.1.5 port 12805",
        "set maxconn server compute/node2 8",
        "set server compute/node2 state ready",
        "enable health compute/node2",
    ]


def test_a_command_that_the_proxy_refuses_is_named(proxy):
    _, path = proxy(lambda command: STATE if command.startswith("show") else "No such server.\n")
    with pytest.raises(ProxyError) as refused:
        update([], path, complete=True)

    assert str(refused.value) == "set server compute/node1 state maint: No such server."
