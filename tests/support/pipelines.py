"""The pipelines of both platforms, as tests read them: their steps, and what those call."""

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
GITHUB = ROOT / ".github"
AZURE = ROOT / "pipelines"


@dataclass(frozen=True, kw_only=True)
class Step:
    """A step with shell text of its own."""

    file: str
    job: str
    name: str
    run: str
    env: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.file}: {self.job}: {self.name}"

    def calls(self) -> Iterator[tuple[str, list[str]]]:
        """Yield each script of ours that it calls, and its words."""
        joined = self.run.replace("\\\n", " ")
        for line in joined.splitlines():
            for found in re.finditer(
                r"(?:^|[\s($!])(\./(?:scripts|\.ci)/[\w./-]+)([^)|;&>]*)", line
            ):
                yield found[1], shlex.split(found[2])


def load(path: Path) -> Any:
    """The document; `on`, which YAML 1.1 takes for true, is itself."""
    found = yaml.safe_load(path.read_text())
    if True in found:
        found["on"] = found.pop(True)
    return found


def workflows() -> dict[str, Any]:
    """GitHub's, by file name."""
    return {path.name: load(path) for path in sorted((GITHUB / "workflows").glob("*.yml"))}


def actions() -> dict[str, Any]:
    """Our own composite actions, by folder."""
    return {path.parent.name: load(path) for path in sorted(GITHUB.glob("actions/*/action.yml"))}


def pipelines() -> dict[str, Any]:
    """Azure's, by path."""
    return {str(p.relative_to(ROOT)): load(p) for p in sorted(AZURE.rglob("*.yml"))}


def steps() -> list[Step]:
    """Every step of both with shell text."""
    found = []
    for file, workflow in workflows().items():
        for job, body in workflow["jobs"].items():
            found += [_step(file, job, s, s["run"]) for s in body["steps"] if "run" in s]
    for name, action in actions().items():
        inside = action["runs"]["steps"]
        found += [_step(f"actions/{name}", "", s, s["run"]) for s in inside if "run" in s]
    for file, pipeline in pipelines().items():
        found += _azure_steps(file, "", pipeline)
    return found


def step(file: str, job: str, name: str) -> Step:
    """One of them."""
    (found,) = [each for each in steps() if (each.file, each.job, each.name) == (file, job, name)]
    return found


def _step(file: str, job: str, body: Mapping[str, Any], run: str) -> Step:
    name = body.get("name") or body.get("displayName") or body.get("id") or run.splitlines()[0]
    return Step(file=file, job=job, name=name, run=run, env=body.get("env") or {})


def _azure_steps(file: str, job: str, found: Any) -> Iterator[Step]:
    """Look into all of a document: templates put steps below expressions."""
    if isinstance(found, list):
        for each in found:
            yield from _azure_steps(file, job, each)
    elif isinstance(found, dict):
        inputs = found.get("inputs") or {}
        text = found.get("bash") or found.get("script") or inputs.get("inlineScript")
        if isinstance(text, str) and ("bash" in found or "script" in found or "task" in found):
            yield _step(file, job, found, text)
        for each in found.values():
            yield from _azure_steps(file, str(found.get("job") or job), each)
