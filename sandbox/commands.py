"""What a command of scripts/sandbox is, and how those on nodes are written."""

import argparse
from collections.abc import Callable, Mapping
from importlib import import_module
from ipaddress import IPv4Address

from sandbox.home import Home

Command = Callable[[Home, argparse.Namespace], int]
Adder = Callable[[str, str, Command], argparse.ArgumentParser]


class CommandError(Exception):
    """A command that can't be done; says what to do."""


def later(module: str, name: str) -> Command:
    """A command of another module, imported when it runs: the others need not wait for that."""

    def run(home: Home, options: argparse.Namespace) -> int:
        commands: Mapping[str, Command] = import_module(f"sandbox.{module}").COMMANDS
        return commands[name](home, options)

    return run


def add_node_commands(command: Adder) -> None:
    """Add the commands that work on nodes."""
    logs = command("logs", "show a node's journal", later("nodes", "logs"))
    logs.add_argument("node", help="name, host name, address or the beginning of a name")
    logs.add_argument("--follow", "-f", action="store_true", help="go on as it grows")
    logs.add_argument("--lines", "-n", type=int, help="only the last lines")
    execute = command("exec", "run a command on a node, as root", later("nodes", "exec"))
    execute.add_argument("node", help="name, host name, address or the beginning of a name")
    execute.add_argument("command", nargs="+", help="after --, such as: -- systemctl status")
    run = command(
        "run", "run the shell script on standard input on a node, as root: what a cloud's own "
        "service for commands does", later("nodes", "run"),
    )  # fmt: skip
    run.add_argument("node", help="name, host name, address or id")
    run.add_argument("--seconds", type=float, default=300.0, help="how long (default: 300)")
    wait = command(
        "wait",
        "wait until every node is ready; 1 when one is not, 3 when there are none",
        later("nodes", "wait"),
    )
    wait.add_argument("--seconds", type=float, default=300.0, help="how long (default: 300)")
    visit = command(
        "from",
        "run a command as a machine of the internet that has an address",
        later("nodes", "from"),
    )
    visit.add_argument("address", type=IPv4Address, help="such as 198.51.100.7")
    visit.add_argument("command", nargs="+", help="after --, such as: -- curl ...")
    address = command(
        "address",
        "print the public address of an endpoint, whose name is in no DNS",
        later("records", "address"),
    )
    address.add_argument("host", help="the name, as in a scoring URI")
