"""A stack file at each stage of an upgrade beside the old nodes: two sets, and then the new one.

What the new version changes is changed as in an upgrade in place (`newer`); the runtime as it was
stands below `predecessor` for as long as its nodes do.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import yaml

from components.settings.environment import EnterpriseEnvironment, SoftwareSettings
from components.settings.newer import Installers, checked, newer
from components.settings.problems import Problem, SettingsError
from components.settings.stack_file import NAMESPACE, parse_file
from components.settings.upward import Edit, edited, member, pair_of, span

MOMENT: Final = "2000-01-01T00:00:00Z"
"""Stands for the moment of the backup, which is known when publishing is frozen."""

STAGES: Final = ("old", "both", "new", "gone")
"""Who serves while there are two sets, in order; at last the old set's database may go."""

ALONE: Final = "alone"
"""When the old set is gone."""


def beside(path: Path, to: tuple[str, str], installers: Installers) -> dict[str, str]:
    """Return the text of the stack file at *path* for each stage on its way to *to*.

    Raises:
        SettingsError: when the settings refuse it, or the file cannot be changed.
    """
    stack = path.name.removeprefix("Pulumi.").removesuffix(".yaml")
    before = parse_file(path)
    if not isinstance(before, EnterpriseEnvironment):
        rule = "must be enterprise: a set of nodes stands beside another one there only"
        fix = "upgrade it in place: scripts/upgrade without --beside"
        raise SettingsError(stack, [Problem("topology", before.topology, rule, fix)])
    if before.predecessor is not None:
        rule = "is there already: one set at a time stands beside the one that serves"
        raise SettingsError(stack, [Problem("predecessor", "", rule, "finish it, or take it back")])
    text, _ = newer(path, to, installers)
    found = {stage: _stage(text, before, stage, stack) for stage in (*STAGES, ALONE)}
    for each in found.values():
        checked(each, path, to, stack)
    return found


def _stage(text: str, before: EnterpriseEnvironment, stage: str, stack: str) -> str:
    root = member(yaml.compose(text, Loader=yaml.SafeLoader), "config")
    pair = pair_of(member(root, f"{NAMESPACE}:environment"), "runtime")
    if pair is None or not isinstance(pair[1], yaml.MappingNode) or not pair[1].value:
        rule = "must be a mapping in the stack's own file"
        raise SettingsError(stack, [Problem("runtime", "", rule, "write it there")])
    return edited(text, _edits(pair[0], pair[1], before, stage))


def _edits(
    key: yaml.Node, runtime: yaml.MappingNode, before: EnterpriseEnvironment, stage: str
) -> Iterator[Edit]:
    generation = str(before.runtime.generation + 1)
    if (counted := member(runtime, "generation")) is not None:
        yield span(counted, generation)
    else:
        first = runtime.value[0][0].start_mark
        behind = ", " if runtime.flow_style else f"\n{' ' * first.column}"
        yield first.index, first.index, f"generation: {generation}{behind}"
    if stage != ALONE:
        old = json.dumps(_predecessor(before, stage))
        start, indent = key.start_mark.index, " " * key.start_mark.column
        yield start, start, f"predecessor: {old}\n{indent}"


def _predecessor(before: EnterpriseEnvironment, stage: str) -> Mapping[str, object]:
    """Return the runtime as it was, with all that its bases and defaults said."""
    software = before.runtime.model_dump(
        mode="json", by_alias=True, exclude_none=True, include={*SoftwareSettings.model_fields}
    )
    return {**software, "restored": MOMENT, "serving": stage}
