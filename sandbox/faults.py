"""The commands that plan faults of the control plane: `fault fail`, `throttle`, `hang`, `lose`."""

import argparse
import difflib
import json
import math
import re
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING

from sandbox.commands import Adder, Command, CommandError
from sandbox.home import Home

if TYPE_CHECKING:
    from sandbox.control.faults import Fault

_PATTERN = re.compile(r"[\w:/.*?!\[\]-]{1,200}")
_CODE = re.compile(r"[\w.]{1,100}")
_LONGEST_MESSAGE = 2000
_MOST_CALLS = 10_000
_MOST_SECONDS = 3600.0
_CALLS = ("create", "read", "update", "delete")


def add_commands(command: Adder) -> None:
    """Add `fault` to the command line."""
    group = command(
        "fault", "plan what the cloud does wrong: refuse, throttle, hang, or lose an answer", _list
    )
    kinds = group.add_subparsers(title="what", required=True, metavar="WHAT")

    def kind(name: str, words: str, calls: tuple[str, ...] = _CALLS) -> argparse.ArgumentParser:
        made = kinds.add_parser(name, help=words, description=words)
        made.set_defaults(run=_plan(name))
        made.add_argument(
            "type", type=_pattern,
            help="resource type, as scripts/sandbox types lists them; * and ? stand for others: "
            "'*:Subnet'",
        )  # fmt: skip
        made.add_argument(
            "--call", choices=calls, default="create", help="which call of the cloud (create)"
        )
        made.add_argument(
            "--nth", type=_whole(_MOST_CALLS), default=1, metavar="N",
            help="the Nth such call from now on (1)",
        )  # fmt: skip
        return made

    fail = kind("fail", "the cloud refuses the call for good")
    fail.add_argument("--code", type=_code, help="the cloud's error code")
    fail.add_argument("--message", type=_message, help="and its words")
    throttle = kind("throttle", "the cloud answers that there are too many requests")
    throttle.add_argument(
        "--times", type=_whole(100), default=1, metavar="N",
        help="how often in a row (1); a provider tries again a few times",
    )  # fmt: skip
    throttle.add_argument(
        "--seconds", type=_seconds, default=1.0, help="to wait before each attempt (1)"
    )
    hang = kind("hang", "the cloud does not answer, until the engine gives up")
    hang.add_argument(
        "--seconds", type=_seconds, default=0.0, help="or for so long; then the call is done"
    )
    lose = kind("lose", "the call is done, and its answer is lost", ("create", "update", "delete"))
    ways = lose.add_mutually_exclusive_group()
    ways.add_argument(
        "--disconnect", dest="lost", action="store_const", const="disconnect",
        help="by breaking the engine's connection, with all that is under way over it",
    )  # fmt: skip
    ways.add_argument(
        "--silent", dest="lost", action="store_const", const="silence",
        help="the engine hears nothing, until it gives up",
    )  # fmt: skip
    lose.set_defaults(lost="error")
    shown = kinds.add_parser("list", help="the plan, and what met its faults")
    shown.set_defaults(run=_list)
    shown.add_argument("--json", action="store_true", help="for programs")
    clear = kinds.add_parser("clear", help="forget a fault, or all of them")
    clear.set_defaults(run=_clear)
    clear.add_argument("number", nargs="?", type=_whole(1_000_000), help="of the list; none: all")


def _plan(effect: str) -> Command:
    def run(home: Home, options: argparse.Namespace) -> int:
        from sandbox import records  # noqa: PLC0415 -- most commands need not wait for these
        from sandbox.control import faults  # noqa: PLC0415

        _require_match(options.type)
        chosen = {
            name: value
            for name, value in vars(options).items()
            if value is not None and name in ("code", "message", "times", "seconds", "lost")
        }
        wanted = faults.Fault(
            effect=faults.Effect(effect),
            pattern=options.type,
            call=faults.Call(options.call),
            nth=options.nth,
            **{**chosen, **({"lost": faults.Lost(chosen["lost"])} if "lost" in chosen else {})},
        )
        with records.opened(home) as store:
            try:
                made = faults.plan(store, wanted)
            except faults.FaultError as error:
                raise CommandError(str(error)) from error
        print(f"Fault {made.number}: {words(made)}.")  # noqa: T201
        return 0

    return run


