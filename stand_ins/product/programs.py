"""How the programs under the product's names begin: what `dotnet X.dll` and `az` run."""

import json
import logging
import sys
from collections.abc import Sequence
from logging.handlers import RotatingFileHandler

from server.api.store import DatabaseAwayError
from stand_ins.product import appsettings
from stand_ins.product.appsettings import ConfigurationError
from stand_ins.product.place import place
from stand_ins.versions import Version, find

LEVELS = {
    "Verbose": logging.DEBUG,
    "Debug": logging.DEBUG,
    "Information": logging.INFO,
    "Warning": logging.WARNING,
    "Error": logging.ERROR,
    "Critical": logging.CRITICAL,
}
"""facts.md 14.4."""


def serve(part: str, product: str, version: str) -> None:
    """Run `web`, `compute` or `rserve` in the foreground; ends with 1 for what it refuses."""
    known = find(product, version)
    try:
        _log_to(known, "web" if part == "web" else "compute")
        _run(part, known)
    except (ConfigurationError, DatabaseAwayError) as error:
        sys.stderr.write(f"{error}\n")
        logging.getLogger("stand_in").critical("%s", error)
        raise SystemExit(1) from None


def _run(part: str, version: Version) -> None:
    # Each where it is needed: a compute node has no driver of a database.
    if part == "web":
        from stand_ins.product.web import node as web

        web.main(version)
    elif part == "compute":
        from stand_ins.product.compute import node as compute

        compute.main(version)
    else:
        from stand_ins.product.compute import rserve

        rserve.main(version)


def administer(product: str, version: str, arguments: Sequence[str]) -> None:
    """Run the admin utility."""
    from stand_ins.product.admin import utility

    raise SystemExit(utility.main(find(product, version), arguments))


def _log_to(version: Version, part: str) -> None:
    logs = place(version.folder("web" if part == "web" else "compute")) / "logs"
    logs.mkdir(exist_ok=True)
    section = appsettings.read(appsettings.path_of(version, part)).root.section("Logging")
    level = section.section("LogLevel").text("Default", "Warning")
    if level not in LEVELS:
        raise ConfigurationError(f"Logging.LogLevel.Default must be one of {', '.join(LEVELS)}")
    handler = RotatingFileHandler(logs / f"{part}.log", maxBytes=10_000_000, backupCount=9)
    handler.setFormatter(_Lines())
    log = logging.getLogger("stand_in")
    log.addHandler(handler)
    log.setLevel(LEVELS[level])


class _Lines(logging.Formatter):
    """A line of JSON for each record, as the product's logs are."""

    def format(self, record: logging.LogRecord) -> str:
        line = {"Level": record.levelname, "Time": self.formatTime(record)}
        line["Message"] = record.getMessage()
        if record.exc_info:
            line["Exception"] = self.formatException(record.exc_info)
        return json.dumps(line)
