"""What several stacks share: `operationalization:base` names a file of `stacks/bases`.

The stack's own `environment` lies over the base's, and a base may lie over another one. Where two
of them say something of one place:

- mappings merge, key by key, at every depth;
- everything else replaces what is below it: texts, numbers, and lists as a whole;
- null replaces as well: `autoscale: null` makes room for a `count`, `machine: null` for the groups
  of another topology;
- null for an entry whose name users choose, such as a tag, takes the base's entry away.

A setting that is a configuration key of its own (`single`) lies over all of it.

What is merged is checked as if one file held it; an error says which base's line a value is from.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.settings.environment import Environment
from components.settings.parsing import examine
from components.settings.problems import Problem, SettingsError, closest, listed, show
from components.settings.shape import check_shape, join

PROJECT = Path(__file__).parents[2]
"""Folder of the program that this repository is."""

BASES = Path("stacks/bases")
"""Where a project's stacks have their bases, in its folder."""

FOLDER = PROJECT / BASES
"""Where those of this repository are."""

MOST = 5
"""Bases over each other; people lose sight of more."""

NAMED_BY_USERS = ("tags", "endpoint.deployments", "endpoint.traffic", "endpoint.mirror")
"""Mappings with entries of users' own names: no entry means a default that null could stand for."""

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


@dataclass(frozen=True, slots=True)
class Layers:
    """An environment object put together, and where each of its values is from."""

    value: Any
    below: tuple[Mapping[str, str], ...] = ()
    """Of each base, topmost first: the place in its file by key path."""
    above: frozenset[str] = frozenset()
    """Key paths that the stack itself sets."""
    own: frozenset[str] = frozenset()
    """Key paths that the stack sets by configuration keys of their own, with all below them."""

    def located(self, problem: Problem) -> Problem:
        """Return *problem* with the place that its value is from, when a base has it."""
        if problem.key in self.above or any(_within(problem.key, path) for path in self.own):
            return problem
        places = (layer[problem.key] for layer in self.below if problem.key in layer)
        return problem._replace(source=next(places, ""))


def examine_over(
    name: object, above: object, folder: Path, stack: str, own: Mapping[str, object] | None = None
) -> tuple[Environment | None, list[Problem], Layers]:
    """Return the environment of *above* over the base *name*, all problems, and the layers.

    *name* is None where the stack has no base; then *above* is all there is. *own* are settings
    that the stack has as configuration keys of their own, by their paths: they lie over all.
    """
    if above is not None and (not isinstance(above, dict) or check_shape(above)):
        return *examine(above), Layers(above)
    try:
        layers = Layers(above) if name is None else _layers(name, above or {}, folder, stack)
    except SettingsError as error:
        return None, list(error.problems), Layers(above)
    misplaced: list[Problem] = []
    if own:
        # Only who has such keys waits for what reads them.
        from components.settings.single import lay_over  # noqa: PLC0415

        value, misplaced = lay_over(layers.value, own)
        layers = Layers(value, layers.below, layers.above, frozenset(own))
    environment, problems = examine(layers.value)
    return environment, [*misplaced, *(layers.located(each) for each in problems)], layers


def merge(below: Mapping[str, Any], above: Mapping[str, Any], at: str = "") -> dict[str, Any]:
    """Return *above* over *below*, both at the key path *at*."""
    made = dict(below)
    for key, value in above.items():
        if value is None and key in made and at in NAMED_BY_USERS:
            del made[key]
            continue
        under = made.get(key)
        both = isinstance(under, dict) and isinstance(value, dict)
        made[key] = merge(under or {}, value, join(at, key)) if both else value
    return made


def _layers(name: object, above: dict[str, Any], folder: Path, stack: str) -> Layers:
    bases = list(_chain(name, folder, stack))
    value: dict[str, Any] = {}
    for base in reversed(bases):
        value = merge(value, base.value)
    return Layers(
        value=merge(value, above),
        below=tuple(base.places for base in bases),
        above=frozenset(_paths(above, "")),
    )


@dataclass(frozen=True, slots=True)
class _Base:
    value: dict[str, Any]
    places: Mapping[str, str]
    under: object
    """Name of the base below it."""


def _chain(name: object, folder: Path, stack: str) -> Iterator[_Base]:
    """Yield the base *name* and those below it."""
    seen: list[str] = []
    place = "base"
    while name is not None:
        if not isinstance(name, str) or not NAME.fullmatch(name):
            rule = "must be the name of a file in stacks/bases: lower-case letters, digits, hyphens"
            raise SettingsError(stack, [Problem(place, show(name), rule, _choice(name, folder))])
        if name in seen or len(seen) == MOST:
            why = "lies over itself" if name in seen else f"is the base number {MOST + 1}"
            rule = f"must end in a base that has none, and {why}: {' over '.join([*seen, name])}"
            raise SettingsError(stack, [Problem(place, show(name), rule, "remove one of the keys")])
        seen.append(name)
        base = _read(name, place, folder, stack)
        yield base
        name, place = base.under, f"stacks/bases/{name}.yaml: base"


def _read(name: str, place: str, folder: Path, stack: str) -> _Base:
    # Only who has a base waits for the library that reads it.
    from components.settings import document  # noqa: PLC0415

    path, shown = folder / f"{name}.yaml", f"stacks/bases/{name}.yaml"
    if not path.is_file():
        rule = "names no file in stacks/bases"
        raise SettingsError(stack, [Problem(place, show(name), rule, _choice(name, folder))])
    content = document.read(path, stack)
    value = content.value
    if not isinstance(value, dict) or not isinstance(value.get("environment"), dict):
        rule = "must have a mapping environment with the settings that stacks share"
        fix = "begin with environment: and indent the settings below it"
        raise SettingsError(stack, [Problem(shown, show(value), rule, fix)])
    problems = [
        Problem(f"{shown}: {key}", "", "is not a known key", "known are base and environment")
        for key in map(show, value)
        if key not in ('"base"', '"environment"')
    ]
    if problem := check_shape(value["environment"]):
        problems.append(problem._replace(key=f"{shown}: {problem.key}"))
    if problems:
        raise SettingsError(stack, problems)
    places = {path: f"{shown}:{line}" for path, line in content.lines("environment").items()}
    return _Base(value["environment"], places, value.get("base"))


def _choice(name: object, folder: Path) -> str:
    names = sorted(path.stem for path in folder.glob("*.yaml") if path.is_file())
    near = closest(name, names) if isinstance(name, str) else None
    if near:
        return f"did you mean {near}?"
    return f"take one of: {listed(names)}" if names else "make a file there first"


def _within(key: str, path: str) -> bool:
    return key == path or key.startswith((f"{path}.", f"{path}["))


def _paths(value: object, at: str) -> Iterator[str]:
    """Yield the key path of everything in *value*."""
    if isinstance(value, dict):
        pairs = [(join(at, key), item) for key, item in value.items()]
    elif isinstance(value, list):
        pairs = [(join(at, index), item) for index, item in enumerate(value)]
    else:
        return
    for path, item in pairs:
        yield path
        yield from _paths(item, path)
