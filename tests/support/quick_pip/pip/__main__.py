"""`python -m pip list -v --format json`, without pip's start; all else is pip's own.

Pulumi's language host asks it at every operation, to learn of plugins, and in tests pip took a
tenth of an operation's processor time for it. `Engine` has this folder on PYTHONPATH.
"""

import json
import runpy
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

ASKED = ["list", "-v", "--format", "json"]
HERE = Path(__file__).resolve().parents[1]


def installed(place: Path) -> Iterator[dict[str, str]]:
    """Each distribution in *place*, by the names that the engine reads."""
    for metadata in sorted(place.glob("*.dist-info/METADATA")):
        head, _, _ = metadata.read_text(encoding="utf-8").partition("\n\n")
        found = dict(line.split(": ", 1) for line in head.splitlines() if ": " in line)
        yield {
            "name": found["Name"],
            "version": found["Version"],
            "location": str(place),
            "installer": "pip",
        }


def main() -> None:
    """Answer, or have pip do so."""
    if sys.argv[1:] == ASKED:
        print(json.dumps(list(installed(Path(sysconfig.get_path("purelib"))))))
        return
    sys.path[:] = [each for each in sys.path if Path(each).resolve() != HERE]
    del sys.modules["pip"]
    runpy.run_module("pip", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
