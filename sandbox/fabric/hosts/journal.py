"""What a host said, as a command line that prints it: for `scripts/sandbox logs`."""

from pathlib import Path

from sandbox.fabric.hosts.commands import entering
from sandbox.fabric.hosts.state import read


def journal(folder: Path, *, follow: bool = False, lines: int | None = None) -> list[str]:
    """The command line that prints the journal of the host in *folder* (`Host.folder`).

    Of one that runs, its own journalctl's, which can be followed. Of one that has ended, the files
    on its disk. Before there is a journal, what it said on its console. *lines*: the last ones.
    """
    files = folder / "upper/var/log/journal"
    state = read(folder)
    leader = state.first if state is not None else None
    count = [f"--lines={lines}"] if lines is not None else []
    if not any(files.glob("*/*.journal")):
        return [
            "tail",
            f"--lines={'+1' if lines is None else lines}",
            *(["--follow=name", "--retry"] if follow else []),
            str(folder / "console.log"),
        ]
    if leader is not None:
        own = ["journalctl", "--no-pager", "--quiet", *count, *(["--follow"] if follow else [])]
        return entering(leader, own)
    return ["journalctl", f"--directory={files}", "--no-pager", "--quiet", *count]
