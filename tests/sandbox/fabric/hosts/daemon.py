"""Starts a host, runs a command on it and waits: to be killed. Run by test_hosts.py."""

import sys
from pathlib import Path

from sandbox.fabric.hosts import Hosts
from sandbox.fabric.images import DEFAULT, Images
from tests.sandbox.fabric.hosts.conftest import machine

if __name__ == "__main__":
    folder, namespace, incarnation, number = sys.argv[1:]
    wanted = machine(int(number), incarnation=incarnation)
    hosts = Hosts(Path(folder), Images(DEFAULT))
    hosts.start(wanted, namespace)
    hosts.run(wanted.id, ["sh", "-c", "echo yes >/srv/alive"], 20)
    print("runs a command", flush=True)
    hosts.run(wanted.id, ["sleep", "9999"], 60)
