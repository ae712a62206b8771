"""The report as Markdown, for a comment on a pull request.

It renders on GitHub and on Azure DevOps, fits into one comment, and escapes what others wrote.
"""

from collections.abc import Iterator, Sequence
from functools import partial

from operations.preview import cutting
from operations.preview.changes import Change
from operations.preview.counts import Count, Size
from operations.preview.cutting import Part
from operations.preview.escaping import (
    Quoted,
    block,
    code,
    lines,
    plain,
    sentence,
    tag,
    text,
)  # fmt: skip
from operations.preview.headline import Line, headline, title
from operations.preview.losses import Loss
from operations.preview.policy import Violation
from operations.preview.report import Report

VERBS = {
    "delete": "deleted",
    "replace": "replaced",
    "update": "changed in place",
    "create": "created",
    "import": "taken over",
}
UNKNOWN = "Not known: the engine stopped before it had looked at everything."
UNKNOWN_MORE = "As far as the engine came before it stopped:"
SHOWN = 40
"""Lines of differences of one resource."""


def marker(stack: str) -> str:
    """Return the line that nobody sees, by which a comment is found again to be written anew."""
    return f"<!-- operationalization-preview: {stack} -->"


def markdown(report: Report, *, platform: str = "github", limit: int | None = None) -> str:
    """Return the report, at most *limit* characters long (default: the platform's)."""
    most = (cutting.LIMITS[platform] if limit is None else limit) - cutting.SPARE
    parts = [
        Part([partial(_head, report, platform)]),
        Part([lambda: _losses(report) + _weakened(report)]),
        Part(
            [partial(_reach, report, kept=True), partial(_reach, report, kept=False)],
            ["who may talk to whom as before"],
        ),
        Part(
            [partial(_policy, report, notes=True), partial(_policy, report, notes=False)],
            ["advice of policies"],
        ),
        Part(
            [partial(_changes, report, most=SHOWN), partial(_changes, report, most=8),
             partial(_changes, report, most=0), partial(_tally, report)],
            ["all but the first lines of what differs in a resource", "what differs in a resource",
             "the names of resources that are created"],
        ),
        Part(
            [partial(_counts, report, unchanged=True), partial(_counts, report, unchanged=False)],
            ["sizes that stay as they are"],
        ),
        Part(
            [partial(_cost, report, each=True), partial(_cost, report, each=False)],
            ["what each part costs"],
        ),
        Part([partial(_diagram, report, platform), lambda: ""], ["the diagram"]),
        Part([partial(_messages, report), lambda: ""], ["warnings and drift"]),
    ]  # fmt: skip
    order = [4, 4, 5, 6, 3, 7, 2, 8, 4]
    return cutting.fit(parts, order, most, partial(_notice, report.stack)) + "\n"


def _notice(stack: str, missed: list[str]) -> str:
    whole = code(f"scripts/preview --stack {stack}")
    said = "; ".join(missed)
    return f"\n*Cut to fit into a comment. Left out: {said}. {whole} shows all of it.*\n"


def _head(report: Report, platform: str) -> str:
    found = headline(report)
    loud = [f"> {_line(each)}" for each in found if each.loud]
    alert = ["> [!CAUTION]"] if platform == "github" and loud else []
    quiet = [f"- {_line(each)}" for each in found if not each.loud]
    # Two blanks at its end break a line within a paragraph.
    quoted = [f"{line}  " for line in loud]
    return "\n".join(
        [marker(report.stack), f"## {sentence(title(report))}", "", *alert, *quoted, "", *quiet,
         "", f"Compared with {text(report.against)}."]
    )  # fmt: skip


def _line(line: Line) -> str:
    words = "".join(code(word) if isinstance(word, Quoted) else text(word) for word in line.words)
    return f"**{line.label}**: {words}" if line.label else words


def _losses(report: Report) -> str:
    if not report.losses:
        nothing = "Nothing that holds data is deleted or replaced."
        return _section("Loss of data", [nothing if report.ended else UNKNOWN])
    rows = [
        [sentence(each.words), _why(each), text(each.left) or "nothing"] for each in report.losses
    ]
    return _section("Loss of data", _table(["What", "Why", "What is left of it"], rows))


def _weakened(report: Report) -> str:
    found = [f"- **{each.kind}**: {sentence(each.words)}" for each in report.weakened[:SHOWN]]
    if len(report.weakened) > SHOWN:
        found.append(f"- and {len(report.weakened) - SHOWN} more")
    return "\n" + _section("What protects less", found) if found else ""


def _reach(report: Report, *, kept: bool) -> str:
    found = report.reach
    said = [f"- **{'now' if report.is_new else 'new'}**: {code(str(each))}" for each in found.new]
    said += [f"- **no more**: {code(str(each))}" for each in found.gone]
    said += [f"- **not known**: whether {code(str(each))} still" for each in found.unclear]
    said += [f"- **not known**: {code(place)}: {text(why)}" for place, why in found.doubts]
    if not said:
        said.append("Nobody reaches more or less than before." if report.ended else UNKNOWN)
    if found.kept and kept:
        same = [f"- {code(str(each))}" for each in found.kept]
        said += ["", *_folded(f"{len(same)} paths stay as they are", same)]
    elif found.kept:
        said += ["", f"{len(found.kept)} paths stay as they are."]
    return _section("Who may talk to whom", said)


def _why(loss: Loss) -> str:
    if loss.op == "delete":
        return "it is declared no more"
    return "; ".join(sentence(cause.words) for cause in loss.causes)


