"""The first minutes of a host: cloud-init takes the user data, then the cloud runs its script."""

import json
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from sandbox.fabric.contract import FabricError
from sandbox.fabric.hosts.commands import INTERRUPTED, TIMED_OUT, Finished
from sandbox.fabric.hosts.guest import Guest

PATIENCE = 20 * 60.0
"""Seconds that cloud-init may take until it has written the user data's files."""
SCRIPT = 90 * 60.0
"""Seconds that the script may take ("Use the Azure Custom Script Extension": 90 minutes)."""
_TICK = 0.05
"""Seconds between looks at one small file of the host, which no notice can be had of."""
_GONE = Finished(137, "the host ended before it was provisioned")


@dataclass(frozen=True, slots=True)
class Stage:
    """What cloud-init says of its stage `init`, which writes the user data's files."""

    finished: bool
    errors: tuple[str, ...] = ()


def stage(root: Path) -> Stage:
    """Read it from the running host's root, as this machine sees it (`/proc/PID/root`)."""
    # The link is made anew at each boot, in a /run that is empty then: an earlier boot's status
    # can't be mistaken for this one's ("CLI commands", `status`).
    try:
        said = json.loads((root / "run/cloud-init/status.json").read_text())["v1"]["init"]
        return Stage(bool(said["finished"]), tuple(map(str, said["errors"])))
    except (OSError, ValueError, KeyError, TypeError):
        return Stage(finished=False)


def provision(guest: Guest, script: str | None, cancelled: threading.Event) -> Finished:
    """Wait for cloud-init in *guest*, then run *script* there as root (None: nothing).

    Code 0: provisioned. A host that ends meanwhile, and one whose cloud-init hangs, is told by
    another code and by the output.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        if cancelled.is_set():
            return Finished(INTERRUPTED, "")
        leader = guest.leader
        if leader is not None and stage(Path(f"/proc/{leader.pid}/root")).finished:
            break
        if not guest.running:
            return _GONE
        if time.monotonic() > deadline:
            return Finished(
                TIMED_OUT,
                f"cloud-init did not take the user data within {PATIENCE / 60:.0f} minutes",
            )
        cancelled.wait(_TICK)
    if script is None:
        return Finished(0, "")
    try:
        return guest.run(["sh", "-c", script], SCRIPT, cancelled)
    except FabricError:
        if guest.running:
            raise
        return _GONE
