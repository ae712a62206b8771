"""Judges the machine below the product."""

from collections.abc import Iterator, Mapping
from typing import Any

FULL = 3
"""Percent free below which a disk counts as full: services write, and fail."""
FILLING = 12
INODES = 3
SMALL = 64
"""Megabytes free that are enough for a small file system, such as /run."""
MEMORY = 5
"""Percent available."""
OFF = 30.0
"""Seconds: tokens are valid from the moment at which they are signed, on another node."""
SLACK = 2.0

Facts = Mapping[str, Any]
Found = Iterator[tuple[str, str]]


def units(facts: Facts) -> Found:
    """Yield services that do not run, and units of ours that failed."""
    found = facts.get("units") or {}
    states: Mapping[str, str] = found.get("states") or {}
    for unit, state in states.items():
        if state != "active":
            yield "service-stopped", f"{unit} is {state}"
    for unit in found.get("failed") or ():
        if unit not in states:
            yield "service-failed", str(unit)


def workers(facts: Facts) -> Found:
    """Yield R workers that the proxy of their own node does not get through to."""
    down = (facts.get("workers") or {}).get("down") or ()
    if down:
        yield "workers-down", ", ".join(str(each) for each in down)


def disks(facts: Facts) -> Found:
    """Yield disks without room."""
    for place, (percent, megabytes, inodes) in (facts.get("disks") or {}).items():
        what = f"{place} has {percent} % ({megabytes} MB) and {inodes} % of its inodes free"
        if inodes < INODES or (percent < FULL and megabytes < 10 * SMALL):
            yield "disk-full", what
        elif percent < FILLING and megabytes < 10 * SMALL:
            yield "disk-filling", what


def memory(facts: Facts) -> Found:
    """Yield a machine that is short of memory, or was."""
    found = facts.get("memory")
    if not found:
        return
    if found["available"] * 100 < found["total"] * MEMORY:
        yield "memory-short", f"{found['available']} of {found['total']} MB are available"
    if found.get("killed"):
        yield "memory-killed", f"{found['killed']} in the last hour"


def clock(facts: Facts, asked: float, answered: float) -> Found:
    """Yield a clock that is wrong: it must have been asked between two moments of our own."""
    found = facts.get("clock")
    if not found:
        return
    if found.get("set") is False:
        yield "clock-alone", "its time service says that it is not synchronized"
    database = facts.get("database") or {}
    ahead = max(asked - SLACK - found["time"], found["time"] - answered - SLACK, 0.0)
    if ahead > OFF:
        side = "behind" if found["time"] < asked else "ahead of"
        yield "clock-off", f"it is {ahead:.0f} seconds {side} this machine's"
    elif abs(database.get("ahead") or 0.0) > OFF:
        yield "clock-off", f"the database's is {database['ahead']:+.0f} seconds from it"
