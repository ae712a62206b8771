"""Reads stack files for scripts and tests, as the engine and the program would together."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from components.settings import document
from components.settings.bases import Layers, examine_over
from components.settings.document import Document
from components.settings.environment import Environment
from components.settings.problems import Problem, SettingsError, show
from components.settings.secrets import SECRET_KEYS, check_pair, stored_in_plain
from components.settings.stack import KEYS, settings_among, unknown_keys
from components.settings.topology import NAMESPACE

__all__ = ["NAMESPACE", "parse_file"]


@dataclass(frozen=True, slots=True)
class StackFile:
    """What a stack file says, and where."""

    path: Path
    stack: str
    config: Mapping[str, Any]
    environment: Environment | None
    problems: tuple[Problem, ...]
    layers: Layers
    content: Document

    def environment_lines(self) -> Iterable[tuple[str, int]]:
        """Return the line of each setting of the environment that the file itself has."""
        lines = self.config_lines()
        own = settings_among(NAMESPACE, lines)
        return [*self.content.lines("config", f"{NAMESPACE}:environment").items(), *own.items()]

    def config_lines(self) -> Mapping[str, int]:
        """Return the line of each configuration key."""
        return self.content.lines("config", deep=False)


def parse_file(path: Path, *, base: str | None = None) -> Environment:
    """Return the environment of the stack file at *path*, over the base that it names or *base*.

    Secrets that are encrypted are not looked at; only the engine can decrypt them.
    Raises SettingsError with every problem when there is one, also when it is no stack file.
    """
    found = read_file(path, base=base)
    if found.environment is None or found.problems:
        raise SettingsError(found.stack, found.problems)
    return found.environment


def read_file(path: Path, *, base: str | None = None) -> StackFile:
    """Return what the stack file at *path* says, over the base that it names or *base*.

    Raises SettingsError when it is no stack file.
    """
    stack = path.name.removeprefix("Pulumi.").removesuffix(".yaml")
    content = document.read(path, stack)
    config = _config(content, path, stack)
    name, above = base or config.get(f"{NAMESPACE}:base"), config.get(f"{NAMESPACE}:environment")
    own = settings_among(NAMESPACE, config)
    environment, problems, layers = examine_over(name, above, path.parent / "bases", stack, own)
    problems += unknown_keys(NAMESPACE, config)
    problems += _secret_problems(config)
    return StackFile(path, stack, config, environment, tuple(problems), layers, content)


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


def _config(content: Document, path: Path, stack: str) -> dict[str, Any]:
    """Return the mapping `config` of a stack file."""
    config = content.value.get("config") if isinstance(content.value, dict) else None
    if not isinstance(config, dict) or not all(isinstance(key, str) for key in config):
        got = content.value if config is None else config
        rule = "must have a mapping config with the stack's settings"
        fix = "begin with config: and indent the settings below it"
        raise SettingsError(stack, [Problem(str(path), show(got), rule, fix)])
    return config
