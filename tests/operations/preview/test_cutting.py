"""A report fits, and what matters most stays."""

import pytest

from operations.preview.cutting import LIMITS, Part, fit, length


def fixed(text: str) -> Part:
    return Part([lambda: text])


PARTS = [
    fixed("head"),
    Part([lambda: "b" * 100, lambda: "b" * 10], ["most of b"]),
    Part([lambda: "c" * 100, lambda: "c" * 50, lambda: ""], ["half of c", "all of c"]),
]
ORDER = [2, 1, 2]


def notice(missed: list[str]) -> str:
    return f"without {', '.join(missed)}"


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        (1000, ["head", "b" * 100, "c" * 100]),
        (200, ["head", "without half of c", "b" * 100, "c" * 50]),
        (120, ["head", "without half of c, most of b", "b" * 10, "c" * 50]),
        (80, ["head", "without half of c, most of b, all of c", "b" * 10]),
    ],
)
def test_what_is_missed_least_goes_first_and_is_said(limit: int, expected: list[str]) -> None:
    assert fit(PARTS, ORDER, limit, notice) == "\n".join(expected)


def test_nothing_is_said_where_all_of_it_fits() -> None:
    assert "without" not in fit(PARTS, ORDER, LIMITS["github"], notice)


def test_at_last_it_is_cut_at_a_lines_end_with_nothing_left_open() -> None:
    long = "\n".join(["first", "<details><summary>x</summary>", "````diff", *["+ line"] * 100])
    cut = fit([fixed(long)], [], 220, notice)

    assert length(cut) <= 220
    assert cut.startswith("first\n")
    assert "\n````\n</details>\n\nThe rest is cut" in cut


def test_length_is_counted_as_the_platforms_count_at_worst() -> None:
    assert (length("a"), length("é"), length("😀"), length("\ud800")) == (1, 1, 2, 1)
