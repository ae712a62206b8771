"""All settings of one stack as text: what is deployed, and which line says so."""

import json
from collections.abc import Callable, Mapping

from components.settings.comparison.effective import Effective
from components.settings.comparison.words import code, layers, on_a_line


def terminal(effective: Effective) -> str:
    """Return the settings for people at a terminal."""
    found = {**effective.settings, **effective.beside}
    width = max(map(len, found), default=0)
    lines = [f"{effective.stack}  {layers(effective)}", ""]
    lines += [
        f"  {path:{width}}  {on_a_line(setting.value)}  ({setting.origin})"
        for path, setting in found.items()
    ]
    lines += [f"  {name:{width}}  set  ({origin})" for name, origin in effective.secrets.items()]
    return "\n".join(lines) + "\n"


def markdown(effective: Effective) -> str:
    """Return the settings for a page."""
    lines = [f"### {code(effective.stack)}", "", layers(effective), ""]
    lines += ["| Setting | Value | From |", "|---|---|---|"]
    lines += [
        f"| {code(path)} | {code(on_a_line(setting.value))} | {setting.origin} |"
        for path, setting in {**effective.settings, **effective.beside}.items()
    ]
    lines += [f"| {code(name)} | set | {origin} |" for name, origin in effective.secrets.items()]
    return "\n".join(lines) + "\n"


def as_json(effective: Effective) -> str:
    """Return the settings for programs."""
    found = {
        "stack": effective.stack,
        "file": effective.file,
        "bases": list(effective.bases),
        "settings": {
            path: {"value": setting.value, "origin": setting.origin}
            for path, setting in {**effective.settings, **effective.beside}.items()
        },
        "secrets": dict(effective.secrets),
    }
    return json.dumps(found, indent=2) + "\n"


FORMATS: Mapping[str, Callable[[Effective], str]] = {
    "terminal": terminal,
    "markdown": markdown,
    "json": as_json,
}
