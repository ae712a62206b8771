"""Every setting of a stack as it is deployed, and the line that its value is from.

Bases and defaults are resolved; what is not set has no entry. Secrets are never read: all that is
known of one is whether the stack file has it.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components.settings.bases import Layers
from components.settings.problems import SettingsError
from components.settings.shape import check_shape, join
from components.settings.stack_file import NAMESPACE, StackFile, read_file

DEFAULT = "default"
"""Origin of what no file says."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A value, and where it is from."""

    value: Any
    origin: str
    """`stacks/bases/production.yaml:12`, or `default`."""


@dataclass(frozen=True, slots=True)
class Effective:
    """All settings of a stack."""

    stack: str
    file: str
    bases: tuple[str, ...]
    """Topmost first."""
    settings: Mapping[str, Setting]
    """By key path, as in `compute.autoscale.schedules[office-hours].minimum`."""
    beside: Mapping[str, Setting] = field(default_factory=dict)
    """Configuration keys beside `environment` that are no secret."""
    secrets: Mapping[str, str] = field(default_factory=dict)
    """Line of each configuration key that is set to a secret."""


def read(path: Path) -> Effective:
    """Return the settings of the stack file at *path*. Raises SettingsError."""
    found = read_file(path)
    if found.environment is None or found.problems:
        raise SettingsError(found.stack, found.problems)
    written = found.environment.model_dump(mode="json", by_alias=True)
    origins = _Origins(found)
    beside, secrets = _beside(found)
    return Effective(
        stack=found.stack,
        file=f"stacks/{path.name}",
        bases=_bases(found.layers),
        settings={
            shown: Setting(value, origins.of(place))
            for shown, place, value in _leaves(written, "", "")
        },
        beside=beside,
        secrets=secrets,
    )


def _leaves(value: object, shown: str, place: str) -> Iterator[tuple[str, str, object]]:
    """Yield each setting: the path for people, the path in the file, the value.

    Lists of plain values are one setting. An entry with a name is known by it, so that one more
    schedule does not make all behind it differ.
    """
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, join(shown, key), join(place, key))
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        names = _names(value)
        for index, item in enumerate(value):
            yield from _leaves(item, f"{shown}[{names[index]}]", join(place, index))
    elif value is not None:
        yield shown, place, value


def _names(entries: list[Any]) -> list[object]:
    """Return by what each entry is known: a name that no other has, or else its place."""
    for key in ("name", "policy"):
        names = [item.get(key) if isinstance(item, dict) else None for item in entries]
        if None not in names and len(set(names)) == len(names):
            return names
    return list(range(len(entries)))


class _Origins:
    """Where the value at a key path is from."""

    def __init__(self, found: StackFile) -> None:
        places = {
            path: f"stacks/{found.path.name}:{line}" for path, line in found.environment_lines()
        }
        self._layers = (places, *found.layers.below)

    def of(self, path: str) -> str:
        """Return the place of the topmost layer that says it."""
        # A list replaces the whole list below it: who has the list has all that is in it.
        whole = path.partition("[")[0]
        for layer in self._layers:
            if whole in layer:
                return layer.get(path, layer[whole] if whole == path else DEFAULT)
        return DEFAULT


def _bases(layers: Layers) -> tuple[str, ...]:
    names = (next(iter(layer.values()), "") for layer in layers.below)
    return tuple(name.rpartition("/")[2].partition(".yaml")[0] for name in names if name)


def _beside(found: StackFile) -> tuple[dict[str, Setting], dict[str, str]]:
    """Return the plain configuration keys beside `environment`, and the places of secret ones."""
    plain: dict[str, Setting] = {}
    secrets: dict[str, str] = {}
    lines = found.config_lines()
    for key, value in found.config.items():
        name = key.removeprefix(f"{NAMESPACE}:")
        if name in ("environment", "base") and key.startswith(NAMESPACE):
            continue
        place = f"stacks/{found.path.name}:{lines.get(key, 1)}"
        if _holds_secret(value):
            secrets[name] = place
        else:
            plain[name] = Setting(_short(value), place)
    return plain, secrets


def _holds_secret(value: object) -> bool:
    """Return whether an encrypted value is anywhere in *value*, which may be of any shape."""
    if check_shape(value):
        return True  # nobody wants to read it either
    if isinstance(value, dict):
        return "secure" in value or any(_holds_secret(item) for item in value.values())
    return isinstance(value, list) and any(_holds_secret(item) for item in value)


def _short(value: object) -> object:
    """Return *value*, or of a long text, such as a certificate, the sum that tells it apart."""
    if isinstance(value, str) and (len(value) > 100 or "\n" in value):
        return f"sha256 {hashlib.sha256(value.encode()).hexdigest()[:16]}"
    return value
