"""Text that others wrote, made harmless where it is shown.

Names, tags, addresses, messages of clouds: whoever wrote them may have meant them for a reader's
eyes. A name goes into code, where neither HTML nor mentions, links, images or diagrams are any
(CommonMark 0.31, 6.1 and 4.5). A sentence stays one, with each mark of Markdown escaped (2.4) and
each address, mention and number of an issue broken by an empty comment: platforms look for those in
the text that is left after rendering.
"""

import html
import re
import unicodedata

LONGEST = 160
"""A value longer than this is cut: nobody reads it, and comments have a limit."""

_HIDDEN = {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}
"""Categories of characters that don't show, turn text around, or steer a terminal."""

_TICKS = re.compile(r"`+")


class Quoted(str):
    """A name, a type or a value within a sentence of ours: it is shown as it is."""

    __slots__ = ()


Sentence = tuple[str, ...]
"""Words of ours, and Quoted ones of others between them."""

_MARKS = re.compile(r"([\\`*_{}\[\]!|~<>&$]|^[-+=])")
_BROKEN = re.compile(
    r"(@|#|(?<=\bwww)(?=\.)|(?<=:)(?=//)|(?<=\bAB)(?=#)|(?<=!)(?=\d)|(?<=GH)(?=-\d))", re.IGNORECASE
)
_JOINT = "<!-- -->"


def plain(text: str) -> str:
    """Return *text* on one line, with what doesn't show as its number."""
    if text.isprintable():
        return text
    return "".join(_shown(character) for character in text)


def lines(text: str) -> list[str]:
    """Return the lines of *text*, each made plain."""
    return [plain(line) for line in text.replace("\r\n", "\n").split("\n")]


def _shown(character: str) -> str:
    if unicodedata.category(character) not in _HIDDEN:
        return character
    return " " if character in "\t\n" else f"\\u{ord(character):04x}"


def short(text: str, longest: int = LONGEST) -> str:
    """Return *text*, cut where it is longer, with its length."""
    if len(text) <= longest:
        return text
    return f"{text[:longest]}… ({len(text):,} characters)"


def code(text: str) -> str:
    """Return *text* as inline code; also in the cell of a table, where `|` ends a cell."""
    shown = plain(text).strip() or " "
    fence = "`" * (max((len(run) for run in _TICKS.findall(shown)), default=0) + 1)
    padding = " " if "`" in shown else ""
    return f"{fence}{padding}{shown}{padding}{fence}".replace("|", "\\|")


def text(sentence: str) -> str:
    """Return a sentence of others as Markdown that shows it and does nothing else."""
    pieces = _BROKEN.split(plain(sentence))
    return "".join(
        f"{_MARKS.sub(_escaped, piece)}{_JOINT if index % 2 else ''}"
        for index, piece in enumerate(pieces)
    )


def _escaped(found: re.Match[str]) -> str:
    mark = found.group(1)
    return {"<": "&lt;", ">": "&gt;", "&": "&amp;"}.get(mark, f"\\{mark}")


def sentence(words: Sentence) -> str:
    """Return a sentence of ours as Markdown, with what is quoted as code."""
    return "".join(code(word) if isinstance(word, Quoted) else word for word in words)


def said(words: Sentence) -> str:
    """Return a sentence as plain text."""
    return plain("".join(words))


def listed(names: list[str]) -> Sentence:
    """Return names as words of a sentence, with commas between them."""
    words: list[str] = []
    for name in names:
        words += [", ", Quoted(name)] if words else [Quoted(name)]
    return tuple(words)


def block(content: list[str], language: str = "") -> list[str]:
    """Return lines as a block of code that none of them can end."""
    shown = [plain(line) for line in content]
    longest = max((len(run) for line in shown for run in _TICKS.findall(line)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}{language}", *shown, fence]


def tag(text: str) -> str:
    """Return *text* as code inside of HTML: a `<summary>` takes no Markdown."""
    shown = html.escape(plain(text))
    # Inside of HTML a renderer still looks for Markdown's own marks in the text.
    for mark in "`*_[]!@\\~|":
        shown = shown.replace(mark, f"&#{ord(mark)};")
    return f"<code>{shown}</code>"
