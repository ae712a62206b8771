"""A report's first lines: the worst of it, in the order in which it can hurt."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from operations.preview.counts import NODES, Count
from operations.preview.escaping import Quoted, Sentence, short
from operations.preview.report import Report
from operations.preview.weakened import ENCRYPTION, EXPOSED

MOST = 4
"""Lines of one kind; the section below has all of them."""

RULES_MOST = 8
"""Rules that refuse: a change that breaks one firewall breaks several of them at once."""

_URN = re.compile(r"urn:pulumi:[^\s\"]*::([^\s:\"]+)")

GIST = 400
"""Characters of a message; all of it is below."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line."""

    label: str
    """What kind of news it is, in capitals where it is bad; `""` for plain facts."""
    words: Sentence

    @property
    def loud(self) -> bool:
        """Whether somebody must look at it before saying yes."""
        return self.label.isupper()


def headline(report: Report) -> tuple[Line, ...]:
    """Return the first lines."""
    return tuple(
        line
        for part in (
            _failure(report),
            _limited("DATA LOSS", [each.words for each in report.losses if each.loud]),
            _limited("OPEN TO THE INTERNET", [(Quoted(str(each)),) for each in report.opened]),
            _weakened(report, exposing=True),
            _policy(report),
            _weakened(report, exposing=False),
            _sizes(report),
            _nodes(report),
            _reach(report),
            _limited("Exempted", [(Quoted(each.found),) for each in report.policy.exempted]),
            _credentials(report),
            _cost(report),
            _facts(report),
        )
        for line in part
    )


def title(report: Report) -> Sentence:
    """Return what the report is about, and its verdict."""
    name = ("Preview of ", Quoted(report.stack), ": ")
    if not report.ended:
        return (*name, "it cannot be deployed")
    if any(each.refused for each in report.losses):
        return (*name, "data would be lost, and its protection refuses that")
    if report.policy.refused:
        return (*name, "a policy refuses it")
    if any(each.loud for each in report.losses):
        return (*name, "data would be lost")
    return (*name, _totals(report))


def _totals(report: Report) -> str:
    parts = [f"{number} to {op}" for op, number in report.totals.items() if number]
    return ", ".join(parts) or "nothing changes"


def _limited(label: str, sentences: list[Sentence], most: int = MOST) -> Iterator[Line]:
    for words in sentences[:most]:
        yield Line(label, words)
    if len(sentences) > most:
        yield Line(label, (f"and {len(sentences) - most} more, below",))


def _failure(report: Report) -> Iterator[Line]:
    if report.ended:
        return
    for each in report.errors[:MOST]:
        yield Line("IT FAILS", (Quoted(_gist(each.text)),))
    if not report.errors:
        yield Line("IT FAILS", ("the engine ended without a word",))


def _gist(message: str) -> str:
    """Return the part of a message that says what is wrong, on one line."""
    named = _URN.sub(r"\1", message.removeprefix("error: "))
    lines = [line.strip() for line in named.splitlines() if line.strip()]
    if "Traceback (most recent call last):" in lines:
        return short(lines[-1], GIST)
    return short(" / ".join(lines), GIST)


def _weakened(report: Report, *, exposing: bool) -> Iterator[Line]:
    found = [each for each in report.weakened if (each.kind in (ENCRYPTION, EXPOSED)) is exposing]
    for kind in dict.fromkeys(each.kind for each in found):
        yield from _limited(kind, [each.words for each in found if each.kind == kind])


def _policy(report: Report) -> Iterator[Line]:
    """Say each rule once, with one of the resources that do not keep it."""
    rules: dict[str, list[Sentence]] = {}
    for each in report.policy.refused:
        words = (Quoted(each.policy), ": ", Quoted(each.found))
        rules.setdefault(each.policy, []).append(words)
    found = [
        (*words, f"; and {len(more)} more like it") if more else words
        for words, *more in rules.values()
    ]
    yield from _limited("POLICY REFUSES", found, RULES_MOST)


def _sizes(report: Report) -> Iterator[Line]:
    grown = [each for each in report.counts if each.loud]
    yield from _limited("MUCH LARGER", [_size(each) for each in grown])
    others = [each for each in report.counts if each.changed and each not in grown]
    changed = [each for each in others if each.before and each.after]
    yield from _limited("Size", [_size(each) for each in changed])


def _nodes(report: Report) -> Iterator[Line]:
    """Say which nodes make way for others, where no data goes with them."""
    told = {each.urn for each in report.losses}
    found = [
        each.name
        for each in report.changes
        if each.op == "replace" and each.type in NODES and each.urn not in told
    ]
    yield from _limited("Nodes replaced", [(Quoted(name),) for name in found])


def _size(count: Count) -> Sentence:
    before, after = Quoted(str(count.before)), Quoted(str(count.after))
    words = (Quoted(count.name), ": ", before, " becomes ", after)
    if count.grown and count.loud:
        return (*words, f", {count.grown:.3g} times as many at most")
    return words


def _reach(report: Report) -> Iterator[Line]:
    if report.is_new:
        return
    others = [each for each in report.reach.new if each not in report.opened]
    yield from _limited("May talk now", [(Quoted(str(each)),) for each in others])
    yield from _limited("May talk no more", [(Quoted(str(each)),) for each in report.reach.gone])
    doubts: list[Sentence] = [
        (Quoted(place), ": ", Quoted(why)) for place, why in report.reach.doubts
    ]
    yield from _limited("Not known who may talk", doubts)


def _cost(report: Report) -> Iterator[Line]:
    """The sum, where there is a price and a change; what has none is in the section."""
    if report.cost.changed and (report.cost.after.currency or report.cost.before.currency):
        yield Line("Cost", (Quoted(report.cost.words()[0]),))


def _credentials(report: Report) -> Iterator[Line]:
    yield from _limited("Credentials", [each.words for each in report.losses if not each.loud])


def _facts(report: Report) -> Iterator[Line]:
    if report.changes or report.ended:
        same = f"{report.unchanged} resources stay as they are"
        yield Line("Changes", (f"{_totals(report)}; {same}",))
    if report.drift:
        yield Line("Drift", (f"{len(report.drift)} resources are not as the engine left them",))
    if not report.policy.ran:
        yield Line("Policy", ("no policy was asked",))
    for note in report.notes:
        yield Line("Note", (note,))
