"""Builds the images that are missing: `python -m sandbox.fabric.images [FOLDER]`; needs root.

Progress goes to standard error. Ends with 3 where this machine can't boot hosts, and says why.
"""

import signal
import sys
import time
from pathlib import Path

from sandbox.fabric.contract import FabricError
from sandbox.fabric.images import DEFAULT, unavailable
from sandbox.fabric.images.building import build


def _interrupted(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt


def main(arguments: list[str]) -> int:
    """Build; 0: all is there, 1: a build failed, 3: impossible here, 130: interrupted."""
    folder = Path(arguments[0]).absolute() if arguments else DEFAULT
    if reasons := unavailable(folder):
        sys.stderr.write(f"{'; '.join(reasons)}\n")
        return 3
    start = time.monotonic()
    # SIGINT is ignored in the background jobs of a script: asked for anew.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupted)

    def report(line: str) -> None:
        sys.stderr.write(f"{time.monotonic() - start:6.1f} s  {line}\n")
        sys.stderr.flush()

    try:
        build(folder, report)
    except FabricError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; nothing half-built is left\n")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
