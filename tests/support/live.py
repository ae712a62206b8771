"""Environments that run: nodes booted by the sandbox, and what a person does with them."""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest

from sandbox import nodes as room
from sandbox.commands import CommandError
from sandbox.fabric import hosts, images, network
from sandbox.fabric.contract import FabricError
from sandbox.home import Home
from tests.support.deployed import Deployed
from tests.support.engine import AT_THE_END, ROOT, SECONDS, on_sandbox, run_sandbox

SECURITY_GROUP = "azure-native:network:NetworkSecurityGroup"
SPEED = "20"
"""What the platform's own timers are divided by in tests."""


def require_nodes() -> None:
    """Skip, with the reason, where nodes can't boot."""
    reasons = images.unavailable()
    if reasons:
        pytest.skip(f"nodes don't boot here: {'; '.join(reasons)}")


class Live(Deployed):
    """One environment whose nodes run."""

    shown = ""
    """What its first deployment showed whoever made it."""

    @property
    def home(self) -> Home:
        """The sandbox's files."""
        return Home(Path(self.engine.environment["OPERATIONALIZATION_SANDBOX_HOME"]))

    @property
    def nodes(self) -> list[dict[str, Any]]:
        """Every node, as `scripts/sandbox status` knows it; without its start, for who waits asks
        again and again.
        """
        return [dict(each) for each in room.known(self.home)]

    def names(self, role: str = "") -> list[str]:
        """Names of the nodes of *role*, or of all."""
        return [node["name"] for node in self.nodes if f"-{role}" in node["name"]]

    def on(self, node: str, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command on a node, as root: as `scripts/sandbox exec`, without its start."""
        done = self._entered(node, command)
        if check and done.returncode:
            raise AssertionError(f"{node}: {' '.join(command)}:\n{done.stdout}{done.stderr}")
        return done

    def _entered(self, node: str, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        try:
            inside = hosts.enter(room.host_of(self.home, node), command)
        except (CommandError, FabricError) as error:
            return subprocess.CompletedProcess(command, 1, "", f"{error}\n")
        return subprocess.run(
            inside,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    def here(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command on the user's machine, which environments see as 203.0.113.10."""
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)

    def coming_from(self, address: str, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command as a machine of the internet."""
        return run_sandbox(self.engine.environment, "from", address, "--", *command)

    def platform(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command where the cloud's platform is, which asks from 168.63.129.16."""
        start = f"{self.home.prefix}-platform-"
        (place,) = [
            each.name
            for each in Path("/run/netns").iterdir()
            if each.name.startswith(start) and self.is_own_network(each.name)
        ]
        return self.here("ip", "netns", "exec", place, *command)

    def is_own_network(self, namespace: str) -> bool:
        """Whether a namespace is of the environment's own network, the only one here."""
        return "-downloads-" not in namespace

    @contextmanager
    def visitor(self, address: str) -> Iterator[str]:
        """A machine of the internet for a while; its network namespace."""
        with network.visit(self.home.prefix, IPv4Address(address)) as namespace:
            yield namespace

    @contextmanager
    def security_rules(self, rules: Sequence[Mapping[str, Any]]) -> Iterator[None]:
        """Other rules in every security group for a while, behind Pulumi's back."""
        before = {
            found["id"]: found["properties"]["securityRules"]
            for found in self.resources(SECURITY_GROUP)
        }
        try:
            for target in before:
                self.tamper(target, "securityRules", json.dumps(list(rules)))
            yield
        finally:
            for target, kept in before.items():
                self.tamper(target, "securityRules", json.dumps(kept))

    def script(self, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one of scripts/ against this environment's sandbox and stack, as a person does."""
        theirs = {k: v for k, v in self.engine.environment.items() if k not in AT_THE_END}
        return subprocess.run(
            [str(ROOT / "scripts" / name), *arguments, "--stack", self.stack],
            env={**os.environ, **theirs},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs, secrets in clear."""
        return self.engine.outputs(self.stack, secrets=True)


@contextmanager
def live(stack: str, folder: Path, options: Sequence[str] = ("--speed", SPEED)) -> Iterator[Live]:
    """*stack*, deployed with nodes that run, on a sandbox of its own; nothing is left of it."""
    require_nodes()
    with on_sandbox(folder, options=options) as engine:
        running = Live(stack, engine)
        running.shown = running.up().display
        yield running
