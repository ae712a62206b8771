"""The command line of the sandbox."""

import argparse
import gc
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address
from pathlib import Path

from sandbox import daemon, faults, quotas
from sandbox.commands import Adder, CommandError, add_node_commands, later
from sandbox.daemon import DaemonError, Wanted
from sandbox.fabric.contract import FabricError
from sandbox.fabric.downloads.shelf import HOST
from sandbox.home import Home, HomeError, Running

_SELDOM = (10_000, 20, 50)
"""When the daemon looks for garbage: most of what it makes goes by itself."""


def main(arguments: Sequence[str]) -> int:
    """Run one command; 0 when it worked, 1 when it was refused, 2 when it was misspelt."""
    options = _parser().parse_args(arguments)
    run: Callable[[Home, argparse.Namespace], int] = options.run
    try:
        return run(Home(options.home), options)
    except (CommandError, DaemonError, FabricError, HomeError) as error:
        sys.stderr.write(f"sandbox: {error}\n")
        return 1
    except BrokenPipeError:
        # The reader (`| head`) has gone; nothing is left to say to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/sandbox",
        description="A cloud in a box: Pulumi's engine deploys to it as it does to Azure.",
        epilog='Point a shell at it: eval "$(scripts/sandbox env)"',
    )
    parser.add_argument(
        "--home", type=Path, help="folder of its files (default: .cache/sandbox of the project)"
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    def command(
        name: str, words: str, run: Callable[[Home, argparse.Namespace], int]
    ) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=words, description=words)
        made.set_defaults(run=run)
        return made

    start = command("start", "start the daemon, and return when it serves", _start)
    start.add_argument("--foreground", action="store_true", help="stay, and log to the terminal")
    start.add_argument(
        "--port", action="append", type=_port, default=[], metavar="PACKAGE=PORT",
        help="a fixed port for a package (default: any free one)",
    )  # fmt: skip
    start.add_argument(
        "--no-nodes", dest="nodes", action="store_false",
        help="the control plane alone: resources are checked and kept, nothing boots",
    )  # fmt: skip
    start.add_argument(
        "--client-address", type=_address, metavar="ADDRESS",
        help="what environments see as this machine's address (default: 203.0.113.10)",
    )  # fmt: skip
    start.add_argument(
        "--speed", type=_speed, default=1.0, metavar="N",
        help="divide the platform's own timers by N: repair grace, termination notices",
    )  # fmt: skip
    start.add_argument(
        "--image", choices=("base", "complete"), default="",
        help="what Debian 12 machines boot: base installs packages, as in a real cloud; complete "
        "has them (default)",
    )  # fmt: skip
    stop = command("stop", "stop the daemon and the nodes; what was created stays", _stop)
    stop.add_argument(
        "--if-empty", action="store_true", help="only when nothing is in it, nor about to be"
    )
    status = command(
        "status",
        "show whether it runs, where, what it holds and its nodes",
        later("status", "status"),
    )
    status.add_argument("--json", action="store_true", help="for programs")
    command("env", "print the shell commands that point pulumi at the sandbox", _environment)
    add_node_commands(command)
    reset = command("reset", "forget every resource and every stack of the sandbox", _reset)
    reset.add_argument("--yes", action="store_true", help="don't ask")
    resources = command("resources", "list the resources that exist", later("records", "resources"))
    resources.add_argument("--json", action="store_true", help="with their properties")
    edit = command(
        "edit", "change a resource behind Pulumi's back, as in the portal", later("records", "edit")
    )
    edit.add_argument("id", help="the resource's id")
    edit.add_argument("property", help="which one, as in sku.capacity or tags.owner")
    edit.add_argument("value", help="new value, JSON; - reads it from standard input")
    delete = command(
        "delete",
        "delete a resource, and all below it, behind Pulumi's back",
        later("records", "delete"),
    )
    delete.add_argument("id", help="the resource's id")
    orphans = command(
        "orphans", "list resources that were made for a stack and are in no stack's state",
        later("records", "orphans"),
    )  # fmt: skip
    orphans.add_argument("--stack", default="", help="of this stack only")
    orphans.add_argument(
        "--state", type=argparse.FileType(), metavar="FILE",
        help="what `pulumi stack export` wrote (- for standard input), in place of the sandbox's "
        "own stacks",
    )  # fmt: skip
    how = orphans.add_mutually_exclusive_group()
    how.add_argument("--delete", action="store_true", help="delete them")
    how.add_argument(
        "--pending", action="store_true",
        help="list a stack's creations whose update was killed, each with what exists of it",
    )  # fmt: skip
    how.add_argument("--json", action="store_true", help="for programs")
    faults.add_commands(command)
    quotas.add_commands(command)
    _add_endpoint_commands(command)
    command("types", "list the resource types that are emulated", later("records", "types"))
    return parser


