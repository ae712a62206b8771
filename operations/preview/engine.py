"""Runs `pulumi preview` once, and keeps both of what it writes: its JSON and its event log."""

import os
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from operations.errors import OperationError

FLAGS = ("--json", "--show-sames", "--non-interactive", "--refresh")


@dataclass(frozen=True, kw_only=True, slots=True)
class Recording:
    """What one preview wrote."""

    preview: str
    events: str
    exit_code: int
    words: str
    """What it said beside, for a failure before the preview began."""


def run(program: Path, stack: str, arguments: Sequence[str]) -> Recording:
    """Preview *stack* of the program in *program*, with the environment as it is.

    Ctrl-C reaches Pulumi too, which ends in good order; nothing of its files stays.

    Raises:
        OperationError: Pulumi is not there.
    """
    with tempfile.TemporaryDirectory(prefix="preview-") as folder:
        log = Path(folder) / "events.jsonl"
        command = ["pulumi", "preview", "--stack", stack, *FLAGS, "--event-log", str(log)]
        output, words, code = _run([*command, *arguments], program)
        events = log.read_text(errors="replace") if log.exists() else ""
    return Recording(preview=output, events=events, exit_code=code, words=words)


def _run(command: Sequence[str], program: Path) -> tuple[str, str, int]:
    variables = {
        **os.environ,
        # The event log is an option for its debugging (pkg/cmd/pulumi/operations/preview.go).
        "PULUMI_DEBUG_COMMANDS": "true",
        # The JSON is one document, whatever somebody prefers for other tools (`preview --help`).
        "PULUMI_ENABLE_STREAMING_JSON_PREVIEW": "false",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }
    try:
        process = subprocess.Popen(
            command, cwd=program, env=variables, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace",
        )  # fmt: skip
    except FileNotFoundError:
        raise OperationError(
            "Pulumi is not there", "PATH", "the engine is not set up", "run scripts/setup"
        ) from None
    try:
        output, words = process.communicate()
    except KeyboardInterrupt:
        _end(process)
        raise
    return output, words, process.returncode


def _end(process: "subprocess.Popen[str]") -> None:
    """Let it end in good order, and where it does not, end it.

    From a terminal it has had the signal already; from elsewhere it may not. A second one while it
    ends does no harm: a preview changes nothing that could be left half done.
    """
    process.send_signal(signal.SIGINT)
    try:
        process.communicate(timeout=10)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.communicate()
