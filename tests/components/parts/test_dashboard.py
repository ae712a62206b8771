"""What a dashboard shows of every subject, and where it stands."""

import pulumi
import pytest

from components.parts.dashboard import (
    EMBEDDED,
    TITLES,
    UNMEASURED,
    Chart,
    Grid,
    Line,
    Shown,
    Subject,
    Tile,
    Words,
    arrange,
    ends,
    of_nodes,
)
from tests.support.cloud import deploy

GRID = Grid(columns=10, width=5, height=3, heading=1)


def chart(title: str) -> Chart:
    measured = Line(namespace="N", metric="M", label="m", of={"id": "x"})
    return Chart(title=title, lines=(measured,))


def shown(**panels: int) -> Shown:
    """A dashboard with so many charts of each subject that is named, and words for the others."""
    return Shown(
        panels={Subject(name): [chart(f"{name} {n}") for n in range(count)]
                for name, count in panels.items()},
        unmeasured={subject: f"no {subject} here" for subject in Subject},
    )  # fmt: skip


def places(tiles: list[Tile]) -> list[tuple[str, int, int, int, int]]:
    return [
        (
            each.panel.title if isinstance(each.panel, Chart) else "",
            each.x,
            each.y,
            each.width,
            each.height,
        )
        for each in tiles
    ]


def test_every_subject_has_a_title() -> None:
    assert list(TITLES) == list(Subject)


def test_panels_stand_from_left_to_right_below_the_heading_of_their_subject() -> None:
    assert places(arrange(shown(nodes=3, errors=1), GRID))[:7] == [
        ("", 0, 0, 10, 1),
        ("nodes 0", 0, 1, 5, 3),
        ("nodes 1", 5, 1, 5, 3),
        ("nodes 2", 0, 4, 5, 3),
        ("", 0, 7, 10, 1),
        ("errors 0", 0, 8, 5, 3),
        ("", 0, 11, 10, 1),
    ]


@pytest.mark.parametrize("count", range(6))
def test_no_two_tiles_lie_on_each_other(count: int) -> None:
    taken = [
        (x, y)
        for tile in arrange(shown(nodes=count, queue=count, database=1), GRID)
        for x in range(tile.x, tile.x + tile.width)
        for y in range(tile.y, tile.y + tile.height)
    ]
    assert len(taken) == len(set(taken))
    assert max(x for x, _ in taken) < GRID.columns


def test_what_is_missing_is_said_at_its_place() -> None:
    headings = [tile.panel for tile in arrange(shown(), GRID)]
    assert headings == [
        Words(text=f"## {TITLES[subject]}\nno {subject} here") for subject in Subject
    ]


def test_a_subject_of_which_nothing_is_said_is_refused() -> None:
    with pytest.raises(ValueError, match="the dashboard shows nothing of nodes and does not say"):
        arrange(Shown(panels={}, unmeasured={}), GRID)


def test_without_a_server_the_database_is_the_machines() -> None:
    assert of_nodes({}, server=False).unmeasured[Subject.DATABASE] == EMBEDDED
    assert of_nodes({}, server=True).unmeasured == UNMEASURED


def test_certificates_are_told_with_the_first_to_end_on_top_and_are_no_secret() -> None:
    def build() -> None:
        moments = {
            "web-server": pulumi.Output.secret(1_830_297_600),
            "authority": pulumi.Output.from_input(1_767_225_600),
        }
        (panel,) = ends(moments)
        assert isinstance(panel, Words)
        pulumi.CustomResource("test:index:Text", "text", {"text": panel.text})

    (text,) = deploy(build).of_type("test:index:Text").values()
    assert text["text"] == (
        "| Certificate | Ends |\n|---|---|\n| authority | 2026-01-01 |\n| web-server | 2028-01-01 |"
    )


def test_without_certificates_there_is_no_table() -> None:
    assert ends({}) == []
