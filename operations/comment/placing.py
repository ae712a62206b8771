"""Puts one comment where one belongs, and changes it in place from then on."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from operations.comment.marker import Marker, without

FENCE = "```"

REST = "\n\n_The rest is left out: a comment takes no more. The run's summary has all of it._\n"


@dataclass(frozen=True, kw_only=True, slots=True)
class Note:
    """A comment that is there."""

    id: str
    body: str
    ours: bool
    """Whether we wrote it: somebody else's is never changed, whatever it says on its first line."""


GONE = (
    "## Preview of `{stack}`: not touched any more\n\n"
    "As of its newest commit, this pull request changes nothing there.\n"
)


class Conversation(Protocol):
    """A pull request, where people and pipelines talk."""

    limit: int
    """Characters that one comment may have."""

    def notes(self) -> Sequence[Note]:
        """Return the comments, oldest first."""
        ...

    def add(self, body: str) -> None:
        """Write a new one."""
        ...

    def change(self, note: Note, body: str) -> None:
        """Write *body* in the place of what *note* said."""
        ...

    def remove(self, note: Note) -> None:
        """Take it away."""
        ...


def place(conversation: Conversation, marker: Marker, report: str) -> str:
    """Let *conversation* say *report* once; return what was done, in a word.

    Two runs at the same moment may both find no comment and both write one. Each therefore looks
    again after it wrote: the oldest stays, with the text of the later run, and the others go.
    Whoever comes last sees them all, so that one is left.
    """
    body = fitting(f"{marker}\n{without(report)}", conversation.limit)
    ours = _ours(conversation, marker)
    if not ours:
        conversation.add(body)
        ours = _ours(conversation, marker)
        if len(ours) <= 1:
            return "written"
    newest = max(ours, key=_run)
    if _run(newest) > marker.run:
        body, done = newest.body, "left as a later run wrote it"
    else:
        done = "brought up to date"
    first, *others = ours
    if first.body != body:
        conversation.change(first, body)
    for each in others:
        conversation.remove(each)
    return done


def retire(conversation: Conversation, touched: Collection[str], run: int) -> list[str]:
    """Let the comments on stacks that are not *touched* any more say so; return those stacks.

    A report of an earlier push would stand there as if it were of this one.
    """
    told = []
    for note in conversation.notes():
        found = Marker.read(note.body) if note.ours else None
        if found is None or found.kind != "preview" or found.stack in touched or found.run >= run:
            continue
        marker = Marker(kind="preview", stack=found.stack, run=run)
        words = GONE.format(stack=found.stack)
        if without(note.body) != words:
            conversation.change(note, f"{marker}\n{words}")
            told.append(found.stack)
    return told


def fitting(text: str, limit: int) -> str:
    """Return *text* in *limit* characters: what is cut off is the end, at a line's.

    Counted as UTF-16 does, which is the most that a service could mean.
    """
    if _length(text) <= limit:
        return text
    kept: list[str] = []
    room = limit - _length(REST) - len(f"\n{FENCE}\n") - 64 * len("\n</details>")
    for line in text.split("\n"):
        room -= _length(line) + 1
        if room < 0:
            break
        kept.append(line)
    closing = ""
    if sum(line.lstrip().startswith(FENCE) for line in kept) % 2:
        closing += f"\n{FENCE}\n"
    whole = "\n".join(kept)
    closing += "\n</details>" * min(64, whole.count("<details") - whole.count("</details"))
    return whole + closing + REST


def _length(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _ours(conversation: Conversation, marker: Marker) -> list[Note]:
    return [note for note in conversation.notes() if note.ours and marker.marks(note.body)]


def _run(note: Note) -> int:
    found = Marker.read(note.body)
    return found.run if found else 0
