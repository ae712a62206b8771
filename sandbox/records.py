"""The commands that look at what the sandbox keeps, or change it behind Pulumi's back."""

import argparse
import json
from collections.abc import Mapping

from sandbox.control import tamper, wire
from sandbox.control.packages import PACKAGES
from sandbox.control.store import Store, Stored, StoreError
from sandbox.home import Home
from sandbox.nodes import Command, CommandError


def _store(home: Home) -> Store:
    if not home.state.exists():
        raise CommandError(f"there is no sandbox in {home.root}; scripts/sandbox start makes one")
    try:
        return Store(home.state)
    except StoreError as error:
        raise CommandError(str(error)) from error


def _resources(home: Home, options: argparse.Namespace) -> int:
    found = list(_store(home).read().all())
    if options.json:
        print(json.dumps([_described(each) for each in found], indent=2))  # noqa: T201
        return 0
    for each in found:
        print(f"{each.record.type}  {each.record.id}")  # noqa: T201
    return 0


def _described(stored: Stored) -> dict[str, object]:
    record = stored.record
    return {
        "id": record.id,
        "type": record.type,
        "created": record.created,
        "urn": record.urn,
        "properties": wire.masked(stored.outputs),
    }


def _types(_: Home, __: argparse.Namespace) -> int:
    for package in PACKAGES:
        for kind in sorted(package.kinds):
            print(kind)  # noqa: T201
    return 0


def _change(home: Home, options: argparse.Namespace) -> int:
    store = _store(home)
    try:
        if options.delete:
            tamper.delete(store, options.id)
        elif options.path and options.value:
            tamper.change(store, options.id, options.path, json.loads(options.value))
        else:
            raise CommandError("say which property gets which value, or --delete")
    except (StoreError, tamper.TamperError, json.JSONDecodeError, wire.WireError) as error:
        raise CommandError(str(error)) from error
    finally:
        store.close()
    return 0


COMMANDS: Mapping[str, Command] = {"resources": _resources, "change": _change, "types": _types}
