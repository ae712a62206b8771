"""The way up from a one-box: its stack file as that of an enterprise environment.

Only the lines that must change do: topology, the machine (two groups of nodes take its place) and
an embedded database. Everything else, comments too, stays as it is written. What comes out is
checked like any stack file before anybody sees it.

    python -m components.settings.upward stacks/Pulumi.NAME.yaml [--beside]
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from components.settings.bases import FOLDER, merge
from components.settings.catalogue.products import FAMILY, is_windows
from components.settings.environment import (
    EnterpriseEnvironment,
    Environment,
    OneBoxEnvironment,
    RuntimeSettings,
)
from components.settings.problems import Problem, SettingsError, show
from components.settings.stack_file import NAMESPACE, parse_file

COUNT = 2
"""Nodes of each role: one that is repaired or replaced leaves one to answer."""

BY_HAND = "change it by hand: topology, web and compute in place of machine, database.engine"

Edit = tuple[int, int, str]
"""What stands from one place of a text to another, and what comes there."""


def enterprise(path: Path, *, beside: bool = False) -> str:
    """Return the text of the one-box's stack file at *path* as an enterprise's.

    With *beside*, it is for a stack of its own, and the one-box stays.

    Raises:
        SettingsError: when it is no one-box, or cannot become an enterprise as it is.
    """
    stack = path.name.removeprefix("Pulumi.").removesuffix(".yaml")
    environment = parse_file(path)
    if problems := list(_obstacles(environment, beside=beside)):
        raise SettingsError(stack, problems)
    assert isinstance(environment, OneBoxEnvironment)  # noqa: S101 - the obstacles say so
    text = path.read_text(encoding="utf-8")
    document = yaml.compose(text, Loader=yaml.SafeLoader)
    node = member(member(document, "config"), f"{NAMESPACE}:environment")
    if not isinstance(node, yaml.MappingNode) or node.flow_style or not node.value:
        rule = "must be written as a block, a key on a line, to be changed from here"
        raise SettingsError(stack, [Problem("environment", "", rule, BY_HAND)])
    base = member(member(document, "config"), f"{NAMESPACE}:base")
    below = _base(base.value, path.parent / FOLDER.name) if base is not None else {}
    changed = edited(text, _edits(node, environment, below))
    _check(changed, path, environment, stack)
    return changed


def _obstacles(environment: object, *, beside: bool) -> Iterator[Problem]:
    """Yield why the environment cannot be changed from here, or not at its place."""
    if not isinstance(environment, OneBoxEnvironment):
        topology = getattr(environment, "topology", "")
        rule = "must be one-box, to become an enterprise"
        yield Problem("topology", show(topology), rule, "name the stack of a one-box")
        return
    if environment.network.existing is not None:
        rule = "holds the one-box's subnets, which the enterprise's would overlap"
        fix = "write a stack by hand, with another network.addressSpace"
        yield Problem("network.existing", show(environment.network.existing), rule, fix)
    if environment.protection and not beside:
        rule = "must be false and deployed, as the update deletes the machine and the vault"
        fix = "give the enterprise a stack of its own with --as NAME, which loses nothing"
        yield Problem("protection", "true", rule, fix)


def _edits(
    node: yaml.MappingNode, environment: OneBoxEnvironment, below: Mapping[str, Any]
) -> Iterator[Edit]:
    indent = " " * node.start_mark.column
    top = node.start_mark.index - node.start_mark.column
    first: list[str] = []
    topology = member(node, "topology")
    if topology is not None:
        yield span(topology, "enterprise")
    else:
        first.append("topology: enterprise")
    groups = [*(["machine: null"] if "machine" in below else []), *_groups(environment)]
    machine = pair_of(node, "machine")
    if machine is not None:
        key, value = machine
        lines = f"\n{indent}".join(groups)
        yield key.start_mark.index, end_of(value), lines
    else:
        first += groups
    if not environment.has_server:
        found, engine = member(node, "database"), _engine(environment)
        if isinstance(found, yaml.MappingNode) and found.value:
            yield from _database(found, engine)
        elif found is None:
            first.append(f"database: {{ engine: {engine} }}")
    if first:
        yield top, top, "".join(f"{indent}{line}\n" for line in first)


def _groups(environment: OneBoxEnvironment) -> list[str]:
    """Return the two groups that do the machine's work, of its size and disk."""
    machine = environment.machine
    disk = f"disk: {{ size: {machine.disk.size}, performance: {machine.disk.performance} }}"
    # Nodes of the commercial products are upgraded at their place, and encrypt between each other,
    # only where each is a machine of its own; 9.0 knows no others.
    kind = "nodes: fixed, " if environment.runtime.product in FAMILY else ""
    common = f"{kind}count: {COUNT}, size: {machine.size}, {disk}"
    workers = f", workersPerNode: {machine.workers}" if machine.workers else ""
    return [f"web: {{ {common} }}", f"compute: {{ {common}{workers} }}"]


