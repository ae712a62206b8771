"""What a pull request's own code has written, before it is said in our name.

A fork's pipeline runs the fork's program, so that its report may say anything. It stays a report:
nobody is called by it, no picture is fetched for it, no HTML of its own is in it, and whoever reads
it is told first where it is from.
"""

import re

from operations.comment.marker import Marker, without
from operations.errors import OperationError

LARGEST = 1_000_000
"""Bytes of a report; a real one is cut long before."""

WARNING = (
    "> [!NOTE]\n> Written by the pull request's own code: read it as what its author says.\n\n"
)

_ALLOWED = re.compile(r"</?(?:details|summary|br|sub|sup|b|i|code|pre)(?: open)? ?/?>|<!-- -->")
"""What reports use: tags without attributes, and the comment that parts words as JOINER does."""

_ENTITY = re.compile(r"&(?!(?:lt|gt|amp|quot|nbsp);)")
"""Others could spell what is looked for below: mentions are found in what a reader sees."""

_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_UNSEEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    r"\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e0fff]"
)
"""Control characters, and those that nobody sees or that turn the direction ("Trojan Source")."""

_COMMAND = re.compile(r"(?m)^([ \t>*+-]*)/(?=\w)")
"""What robots take for an order, in a comment of somebody whom they trust."""

JOINER = "\u2060"
"""Takes no place, and parts what GitHub would otherwise read as one word."""


def read(data: bytes, stack: str) -> str:
    """Return the report in *data* as text that may be shown.

    Raises:
        OperationError: it is no report on *stack*.
    """
    if len(data) > LARGEST:
        raise _refused(stack, f"it has {len(data)} bytes; a report has at most {LARGEST}")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise _refused(stack, "it is not text in UTF-8") from None
    text = text.replace("\r\n", "\n")
    if not Marker(kind="preview", stack=stack).marks(text):
        raise _refused(stack, "it does not begin with the marker of that stack's report")
    return WARNING + tamed(without(text))


def tamed(text: str) -> str:
    """Return *text* with nothing in it that acts."""
    text = _UNSEEN.sub("", text)
    text = _ENTITY.sub("&amp;", text)
    text = text.replace("@", f"@{JOINER}")
    text = re.sub(r"!(?=\[)", f"!{JOINER}", text)
    text = text.replace("://", f":{JOINER}//")
    text = re.sub(r"(?i)\bwww\.", f"www{JOINER}.", text)
    # Who mentions an issue writes into it; GH-1 is another way to mention #1.
    text = re.sub(r"#(?=\d)", f"#{JOINER}", text)
    text = re.sub(r"(?i)\bGH-(?=\d)", f"GH{JOINER}-", text)
    text = re.sub(r"\](?=[(\[:])", f"]{JOINER}", text)
    text = _COMMAND.sub(rf"\1/{JOINER}", text)
    return _TAG.sub(lambda found: _escaped(text, found), text)


def _escaped(text: str, found: re.Match[str]) -> str:
    return "<" if _ALLOWED.match(text, found.start()) else "&lt;"


def _refused(stack: str, why: str) -> OperationError:
    return OperationError(
        "a report is not posted",
        f"artifact preview-{stack}",
        why,
        "see the run that made it; the pull request may have changed what writes it",
    )
