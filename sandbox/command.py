"""The command line of the sandbox."""

import argparse
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import cast

import psutil
from rich.console import Console
from rich.table import Table

from sandbox import daemon, faults, nodes, quotas
from sandbox.daemon import DaemonError, Wanted
from sandbox.fabric.contract import FabricError
from sandbox.fabric.downloads.shelf import HOST
from sandbox.home import Home, HomeError, Running
from sandbox.nodes import Command, CommandError

_MEGABYTE = 1024 * 1024


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
    status = command("status", "show whether it runs, where, what it holds and its nodes", _status)
    status.add_argument("--json", action="store_true", help="for programs")
    command("env", "print the shell commands that point pulumi at the sandbox", _environment)
    nodes.add_commands(command)
    reset = command("reset", "forget every resource and every stack of the sandbox", _reset)
    reset.add_argument("--yes", action="store_true", help="don't ask")
    resources = command("resources", "list the resources that exist", _records("resources"))
    resources.add_argument("--json", action="store_true", help="with their properties")
    edit = command(
        "edit", "change a resource behind Pulumi's back, as in the portal", _records("edit")
    )
    edit.add_argument("id", help="the resource's id")
    edit.add_argument("property", help="which one, as in sku.capacity or tags.owner")
    edit.add_argument("value", help="new value, JSON; - reads it from standard input")
    delete = command(
        "delete", "delete a resource, and all below it, behind Pulumi's back", _records("delete")
    )
    delete.add_argument("id", help="the resource's id")
    orphans = command(
        "orphans", "list resources that were made for a stack and are in no stack's state",
        _records("orphans"),
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
    command("types", "list the resource types that are emulated", _records("types"))
    return parser


def _add_endpoint_commands(command: nodes.Adder) -> None:
    _add_download_commands(command)
    token = command(
        "token", "print what lets its deployer call an online endpoint", _endpoints("token")
    )
    token.add_argument("id", help="the endpoint's id")
    command(
        "certificate", "print who signs for the clouds' names in the sandbox: for clients of "
        "endpoints", _endpoints("certificate"),
    )  # fmt: skip


def _add_download_commands(command: nodes.Adder) -> None:
    offer = command(
        "offer", f"put files where nodes download them from, https://{HOST}/FILE, and print each "
        "one's address and SHA-256; without files: list those that are there",
        _downloads("offer"),
    )  # fmt: skip
    offer.add_argument("files", nargs="*", type=Path, metavar="FILE")
    offer.add_argument("--as", dest="name", default="", help="another name for the one file")
    withdraw = command("withdraw", "offer files no longer", _downloads("withdraw"))
    withdraw.add_argument("names", nargs="+", metavar="NAME", help="as offer prints it")


def _downloads(name: str) -> Command:
    """A command of `downloads`, imported when it runs."""

    def run(home: Home, options: argparse.Namespace) -> int:
        from sandbox import downloads  # noqa: PLC0415 -- as in _records

        return downloads.COMMANDS[name](home, options)

    return run


def _records(name: str) -> Command:
    """A command of `records`, imported when it runs: most commands don't need to wait for that."""

    def run(home: Home, options: argparse.Namespace) -> int:
        from sandbox import records  # noqa: PLC0415

        return records.COMMANDS[name](home, options)

    return run


def _endpoints(name: str) -> Command:
    """A command of `endpoints`, imported when it runs."""

    def run(home: Home, options: argparse.Namespace) -> int:
        from sandbox import endpoints  # noqa: PLC0415 -- as in _records

        return endpoints.COMMANDS[name](home, options)

    return run


def _port(text: str) -> tuple[str, int]:
    name, _, number = text.partition("=")
    from sandbox.control.packages import PACKAGES  # noqa: PLC0415 -- as in _records

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
        from sandbox import serving  # noqa: PLC0415 -- as in _records

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
    if options.if_empty and (_counts(home) or home.is_in_use()):
        print("The sandbox runs on: it is not empty, or pulumi is at work on it.")  # noqa: T201
        return 0
    stopped = daemon.stop(home)
    print("The sandbox stopped." if stopped else "The sandbox was not running.")  # noqa: T201
    return 0


def _running(home: Home) -> Running:
    if (found := daemon.find(home)) is None:
        raise CommandError(f"no sandbox runs in {home.root}; start it with: scripts/sandbox start")
    return found


def _environment(home: Home, _: argparse.Namespace) -> int:
    print(home.shell(_running(home).ports))  # noqa: T201
    return 0


def _status(home: Home, options: argparse.Namespace) -> int:
    found = daemon.find(home)
    counts, known = _counts(home), nodes.known(home)
    facts: dict[str, object] = {"running": found is not None, "home": str(home.root)}
    if found:
        facts |= {
            "pid": found.pid,
            "uptimeSeconds": round(time.time() - found.started),
            "memoryMegabytes": psutil.Process(found.pid).memory_info().rss // _MEGABYTE,
            "ports": found.ports,
        }
    facts |= {"log": str(home.log), "resources": counts, "nodes": known}
    if found and found.off:
        facts["nodesOff"] = found.off
    planned = faults.known(home) if home.state.exists() else []
    facts["faults"] = [faults.words(fault) for fault in planned if not fault.met]
    if options.json:
        print(json.dumps(facts, indent=2))  # noqa: T201
    else:
        _show(facts, found, counts, known)
    return 0 if found else 3


def _counts(home: Home) -> dict[str, int]:
    if not home.state.exists():
        return {}
    from sandbox.control.store import Store, StoreError  # noqa: PLC0415 -- as in _records

    try:
        return Store(home.state).read().counts()
    except StoreError as error:
        raise CommandError(str(error)) from error


def _show(
    facts: dict[str, object],
    found: Running | None,
    counts: dict[str, int],
    known: Sequence[nodes.Known],
) -> None:
    table = Table(show_header=False, box=None)
    if found:
        uptime = timedelta(seconds=round(time.time() - found.started))
        table.add_row("sandbox", f"runs, process {found.pid}, for {uptime}")
        table.add_row("memory", f"{facts['memoryMegabytes']} MB")
        table.add_row("ports", ", ".join(f"{name} {port}" for name, port in found.ports.items()))
    else:
        table.add_row("sandbox", "does not run; scripts/sandbox start")
        if any(node["phase"] != nodes.OFF for node in known):
            table.add_row("nodes", "run on without it; scripts/sandbox stop ends them too")
    table.add_row("files", str(facts["home"]))
    table.add_row("log", str(facts["log"]))
    for reason in found.off if found else ():
        table.add_row("nodes", f"don't boot: {reason}")
    for fault in cast("list[str]", facts["faults"]):
        table.add_row("fault", fault)
    resources = Table("type", "resources")
    for kind, count in counts.items():
        resources.add_row(kind, str(count))
    console = Console()
    console.print(table)
    console.print(resources if counts else "No resources.")
    if known:
        console.print(nodes.table(known))
        for node in known:
            if node["phase"] in ("failed", nodes.ABSENT):
                console.print(
                    f"{node['name']} {node['phase']}: {node['reason']}",
                    markup=False,
                    soft_wrap=True,
                )


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
