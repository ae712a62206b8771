"""Which differences two environments of one kind have anyway, and which a promotion looks at.

A test environment is smaller, elsewhere and called otherwise: no news. Versions, who may call,
engines, time-outs, thresholds: what was tried in one is not what the other gets.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from components.settings.comparison.effective import Setting

PATTERNS: Final[Mapping[str, str]] = {
    "place": r"location|(.*\.)?zones?|network\.(addressSpace|existing)|workspace\.existing",
    "name": r"tags\..*|database\.name|monitoring\.emails",
    "size": r"(.*\.)?(size|storage)|(.*\.)?disk\.performance",
    "count": r"(.*\.)?(count|instances|minimum|maximum|workers|workersPerNode)",
    "protection": r"protection|monitoring\.retentionDays"
    r"|database\.(highAvailability|backupRetentionDays|geoRedundantBackup)|exemptions(\..*)?",
}
"""Key paths by the kind of difference; entries of lists are left out of a path."""

_ENTRY = re.compile(r"\[[^\]]*\]")


def kind_of(path: str, first: Setting | None, second: Setting | None) -> str | None:
    """Return the kind of an expected difference at *path*; None for one to look at.

    A promotion goes from the first to the second, which may be protected better than the first
    but not less, and lacks nothing that has a name there.
    """
    plain = _ENTRY.sub("", path)
    for kind, pattern in PATTERNS.items():
        if not re.fullmatch(pattern, plain):
            continue
        if kind == "protection" and not _at_least(plain, first, second):
            return None
        if kind == "name" and (second is None or second.value in ([], "")):
            return None
        return kind
    return None


def _at_least(path: str, first: Setting | None, second: Setting | None) -> bool:
    """Return whether the second is protected as well as the first."""
    if path.startswith("exemptions"):
        return second is None
    return _measure(second) >= _measure(first)


def _measure(setting: Setting | None) -> float:
    value: Any = setting.value if setting else 0
    return float(value) if isinstance(value, bool | int | float) else 0.0
