"""Reports say the same on a terminal, in a browser and to machines, and obey nobody's text."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from operations.capacity import charts, page, terminal
from operations.capacity.evaluation import Measured
from operations.capacity.recommendation import Target, recommend
from operations.capacity.result import Result, machine
from operations.capacity.samples import Sample, gathered
from operations.capacity.saturation import Workload, find
from operations.capacity.strategies import Strategy
from tests.operations.capacity.test_recommendation import FACTS
from tests.operations.capacity.test_saturation import measured
from tests.support.planted import Planted, Tier

HOSTILE = "<script>alert(1)</script>\"'&\x1b[2J"


def result(**changes):
    stages = measured(Planted(compute=Tier(4, 0.040)), maximum=30)
    saturation, target = find(stages, Workload()), Target(rate=250, latency=0.25)
    found = Result(
        stack="dev",
        endpoint="https://198.18.17.1:12800",
        asked="iris 1.0",
        began=datetime(2026, 11, 30, 12, tzinfo=UTC),
        strategy=Strategy(limit=0.25),
        measured=Measured(stages=stages, ended="95 of 100 answers took more than 250 ms"),
        saturation=saturation,
        target=target,
        recommendation=recommend(target, stages, saturation, FACTS),
        patch="--- a/x\n+++ b/x\n",
    )
    return replace(found, **changes)


class Page(HTMLParser):
    """Elements and attributes of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs


def test_a_page_needs_nothing_from_elsewhere_and_runs_nothing():
    found = Page(page.html(result()))

    assert not {"script", "link", "img", "iframe", "object", "base"} & set(found.tags)
    assert not {"src", "href", "xlink:href", "onload"} & {name for name, _ in found.attributes}
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in found.attributes
    assert found.tags.count("figure") == 4


def test_text_from_elsewhere_is_text_in_a_page_and_on_a_terminal():
    bad = gathered(10, [Sample(seconds=1, error=HOSTILE)] * 3, {}, seconds=1.0)
    found = result(
        stack=HOSTILE,
        endpoint=HOSTILE,
        asked=HOSTILE,
        patch=HOSTILE,
        notes=(HOSTILE,),
        measured=Measured(stages=(*result().measured.stages, bad), ended=HOSTILE),
        saturation=replace(result().saturation, evidence=(HOSTILE,), tier=HOSTILE),
    )

    text = page.html(found)

    assert "<script" not in text
    assert Page(text).tags.count("figure") == 4
    assert "\x1b" not in terminal.shown(found)
    assert "\x1b" not in terminal.progressed(bad)


def test_a_terminal_has_a_plot_the_end_and_what_to_change():
    found = terminal.shown(result())

    assert "requests a second\n     1 █" in found
    end = r"at its end with 10 parallel requests, at 9\d\.\d a second; what limits it: compute\n"
    assert re.search(end, found)
    assert "for 250 requests a second within 250 ms:" in found
    assert "  compute.autoscale.minimum: " in found
    assert found.endswith("--- a/x\n+++ b/x\n")


def test_a_stage_is_a_line_as_the_product_has_it():
    stage = gathered(30, [Sample(seconds=0.635)] * 20, {}, seconds=10.0)
    failed = gathered(2, [Sample(seconds=1, error="status 503")], {}, seconds=1.0)

    assert terminal.progressed(stage) == (
        "  with 30 threads was 635ms: p50 635, p95 635, p99 635 ms, 2.0 requests a second"
    )
    assert terminal.progressed(failed) == (
        "  with 2 threads: no good answer, 1 failed (status 503)"
    )


def test_machines_get_every_figure_as_json():
    found = json.loads(json.dumps(machine(result()), allow_nan=False))

    assert found["format"] == 1
    assert [each["threads"] for each in found["stages"]] == [1, 10, 20, 30]
    assert found["saturation"]["tier"] == "compute"
    assert set(found["stages"][0]["answers"]) == {
        *("count", "mean", "p50", "p75", "p90", "p95", "p99", "largest")
    }
    assert found["recommendation"]["changes"][0]["setting"].startswith("compute.")


def test_nothing_recommended_is_said_too():
    quiet = result(target=None, recommendation=None, patch="", notes=())

    assert machine(quiet)["recommendation"] is None
    assert "for 250" not in terminal.shown(quiet)
    assert "<pre>" not in page.html(quiet)


@pytest.mark.parametrize(
    "values", [[0.0, 0.0], [0.001, 0.004], [1.0, 123456.0], [2.0], [None, 3.0], []]
)
@pytest.mark.parametrize("drawn", [charts.lines, charts.layers])
def test_a_chart_is_well_formed_and_within_its_frame(values, drawn):
    frame = charts.Frame(title="t < u", unit="ms", callers=list(range(1, len(values) + 1)))
    lines = [charts.Line(name="a & b", values=values), charts.Line(name="c", values=values)]

    root = ElementTree.fromstring(drawn(frame, lines))

    for circle in root.iter("circle"):
        assert 0 <= float(circle.get("cy")) <= charts.HEIGHT
    for bar in root.iter("rect"):
        assert float(bar.get("height")) >= 0
