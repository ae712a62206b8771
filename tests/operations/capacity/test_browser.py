"""The page is looked at in a real browser, which draws it; the screenshots are kept to be seen.

The browser comes as a Debian package (scripts/lib/browser.sh). Without one these tests fail: a page
that nobody looked at is not shown to anybody.
"""

import struct
import subprocess
from pathlib import Path

import pytest

from operations.capacity import page
from tests.operations.capacity.test_report import result

ROOT = Path(__file__).resolve().parents[3]
KEPT = ROOT / ".cache" / "screenshots"
FETCH = "source scripts/lib/browser.sh; take_lock browser; ensure_browser >&2; echo $BROWSER"


@pytest.fixture(scope="session")
def program():
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", FETCH],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, f"there is no browser to look with:\n{done.stderr}"
    return Path(done.stdout.strip()) / "browser"


@pytest.fixture
def browser(program, tmp_path):
    """Runs the browser on a file, and returns what it printed."""

    def run(file, wide, high, *options):
        # Without its own sandbox, which needs another user than root: the page is ours.
        command = [program, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        command += [f"--user-data-dir={tmp_path}/profile", f"--window-size={wide},{high}"]
        done = subprocess.run(
            [*command, *options, file.as_uri()],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_a_browser_draws_every_chart(browser, tmp_path):
    file = tmp_path / "capacity.html"
    file.write_text(page.html(result()))
    KEPT.mkdir(parents=True, exist_ok=True)
    picture = KEPT / "capacity.png"
    picture.unlink(missing_ok=True)

    document = browser(file, 1000, 2400, f"--screenshot={picture}", "--dump-dom")

    drawn = picture.read_bytes()
    assert drawn[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", drawn[16:24]) == (1000, 2400)
    assert len(drawn) > 30_000  # a page that stays white takes some thousand bytes
    assert document.count("<figure>") == 4
    assert "At its end with 10 parallel requests" in document
