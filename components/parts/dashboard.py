"""What a dashboard shows, in which order and where: the same list for every cloud.

A cloud says for each subject what it measures of the resources that an environment has. What no
cloud measures is said on the dashboard itself, so that nobody takes an empty place for calm.
"""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

import pulumi


class Subject(StrEnum):
    """What somebody on call asks, in the order in which they ask it."""

    NODES = "nodes"
    ERRORS = "errors"
    LATENCY = "latency"
    SATURATION = "saturation"
    QUEUE = "queue"
    DATABASE = "database"
    CERTIFICATES = "certificates"


TITLES: Final[Mapping[Subject, str]] = {
    Subject.NODES: "Health of the nodes",
    Subject.ERRORS: "Errors",
    Subject.LATENCY: "Latency",
    Subject.SATURATION: "Saturation",
    Subject.QUEUE: "Queues",
    Subject.DATABASE: "Database",
    Subject.CERTIFICATES: "Certificates",
}

UNMEASURED: Final[Mapping[Subject, str]] = {
    Subject.ERRORS: (
        "The balancer passes packets, so no cloud counts the answers by their status: "
        "each node has them in its own logs."
    ),
    Subject.LATENCY: (
        "The balancer passes packets, so no cloud measures how long an answer takes: "
        "each node has it in its own logs. Here is what answers may wait for."
    ),
    Subject.QUEUE: (
        "Requests wait on the nodes, which have in their own logs for how long; "
        "no cloud counts them. Here is what waits for a disk."
    ),
    Subject.CERTIFICATES: (
        "As of the last deployment, which renews what comes to its end; "
        "a cloud measures no certificate that a node shows."
    ),
}
"""What is missing of a subject where nodes of ours serve, and where to look instead."""

EMBEDDED: Final = (
    "The database is a file on the machine, and as healthy as the machine and its disk are."
)

Aggregation = Literal["Average", "Maximum", "Minimum", "Sum"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One metric of one resource."""

    metric: str
    label: str
    namespace: str
    of: Mapping[str, pulumi.Input[str]]
    """What it is measured of: dimensions on AWS, `id` on Azure."""

    aggregation: Aggregation = "Average"


@dataclass(frozen=True, kw_only=True, slots=True)
class Chart:
    """Lines over time."""

    title: str
    lines: tuple[Line, ...]
    split: str = ""
    """Dimension of which each value is a line of its own."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """What a query of the logs finds."""

    title: str
    query: str
    logs: pulumi.Input[str]
    """Id of what is asked."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Words:
    """Markdown."""

    text: pulumi.Input[str]


Panel = Chart | Table | Words


@dataclass(frozen=True, kw_only=True, slots=True)
class Grid:
    """How a cloud measures places."""

    columns: int
    width: int
    """Of a panel, in columns."""

    height: int
    heading: int
    """Rows that a heading takes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tile:
    """A panel and its place."""

    panel: Panel
    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """Everything on a dashboard."""

    panels: Mapping[Subject, Sequence[Panel]]
    unmeasured: Mapping[Subject, str]
    """What is missing, and why."""


def of_nodes(panels: Mapping[Subject, Sequence[Panel]], *, server: bool) -> Shown:
    """Return what is shown where nodes of ours serve, with a database *server* or without."""
    embedded = {} if server else {Subject.DATABASE: EMBEDDED}
    return Shown(panels=panels, unmeasured={**UNMEASURED, **embedded})


def arrange(shown: Shown, grid: Grid) -> list[Tile]:
    """Return each subject's heading and its panels below, from left to right.

    Raises:
        ValueError: nothing is shown of a subject, and nothing says why.
    """
    tiles: list[Tile] = []
    y = 0
    across = grid.columns // grid.width
    for subject in Subject:
        panels = shown.panels.get(subject, ())
        why = shown.unmeasured.get(subject, "")
        if not panels and not why:
            raise ValueError(f"the dashboard shows nothing of {subject} and does not say why")
        tiles.append(
            Tile(
                panel=Words(text=f"## {TITLES[subject]}\n{why}".rstrip()),
                x=0,
                y=y,
                width=grid.columns,
                height=grid.heading,
            )
        )
        y += grid.heading
        for number, panel in enumerate(panels):
            tiles.append(
                Tile(
                    panel=panel,
                    x=number % across * grid.width,
                    y=y + number // across * grid.height,
                    width=grid.width,
                    height=grid.height,
                )
            )
        y += -(-len(panels) // across) * grid.height
    return tiles


def ends(certificates: Mapping[str, pulumi.Output[int]]) -> list[Panel]:
    """Return until when each certificate is good, the first to end on top."""
    if not certificates:
        return []
    text = pulumi.Output.all(**certificates).apply(_table)
    # When a certificate ends is told to everybody who connects; a user's chain is a secret setting.
    return [Words(text=pulumi.Output.unsecret(text))]


def _table(moments: Mapping[str, int]) -> str:
    rows = [
        f"| {name} | {datetime.datetime.fromtimestamp(moment, datetime.UTC):%Y-%m-%d} |"
        for name, moment in sorted(moments.items(), key=lambda item: (item[1], item[0]))
    ]
    return "\n".join(["| Certificate | Ends |", "|---|---|", *rows])
