"""After `kill -9`, in the middle of anything, and when something is torn down from outside."""

import os
import signal
import subprocess
import sys
from ipaddress import IPv4Address

import pytest

from sandbox.fabric.contract import Place
from sandbox.fabric.network import namespaces
from tests.sandbox.fabric.network.town import (
    CLIENT,
    answers,
    closing,
    frontend,
    ip,
    network,
    port,
    reach,
    talks,
)

pytestmark = pytest.mark.root


class _KilledError(BaseException):
    """As if the process ended here."""


def _plan(town):
    web, target = port("web", "10.0.1.4"), port("target", "10.0.1.5", nat=town.pool[300])
    vault = port("vault", "10.0.3.4", place=Place.PLATFORM)
    front = frontend(town.pool[301], target)
    return web, target, network(web, target, vault, frontends=(front,)), front


def test_another_daemon_goes_on_without_an_interruption(town):
    web, target, plan, front = _plan(town)
    town.settle(plan)
    before = ip("link", namespace=f"{town.prefix}-internet")
    server = town.serve(target.owner, target.address)
    with closing(server, inner := reach(town.place(web.owner), target.address)):
        inner_end, _ = server.accept()
        outer = reach("", front.address, 80)
        outer_end, _ = server.accept()
        with closing(inner_end, outer, outer_end):
            town.networks = town.another()
            town.settle(plan)
            assert talks(inner, inner_end)
            assert talks(outer, outer_end)
            assert answers(town.place(web.owner), target.address)
    assert ip("link", namespace=f"{town.prefix}-internet") == before


def test_another_daemon_removes_what_is_wanted_no_more(town):
    web, target, plan, front = _plan(town)
    town.settle(plan, network(name="two"))
    gone = town.place(target.owner)
    town.networks = town.another()
    town.settle(network(web))
    left = "\n".join(town.networks.leftovers())
    assert gone not in left
    assert "-two-" not in left
    assert "slirp4netns" not in left
    assert town.place(web.owner) in left
    assert str(front.address) not in ip("route", namespace=f"{town.prefix}-internet")
    router = next(n for n in namespaces.existing(town.prefix) if "router-one" in n)
    assert "10.0.3.4" not in ip("route", namespace=router)


def test_a_daemon_that_was_killed_anywhere_is_followed_by_one_that_finishes(town, monkeypatch):
    run = namespaces.run
    web, target, plan, front = _plan(town)
    commands = 0
    killed = True
    while killed:
        left = commands

        def run_some(*what):
            nonlocal left
            if left == 0:
                raise _KilledError
            left -= 1
            return run(*what)

        monkeypatch.setattr(namespaces, "run", run_some)
        town.networks = town.another()
        killed = False
        try:
            town.settle(plan)
        except _KilledError:
            killed = True
        monkeypatch.setattr(namespaces, "run", run)
        town.networks = town.another()
        town.settle(plan)
        with closing(town.serve(target.owner, target.address)):
            assert answers(town.place(web.owner), target.address)
            assert answers("", front.address, 80)
        town.networks.open("/one", IPv4Address("10.0.3.4"), 443).close()
        town.settle()
        assert town.networks.leftovers() == []
        commands += 1
    assert commands > 8


def test_what_was_torn_down_from_outside_is_made_again(town):
    web, target, plan, front = _plan(town)
    town.settle(plan)
    ip("link", "del", "eth0", namespace=town.place(target.owner))
    town.settle(plan)
    with closing(town.serve(target.owner, target.address)):
        assert answers(town.place(web.owner), target.address)
    ip("netns", "del", f"{town.prefix}-internet")
    town.settle(plan)
    with closing(town.serve(target.owner, target.address)):
        assert answers("", front.address, 80)
    # As after a power failure, where /run is a disk: a name with nothing behind it.
    subprocess.run(["umount", namespaces.path(town.place(web.owner))], check=True)
    town.settle(plan)
    with closing(town.serve(target.owner, target.address)):
        assert answers(town.place(web.owner), target.address)


def test_any_process_clears_what_another_made_finished_or_not(town):
    _, target, plan, _ = _plan(town)
    town.settle(plan)
    # A process that is still inside keeps the namespace, but must not keep a link.
    inside = subprocess.Popen(
        ["ip", "netns", "exec", town.place(target.owner), "sleep", "60"], stdout=subprocess.DEVNULL
    )
    ip("netns", "del", f"{town.prefix}-internet")
    ip("netns", "add", f"{town.prefix}-internet")
    program = (
        "import sys\n"
        "from ipaddress import *\n"
        "from sandbox.fabric.network import Networks\n"
        "made = Networks(sys.argv[1], IPv4Network(sys.argv[2]), IPv4Address(sys.argv[3]))\n"
        "print(len(made.leftovers()) > 4)\n"
        "made.clear()\n"
        "made.clear()\n"
        "print(made.leftovers())\n"
    )
    words = [sys.executable, "-c", program, town.prefix, str(town.pool), str(CLIENT)]
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        assert done.stdout.split("\n") == ["True", "[]", ""]
    finally:
        os.kill(inside.pid, signal.SIGKILL)
        inside.wait()


def test_nothing_is_done_when_nothing_changes(town, monkeypatch):
    _, _, plan, _ = _plan(town)
    town.settle(plan)

    def refuse(*what):
        raise AssertionError(f"{what} was run")

    monkeypatch.setattr(namespaces, "run", refuse)
    town.settle(plan)
