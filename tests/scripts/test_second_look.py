"""scripts/lib/tests.sh: what failed beside other tests gets a second look, alone, and is named."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.support.engine import ROOT

RUN = """
set -euo pipefail
source "$LIBRARY/console.sh"
source "$LIBRARY/tests.sh"
WORKERS=0
status=0
run_tests || status=$?
say "ended with $status; passed alone: ${SECOND_LOOKED[*]}"
"""
PLAIN = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_PLUGINS": "xdist.plugin"}
"""Without plugins that these tests do not need, and that take seconds to start."""
SETTINGS = "[pytest]\nmarkers =\n  engine: runs the engine\n  root: boots nodes\n"
FAILS_ONCE = """
import pathlib
import pytest

@pytest.mark.{mark}
def test_it():
    seen = pathlib.Path(__file__).with_suffix(".seen")
    first = not seen.exists()
    seen.touch()
    assert not first
"""
FAILS = "import pytest\n\n@pytest.mark.root\ndef test_it():\n    assert False\n"
PASSES = "def test_it():\n    pass\n"


@pytest.fixture
def ended(tmp_path: Path) -> "Ended":
    (tmp_path / "pytest.ini").write_text(SETTINGS)
    return Ended(tmp_path)


class Ended:
    """A folder of tests, and how a run of them ends."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, **modules: str) -> str:
        for name, text in modules.items():
            (self.folder / f"test_{name}.py").write_text(text)
        done = subprocess.run(
            ["bash", "-c", RUN],
            cwd=self.folder,
            env={**os.environ, "LIBRARY": str(ROOT / "scripts/lib"), **PLAIN},
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        return done.stderr.splitlines()[-1]


@pytest.mark.parametrize("mark", ["engine", "root"])
def test_what_failed_beside_others_and_passes_alone_is_named(ended: Ended, mark: str) -> None:
    last = ended(well=PASSES, slow=FAILS_ONCE.format(mark=mark))

    assert last == "ended with 0; passed alone: test_slow.py::test_it"


def test_what_fails_alone_too_fails(ended: Ended) -> None:
    assert ended(slow=FAILS_ONCE.format(mark="root"), wrong=FAILS) == (
        "ended with 1; passed alone: "
    )


def test_what_depends_on_no_other_process_gets_no_second_look(ended: Ended) -> None:
    last = ended(
        slow=FAILS_ONCE.format(mark="root"),
        own=FAILS_ONCE.format(mark="parametrize('x', [1])").replace("test_it()", "test_it(x)"),
    )

    assert last == "ended with 1; passed alone: "


def test_many_that_fail_get_no_second_look(ended: Ended) -> None:
    slow = FAILS_ONCE.format(mark="root")

    assert ended(a=slow, b=slow, c=slow, d=slow) == "ended with 1; passed alone: "
