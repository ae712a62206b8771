"""The stacks of `stacks/`, as tests read them."""

from pathlib import Path
from typing import Any

import yaml

from components.settings.bases import FOLDER, examine_over

ENVIRONMENT = "operationalization:environment"
STACKS = Path(__file__).parents[2] / "stacks"
NAMES = sorted(path.name.split(".")[1] for path in STACKS.glob("Pulumi.*.yaml"))
"""Every stack."""


def config(name: str, folder: Path = STACKS) -> dict[str, Any]:
    """The configuration in the stack's file, its environment put together with its base."""
    found = dict(yaml.safe_load((folder / f"Pulumi.{name}.yaml").read_text())["config"])
    base = found.pop("operationalization:base", None)
    _, _, layers = examine_over(base, found[ENVIRONMENT], FOLDER, name)
    return {**found, ENVIRONMENT: layers.value}


def of(topology: str) -> list[str]:
    """The stacks of a topology."""
    return [name for name in NAMES if config(name)[ENVIRONMENT]["topology"] == topology]
