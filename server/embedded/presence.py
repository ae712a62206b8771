"""What the loader of a one-box says of itself: the file that takes the heartbeat's place.

The loader may not write into the database, and is alone on its machine. So it says in its own
folder, which the API may read, which services it has and whether the machine serves.
"""

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

FOLDER = Path("/run/operationalization/loader")
FRESH_SECONDS = 15.0
"""How long the loader's word counts; it renews it every 3 seconds."""


@dataclass(frozen=True)
class Presence:
    """The loader's word."""

    revision: int
    """Of the catalogue: all services of then are with the workers."""

    workers: int
    serving: bool
    """Configured and not draining."""


def say(presence: Presence, folder: Path = FOLDER) -> None:
    """Say *presence* from now on; who reads it meanwhile sees the old or the new word."""
    new = folder / "presence.new"
    new.write_text(json.dumps(asdict(presence)), encoding="ascii")
    new.chmod(0o644)
    new.replace(folder / "presence.json")


def heard(folder: Path = FOLDER) -> Presence | None:
    """Return the loader's word; None where it said none, or nothing for long."""
    path = folder / "presence.json"
    try:
        age = time.time() - path.stat().st_mtime
        return Presence(**json.loads(path.read_bytes())) if age < FRESH_SECONDS else None
    except FileNotFoundError:
        return None
