"""The commands that look at quotas and set them: `quota list`, `quota set` and `quota reset`."""

import argparse
import difflib
import json
import re

from sandbox.commands import Adder, CommandError
from sandbox.home import Home

_MOST = 1_000_000
_PLACE = re.compile(r"[A-Za-z0-9 -]{1,40}")


def add_commands(command: Adder) -> None:
    """Add `quota` to the command line."""
    group = command("quota", "look at what an account may have, and set another limit", _list)
    kinds = group.add_subparsers(title="what", required=True, metavar="WHAT")
    shown = kinds.add_parser("list", help="every quota: its limit, and what is set in its place")
    shown.set_defaults(run=_list)
    shown.add_argument("--json", action="store_true", help="for programs")
    change = kinds.add_parser("set", help="set a limit, from now on")
    change.set_defaults(run=_set)
    change.add_argument("name", help="of the list, such as aws:elastic-addresses")
    change.add_argument("most", type=_most, help=f"the limit, 0 to {_MOST}")
    change.add_argument("--location", type=_place, help="in this location or region only")
    reset = kinds.add_parser("reset", help="go back to the cloud's own limits")
    reset.set_defaults(run=_reset)
    reset.add_argument("name", nargs="?", default="", help="of one quota; none: of all")


def _usual() -> dict[str, int]:
    """Every quota with its cloud's own limit."""
    from sandbox.control.packages import PACKAGES  # noqa: PLC0415 -- most commands don't need it

    return {name: most for each in PACKAGES for name, most in sorted(each.quotas.items())}


def _require(name: str) -> None:
    usual = _usual()
    if name not in usual:
        near = difflib.get_close_matches(name, usual, n=1)
        hint = f"did you mean {near[0]}?" if near else "scripts/sandbox quota list shows them"
        shown = name if name.isprintable() else repr(name)
        raise CommandError(f"no quota is called {shown[:100]}; {hint}")


def _list(home: Home, options: argparse.Namespace) -> int:
    from sandbox import records  # noqa: PLC0415 -- as above
    from sandbox.control import limits  # noqa: PLC0415

    with records.opened(home) as store:
        changed = list(limits.changed(store.read()))
    found = [
        {
            "name": name,
            "limit": most,
            "set": {each.place or "everywhere": each.most for each in changed if each.name == name},
        }
        for name, most in _usual().items()
    ]
    if options.json:
        print(json.dumps(found, indent=2))  # noqa: T201
        return 0
    for each in found:
        set_to = dict(each["set"]) if isinstance(each["set"], dict) else {}
        places = "".join(f"; set to {most} in {place}" for place, most in set_to.items())
        print(f"{each['name']}: {each['limit']}{places}".replace(" in everywhere", ""))  # noqa: T201
    return 0


def _set(home: Home, options: argparse.Namespace) -> int:
    from sandbox import records  # noqa: PLC0415 -- as above
    from sandbox.control import limits  # noqa: PLC0415

    _require(options.name)
    place = (options.location or "").replace(" ", "").casefold()
    with records.opened(home) as store:
        limits.change(store, limits.Limit(options.name, place, options.most))
    return 0


def _reset(home: Home, options: argparse.Namespace) -> int:
    from sandbox import records  # noqa: PLC0415 -- as above
    from sandbox.control import limits  # noqa: PLC0415

    if options.name:
        _require(options.name)
    with records.opened(home) as store:
        count = limits.reset(store, options.name)
    print(f"{count} limit{'' if count == 1 else 's'} went back to the cloud's own.")  # noqa: T201
    return 0


def _most(text: str) -> int:
    short = text.isascii() and text.isdecimal() and len(text) <= len(str(_MOST))
    if not short or int(text) > _MOST:
        raise argparse.ArgumentTypeError(f"{text[:50]!r} is no number of 0 to {_MOST}")
    return int(text)


def _place(text: str) -> str:
    if not _PLACE.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text[:50]!r} is no location; use one like westeurope")
    return text
