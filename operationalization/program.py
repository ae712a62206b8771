"""One stack of a project: settings, the topology that they choose, its outputs."""

import gc

# The program lives for seconds and keeps nearly all that it makes, first of all the SDK's classes:
# collecting garbage takes a tenth of a preview and frees nothing. Hence before the other imports.
gc.disable()

# ruff: noqa: E402
from pathlib import Path

import pulumi

from components.parts.naming import PROJECT, environment_name
from components.parts.waiting import wait_for_all_at_once
from components.settings import load
from components.settings.topology import NAMESPACE
from components.topologies import choice


def deploy(folder: Path) -> None:
    """Declare the environment of the stack at hand, whose project is in *folder*.

    Its settings are `operationalization:...` in the stack file, and the files of stacks/bases.
    """
    declare(folder)
    # All of it stays until the end; unfrozen, the interpreter would walk it once more at its exit.
    gc.freeze()


def declare(folder: Path) -> None:
    """Do what `deploy` does, in a process that goes on."""
    wait_for_all_at_once()
    project, stack = pulumi.get_project(), pulumi.get_stack()
    settings = load(pulumi.Config(NAMESPACE), stack, folder)
    own = environment_of(project, stack)
    environment = choice.declare(environment_name(own), own, settings)
    for key, value in environment.outputs.items():
        pulumi.export(key, value)


def environment_of(project: str, stack: str) -> str:
    """Return what the environment is called in names and tags: two projects may have a stack dev.

    In one account these must not take each other's resources for theirs.
    """
    return stack if project == PROJECT else f"{project}-{stack}"