def _require_match(pattern: str) -> None:
    """Raise CommandError unless a type of a cloud that is emulated has this pattern."""
    from fnmatch import fnmatchcase  # noqa: PLC0415

    from sandbox.control.packages import PACKAGES  # noqa: PLC0415 -- as above

    known = {
        token: package.refusals is not None and kind.kept
        for package in PACKAGES
        for token, kind in package.kinds.items()
    }
    found = [token for token in known if fnmatchcase(token, pattern)]
    if any(known[token] for token in found):
        return
    if found:
        raise CommandError(f"{found[0]} is made by no cloud that could refuse it")
    near = difflib.get_close_matches(pattern, known, n=1)
    hint = f"did you mean {near[0]}?" if near else "scripts/sandbox types lists them"
    raise CommandError(f"no emulated type is called {pattern}; {hint}")


def words(fault: "Fault") -> str:
    """A fault for a person: what happens to which call."""
    ends = {"1": "st", "2": "nd", "3": "rd"}
    end = "th" if fault.nth % 100 in (11, 12, 13) else ends.get(str(fault.nth)[-1], "th")
    which = "the next" if fault.nth == 1 else f"the {fault.nth}{end}"
    subject = f"{which} {fault.call} of {fault.pattern}"
    match fault.effect.value:
        case "fail":
            return f"{subject} is refused" + (f" with {fault.code}" if fault.code else "")
        case "throttle":
            times = "once" if fault.times == 1 else f"{fault.times} times"
            return f"{subject} is throttled {times}, for {fault.seconds:g} s each"
        case "hang":
            end = f"for {fault.seconds:g} s" if fault.seconds else "until the engine gives up"
            return f"{subject} hangs {end}"
    ways = {
        "error": "its answer is lost",
        "disconnect": "the connection breaks",
        "silence": "its answer never comes",
    }
    return f"{subject} is done, and {ways[fault.lost.value]}"


def known(home: Home) -> "list[Fault]":
    """The plan; nothing where there is no sandbox yet."""
    if not home.state.exists():
        return []
    from sandbox import records  # noqa: PLC0415 -- as above
    from sandbox.control import faults  # noqa: PLC0415

    with records.opened(home) as store:
        return faults.planned(store.read())


def _list(home: Home, options: argparse.Namespace) -> int:
    found = known(home)
    if options.json:
        print(json.dumps([asdict(each) for each in found], indent=2))  # noqa: T201
    for each in found if not options.json else ():
        # Of a URN its type and name: the whole one is in the JSON.
        who = "::".join(each.met.split("::")[-2:]).rpartition("$")[2]
        print(f"{each.number}  {words(each)}; {f'met {who}' if who else 'waits'}")  # noqa: T201
    if not found and not options.json:
        print("No faults are planned.")  # noqa: T201
    return 0


def _clear(home: Home, options: argparse.Namespace) -> int:
    from sandbox import records  # noqa: PLC0415 -- as above
    from sandbox.control import faults  # noqa: PLC0415

    with records.opened(home) as store:
        try:
            count = faults.clear(store, options.number)
        except faults.FaultError as error:
            raise CommandError(str(error)) from error
    print(f"{count} fault{'' if count == 1 else 's'} forgotten.")  # noqa: T201
    return 0


def _pattern(text: str) -> str:
    if not _PATTERN.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text[:50]!r} is no resource type")
    return text


def _code(text: str) -> str:
    if not _CODE.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text[:50]!r} is no error code; use one like Conflict")
    return text


def _message(text: str) -> str:
    if len(text) > _LONGEST_MESSAGE or not text.replace("\n", "").isprintable():
        raise argparse.ArgumentTypeError(
            f"a message is text of at most {_LONGEST_MESSAGE} characters"
        )
    return text


def _whole(most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        short = text.isascii() and text.isdecimal() and len(text) <= len(str(most))
        if not short or not 1 <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text[:50]!r} is no number of 1 to {most}")
        return int(text)

    return read


def _seconds(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not 0.01 <= found <= _MOST_SECONDS:
        raise argparse.ArgumentTypeError(
            f"{text[:50]!r} is no time; use 0.01 to {_MOST_SECONDS:.0f} seconds"
        )
    return found
