"""The real Pulumi engine, for tests: every operation, and what the engine said it did.

An `Engine` has a backend, a PULUMI_HOME and stack files of its own in a temporary folder, so that
tests run side by side and nothing touches the user's own stacks. `on_sandbox` adds a daemon of its
own. What an operation did is read from the engine's event log, not from its display.
"""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox import daemon
from sandbox.home import VARIABLE, Home

ROOT = Path(__file__).resolve().parents[2]
BINARIES = ROOT / ".cache/engine/bin"
SECONDS = 600
"""An operation that takes longer hangs: the largest environment of the benchmark takes a third."""

QUICK_PIP = Path(__file__).with_name("quick_pip")
"""Answers what the language host asks pip at each operation (tests/support/quick_pip)."""

AT_THE_END = {"PULUMI_SKIP_CHECKPOINTS": "true"}
"""Lets the engine write its state once, when an operation ends."""

SAME = frozenset({"same", "read", "refresh"})
"""Steps that change nothing."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One thing the engine did to one resource."""

    op: str
    urn: str
    type: str
    old: Mapping[str, Any] | None
    new: Mapping[str, Any] | None
    changed: tuple[str, ...]
    """Paths of the properties that differ; of those that force a replacement too."""
    replacing: tuple[str, ...]

    @property
    def name(self) -> str:
        """The resource's logical name."""
        return self.urn.rpartition("::")[2]


@dataclass(frozen=True, kw_only=True)
class Result:
    """What an operation came to."""

    exit_code: int
    display: str
    events: tuple[Mapping[str, Any], ...] = field(repr=False)

    @property
    def steps(self) -> list[Step]:
        """Every step, in the engine's order: its start, so that order between resources shows."""
        return [
            _step(event["resourcePreEvent"]["metadata"])
            for event in self.events
            if "resourcePreEvent" in event
        ]

    @property
    def changes(self) -> list[tuple[str, str, str]]:
        """(operation, type, name) of all steps that change something, the stack left out."""
        return [
            (step.op, step.type, step.name)
            for step in self.steps
            if step.op not in SAME and step.type != "pulumi:pulumi:Stack"
        ]

    @property
    def drift(self) -> list[tuple[str, str]]:
        """(operation, name) of what a refresh found changed: its steps tell only when they end."""
        ended = [
            event["resOutputsEvent"]["metadata"]
            for event in self.events
            if "resOutputsEvent" in event
        ]
        found = [_step(metadata) for metadata in ended if metadata["op"] not in SAME]
        return [(step.op, step.name) for step in found if step.type != "pulumi:pulumi:Stack"]

    @property
    def summary(self) -> dict[str, int]:
        """Number of resources by operation, as in the engine's closing lines."""
        found = [event["summaryEvent"] for event in self.events if "summaryEvent" in event]
        return dict(found[-1].get("resourceChanges") or {}) if found else {}

    @property
    def violations(self) -> list[tuple[str, str, str]]:
        """(enforcement, policy, name of the resource) of what a policy pack had to say, sorted."""
        found = [event["policyEvent"] for event in self.events if "policyEvent" in event]
        return sorted(
            (
                each["enforcementLevel"],
                each["policyName"],
                each["resourceUrn"].rpartition("::")[2] if each.get("resourceUrn") else "",
            )
            for each in found
        )

    @property
    def errors(self) -> list[str]:
        """The error messages that a user sees."""
        return [
            event["diagnosticEvent"]["message"].strip()
            for event in self.events
            if event.get("diagnosticEvent", {}).get("severity") == "error"
        ]


def _step(metadata: Mapping[str, Any]) -> Step:
    detail = metadata.get("detailedDiff") or {}
    return Step(
        op=metadata["op"],
        urn=metadata["urn"],
        type=metadata["type"],
        old=metadata.get("old"),
        new=metadata.get("new"),
        changed=tuple(sorted(metadata.get("diffs") or detail)),
        replacing=tuple(sorted(metadata.get("keys") or ())),
    )


