"""Machines that run one program on an image of its own, as a managed endpoint's instances do.

Each start begins with the image as it is: nothing that the program wrote is there any more. What it
says is its host's console.
"""

import shutil
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

from sandbox.fabric import prober
from sandbox.fabric.contract import Container, FabricError, Machine
from sandbox.fabric.hosts.commands import INTERRUPTED, TIMED_OUT, Finished
from sandbox.fabric.hosts.guest import Guest
from sandbox.fabric.hosts.plan import Plan, facts_of
from sandbox.fabric.network import inside

LINES = 20
"""Of its log, at the end of an error."""
_TICK = 0.1
"""Seconds in which the end of the program is noticed."""


def plan(
    guest: Guest,
    machine: Machine,
    namespace: str,
    name: Callable[[Path], str],
    cpus: tuple[int, ...],
) -> Plan:
    """What starts *machine*, on an empty disk over its image. Raises FabricError."""
    container = machine.container
    if container is None or container.problem:
        raise FabricError(container.problem if container else f"{machine.name} has no container")
    try:
        for each in (guest.upper, guest.folder / "work"):
            if each.exists():
                shutil.rmtree(each)
    except OSError as error:
        raise FabricError(f"{guest.folder} can't be emptied: {error}") from error
    return Plan(
        name=name(guest.folder),
        hostname=machine.hostname,
        layers=container.layers,
        namespace=namespace,
        memory=machine.memory,
        vcpus=machine.vcpus,
        cpus=cpus,
        command=container.command,
        user=container.user,
        directory=container.folder,
        confined=True,
        environment=container.environment,
        facts=facts_of(machine, container.layers, cpus),
    )


def provision(guest: Guest, container: Container, cancelled: threading.Event) -> Finished:
    """Wait until the program is ready for the first time: code 0.

    Not within the failures that its probe allows, or its end before that: another code, with the
    end of what it said.
    """
    probe = container.readiness
    if probe is None:
        return Finished(0, "")
    state = guest.state
    namespace = state.namespace if state else ""

    def connect(port: int, timeout: float) -> socket.socket:
        with inside(namespace):
            return socket.create_connection(("127.0.0.1", port), timeout)

    due, failures = time.monotonic() + probe.delay, 0
    while True:
        if cancelled.wait(_TICK):
            return Finished(INTERRUPTED, "")
        if not guest.running:
            code = guest.ended
            how = "was killed" if code is None else f"ended with {code}"
            return Finished(code or 137, f"the container {how} before it was ready\n{said(guest)}")
        if time.monotonic() < due:
            continue
        if prober.ask(probe, connect):
            return Finished(0, "")
        failures += 1
        due = time.monotonic() + probe.interval
        if failures >= probe.failures:
            return Finished(
                TIMED_OUT,
                f"the container is not ready: its probe of {probe.path} on port {probe.port} "
                f"failed {failures} times\n{said(guest)}",
            )


def said(guest: Guest) -> str:
    """The end of what a guest's program said."""
    try:
        lines = guest.console.read_text(errors="replace").splitlines()[-LINES:]
    except OSError:
        lines = []
    return "\n".join(lines) or "(it said nothing)"
