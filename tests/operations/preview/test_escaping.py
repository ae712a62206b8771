"""What others wrote does nothing where it is shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operations.preview import escaping
from tests.support import rendered

HOSTILE = (
    "@everyone",
    "<script>alert(1)</script>",
    "![x](https://evil.example/pixel.png)",
    "[click](https://evil.example)",
    "<https://evil.example>",
    "https://evil.example/?x",
    "www.evil.example",
    "```mermaid\ngraph TD; A-->B\n```",
    "````",
    "`a` `",
    "</details><img src=x onerror=y>",
    "| a | b |",
    "a\n\n# Heading\n\n- [ ] task",
    "<!-- operationalization-preview: other -->",
    "AB#12 #34 !56",
    "\x1b[31mred\x1b[0m",
    "\u202egnp.exe",
    "\\",
    "&lt;b&gt;",
    "**x** _y_ ~~z~~",
    "===",
    "[^1]: x",
    "$$x$$",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_as_code_it_is_text(text: str) -> None:
    row = f"| x |\n| --- |\n| {escaping.code(text)} |\n\n- {escaping.code(text)} end\n"
    assert rendered.foreign(row) == []
    assert [token.type for token in rendered.tokens(row)].count("code_inline") == 2


@pytest.mark.parametrize("text", HOSTILE)
def test_as_a_sentence_it_is_text(text: str) -> None:
    assert rendered.foreign(f"| x |\n| --- |\n| {escaping.text(text)} |\n") == []
    found = f"- {escaping.text(text)}\n"
    assert rendered.foreign(found) == []
    kinds = {token.type for token in rendered.tokens(found)}
    assert not kinds & {"heading_open", "fence", "strong_open", "em_open", "code_inline"}


def test_nobody_is_called_and_no_issue_is_written_into() -> None:
    """Platforms look for these in the text that is left after rendering."""
    shown = escaping.text("@you #12 GH-12 gh-3 AB#4 !5 www.x.example https://x.example")
    for acting in ("@you", "#12", "GH-12", "gh-3", "#4", "!5", "www.x", "://"):
        assert acting not in shown


@pytest.mark.parametrize("text", HOSTILE)
def test_in_a_block_it_cannot_end_the_block(text: str) -> None:
    found = "\n".join(escaping.block(escaping.lines(text), "diff"))
    kinds = [token.type for token in rendered.tokens(f"{found}\n\nafter\n")]
    assert kinds.count("fence") == 1
    assert kinds.count("paragraph_open") == 1


@pytest.mark.parametrize("text", HOSTILE)
def test_in_a_summary_it_is_text(text: str) -> None:
    assert not set(escaping.tag(text).removeprefix("<code>").removesuffix("</code>")) & set(
        "<>`@[]*"
    )


@given(st.text(max_size=60))
def test_anything_as_code_is_one_code_that_says_it(text: str) -> None:
    found = [
        each for each in rendered.tokens(f"x {escaping.code(text)} y") if each.children is None
    ]
    codes = [each.content for each in found if each.type == "code_inline"]
    said = escaping.plain(text).strip() or " "
    assert [each.strip() for each in codes] == [said.replace("|", "\\|").strip()]


@given(st.text(max_size=60))
def test_anything_plain_is_one_line_that_shows(text: str) -> None:
    shown = escaping.plain(text)
    assert shown.isprintable() or all(
        each == " " or each.isprintable() or not each.isascii() for each in shown
    )
    assert "\n" not in shown
    assert "\x1b" not in shown


@given(st.text(max_size=60))
def test_anything_as_a_sentence_does_nothing(text: str) -> None:
    assert rendered.foreign(f"- x {escaping.text(text)}\n") == []
