"""Machines: systemd-nspawn guests that boot the sandbox's images."""

from sandbox.fabric.hosts.commands import Finished
from sandbox.fabric.hosts.control_groups import Usage
from sandbox.fabric.hosts.guest import Guest
from sandbox.fabric.hosts.host import Host, Hosts, enter, found, memory
from sandbox.fabric.hosts.journal import journal
from sandbox.fabric.hosts.leader import end_all_below
from sandbox.fabric.hosts.plan import Plan

__all__ = [
    "Finished",
    "Guest",
    "Host",
    "Hosts",
    "Plan",
    "Usage",
    "end_all_below",
    "enter",
    "found",
    "journal",
    "memory",
]
