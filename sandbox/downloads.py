"""The commands for what nodes download: `offer` and `withdraw`.

They work on the sandbox's folder, whether its daemon runs or not.
"""

import argparse
from collections.abc import Mapping

from sandbox.commands import Command, CommandError
from sandbox.fabric import downloads
from sandbox.fabric.downloads import BLOBS, Shelf
from sandbox.home import Home


def _place(home: Home, store: str) -> tuple[Shelf, str]:
    """Where the files are, and the beginning of their addresses."""
    shelf = Shelf(home.downloads)
    if not store:
        return shelf, f"https://{downloads.HOST}"
    account, _, container = store.partition("/")
    return shelf.store(store), f"https://{account}.{BLOBS}/{container}"


def _offer(home: Home, options: argparse.Namespace) -> int:
    shelf, address = _place(home, options.store)
    if options.name and len(options.files) != 1:
        raise CommandError("--as names one file: give one")
    if not options.files:
        for name in shelf.names():
            print(f"{address}/{name}")  # noqa: T201
        return 0
    home.prepare()
    for file in options.files:
        digest = shelf.add(file, options.name)
        print(f"{address}/{options.name or file.name}  {digest}")  # noqa: T201
    return 0


def _withdraw(home: Home, options: argparse.Namespace) -> int:
    shelf, _ = _place(home, options.store)
    for name in options.names:
        shelf.remove(name)
    return 0


COMMANDS: Mapping[str, Command] = {"offer": _offer, "withdraw": _withdraw}
