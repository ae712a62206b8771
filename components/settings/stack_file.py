"""Reads stack files for scripts and tests, with the engine's idea of YAML.

The engine reads YAML 1.2 with few exceptions, PyYAML reads YAML 1.1: `no`, `19:00` and dates mean
other things there. Duplicate keys are an error for the engine and overwrite each other in PyYAML.
"""

import re
from collections.abc import Hashable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from components.settings.environment import Environment
from components.settings.parsing import examine
from components.settings.problems import Problem, SettingsError, show
from components.settings.secrets import check_pair, stored_in_plain
from components.settings.stack import KEYS, SECRET_KEYS, unknown_keys

NAMESPACE = "operationalization"
"""The project's name in Pulumi.yaml, before each of its configuration keys."""

LARGEST_FILE = 1024 * 1024
"""Bytes; certificates and encrypted values included, a stack file has some 20 KiB."""


def parse_file(path: Path) -> Environment:
    """Return the environment of the stack file at *path*.

    Secrets that are encrypted are not looked at; only the engine can decrypt them.
    Raises SettingsError with every problem when there is one, also when it is no stack file.
    """
    stack = path.name.removeprefix("Pulumi.").removesuffix(".yaml")
    config = _config(path, stack)
    environment, problems = examine(config.get(f"{NAMESPACE}:environment"))
    problems += unknown_keys(NAMESPACE, config)
    problems += _secret_problems(config)
    if environment is None or problems:
        raise SettingsError(stack, problems)
    return environment


def _secret_problems(config: Mapping[str, object]) -> Iterator[Problem]:
    values = {name: config.get(f"{NAMESPACE}:{name}") for name in KEYS}
    for name in SECRET_KEYS:
        if isinstance(values[name], str):
            yield stored_in_plain(name)
    chain, key = values["certificate"], values["certificateKey"]
    yield from check_pair(chain is not None, key is not None)
    if isinstance(chain, str):
        # Only who brings a certificate waits for the library that reads it.
        from components.settings.certificates import check_chain  # noqa: PLC0415

        yield from check_chain(chain, datetime.now(UTC))


def _config(path: Path, stack: str) -> dict[str, Any]:
    """Return the mapping `config` of a stack file."""
    document = _document(path, stack)
    config = document.get("config") if isinstance(document, dict) else None
    if not isinstance(config, dict) or not all(isinstance(key, str) for key in config):
        got = document if config is None else config
        rule = "must have a mapping config with the stack's settings"
        fix = "begin with config: and indent the settings below it"
        raise SettingsError(stack, [Problem(str(path), show(got), rule, fix)])
    return config


def _document(path: Path, stack: str) -> object:
    """Return what the YAML file at *path* holds."""
    fix = "mend the file there; an editor with YAML support marks the place"
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
        if len(content) > LARGEST_FILE:
            rule = "must be at most 1 MiB"
            raise SettingsError(stack, [Problem(str(path), "", rule, "remove what is no setting")])
        # A safe loader: this one only narrows yaml.SafeLoader.
        return yaml.load(content, Loader=_EngineLoader)  # noqa: S506
    except OSError as error:
        rule = f"cannot be read: {error.strerror}"
        fix = "name a stack file of the folder stacks"
        raise SettingsError(stack, [Problem(str(path), "", rule, fix)]) from None
    except RecursionError:
        rule = "is nested too deep"
        raise SettingsError(stack, [Problem(str(path), "", rule, fix)]) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
        rule = f"is not YAML: {error.problem or error.context}"
        raise SettingsError(stack, [Problem(place, "", rule, fix)]) from None
    except (yaml.YAMLError, ValueError) as error:
        rule = f"is not YAML: {str(error).splitlines()[0]}"
        raise SettingsError(stack, [Problem(str(path), "", rule, fix)]) from None


class _EngineLoader(yaml.SafeLoader):
    """SafeLoader that resolves plain words as the engine does."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012


def _resolve(tag: str, pattern: str, first: str) -> None:
    _EngineLoader.add_implicit_resolver(
        f"tag:yaml.org,2002:{tag}", re.compile(f"(?:{pattern})\\Z"), list(first)
    )


_resolve("bool", "true|True|TRUE|false|False|FALSE", "tTfF")
_resolve("null", "~|null|Null|NULL|", ["~", "n", "N", ""])  # type: ignore[arg-type]
_resolve("int", r"[-+]?(?:0|[1-9][0-9]*)|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789")
_resolve(
    "float",
    r"[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*)(?:[eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+]?[0-9]+",
    "-+.0123456789",
)


def _mapping(loader: _EngineLoader, node: yaml.MappingNode) -> dict[Hashable, Any]:
    """Build a mapping; a key that is there twice is an error, and there is no merging."""
    made: dict[Hashable, Any] = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, Hashable):
            raise _refused("a key must be text, not a list or mapping", key_node)
        if key in made:
            raise _refused(f"the key {show(key)} is there twice", key_node)
        made[key] = loader.construct_object(value_node, deep=True)
    return made


def _refused(problem: str, node: yaml.Node) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)


_EngineLoader.add_constructor("tag:yaml.org,2002:map", _mapping)
