"""Projects that the real `pulumi new` makes of our templates, without installing a thing.

The language host makes a virtual environment and has pip fill it. In a `Workshop` that is this
repository's own environment, and what pip is asked is only written down.
"""

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support.engine import QUICK_PIP, ROOT, Engine

TEMPLATES = ROOT / "templates"
NAMES = sorted(path.parent.name for path in TEMPLATES.glob("*/Pulumi.yaml"))
"""Every template."""

VENV = """#!/bin/sh
# python -m venv FOLDER
mkdir -p "$3/bin" && cp "$WORKSHOP/python" "$3/bin/python"
"""
PYTHON = """#!/bin/sh
case "$1 $2 $3" in
  "-m pip install") echo "$@" >>"$WORKSHOP/pip" ;;
  *) exec "$WORKSHOP_PYTHON" "$@" ;;
esac
"""


@dataclass
class Workshop:
    """Where projects are made and deployed: a folder, and an engine on a sandbox."""

    folder: Path
    engine: Engine

    def __post_init__(self) -> None:
        (self.folder / "bin").mkdir()
        for name, text in (("bin/python3", VENV), ("python", PYTHON)):
            (self.folder / name).write_text(text)
            (self.folder / name).chmod(0o755)

    @property
    def environment(self) -> dict[str, str]:
        """Variables for `pulumi new` and all that runs in a project."""
        return {
            **self.engine.environment,
            "WORKSHOP": str(self.folder),
            "WORKSHOP_PYTHON": str(ROOT / ".venv/bin/python"),
            "PATH": f"{self.folder / 'bin'}{os.pathsep}{self.engine.environment['PATH']}",
            "PYTHONPATH": f"{QUICK_PIP}{os.pathsep}{ROOT}",
        }

    @property
    def asked_of_pip(self) -> list[str]:
        """What pip was told."""
        return (self.folder / "pip").read_text().splitlines()

    def new(
        self, template: str, answers: Mapping[str, str] | None = None, *, name: str = ""
    ) -> "Project":
        """A project of *template*, by what its user would type."""
        project = self.folder / "projects" / (name or f"my-{template}")
        given = [f"--config=operationalization:{k}={v}" for k, v in (answers or {}).items()]
        done = self.run(
            *("new", str(TEMPLATES / template), "--offline", "--yes", "--stack", "dev"),
            *("--dir", str(project), "--name", project.name, *given),
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return Project(project, self)

    def run(self, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run `pulumi`."""
        return self.command("pulumi", "--non-interactive", *arguments, cwd=cwd)

    def command(self, *command: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run anything, as who works on the projects would."""
        where = cwd or self.folder
        return subprocess.run(
            command,
            cwd=where,
            env={**self.environment, "OPERATIONALIZATION_PROJECT": str(where)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )


@dataclass
class Project:
    """A generated project with a stack dev."""

    folder: Path
    workshop: Workshop

    def test(self) -> subprocess.CompletedProcess[str]:
        """Run its own tests, as its README says."""
        python = str(self.folder / ".venv/bin/python")
        return self.workshop.command(python, "-m", "pytest", "-q", cwd=self.folder)

    def pulumi(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `pulumi` in it."""
        return self.workshop.run(*arguments, cwd=self.folder)

    def up(self) -> dict[str, int]:
        """Deploy; the number of resources by what happened to them."""
        log = self.workshop.folder / f"{self.folder.name}.events"
        done = self.pulumi("up", "--yes", "--skip-preview", "--event-log", str(log))
        assert done.returncode == 0, done.stdout + done.stderr
        events = [json.loads(line) for line in log.read_text().splitlines()]
        summaries = [each["summaryEvent"] for each in events if "summaryEvent" in each]
        return dict(summaries[-1]["resourceChanges"])

    @property
    def files(self) -> set[str]:
        """What a user sees in it."""
        return {
            str(path.relative_to(self.folder))
            for path in self.folder.rglob("*")
            if path.is_file() and not {".venv", "__pycache__", ".pytest_cache"} & {*path.parts}
        }