def _policy(report: Report, *, notes: bool) -> str:
    found = report.policy
    if not found.ran:
        return _section("Policy", ["No policy was asked."])
    said = [
        f"{found.passed} policies hold, {found.failed} do not; {', '.join(map(code, found.packs))}."
    ]
    said += ["", *(_violation(each) for each in found.refused)] if found.refused else []
    if found.exempted:
        said += ["", "Exempted in the stack file:", "", *map(_note, found.exempted)]
    if found.undecided and notes:
        inner = [_note(each) for each in found.undecided]
        said += ["", *_folded(f"{len(found.undecided)} not known before the deployment", inner)]
    if found.advised and notes:
        inner = [_violation(each) for each in found.advised]
        said += ["", *_folded(f"{len(found.advised)} pieces of advice", inner)]
    elif found.advised:
        said += ["", f"{len(found.advised)} pieces of advice are left out."]
    return _section("Policy", said)


def _violation(violation: Violation) -> str:
    first, *rest = [line for line in lines(violation.text) if line.strip()] or [violation.policy]
    why = first.removeprefix(f"{violation.policy}:").strip()
    where = [] if violation.resource in violation.text else [f"on {code(violation.resource)}"]
    told = [*where, *(text(line.strip()) for line in rest)]
    return "<br>".join([f"- **{code(violation.policy)}**: {text(why)}", *told])


def _note(violation: Violation) -> str:
    """Return what a policy says that only reports: without the line that is the same for all."""
    _, *rest = [line.strip() for line in lines(violation.text) if line.strip()] or [""]
    return f"- {'<br>'.join(map(text, rest or [violation.text]))}"


def _changes(report: Report, *, most: int) -> str:
    said: list[str] = []
    for op, verb in VERBS.items():
        found = [each for each in report.changes if each.op == op]
        if not found:
            continue
        said += ["", f"**{len(found)} {verb}**", ""]
        if op == "create":
            said += _folded("their names", list(_by_type(found)))
        else:
            for each in found:
                said += _change(each, most)
    if report.unchanged:
        said += ["", f"{report.unchanged} resources stay as they are."]
    if not report.ended:
        said = [UNKNOWN_MORE if report.changes else UNKNOWN, *said]
    return _section("Resources", said or ["Nothing changes."])


def _tally(report: Report) -> str:
    rows = []
    for op, verb in VERBS.items():
        kinds = [each.type for each in report.changes if each.op == op]
        rows += [[verb, code(kind), str(kinds.count(kind))] for kind in sorted(set(kinds))]
    return _section("Resources", _table(["What happens", "Type", "How many"], rows))


def _by_type(changes: Sequence[Change]) -> Iterator[str]:
    for kind in sorted({each.type for each in changes}):
        names = ", ".join(code(each.name) for each in changes if each.type == kind)
        yield f"- {code(kind)}: {names}"


def _change(change: Change, most: int) -> list[str]:
    name = f"{tag(change.name)} {tag(change.type)}"
    causes = [sentence(each.words) for each in change.causes]
    if change.leftover:
        causes.append("an earlier update, which failed, has replaced it already")
    because = [f"Because {'; '.join(causes)}."] if causes else []
    shown = [line for each in change.differences for line in each.lines()]
    if not shown or not most:
        return [f"- {code(change.name)} {code(change.type)} {' '.join(because)}".rstrip()]
    left = len(shown) - most
    body = shown[:most] + ([f"  … and {left} more lines"] if left > 0 else [])
    return _folded(name, [*because, "", *block(body, "diff")], html=True)


def _counts(report: Report, *, unchanged: bool) -> str:
    found = [each for each in report.counts if unchanged or each.changed]
    rows = [
        [code(each.name), _size(each.before), _size(each.after), _grown(each)] for each in found
    ]
    if not rows:
        return ""
    return _section("Counts and sizes", _table(["", "Before", "After", ""], rows))


def _size(size: Size | None) -> str:
    return code(str(size)) if size else "none"


def _grown(count: Count) -> str:
    return f"**{count.grown:.3g} times as many**" if count.grown and count.loud else ""


def _cost(report: Report, *, each: bool) -> str:
    found = report.cost
    priced = bool(found.after.currency or found.before.currency)
    said = [f"- {text(found.words()[0])}"] if priced else []
    changed = [f"- {text(str(change))}" for change in found.changed]
    said += (
        changed if each or len(changed) < SHOWN else [f"- {len(changed)} parts cost more or less"]
    )
    caveats = [f"- {text(words)}" for words in found.after.caveats()]
    if not said:
        said.append("Nothing costs more or less.")
    if caveats and each:
        said += ["", *_folded("what is not in it", caveats)]
    return _section("Cost", said) if report.cost.words() else ""


def _diagram(report: Report, platform: str) -> str:
    if not report.diagram or platform != "github":
        return ""
    return _section("Picture", block(report.diagram.splitlines(), "mermaid"))


def _messages(report: Report) -> str:
    said: list[str] = []
    for label, found in (("Error", report.errors), ("Warning", report.warnings)):
        for each in found:
            said += [f"**{label}**", "", *block(lines(each.text)), ""]
    for drift in report.drift:
        what = "is gone" if drift.found is None else "is not as the engine left it:"
        names = ", ".join(map(code, drift.properties))
        said.append(f"- {code(drift.recorded.name)} {what} {names}".rstrip())
    return _section("What the engine says", said) if said else ""


def _section(title: str, body: Sequence[str]) -> str:
    return "\n".join(["", f"### {title}", "", *body])


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    shown = [head, ["---"] * len(head), *rows]
    return [f"| {' | '.join(cells)} |" for cells in shown]


def _folded(summary: str, body: Sequence[str], *, html: bool = False) -> list[str]:
    shown = summary if html else plain(summary)
    return [f"<details><summary>{shown}</summary>", "", *body, "", "</details>", ""]
