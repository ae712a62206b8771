"""Prints what scripts/capacity must know of a stack's settings, as JSON: who is asked, and what is.

Nothing is printed for settings that are wrong: what is wrong with them is for the program to say.
With --check the text on standard input is taken for the stack file, and what is wrong with it is
printed, a line each: a recommendation may want more than a database or a network has.
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from components import settings
from components.settings.endpoint import DeploymentSettings, EndpointEnvironment


def main(stack_file: Path) -> None:
    """Look into *stack_file* and its bases."""
    try:
        environment = settings.parse_file(stack_file)
    except settings.SettingsError:
        return
    sys.stdout.write(json.dumps(told(environment)))


def check(stack_file: Path, text: str) -> None:
    """Say what is wrong with *text* in the place of *stack_file*."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / stack_file.name
        file.write_text(text)
        (Path(folder) / "bases").symlink_to(stack_file.resolve().parent / "bases")
        try:
            settings.parse_file(file)
        except settings.SettingsError as error:
            for each in error.problems:
                sys.stdout.write(f"{each.key}: {each.rule}; {each.fix}\n")


def told(environment: settings.Environment) -> dict[str, Any]:
    """Return protection, whether pools of R processes grow, and what may have a size.

    Of a managed endpoint these are its deployments.
    """
    if isinstance(environment, EndpointEnvironment):
        found = environment.endpoint.deployments
        return {
            "protected": environment.protection,
            "deployments": {name: _deployment(each) for name, each in found.items()},
        }
    runtime = getattr(environment, "runtime", None)
    database = getattr(environment, "database", None)
    groups = {role: getattr(environment, role, None) for role in ("web", "compute")}
    return {
        "protected": environment.protection,
        "pools": getattr(runtime, "server", None) is not None,
        "windows": str(getattr(runtime, "operating_system", "")).startswith("windows"),
        "connections": getattr(database, "connections_per_web_node", 0),
        "groups": {role: _group(each) for role, each in groups.items() if each is not None},
    }


def _group(group: settings.NodeGroupSettings) -> dict[str, Any]:
    scale = group.autoscale
    if scale is None:
        return {"count": group.count}
    return {
        "autoscale": {
            "minimum": scale.minimum,
            "maximum": scale.maximum,
            "above": scale.scale_out.above,
            "below": scale.scale_in.below,
            "step": max(scale.scale_out.step, scale.scale_in.step),
        },
        "periods": {each.name: each.minimum for each in scale.schedules},
    }


def _deployment(found: DeploymentSettings) -> dict[str, Any]:
    scale = found.autoscale
    told: dict[str, Any] = {
        "instances": found.minimum,
        "concurrent": found.requests.concurrent,
        "timeoutSeconds": found.requests.timeout_seconds,
    }
    if scale is not None:
        told["autoscale"] = {"minimum": scale.minimum, "maximum": scale.maximum}
        told["periods"] = {each.name: each.minimum for each in scale.schedules}
    return told


if __name__ == "__main__":
    if sys.argv[1] == "--check":
        check(Path(sys.argv[2]), sys.stdin.read())
    else:
        main(Path(sys.argv[1]))
