"""Which public addresses a sandbox chooses."""

import json
import subprocess
import sys
from ipaddress import IPv4Network
from subprocess import PIPE

import pytest

from sandbox.fabric.contract import FabricError
from sandbox.fabric.network import choose_pool, namespaces, pool

RANGE = IPv4Network("198.18.0.0/15")


@pytest.fixture
def routes(monkeypatch):
    """What the machine routes: destination and interface; changed by the test."""
    made = [("default", "eth0"), ("0.0.0.0/1", "tun0"), ("192.0.2.0/24", "eth0")]

    def run(name, command):
        assert (name, command[0]) == ("", "ip")
        return json.dumps([{"dst": target, "dev": device} for target, device in made])

    monkeypatch.setattr(namespaces, "run", run)
    yield made
    for kept in list(pool._RESERVED):
        pool.release(kept)


def test_it_is_chosen_once_and_kept(tmp_path, routes):
    chosen = choose_pool(tmp_path, "op1")
    assert chosen.prefixlen == 20
    assert chosen.subnet_of(RANGE)
    routes.append((str(chosen), "op1user"))
    assert choose_pool(tmp_path, "op1") == chosen
    assert (tmp_path / "pool").read_text() == f"{chosen}\n"


def test_another_sandbox_takes_another(tmp_path, routes, monkeypatch):
    # The other tests that run now keep real ones.
    monkeypatch.setattr("sandbox.fabric.network.pool._reserve", lambda pool: True)
    chosen = set()
    for number in range(32):
        home = tmp_path / str(number)
        home.mkdir()
        found = choose_pool(home, f"op{number}")
        chosen.add(found)
        routes.append((str(found), f"op{number}user"))
    assert len(chosen) == 32
    with pytest.raises(
        FabricError, match=r"a /20 of 198\.18\.0\.0/15, .* routes all of it .*interface op\d+user"
    ):
        choose_pool(tmp_path, "more")


def test_one_that_was_taken_since_is_refused_with_who_took_it(tmp_path, routes):
    chosen = choose_pool(tmp_path, "op1")
    routes.append((f"{chosen[7]}", "wg0"))
    with pytest.raises(FabricError, match=f"public addresses {chosen} lead to interface wg0 "):
        choose_pool(tmp_path, "op1")


def test_a_vpn_with_all_of_it_is_named(tmp_path, routes):
    routes.append(("198.18.0.0/15", "clash0"))
    with pytest.raises(FabricError, match="interface clash0"):
        choose_pool(tmp_path, "op1")


def test_one_that_another_starting_sandbox_has_just_chosen_is_left_to_it(tmp_path, routes):
    program = (
        "import sys; from pathlib import Path; from sandbox.fabric.network import choose_pool\n"
        "print(choose_pool(Path(sys.argv[1]), 'op2'), flush=True); sys.stdin.read()"
    )
    # One home for both, so that both would choose the same.
    words = [sys.executable, "-c", program, tmp_path]
    with subprocess.Popen(words, stdin=PIPE, stdout=PIPE, text=True) as other:
        theirs = IPv4Network(other.stdout.readline().strip())
        (tmp_path / "pool").unlink()
        assert choose_pool(tmp_path, "op1") != theirs
        other.stdin.close()


@pytest.mark.parametrize("text", ["", "nonsense", "10.0.0.0/20", "198.18.0.0/16"])
def test_a_damaged_file_is_refused(tmp_path, routes, text):
    (tmp_path / "pool").write_text(text)
    with pytest.raises(FabricError, match="should name the sandbox's public addresses"):
        choose_pool(tmp_path, "op1")
