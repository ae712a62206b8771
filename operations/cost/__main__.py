"""The command behind scripts/prices: fills and renews the table of prices.

What is asked for is what the deployments given by their states use. Prices of other things stay as
they are, with the day on which they were read.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import httpx

from operations.cost import table
from operations.cost.estimate import estimate
from operations.cost.lists import aws, azure
from operations.cost.lists.asking import TIMEOUT, Asking
from operations.cost.meters import Meter
from operations.cost.table import Price, Prices
from operations.errors import OperationError
from operations.export import state

LISTS = {"azure": (azure.BASE, azure.fetch), "aws": (aws.BASE, aws.fetch)}


def main(arguments: Sequence[str]) -> int:
    """Renew the table; 0 when every price was found, 1 when some was not, 2 when a list failed."""
    parser = argparse.ArgumentParser(prog="operations.cost")
    parser.add_argument("states", type=Path, nargs="+")
    parser.add_argument("--cloud", choices=tuple(LISTS), action="append")
    parser.add_argument("--table", type=Path, default=table.TABLE)
    parser.add_argument("--list", action="store_true")
    for cloud, (base, _) in LISTS.items():
        parser.add_argument(f"--{cloud}-address", default=base)
    options = parser.parse_args(arguments)
    try:
        known = table.read(options.table)
        meters = [
            meter
            for meter in _meters(options.states)
            if not options.cloud or meter.cloud in options.cloud
        ]
        if options.list:
            sys.stdout.writelines(_listed(meter, known.get(meter)) for meter in meters)
            return 0
        addresses = {cloud: getattr(options, f"{cloud}_address") for cloud in LISTS}
        return _renew(meters, known, options.table, addresses)
    except OperationError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("stopped: the table is as it was, or has one cloud's prices more\n")
        return 130


def _meters(paths: Sequence[Path]) -> list[Meter]:
    """Return what the deployments use, each once."""
    found: set[Meter] = set()
    for path in paths:
        try:
            text = path.read_text()
        except OSError as error:
            raise OperationError(
                "the state cannot be read",
                str(path),
                error.strerror or "it cannot be opened",
                "give a file that `pulumi stack export` wrote",
            ) from None
        found |= {line.meter for line in estimate(state.parse(text, path.stem), {}).lines}
    return sorted(found)


def _listed(meter: Meter, price: Price | None) -> str:
    told = f"{price.amount} {price.currency}, {price.retrieved}" if price else "no price known"
    return f"{meter.cloud}  {meter}, per {meter.unit}: {told}\n"


def _renew(meters: Sequence[Meter], known: Prices, path: Path, addresses: dict[str, str]) -> int:
    prices, failed = dict(known), False
    for cloud, (_, fetch) in LISTS.items():
        wanted = [meter for meter in meters if meter.cloud == cloud]
        if not wanted:
            continue
        try:
            found = dict(_asked(wanted, fetch, addresses[cloud]))
        except OperationError as error:
            sys.stderr.write(f"{error}\n")
            failed = True
            continue
        prices |= found
        table.write(prices, path)
        sys.stderr.write(f"{cloud}: {len(found)} of {len(wanted)} prices are in {path}\n")
    missing = [meter for meter in meters if meter not in prices]
    return 2 if failed else int(bool(missing))


def _asked(
    meters: list[Meter],
    fetch: Callable[
        [list[Meter], Asking, date, Callable[[str], None]], Iterator[tuple[Meter, Price]]
    ],
    address: str,
) -> Iterator[tuple[Meter, Price]]:
    today = datetime.now(UTC).date()
    with httpx.Client(timeout=TIMEOUT, follow_redirects=False) as client:
        asking = Asking(address, client, _told)
        yield from fetch(meters, asking, today, _told)


def _told(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
