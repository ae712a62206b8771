"""Whether who holds a lock is still there. Gone means proven to be: all else may live."""

import socket
from dataclasses import dataclass
from typing import Literal

import psutil

from operations.locks.reading import Lock

SLACK = 5.0
"""Seconds by which clocks of one machine may differ: the lock's is not the kernel's."""


@dataclass(frozen=True, slots=True)
class Holder:
    """What is known of who holds a lock."""

    state: Literal["gone", "living", "unknown"]
    why: str


def holder_of(lock: Lock) -> Holder:
    """Return whether the process that made *lock* is there."""
    if lock.process is None or not lock.host:
        return Holder("unknown", "the lock does not say who made it")
    here = socket.gethostname()
    if lock.host != here:
        return Holder("unknown", f"it was made on {lock.host}, and this is {here}")
    if not psutil.pid_exists(lock.process):
        return Holder("gone", f"process {lock.process} of this machine is gone")
    try:
        process = psutil.Process(lock.process)
        with process.oneshot():
            name, status, began = process.name(), process.status(), process.create_time()
    except psutil.Error:
        # It is there, and the kernel tells this user nothing of it.
        return Holder("living", f"process {lock.process} of this machine is there")
    if status in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD):
        return Holder("gone", f"process {lock.process} of this machine has ended")
    if "pulumi" not in name:
        return Holder("gone", f"process {lock.process} of this machine is {name} now, not pulumi")
    if lock.since is not None and began > lock.since.timestamp() + SLACK:
        why = f"process {lock.process} of this machine is another pulumi, which began later"
        return Holder("gone", why)
    return Holder("living", f"pulumi (process {lock.process}) is at work on this machine")
