"""A server that begins with another one's contents, as a restored backup does.

PostgreSQL's own tool copies the running source: consistent, with all roles and their passwords, and
the source goes on working. There is no archive of the past in the sandbox: what is restored is what
the source has when the copy begins, whatever moment was asked for.
"""

import shutil
from pathlib import Path
from typing import Final

from sandbox.fabric.contract import FabricError
from sandbox.fabric.database.cluster import Software
from sandbox.fabric.database.guest import layout
from sandbox.fabric.database.instance import Instance

_PATIENCE: Final = 600.0
"""Seconds for a copy; an almost empty server takes one."""


def copy(source: Instance, superuser: str, found: Software, target: Path) -> None:
    """Put the contents of *source*, which runs, into the folder *target*, which is not there.

    Raises:
        FabricError: the source does not run, or the tool's own words.
    """
    name = f"restoring-{target.parent.parent.name}"
    draft = source.cluster / name
    # What an earlier attempt left that was cut short.
    shutil.rmtree(draft, ignore_errors=True)
    try:
        done = source.guest.run(
            [
                f"{found.binaries}/pg_basebackup",
                f"--pgdata={layout.CLUSTER}/{name}",
                *(f"--host={layout.SOCKET}", f"--username={superuser}"),
                *("--checkpoint=fast", "--wal-method=stream", "--no-sync", "--no-password"),
            ],
            _PATIENCE,
        )
        if done.code:
            raise FabricError(f"its contents can't be copied:\n{done.output.strip()}")
        draft.replace(target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
