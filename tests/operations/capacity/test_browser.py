"""The page is looked at in a real browser, which draws it; the screenshot is kept to be seen."""

import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from operations.capacity import page
from tests.operations.capacity.test_report import result

ROOT = Path(__file__).resolve().parents[3]
KEPT = ROOT / ".cache" / "screenshots" / "capacity.png"
WIDE, HIGH = 1000, 2400


@pytest.fixture
def browser(tmp_path):
    """Runs the browser on a file, and returns what it printed."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no browser: chromium is not installed")

    def run(file, *options):
        # Without its own sandbox, which needs another user than root: the page is ours.
        command = [program, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        command += [f"--user-data-dir={tmp_path}/profile", f"--window-size={WIDE},{HIGH}"]
        done = subprocess.run(
            [*command, *options, file.as_uri()],
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        return done.stdout

    return run


def test_a_browser_draws_every_chart(browser, tmp_path):
    file = tmp_path / "capacity.html"
    file.write_text(page.html(result()))
    KEPT.parent.mkdir(parents=True, exist_ok=True)
    KEPT.unlink(missing_ok=True)

    browser(file, f"--screenshot={KEPT}")
    document = browser(file, "--dump-dom")

    picture = KEPT.read_bytes()
    assert picture[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", picture[16:24]) == (WIDE, HIGH)
    assert len(picture) > 30_000  # a page that stays white takes some thousand bytes
    assert document.count("<figure>") == 4
    assert "At its end with 10 parallel requests" in document