def _add_endpoint_commands(command: Adder) -> None:
    _add_download_commands(command)
    token = command(
        "token", "print what lets its deployer call an online endpoint", later("endpoints", "token")
    )
    token.add_argument("id", help="the endpoint's id")
    command(
        "certificate", "print who signs for the clouds' names in the sandbox: for clients of "
        "endpoints", later("endpoints", "certificate"),
    )  # fmt: skip


def _add_download_commands(command: Adder) -> None:
    offer = command(
        "offer", f"put files where nodes download them from, https://{HOST}/FILE, and print each "
        "one's address and SHA-256; without files: list those that are there",
        later("downloads", "offer"),
    )  # fmt: skip
    offer.add_argument("files", nargs="*", type=Path, metavar="FILE")
    offer.add_argument("--as", dest="name", default="", help="another name for the one file")
    offer.add_argument(
        "--store", default="", metavar="ACCOUNT/CONTAINER",
        help="put them into a container of Azure's instead, where a role is needed to read them",
    )  # fmt: skip
    withdraw = command("withdraw", "offer files no longer", later("downloads", "withdraw"))
    withdraw.add_argument("--store", default="", metavar="ACCOUNT/CONTAINER")
    withdraw.add_argument("names", nargs="+", metavar="NAME", help="as offer prints it")


def _port(text: str) -> tuple[str, int]:
    name, _, number = text.partition("=")
    from sandbox.control.packages import PACKAGES  # noqa: PLC0415 -- as in `later`

    known = [package.name for package in PACKAGES]
    if name not in known:
        raise argparse.ArgumentTypeError(f"{name!r} is no package; use one of {', '.join(known)}")
    if not number.isdecimal() or not 1 <= int(number) <= 65_535:
        raise argparse.ArgumentTypeError(f"{number!r} is no port; use 1 to 65535")
    return name, int(number)


def _address(text: str) -> str:
    try:
        return str(IPv4Address(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no IPv4 address") from error


def _speed(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not 1 <= found <= 1000:
        raise argparse.ArgumentTypeError(f"{text!r} is no factor; use 1 to 1000")
    return found


def _start(home: Home, options: argparse.Namespace) -> int:
    wanted = Wanted(
        ports=dict(options.port),
        nodes=options.nodes,
        client=options.client_address or "",
        speed=options.speed,
        image=options.image,
    )
    if options.foreground:
        # What is imported stays as long as the daemon does: to search it for garbage, over and
        # over, would take a tenth of its time.
        gc.disable()
        from sandbox import serving  # noqa: PLC0415 -- as in `later`

        gc.freeze()
        gc.set_threshold(*_SELDOM)
        gc.enable()
        serving.run(home, wanted)
        return 0
    before, found = daemon.find(home), daemon.start(home, wanted)
    how = "runs already" if before and before.pid == found.pid else "runs"
    print(f"The sandbox {how} (pid {found.pid}).")  # noqa: T201
    for reason in found.off:
        print(f"Nodes don't boot: {reason}.")  # noqa: T201
    print('Point this shell at it: eval "$(scripts/sandbox env)"')  # noqa: T201
    return 0


def _stop(home: Home, options: argparse.Namespace) -> int:
    if options.if_empty and _is_used(home):
        print("The sandbox runs on: it is not empty, or pulumi is at work on it.")  # noqa: T201
        return 0
    stopped = daemon.stop(home)
    print("The sandbox stopped." if stopped else "The sandbox was not running.")  # noqa: T201
    return 0


def _is_used(home: Home) -> bool:
    from sandbox import status  # noqa: PLC0415 -- as in `later`

    return bool(status.counts(home)) or home.is_in_use()


def _running(home: Home) -> Running:
    if (found := daemon.find(home)) is None:
        raise CommandError(f"no sandbox runs in {home.root}; start it with: scripts/sandbox start")
    return found


def _environment(home: Home, _: argparse.Namespace) -> int:
    print(home.shell(_running(home).ports))  # noqa: T201
    return 0


def _reset(home: Home, options: argparse.Namespace) -> int:
    if daemon.holder(home) is not None:
        raise CommandError("the sandbox is running; stop it first: scripts/sandbox stop")
    if not options.yes:
        if not sys.stdin.isatty():
            raise CommandError("reset forgets every resource and stack; say so with --yes")
        answer = input(f"Forget every resource and stack in {home.root}? [y/N] ")
        if answer.strip().casefold() not in ("y", "yes"):
            print("Nothing was changed.")  # noqa: T201
            return 1
    daemon.stop(home)  # nodes of one that was killed run still
    for file in (
        home.state,
        *home.root.glob(f"{home.state.name}-*"),
        home.running,
        home.log,
        home.nodes,
        home.healthy,
        home.pool,
    ):
        file.unlink(missing_ok=True)
    for folder in (home.project, home.stacks, home.hosts, home.downloads, *home.database_folders):
        shutil.rmtree(folder, ignore_errors=True)
    print("The sandbox is empty.")  # noqa: T201
    return 0
