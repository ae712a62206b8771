"""The options of scripts/capacity, apart from what they do, which takes longer to load."""

import argparse
from collections.abc import Callable
from pathlib import Path

from operations.capacity import strategies

STAGE_SECONDS = 10
LONGEST_STAGE = 50
"""Callers share a token that is good for a minute when a stage begins (client.SPARE_SECONDS)."""

REQUESTS, MOST_REQUESTS = 50_000, 10_000_000
MINUTES, MOST_MINUTES = 10, 120
TIMEOUT = 30
LONGEST_MS = 600_000


def add(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    run_it: Callable[[argparse.Namespace], None],
) -> None:
    """Add `capacity` to the command line."""
    parser = commands.add_parser("capacity")
    parser.add_argument("name")
    parser.add_argument("file", type=Path)
    parser.add_argument("--version")
    parser.add_argument("--lookups", action="store_true")
    parser.add_argument("--strategy", choices=("latency", "thread"), default="latency")
    parser.add_argument("--latency", type=_within(1, LONGEST_MS), default=strategies.LATENCY_MS)
    threads = _within(1, strategies.MOST_THREADS)
    parser.add_argument("--min-threads", type=threads, default=strategies.FIRST)
    parser.add_argument("--max-threads", type=threads)
    parser.add_argument("--increment", type=threads, default=strategies.STEP)
    parser.add_argument("--seconds", type=_within(1, LONGEST_STAGE), default=STAGE_SECONDS)
    parser.add_argument("--requests", type=_within(1, MOST_REQUESTS), default=REQUESTS)
    parser.add_argument("--minutes", type=_within(1, MOST_MINUTES), default=MINUTES)
    parser.add_argument("--timeout", type=_within(1, LONGEST_STAGE), default=TIMEOUT)
    parser.add_argument("--load", type=_rate)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--yes", action="store_true")
    parser.add_argument("--settings", default="")
    parser.add_argument("--stack-file", type=Path)
    parser.add_argument("--report", type=Path, required=True)
    parser.set_defaults(run=run_it)


def strategy(options: argparse.Namespace) -> strategies.Strategy:
    """Return the strategy that was asked for. Raises ValueError for one without a stage."""
    by_latency = options.strategy == "latency"
    most = strategies.LAST_BY_LATENCY if by_latency else strategies.LAST
    maximum = options.max_threads or max(most, options.min_threads)
    if maximum < options.min_threads:
        raise ValueError(
            f"--max-threads {maximum} is less than --min-threads {options.min_threads}"
        )
    return strategies.Strategy(
        minimum=options.min_threads,
        maximum=maximum,
        increment=options.increment,
        limit=options.latency / 1000 if by_latency else None,
    )


def _within(low: int, high: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if text.isascii() and text.isdigit() and low <= int(text) <= high:
            return int(text)
        raise argparse.ArgumentTypeError(f"must be {low} to {high}, got {text!r}")

    return number


def _rate(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 1_000_000:  # refuses nan too
        raise argparse.ArgumentTypeError(f"must be requests a second, got {text!r}")
    return value