def _engine(environment: OneBoxEnvironment) -> str:
    """Return the engine of a server that the product's nodes can use."""
    return "sqlserver" if is_windows(environment.runtime.operating_system) else "postgresql"


def _database(found: yaml.MappingNode, new: str) -> Iterator[Edit]:
    """Yield the changes of the database's settings: what sqlite alone has goes."""
    engine = member(found, "engine")
    if engine is not None:
        yield span(engine, new)
    elif found.flow_style:
        yield found.start_mark.index + 1, found.start_mark.index + 1, f" engine: {new},"
    else:
        start, column = found.start_mark.index, found.start_mark.column
        yield start, start, f"engine: {new}\n{' ' * column}"
    for index, (key, value) in enumerate(found.value):
        if key.value not in ("version", "discard"):
            continue
        if found.flow_style:
            neighbours = [pair[0] for pair in found.value[index + 1 :]]
            begin = found.value[index - 1][1].end_mark.index if index else key.start_mark.index
            stop = neighbours[0].start_mark.index if neighbours and not index else end_of(value)
            yield begin, stop, ""
        else:
            yield key.start_mark.index - key.start_mark.column, end_of(value) + 1, ""


def edited(text: str, edits: Iterator[Edit]) -> str:
    """Return *text* with all of *edits*, which don't overlap."""
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def _check(text: str, path: Path, before: OneBoxEnvironment, stack: str) -> None:
    """See that *text* is a good enterprise, and the same environment in all that both have."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / FOLDER.name).symlink_to((path.parent / FOLDER.name).resolve())
        candidate = Path(folder) / path.name
        candidate.write_text(text, encoding="utf-8")
        after = parse_file(candidate)
    shared = set(OneBoxEnvironment.model_fields) & set(EnterpriseEnvironment.model_fields)
    moved = [
        name
        for name in sorted(shared - {"topology", "database"})
        if _shared(before, name) != _shared(after, name)
    ]
    if not isinstance(after, EnterpriseEnvironment) or moved:
        rule = "is written in a way that this cannot change"
        raise SettingsError(stack, [Problem("environment", "", rule, BY_HAND)])


def _shared(environment: Environment, name: str) -> object:
    """Return what both have at *name*.

    Not whether compute nodes have HTTPS: that follows from the topology, for one who does not say.
    """
    value = getattr(environment, name)
    if not isinstance(value, RuntimeSettings) or value.server is None:
        return value
    written = value.server.model_dump(exclude={"https": {"compute"}})
    return value.model_dump(exclude={"server"}), written


def _base(name: str, folder: Path) -> dict[str, Any]:
    """Return the settings of the base *name* over those below it; they are known to be good."""
    content = yaml.safe_load((folder / f"{name}.yaml").read_text(encoding="utf-8"))
    below = _base(content["base"], folder) if content.get("base") else {}
    return merge(below, content["environment"])


def pair_of(node: yaml.Node | None, key: str) -> tuple[yaml.Node, yaml.Node] | None:
    """Return a mapping's key and value; None where there is no such key, or no mapping."""
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return next(((name, value) for name, value in pairs if name.value == key), None)


def member(node: yaml.Node | None, key: str) -> yaml.Node | None:
    """Return the value of a mapping's key; None where there is none."""
    found = pair_of(node, key)
    return found[1] if found else None


def span(node: yaml.Node, new: str) -> Edit:
    """Return the edit that puts *new* in the place of a value."""
    return node.start_mark.index, end_of(node), new


def end_of(node: yaml.Node) -> int:
    """Return where the last character of *node* is: a block's own mark is behind its comments."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return end_of(last[1] if isinstance(last, tuple) else last)
    return int(node.end_mark.index)


def main(arguments: Sequence[str]) -> int:
    """Print the changed stack file; 1 and the reason when there is none."""
    parser = argparse.ArgumentParser(prog="upward")
    parser.add_argument("path", type=Path)
    parser.add_argument("--beside", action="store_true")
    options = parser.parse_args(arguments)
    try:
        sys.stdout.write(enterprise(options.path, beside=options.beside))
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
