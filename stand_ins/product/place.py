"""Where things are: the machine's root, or below another folder when tests run a stand-in."""

import os
from pathlib import Path

VARIABLE = "STAND_IN_ROOT"
"""Only tests set it. Without it this is a real node, with systemd and accounts."""


def on_a_node() -> bool:
    """Return whether this is a real node."""
    return VARIABLE not in os.environ


def place(path: str) -> Path:
    """Return where *path* of the documents is."""
    return Path(os.environ.get(VARIABLE, "/")) / path.lstrip("/")


def home_of(user: str) -> Path:
    """Return the home of an account, where .NET keeps certificates (facts.md 12.2)."""
    return place("/root" if user == "root" else f"/home/{user}")
