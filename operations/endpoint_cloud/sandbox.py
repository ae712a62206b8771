"""The sandbox tells of its endpoints: its own records, its own instances."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from operations.channel.commands import Program
from operations.endpoint_cloud.facts import Facts, Instance, key
from operations.errors import OperationError
from operations.stack import PROJECT

SECONDS = 20.0
LINES = "20"
INSTANCES, TASK_RUNS = "/instances/", "/taskruns/"
STARTING = ("starting", "booting")


class SandboxSource:
    """One sandbox, by the folder of its files. Its records are read once."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._program = Program(
            name=str(PROJECT / "scripts" / "sandbox"), install="run scripts/setup"
        )
        self._records: dict[str, Mapping[str, Any]] | None = None

    def facts(self, wanted: Mapping[str, str]) -> Facts:
        """Return the records that there are."""
        known = self._known()
        there = {key(each): known[key(each)] for each in wanted if key(each) in known}
        return Facts(
            resources=there, gone=frozenset(key(each) for each in wanted if key(each) not in known)
        )

    def instances(self, deployments: Mapping[str, str]) -> list[Instance] | None:
        """Return the instances; None where the sandbox boots none."""
        told = json.loads(self._asked("status", "--json"))
        if told.get("nodesOff"):
            return None
        return of_status(told["nodes"], deployments)

    def has_image(self, reference: str) -> bool:
        """Return whether a task run that is there has built it: images go with theirs."""
        host, _, tag = reference.rpartition(":")
        registry = host.partition(".")[0].casefold()
        return any(
            f"/registries/{registry}{TASK_RUNS}" in each and each.endswith(f"-{tag.casefold()}")
            for each in self._known()
        )

    def log(self, deployment: str, instance: Instance | None) -> str:  # noqa: ARG002 - the form
        """Return the end of an instance's journal."""
        if instance is None:
            return ""
        return self._asked("logs", instance.name, "--lines", LINES)

    def _known(self) -> dict[str, Mapping[str, Any]]:
        if self._records is None:
            listed = json.loads(self._asked("resources", "--json"))
            self._records = {key(str(each["id"])): each["properties"] for each in listed}
        return self._records

    def _asked(self, *words: str) -> str:
        ended = self._program.run(["--home", str(self._home.absolute()), *words], SECONDS)
        # `status` ends with 3 when the daemon does not run, and has said what it knows.
        if ended.code and not (words[0] == "status" and ended.stdout):
            raise OperationError(
                "the sandbox does not tell of its endpoints",
                str(self._home),
                ended.stderr.strip()[-300:] or f"status {ended.code}",
                "scripts/sandbox status says how it is",
            )
        return ended.stdout


def of_status(nodes: list[Mapping[str, Any]], deployments: Mapping[str, str]) -> list[Instance]:
    """Return the instances of deployments among the machines that `sandbox status` lists."""
    names = {f"{key(arm)}{INSTANCES}": name for name, arm in deployments.items()}
    found = []
    for each in nodes:
        own = key(str(each["id"]))
        deployment = names.get(f"{own.rpartition(INSTANCES)[0]}{INSTANCES}")
        if deployment is None:
            continue
        phase, well = str(each["phase"]), each.get("healthy")
        again = int(each.get("restarts") or 0)
        words = [str(each.get("reason") or "").strip()]
        if phase == "ready" and well is False:
            words.append("its readiness route does not answer 200")
        if phase in STARTING and again:
            words.append(f"its container ended {again} times")
        found.append(
            Instance(
                name=str(each["name"]),
                id=str(each["id"]),
                deployment=deployment,
                state=phase,
                ready=phase == "ready" and well is not False,
                why="; ".join(filter(None, words)),
            )
        )
    return found
