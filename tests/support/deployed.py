"""Deployed environments for engine tests: one real deployment, copied for each test.

A deployment takes the engine some ten seconds; a copy of its folder takes none. Every test starts
a daemon on its own copy, so that it may do to its environment what it likes.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from copy import deepcopy
from io import StringIO
from pathlib import Path
from threading import Lock
from typing import Any

from sandbox import command
from sandbox.home import VARIABLE
from tests.support import stacks
from tests.support.engine import ROOT, Engine, Result, on_sandbox, sandbox
from tests.support.environments import changed
from tests.support.stacks import ENVIRONMENT

_PRINTING = Lock()
"""Standard output is the process's: one at a time may take it for its own."""


def stack_config(stack: str) -> dict[str, Any]:
    """The configuration in the stack's file, over its base."""
    return stacks.config(stack)


class Deployed:
    """One environment on a sandbox of its own."""

    def __init__(self, stack: str, engine: Engine) -> None:
        self.stack = stack
        self.engine = engine
        self._config = stack_config(stack)

    def configure(self, changes: dict[str, Any]) -> dict[str, Any]:
        """The stack's configuration with some settings of the environment set otherwise."""
        config = deepcopy(self._config)
        config[ENVIRONMENT] = changed(config[ENVIRONMENT], changes)
        return config

    def up(self, changes: dict[str, Any] | None = None) -> Result:
        """Deploy with *changes* to the stack's settings; they must succeed."""
        return succeeded(self.engine.up(self.stack, self.configure(changes or {})))

    def preview(self, changes: dict[str, Any] | None = None) -> Result:
        """Preview with *changes* to the stack's settings; it must succeed."""
        return succeeded(self.engine.preview(self.stack, self.configure(changes or {})))

    def resources(self, token: str = "") -> list[dict[str, Any]]:
        """What exists on the sandbox, of one type or of all."""
        found = json.loads(self._here("resources", "--json"))
        return [each for each in found if not token or each["type"] == token]

    def drift(self) -> tuple[int, dict[str, Any]]:
        """How `scripts/drift` ends, and what it reports."""
        file = self.engine.folder / "project/stacks" / f"Pulumi.{self.stack}.yaml"
        options = ["--cloud", "--stack", self.stack, "--format", "json"]
        done = subprocess.run(
            [str(ROOT / "scripts/drift"), *options, "--", "--config-file", str(file)],
            env=self.engine.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode in (0, 2), done.stderr
        return done.returncode, json.loads(done.stdout)

    def tamper(self, target: str, path: str, value: str) -> None:
        """Set a property of a resource behind Pulumi's back, to a value in JSON."""
        self.sandbox("edit", target, path, value)

    def unprotect(self) -> None:
        """End Pulumi's protection, and that of the cloud, as `scripts/destroy --unprotect`."""
        self.engine.unprotect(self.stack)
        exported = self.engine.pulumi("stack", "export", "--stack", self.stack).stdout
        script = [sys.executable, str(ROOT / "scripts/lib/deletion_protection.py")]
        done = subprocess.run(script, input=exported, capture_output=True, text=True, check=True)
        for line in done.stdout.splitlines():
            self.tamper(*line.split(), "false")

    def fault(self, effect: str, pattern: str, *options: str) -> None:
        """Plan a fault of the control plane."""
        self._here("fault", effect, pattern, *options)

    def faults(self) -> list[dict[str, Any]]:
        """The plan, and what met it."""
        return list(json.loads(self._here("fault", "list", "--json")))

    def orphans(self) -> str:
        """What was made for this stack and is not in its state: `type  id`, one a line."""
        state = self.engine.folder / "state.json"
        exported = self.engine.pulumi("stack", "export", "--stack", self.stack).stdout
        state.write_text(exported)
        return self.sandbox("orphans", "--stack", self.stack, "--state", str(state))

    def sandbox(self, *arguments: str) -> str:
        """Run `scripts/sandbox` on this environment's sandbox."""
        return sandbox(self.engine.environment, *arguments)

    def _here(self, *arguments: str) -> str:
        """The same without a process, for what only reads or writes records: it is asked often."""
        home = self.engine.environment[VARIABLE]
        with _PRINTING, redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as said:
            status = command.main(["--home", home, *arguments])
        assert status == 0, said.getvalue()
        return out.getvalue()


def succeeded(result: Result) -> Result:
    """The result; what the engine said where it failed."""
    if result.exit_code:
        raise AssertionError(result.display)
    return result


def deploy(stack: str, folder: Path) -> Path:
    """Deploy *stack* in *folder* and leave it there, with its daemon stopped."""
    with on_sandbox(folder) as engine:
        Deployed(stack, engine).up()
    return folder


@contextmanager
def copy_of(template: Path, stack: str, folder: Path) -> Iterator[Deployed]:
    """A copy of what `deploy` left, with a daemon of its own."""
    shutil.copytree(template, folder, dirs_exist_ok=True)
    with on_sandbox(folder) as engine:
        yield Deployed(stack, engine)
