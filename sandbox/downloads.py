"""The commands for what nodes download: `offer` and `withdraw`.

They work on the sandbox's folder, whether its daemon runs or not.
"""

import argparse
from collections.abc import Mapping

from sandbox.commands import Command, CommandError
from sandbox.fabric import downloads
from sandbox.fabric.downloads import Shelf
from sandbox.home import Home


def _offer(home: Home, options: argparse.Namespace) -> int:
    shelf = Shelf(home.downloads)
    if options.name and len(options.files) != 1:
        raise CommandError("--as names one file: give one")
    if not options.files:
        for name in shelf.names():
            print(downloads.url(name))  # noqa: T201
        return 0
    home.prepare()
    for file in options.files:
        digest = shelf.add(file, options.name)
        print(f"{downloads.url(options.name or file.name)}  {digest}")  # noqa: T201
    return 0


def _withdraw(home: Home, options: argparse.Namespace) -> int:
    shelf = Shelf(home.downloads)
    for name in options.names:
        shelf.remove(name)
    return 0


COMMANDS: Mapping[str, Command] = {"offer": _offer, "withdraw": _withdraw}
