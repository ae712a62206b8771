"""What the engine says while it previews, from its event log (`--event-log`).

The log has what the JSON of a preview leaves out: what policies say, and which of them were asked.
One run of the engine writes both (sdk/go/common/apitype/events.go of v3.200.0).
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from operations.preview.values import told


@dataclass(frozen=True, slots=True)
class Message:
    """Something that the engine, the program or a cloud says."""

    severity: str
    """`error`, `warning` or `info`."""
    text: str
    urn: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Judgement:
    """What a policy says of a resource, or of the whole stack."""

    policy: str
    pack: str
    level: str
    """`mandatory`, `advisory` ..., the engine's words."""
    text: str
    urn: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Events:
    """All of a log that a report needs."""

    messages: tuple[Message, ...] = ()
    judgements: tuple[Judgement, ...] = ()
    asked: frozenset[str] = frozenset()
    """Names of all policies that were asked about anything."""
    packs: Mapping[str, str] | None = None
    """Versions of the policy packs that ran, by name."""

    @property
    def protected(self) -> frozenset[str]:
        """URNs of what the engine refuses to delete or replace since it is protected."""
        found = (PROTECTED.search(each.text) for each in self.messages)
        return frozenset(each.group(1) or each.group(2) for each in found if each)

    @property
    def stopped(self) -> bool:
        """Whether anything but protection went wrong: then the engine did not look at all of it."""
        return any(not PROTECTED.search(each.text) for each in self.errors)

    @property
    def errors(self) -> tuple[Message, ...]:
        """What went wrong."""
        return tuple(each for each in self.messages if each.severity == "error")

    @property
    def warnings(self) -> tuple[Message, ...]:
        """What may go wrong."""
        return tuple(each for each in self.messages if each.severity == "warning")


PROTECTED = re.compile(
    r'(?:unable to replace resource "(urn:[^"]+)"\s+as it is currently marked for protection'
    r"|resource \"?(urn:[^\s\"]+)\"? cannot be deleted\s+because it is protected)"
)
"""How the engine refuses (pkg/resource/deploy, step_generator.go and step.go of v3.200.0)."""

CLOSING = ("an unhandled error occurred: program exited with non-zero exit code", "preview failed")
"""Errors that only say that there was another one, or that a policy refuses."""


def read(text: str) -> Events:
    """Return what is in a log; a line that a killed engine left unfinished is passed over."""
    messages: dict[Message, None] = {}
    judgements: dict[Judgement, None] = {}
    asked: set[str] = set()
    packs: dict[str, str] | None = None
    for event in _events(text):
        if found := event.get("diagnosticEvent"):
            if message := _message(found):
                messages[message] = None
        elif found := event.get("policyEvent"):
            judgements[_judgement(found)] = None
        elif found := event.get("summaryEvent"):
            packs = {str(k): str(v) for k, v in (found.get("PolicyPacks") or {}).items()}
        for kind in ("policyAnalyzeSummaryEvent", "policyAnalyzeStackSummaryEvent"):
            if found := event.get(kind):
                asked.update(map(str, (*(found.get("passed") or ()), *(found.get("failed") or ()))))
    return Events(
        messages=tuple(messages),
        judgements=tuple(judgements),
        asked=frozenset(asked),
        packs=packs,
    )


def _events(text: str) -> Iterator[Mapping[str, Any]]:
    for line in text.splitlines():
        try:
            found = json.loads(line)
        except ValueError:
            continue
        if isinstance(found, dict):
            yield found


def _message(found: Mapping[str, Any]) -> Message | None:
    severity = str(found.get("severity", "")).partition("#")[0]
    text = told(str(found.get("message", ""))).strip()
    if severity not in ("error", "warning") or found.get("ephemeral") or not text:
        return None
    if any(text.startswith(words) for words in CLOSING):
        return None
    return Message(severity, text, str(found.get("urn") or ""))


def _judgement(found: Mapping[str, Any]) -> Judgement:
    return Judgement(
        policy=str(found.get("policyName", "")),
        pack=str(found.get("policyPackName", "")),
        level=str(found.get("enforcementLevel", "")),
        text=told(str(found.get("message", ""))).strip(),
        urn=str(found.get("resourceUrn") or ""),
    )
