"""Each kind of finding has a run-book, and says what to do."""

import re
from io import StringIO

import pytest
from rich.console import Console

from operations.diagnosis import report
from operations.diagnosis.kinds import KINDS, PAGE, Finding, Severity
from operations.diagnosis.looking import Looked
from tests.support.engine import ROOT

TEXT = (ROOT / PAGE).read_text()
SECTIONS = dict(re.findall(r"^### ([a-z-]+)\n\n(.*?)(?=^### |\Z)", TEXT, re.MULTILINE | re.DOTALL))


def test_the_page_has_a_section_for_each_kind_in_their_order_and_for_nothing_else() -> None:
    assert list(SECTIONS) == list(KINDS)


@pytest.mark.parametrize("name", KINDS)
def test_a_section_says_how_bad_it_is_and_more_than_its_title(name: str) -> None:
    kind = KINDS[name]
    first = f"**{kind.severity}**: {kind.title}.\n"

    assert SECTIONS[name].startswith(first)
    assert len(SECTIONS[name].removeprefix(first).split()) > 10


def test_sections_name_no_kind_that_is_not_there() -> None:
    stems = {name.partition("-")[0] for name in KINDS}
    for words in re.findall(r"`([a-z]+(?:-[a-z]+)+)`", TEXT):
        if words.partition("-")[0] in stems and not words.startswith("database-product"):
            assert words in KINDS, words


def test_a_cure_names_the_stack() -> None:
    finding = Finding(id="tls-expired", place="load balancer", what="yesterday")

    assert "scripts/up --stack prod-1" in finding.cure("prod-1")
    assert finding.link == "docs/diagnose.md#tls-expired"
    assert finding.kind.severity is Severity.CRITICAL
    assert not any("{" in Finding(id=name, place="", what="").cure("s") for name in KINDS)


def test_a_person_reads_the_same_of_several_nodes_once_and_every_link_whole() -> None:
    words = "connection refused\x1b[2J"
    findings = tuple(
        Finding(
            id="database-unreachable", place=f"web node production-web-nodes-{index}", what=what
        )
        for index, what in enumerate((words, words, "no route to host"))
    )
    looked = Looked(
        stack="prod-1", findings=findings, nodes=(), steps=(), unseen=("x",), seconds=4.2
    )
    shown = StringIO()

    report.terminal(looked, Console(file=shown, width=100))

    text = shown.getvalue()
    assert text.startswith("stack 'prod-1' is not well: 3 critical (0 nodes, 4 s)\n")
    assert text.count("connection refused") == 1
    assert text.replace("\n", "").count("production-web-nodes-") == 3
    assert "\x1b" not in text
    assert "…" not in text
