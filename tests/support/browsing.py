"""A real browser that tests look at pages with; the screenshots are kept to be seen.

It comes as a Debian package (scripts/lib/browser.sh). Without one, tests that need it fail: a page
that nobody looked at is not shown to anybody.
"""

import struct
import subprocess
import tempfile
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / ".cache" / "screenshots"
FETCH = "source scripts/lib/browser.sh; take_lock browser; ensure_browser >&2; echo $BROWSER"
SECONDS = 120
PNG = b"\x89PNG\r\n\x1a\n"


@cache
def browser() -> Path:
    """The browser's program, fetched if it is not there."""
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


def drawn(page: Path, name: str, wide: int, high: int, *, dark: bool = False) -> str:
    """Draw *page*, keep the picture as *name*, and return the document as the browser has it."""
    KEPT.mkdir(parents=True, exist_ok=True)
    picture = KEPT / f"{name}.png"
    picture.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as profile:
        # Without its own sandbox, which needs another user than root: the page is ours.
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        options += [f"--user-data-dir={profile}", f"--window-size={wide},{high}"]
        if dark:
            options.append("--blink-settings=preferredColorScheme=0")
        done = subprocess.run(
            [browser(), *options, f"--screenshot={picture}", "--dump-dom", page.as_uri()],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    content = picture.read_bytes()
    assert content[:8] == PNG
    assert struct.unpack(">II", content[16:24]) == (wide, high)
    return done.stdout
