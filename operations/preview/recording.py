"""What one run of the engine wrote, kept: for documentation and for tests that need no engine."""

import json
import lzma
from pathlib import Path
from typing import Any

from operations.errors import OperationError
from operations.export.state import UNKNOWN
from operations.preview import user_data
from operations.preview.engine import Recording

NOT_KEPT = ("stackTrace", "sourcePosition", "created", "modified")
"""Of a resource's state: where and when it was made, which no report says."""

EVENTS = ("policyEvent", "policyAnalyzeSummaryEvent", "policyAnalyzeStackSummaryEvent")
KEPT = (*EVENTS, "diagnosticEvent", "summaryEvent")


def save(found: Recording, path: Path) -> None:
    """Keep a run in *path*."""
    preview = json.loads(found.preview)
    preview.pop("config", None)
    for step in preview.get("steps") or ():
        for side in ("oldState", "newState"):
            if step.get(side):
                step[side] = _spread(step[side])
    kept = {
        "preview": preview,
        "events": [each for each in map(json.loads, found.events.splitlines()) if _is_kept(each)],
        "exitCode": found.exit_code,
    }
    path.write_bytes(lzma.compress(json.dumps(kept, sort_keys=True).encode(), preset=9))


def load(path: Path) -> Recording:
    """Return the run that is kept in *path*. Raises OperationError when there is none."""
    try:
        kept = json.loads(lzma.decompress(path.read_bytes()))
        return Recording(
            preview=json.dumps(kept["preview"]),
            events="\n".join(map(json.dumps, kept["events"])),
            exit_code=kept["exitCode"],
            words="",
        )
    except (OSError, lzma.LZMAError, ValueError, KeyError, TypeError) as error:
        raise OperationError(
            "the recorded preview cannot be read", str(path), str(error) or type(error).__name__,
            "take it from git, or record it anew: tests/support/recorded_preview.py",
        ) from None  # fmt: skip


def _spread(value: Any, key: str = "") -> Any:
    """Return a state without what is not kept; with user data as text, which packs better here."""
    match value:
        case dict():
            return {k: _spread(item, k) for k, item in value.items() if k not in NOT_KEPT}
        case list():
            return [_spread(item) for item in value]
        case str() if key in user_data.KEYS and value != UNKNOWN:
            return user_data.unpacked(value)
    return value


def _is_kept(event: dict[str, Any]) -> bool:
    severity = (event.get("diagnosticEvent") or {}).get("severity")
    return any(key in event for key in KEPT) and severity != "debug"
