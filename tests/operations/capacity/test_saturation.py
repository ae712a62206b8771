"""The end of an environment is found, and who is at it, for a bottleneck planted in each tier."""

from dataclasses import replace

import pytest

from operations.capacity.evaluation import evaluate
from operations.capacity.samples import PING, Busy, Sample, gathered
from operations.capacity.saturation import Workload, find
from operations.capacity.strategies import Strategy
from operations.capacity.timing import API, PARTS, WHOLE
from tests.support.planted import Planted, Tier


def measured(planted, maximum=80):
    strategy = Strategy(minimum=10, maximum=maximum, increment=10)
    found = evaluate(strategy, planted.stage, lambda: "", lambda _stage: None)
    return found.stages


def test_too_few_workers_are_the_compute_tier():
    found = find(measured(Planted(compute=Tier(4, 0.040))), Workload())

    assert (found.reached, found.tier) == (True, "compute")
    assert found.throughput == pytest.approx(100, rel=0.02)
    assert found.threads == 10


def test_a_slow_web_node_is_the_web_tier():
    found = find(measured(Planted(web=Tier(1, 0.010), compute=Tier(64, 0.005))), Workload())

    assert (found.reached, found.tier) == (True, "web")
    assert found.throughput == pytest.approx(100, rel=0.2)


def test_a_slow_database_is_the_database_tier_where_requests_wait_for_it():
    stages = measured(Planted(database=Tier(1, 0.010), compute=Tier(64, 0.005)))

    assert find(stages, Workload(through_database=True)).tier == "database"


def test_a_slow_database_is_found_by_look_ups_where_scores_do_not_wait_for_it():
    slow = Planted(behind=Tier(1, 0.050), compute=Tier(64, 0.005))

    scores = find(measured(slow, maximum=30), Workload())
    lookups = find(measured(replace(slow, lookups=True)), Workload(runs_models=False))

    assert scores.reached is False
    assert (lookups.reached, lookups.tier) == (True, "database")


def test_the_end_of_an_environment_that_has_more_is_not_reached():
    found = find(measured(Planted(), maximum=30), Workload())

    assert (found.reached, found.threads, found.tier) == (False, 30, "")


def test_a_client_that_is_at_its_end_says_nothing_of_the_environment():
    stages = [replace(each, client=0.97) for each in measured(Planted(compute=Tier(4, 0.040)))]

    found = find(stages, Workload())

    assert found.tier == "client"
    assert "97% of a processor" in found.evidence[0]


def test_failures_are_an_end_also_where_answers_come_as_fast_as_before():
    good, bad = Sample(seconds=0.01), Sample(seconds=0.01, error="status 503")
    stages = [
        gathered(1, [good] * 100, {}, seconds=1.0),
        gathered(10, [good] * 900 + [bad] * 100, {}, seconds=1.0),
    ]

    found = find(stages, Workload())

    assert found.reached is True
    assert "100 requests failed, most of them: status 503" in found.evidence


def test_what_answers_say_themselves_counts_more_than_probes():
    def said(seconds, database):
        parts = {WHOLE: seconds, PARTS["database"]: database, PARTS["compute"]: 0.01}
        return Sample(seconds=seconds, parts=parts)

    stages = [
        gathered(1, [said(0.02, 0.005)] * 50, {}, seconds=1.0),
        gathered(20, [said(0.40, 0.380)] * 50, {}, seconds=1.0),
    ]

    assert find(stages, Workload()).tier == "database"


def test_nothing_answered_is_no_end_and_no_tier():
    stages = [gathered(1, [Sample(seconds=1, error="no answer")], {}, seconds=1.0)]

    found = find(stages, Workload())

    assert (found.reached, found.throughput, found.tier) == (False, 0.0, "unclear")


def test_waiting_on_a_web_node_that_nobody_saw_is_not_taken_for_the_web_nodes_work():
    def stages(**forward):
        base = {PARTS["compute"]: 0.02}
        alone = gathered(1, [Sample(seconds=0.03)] * 50, {PING: [0.001]}, seconds=1.0)
        full = gathered(20, [Sample(seconds=0.50)] * 50, {PING: [0.002]}, seconds=1.0)
        return [replace(alone, waits=base), replace(full, waits={**base, **forward})]

    seen = {PARTS["forward"]: 0.001}

    assert find(stages(), Workload()).tier == "compute"
    assert find(stages(**seen), Workload()).tier == "web"


LOOK_UPS = Workload(runs_models=False)


def look_ups(api, *, seconds=0.200, threads=20, logged=True):
    """One caller, then many, of whose time the API service has nearly all."""

    def one(callers, took):
        stage = gathered(callers, [Sample(seconds=took)] * 100, {PING: [0.001]}, seconds=1.0)
        return replace(stage, waits={API: took - 0.002} if logged else {}, api=api)

    return [one(1, 0.020), one(threads, seconds)]


def test_an_api_service_that_waits_is_the_database_and_one_at_its_end_is_the_web_node():
    waits, computes = find(look_ups(0.12), LOOK_UPS), find(look_ups(0.97), LOOK_UPS)

    assert (waits.tier, computes.tier) == ("database", "web")
    assert any("took 12% of a processor: it waits for the database" in e for e in waits.evidence)
    assert any("it is one process, and at its end" in e for e in computes.evidence)


def test_an_api_service_on_a_machine_at_its_end_is_not_said_to_wait_for_the_database():
    stages = [replace(each, busy={"web": Busy(cpu=0.95, nodes=2)}) for each in look_ups(0.4)]

    found = find(stages, LOOK_UPS)

    assert found.tier == "web"
    assert "the processors of web nodes were busy 95% of the time" in found.evidence
    assert not any("waits for the database" in line for line in found.evidence)


def test_where_no_node_was_seen_it_is_said_that_service_and_database_are_one_figure():
    found = find(look_ups(None, logged=False), LOOK_UPS)

    assert found.tier == "database"
    assert any("are not told apart" in line for line in found.evidence)


def test_a_proxy_that_is_slow_is_the_web_node_though_its_api_service_waits():
    stages = look_ups(0.12)
    stages[1] = replace(stages[1], waits={API: 0.020})

    assert find(stages, LOOK_UPS).tier == "web"
