"""The commands that look at what the sandbox keeps, or change it behind Pulumi's back."""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from sandbox.commands import Command, CommandError
from sandbox.control import orphans, public_pool, tamper, wire
from sandbox.control.azure.online_endpoints import ONLINE_ENDPOINT_KIND, host_of
from sandbox.control.packages import PACKAGES
from sandbox.control.store import Store, Stored, StoreError
from sandbox.control.world import StoreWorld
from sandbox.fabric.downloads import HOST, address_in
from sandbox.home import Home


@contextmanager
def opened(home: Home) -> Iterator[Store]:
    """The sandbox's state, whether its daemon runs or not. Raises CommandError."""
    if not home.state.exists():
        raise CommandError(f"there is no sandbox in {home.root}; scripts/sandbox start makes one")
    try:
        store = Store(home.state)
        try:
            yield store
        finally:
            store.close()
    except StoreError as error:
        raise CommandError(str(error)) from error


def _resources(home: Home, options: argparse.Namespace) -> int:
    with opened(home) as store:
        found = list(store.read().all())
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


def _edit(home: Home, options: argparse.Namespace) -> int:
    text = sys.stdin.read() if options.value == "-" else options.value
    with opened(home) as store:
        try:
            tamper.edit(store, options.id, options.property, tamper.value_of(text))
        except tamper.TamperError as error:
            raise CommandError(str(error)) from error
    return 0


def _delete(home: Home, options: argparse.Namespace) -> int:
    with opened(home) as store:
        try:
            tamper.delete(store, options.id)
        except tamper.TamperError as error:
            raise CommandError(str(error)) from error
    return 0


def _orphans(home: Home, options: argparse.Namespace) -> int:
    if options.pending:
        return _pending(home, options)
    try:
        if options.state:
            with options.state as stream:
                stacks = orphans.in_export(stream.read())
        else:
            stacks = orphans.in_backend(home.stacks)
    except orphans.StateError as error:
        raise CommandError(str(error)) from error
    with opened(home) as store:
        found = orphans.of(store.read(), stacks, options.stack)
        for each in found if options.delete else ():
            if store.read().get(each.id) is not None:  # it may have gone with another one
                tamper.delete(store, each.id)
    if options.json:
        shown = [{"id": each.id, "urn": each.urn} for each in found]
        print(json.dumps(shown, indent=2))  # noqa: T201
        return 0
    for each in found:
        print(f"{each.type}  {each.id}")  # noqa: T201
    return 0


def _pending(home: Home, options: argparse.Namespace) -> int:
    """One line each: the URN, and the id of what exists of it."""
    try:
        pending = orphans.pending(home.stacks, options.stack)
        stacks = orphans.in_backend(home.stacks)
    except orphans.StateError as error:
        raise CommandError(str(error)) from error
    if not pending:
        return 0
    with opened(home) as store:
        left = orphans.of(store.read(), stacks, options.stack)
        made = {each.urn: orphans.called(each) for each in left}
    for urn in pending:
        print(urn, made.get(urn, ""))  # noqa: T201
    return 0


def _address(home: Home, options: argparse.Namespace) -> int:
    with opened(home) as store:
        world = StoreWorld(store.read())
        known = {
            host_of(found): public_pool.lent(world, found)
            for found in world.of(ONLINE_ENDPOINT_KIND)
        }
        if (pool := home.public_pool()) is not None:
            known[HOST] = str(address_in(pool))
    found = known.get(options.host.casefold())
    if found is None:
        why = "is private" if options.host.casefold() in known else "is not of this sandbox"
        raise CommandError(
            f"{options.host} has no public address: it {why}, or nodes do not boot; known: "
            f"{', '.join(sorted(known)) or 'none'}"
        )
    print(found)  # noqa: T201
    return 0


COMMANDS: Mapping[str, Command] = {
    "address": _address,
    "resources": _resources,
    "edit": _edit,
    "delete": _delete,
    "orphans": _orphans,
    "types": _types,
}
