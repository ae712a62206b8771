"""A real load over real connections finds a planted limit; the clock is the service's own."""

import pytest

from operations.capacity import asking
from operations.capacity.asking import Caller, Question, looking_up, scoring, wrong
from operations.capacity.evaluation import evaluate
from operations.capacity.facts import read
from operations.capacity.load import Clocks
from operations.capacity.measuring import Bounds, Measuring
from operations.capacity.recommendation import Target, recommend
from operations.capacity.samples import CATALOGUE, PING
from operations.capacity.saturation import Workload, find
from operations.capacity.strategies import Strategy
from operations.connection import Reply
from tests.support.planted_service import planted_service

BOUNDS = Bounds(stage=2.0, requests=20_000, seconds=10_000.0, timeout=30.0)
SETTINGS = {
    "groups": {
        "web": {"count": 2},
        "compute": {"autoscale": {"minimum": 2, "maximum": 4, "above": 50, "below": 30, "step": 1}},
    }
}


@pytest.fixture
def planted():
    with planted_service() as service:
        yield service


def measuring(planted, bounds=BOUNDS, question=None):
    return Measuring(
        planted.environment(),
        question or scoring("iris", "1.0", {"x": 1}),
        {PING: asking.PING, CATALOGUE: looking_up("iris", "1.0")},
        lambda: "token",
        bounds,
        clocks=Clocks(passing=planted.clock, working=lambda: 0.0, wall=lambda: 0.0),
    )


def test_too_few_workers_are_found_and_enough_of_them_are_recommended(planted):
    measure = measuring(planted)

    def stage(threads):
        planted.callers = threads
        return measure.stage(threads)

    strategy = Strategy(minimum=4, maximum=16, increment=4)
    found = evaluate(strategy, stage, measure.spent, lambda _stage: None)
    end = find(found.stages, Workload())
    facts = read(SETTINGS, {"components": {"backends": {"components": NODES}}}, {})
    advice = recommend(Target(rate=160, latency=0.25), found.stages, end, facts)

    assert [each.threads for each in found.stages] == [1, 4, 8, 12, 16]
    assert end.throughput == pytest.approx(80, rel=0.05)
    assert (end.reached, end.threads, end.tier) == (True, 4, "compute")
    assert {".".join(each.path): each.value for each in advice.changes}[
        "compute.autoscale.minimum"
    ] == 7  # 160 * 0.05 / 0.7 are 12 workers, two on a node, and one node that may be away
    assert sum(each.good for each in found.stages) == planted.heard["POST /api/iris/1.0"]
    assert planted.tokens == {"Bearer token"}


NODES = {
    f"https://10.20.1.{each}:12805/": {"statusCode": "pass", "details": {"rMaxPoolSize": 2}}
    for each in (4, 5)
}


def test_requests_are_bounded_all_stages_together(planted):
    measure = measuring(planted, Bounds(stage=1e9, requests=50, seconds=1e9, timeout=30.0))

    stage = measure.stage(5)

    assert (stage.good, planted.heard["POST /api/iris/1.0"]) == (50, 50)
    assert measure.spent() == "50 requests were the most that were allowed"


def test_a_warm_up_is_a_tenth_of_the_requests_at_most_and_in_no_stage(planted):
    measure = measuring(planted, Bounds(stage=1e9, requests=50, seconds=1e9, timeout=30.0))

    measure.warm_up(5)
    warmed = planted.heard["POST /api/iris/1.0"]
    stage = measure.stage(5)

    assert (warmed, stage.good) == (5, 45)


def test_time_is_bounded(planted):
    measure = measuring(planted, Bounds(stage=1.0, requests=50, seconds=120.0, timeout=30.0))

    assert measure.spent() == ""
    planted.now += 120.0
    assert measure.spent() == "2 minutes were the most that were allowed"


def test_refusals_are_failures_and_not_fast_answers():
    with planted_service(fails=True) as planted:
        bounds = Bounds(stage=1e9, requests=10, seconds=1e9, timeout=30.0)

        stage = measuring(planted, bounds).stage(2)

    assert (stage.good, stage.errors) == (1, {"status 503": 9})


def test_somebody_who_is_not_there_is_a_failure_with_words(planted):
    nobody = planted.environment()
    caller = Caller(nobody, Question(method="GET", path="/nothing"), None, 5.0)
    assert caller.ask().error == "status 404"
    caller.close()

    with planted_service() as gone:
        closed = gone.environment()
    caller = Caller(closed, asking.PING, None, 5.0)
    assert caller.ask().error == "no answer: the environment cannot be reached"
    caller.close()


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (Reply(status=200, body={"success": True}), ""),
        (Reply(status=200, body={"success": False}), "the model failed"),
        (Reply(status=200, body=[1]), "the model failed"),
        (Reply(status=429, body=None), "status 429"),
    ],
)
def test_a_score_is_an_answer_that_says_so(reply, why):
    assert wrong(reply, scoring("iris", "1.0", {})) == why


def test_of_a_probe_a_refusal_is_as_good_and_a_failure_is_not():
    assert wrong(Reply(status=404, body=None), asking.PING) == ""
    assert wrong(Reply(status=503, body=None), asking.PING) == "status 503"
    assert wrong(Reply(status=404, body=None), looking_up("iris", "1.0")) == "status 404"
