"""What an uninstalled older version left behind, and how set-up takes it over (facts.md 15)."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stand_ins.product import appsettings
from stand_ins.product.appsettings import ConfigurationError, Settings
from stand_ins.product.place import place
from stand_ins.versions import Version

CURRENT = "/etc/deployr/current"
TAKEN = "/etc/deployr/taken"
FOLDERS = {"web": "frontend", "compute": "backend"}
"""`frontend` is documented; the other name is ours."""

URIS = ("BackEndConfiguration", "ComputeNodesConfiguration")


def found(part: str) -> Path | None:
    """Return the folder with a stashed configuration of *part*."""
    folder = place(CURRENT) / FOLDERS[part]
    return folder if (folder / "appsettings.json").exists() else None


def take_over(version: Version, part: str, settings: Settings) -> None:
    """Change *settings* to what is stashed, in this version's shape, and put the stash away.

    Raises:
        ConfigurationError: the stash cannot be read.
    """
    folder = place(CURRENT) / FOLDERS[part]
    old = appsettings.read(folder / "appsettings.json").values
    merged = merge(settings.values, convert(version, part, old))
    if part == "web":
        _move_database(version, folder, old, merged)
    settings.values.clear()
    settings.values.update(merged)
    aside = place(TAKEN) / FOLDERS[part]
    aside.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(aside, ignore_errors=True)
    shutil.move(folder, aside)


def convert(version: Version, part: str, old: dict[str, Any]) -> dict[str, Any]:
    """Return an older version's file in the shape of *version* (9.3, 15)."""
    new: dict[str, Any] = json.loads(json.dumps(old))
    if part == "compute":
        return new
    if not version.lists_directories:
        authentication = new.setdefault("Authentication", {})
        for name in ("LDAP", "AzureActiveDirectory"):
            _flatten(authentication, name)
        new.pop("AdminPassword", None)
    for name in URIS:
        if name != version.section and name in new:
            new[version.section] = merge(new.get(version.section, {}), new.pop(name))
    return new


def _flatten(authentication: dict[str, Any], name: str) -> None:
    section = authentication.get(name)
    if isinstance(section, dict) and isinstance(section.get("Values"), list):
        values = section.pop("Values")
        section |= values[0] if values else {}
        section.pop("BindFilter", None)


def merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Return *base* with what *over* says, in the order of *base*."""
    merged: dict[str, Any] = dict(base)
    for key, value in over.items():
        known = merged.get(key)
        if isinstance(known, dict) and isinstance(value, dict):
            merged[key] = merge(known, value)
        else:
            merged[key] = value
    return merged


def _move_database(
    version: Version, folder: Path, old: dict[str, Any], merged: dict[str, Any]
) -> None:
    """Take the SQLite file that somebody put into the stash; without it its data is lost."""
    section = merged.get("ConnectionStrings", {}).get("defaultDb", {})
    before = old.get("ConnectionStrings", {}).get("defaultDb", {}).get("Connection", "")
    name = version.database_file
    if not section.get("Enabled"):
        section["Connection"] = name
        return
    candidates = [folder / Path(before).name] if before else []
    candidates += sorted(folder.glob("*.db"))
    home = place(version.folder("web"))
    section["Connection"] = name
    for candidate in candidates:
        if candidate.exists():
            shutil.copyfile(candidate, home / name)
            return


def ask(say: Callable[[str], None], read: Callable[[], str]) -> bool:
    """Ask whether to upgrade; only `y` or `n` is an answer.

    Raises:
        ConfigurationError: nobody answers.
    """
    say(
        "A configuration of a previous version was found. Do you want to upgrade and use it? (y/n) "
    )
    for _ in range(3):
        answer = read().strip().lower()
        if answer in ("y", "n"):
            return answer == "y"
    raise ConfigurationError("the question whether to upgrade was not answered with y or n")