@dataclass
class Engine:
    """Pulumi on one program, with state in *folder* only."""

    folder: Path
    program: Path = ROOT
    variables: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def environment(self) -> dict[str, str]:
        """The environment in which `pulumi` runs; *variables* have the last word."""
        backend = self.folder / "backend"
        backend.mkdir(parents=True, exist_ok=True)
        own = {
            "PATH": f"{BINARIES}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": os.pathsep.join(
                filter(None, [str(QUICK_PIP), os.environ.get("PYTHONPATH")])
            ),
            "PULUMI_BACKEND_URL": backend.as_uri(),
            "PULUMI_HOME": str(self.folder / "home"),
            "PULUMI_CONFIG_PASSPHRASE": "",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            # No test wants the real providers, and the network may take seconds to say no.
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_DEBUG_COMMANDS": "true",  # for --event-log
            # Written at each step, the state takes more than half of an update's processor time.
            # What ends, also with an error or by Ctrl-C, leaves the same state (test_engine.py);
            # only a pulumi that is killed does not.
            **AT_THE_END,
            "NO_COLOR": "1",
        }
        if "PULUMI_CONFIG_PASSPHRASE_FILE" in self.variables:
            del own["PULUMI_CONFIG_PASSPHRASE"]  # Pulumi would prefer it
        foreign = ("PULUMI_", "ARM_", "AWS_")
        kept = {k: v for k, v in os.environ.items() if not k.startswith(foreign)}
        return {**kept, **own, **self.variables}

    def write_at_each_step(self) -> None:
        """Keep the state as for users: after each step."""
        self.environment.update(dict.fromkeys(AT_THE_END, "false"))

    policies: Sequence[str] = ()
    """Folders of policy packs that previews and updates are held to."""

    def up(self, stack: str, config: Mapping[str, Any] | None = None) -> Result:
        """Deploy. *config* becomes the stack's whole configuration; None keeps the last one."""
        return self._operate("up", stack, config, "--yes", "--skip-preview", *self._packs)

    def preview(self, stack: str, config: Mapping[str, Any] | None = None) -> Result:
        """Say what `up` would do."""
        return self._operate("preview", stack, config, *self._packs)

    def refresh(self, stack: str) -> Result:
        """Read what is really there into the state."""
        return self._operate("refresh", stack, None, "--yes", "--skip-preview")

    def destroy(self, stack: str) -> Result:
        """Delete every resource; the stack itself stays, empty."""
        return self._operate("destroy", stack, None, "--yes", "--skip-preview")

    def unprotect(self, stack: str) -> None:
        """Take protection off every resource of the state."""
        self.pulumi("state", "unprotect", "--all", "--yes", "--stack", stack)

    def resources(self, stack: str) -> dict[str, dict[str, Any]]:
        """The state's resources by URN."""
        exported = self.pulumi("stack", "export", "--stack", stack).stdout
        found = json.loads(exported)["deployment"].get("resources") or []
        return {resource["urn"]: resource for resource in found}

    def outputs(self, stack: str, *, secrets: bool = False) -> dict[str, Any]:
        """The stack's outputs; secret ones are masked unless asked for."""
        show = ["--show-secrets"] if secrets else []
        arguments = ["stack", "output", "--json", "--stack", stack, *show]
        return dict(json.loads(self.pulumi(*arguments).stdout))

    def pulumi(
        self, *arguments: str, cwd: Path | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run `pulumi`; with *check* a failure shows what it said."""
        done = subprocess.run(
            ["pulumi", "--non-interactive", *arguments],
            cwd=cwd or self.program,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(f"pulumi {' '.join(arguments)}:\n{done.stdout}{done.stderr}")
        return done

    @property
    def _packs(self) -> list[str]:
        return [word for folder in self.policies for word in ("--policy-pack", folder)]

    def _operate(
        self, operation: str, stack: str, config: Mapping[str, Any] | None, *arguments: str
    ) -> Result:
        file = self.stack_file(stack, config)
        log = self.folder / "events.jsonl"
        log.unlink(missing_ok=True)
        shared = ["--stack", stack, "--config-file", str(file), "--event-log", str(log)]
        done = self.pulumi(operation, *shared, *arguments, check=False)
        lines = log.read_text().splitlines() if log.exists() else []
        return Result(
            exit_code=done.returncode,
            display=done.stdout + done.stderr,
            events=tuple(json.loads(line) for line in lines),
        )

    def stack_file(self, stack: str, config: Mapping[str, Any] | None) -> Path:
        """The stack's file, in a project folder of our own: Pulumi writes its salt into it."""
        project = self.folder / "project"
        file = project / "stacks" / f"Pulumi.{stack}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        (project / "Pulumi.yaml").write_text((self.program / "Pulumi.yaml").read_text())
        new = not file.exists()
        content = {} if new else yaml.safe_load(file.read_text())
        if config is not None:
            content["config"] = dict(config)
        file.write_text(yaml.safe_dump(content))
        if new:
            self.pulumi("stack", "init", stack, cwd=project)
        return file


def require_engine() -> None:
    """Skip, with the reason, where scripts/setup has not brought the engine."""
    if not os.access(BINARIES / "pulumi", os.X_OK):
        pytest.skip("no Pulumi engine in .cache/engine/bin: run scripts/setup")


@contextmanager
def on_sandbox(
    folder: Path, program: Path = ROOT, options: Sequence[str] = ("--no-nodes",)
) -> Iterator[Engine]:
    """An engine whose providers are a sandbox daemon of its own, which ends with the context.

    *options* of `scripts/sandbox start`; without any, nodes boot.
    """
    require_engine()
    home = Home(folder / "sandbox")
    variables = {VARIABLE: str(home.root)}
    sandbox(variables, "start", *options)
    try:
        running = daemon.find(home)
        assert running is not None
        yield Engine(folder, program, {**variables, **exports(home.shell(running.ports))})
    finally:
        daemon.stop(home)


def sandbox(variables: Mapping[str, str], *arguments: str) -> str:
    """What `scripts/sandbox` prints; a failure shows what it said."""
    done = run_sandbox(variables, *arguments)
    if done.returncode:
        raise AssertionError(f"scripts/sandbox {' '.join(arguments)}:\n{done.stdout}{done.stderr}")
    return done.stdout


def run_sandbox(variables: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """`scripts/sandbox`, however it ends."""
    return subprocess.run(
        [str(ROOT / "scripts/sandbox"), *arguments],
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def exports(script: str) -> dict[str, str]:
    """The variables that a shell gets from `eval "$(scripts/sandbox env)"`."""
    printed = subprocess.run(
        ["bash", "-c", 'eval "$1" && env -0', "bash", script],
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    found = dict(entry.split("=", 1) for entry in printed.split("\0") if entry)
    return {k: v for k, v in found.items() if k == "PATH" or k.startswith("PULUMI_")}
