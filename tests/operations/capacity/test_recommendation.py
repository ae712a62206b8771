"""What is recommended for a stated load meets it: the changed environment is asked again."""

from dataclasses import replace
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operations.capacity.queueing import BUSY, servers_for, waited, waiting
from operations.capacity.recommendation import Facts, Group, Target, recommend
from operations.capacity.samples import Busy
from operations.capacity.saturation import Workload, find
from operations.capacity.timing import API
from tests.operations.capacity.test_saturation import look_ups, measured
from tests.support.planted import Planted, Tier

SCALE = {"minimum": 2, "maximum": 4, "above": 50, "below": 30, "step": 1}
WEB = Group(role="web", nodes=1, autoscale=None)
COMPUTE = Group(role="compute", nodes=2, autoscale=SCALE)
FACTS = Facts(groups={"web": WEB, "compute": COMPUTE}, workers=4, compute_nodes=2)


def advised(planted, target, facts=FACTS, workload=None):
    stages = measured(planted)
    return recommend(target, stages, find(stages, workload or Workload()), facts)


def values(advice):
    return {".".join(each.path): each.value for each in advice.changes}


@pytest.mark.parametrize("rate", [20, 90, 250, 800])
@pytest.mark.parametrize("random_work", [False, True])
def test_compute_nodes_as_recommended_meet_the_load(rate, random_work):
    planted = Planted(compute=Tier(4, 0.040), web=Tier(16, 0.001), random_work=random_work)
    target = Target(rate=rate, latency=0.250)

    advice = advised(planted, target)
    nodes = values(advice).get("compute.autoscale.minimum", SCALE["minimum"])

    # One of them may be away.
    applied = replace(planted, compute=Tier(2 * (nodes - 1), 0.040))
    assert advice.reachable
    assert applied.answers(rate).p95 <= target.latency


@pytest.mark.parametrize("rate", [50, 300])
def test_web_nodes_as_recommended_meet_the_load(rate):
    planted = Planted(web=Tier(1, 0.010), compute=Tier(64, 0.005))
    target = Target(rate=rate, latency=0.250)
    facts = replace(FACTS, workers=64)

    advice = advised(planted, target, facts)
    nodes = values(advice)["web.count"]

    applied = replace(planted, web=Tier(nodes - 1, 0.010))
    assert applied.answers(rate).p95 <= target.latency


def test_the_environment_of_now_does_not_meet_what_it_gets_more_nodes_for():
    planted = Planted(compute=Tier(4, 0.040), random_work=True)

    assert planted.answers(250).p95 > 0.250


def test_a_limit_that_a_single_caller_misses_is_said_to_be_out_of_reach():
    advice = advised(Planted(compute=Tier(4, 0.400)), Target(rate=1, latency=0.250))

    assert (advice.reachable, advice.changes) == (False, ())
    assert "a single caller already waits 401 ms" in advice.notes[0]


def database_advice(seconds_alone, facts, rate=150):
    """Of 100 look-ups a second over ten connections, which a single caller had so soon."""
    stages = [
        replace(stage, waits={API: took}, api=0.1)
        for stage, took in zip(look_ups(0.1)[:2], (seconds_alone, 0.198), strict=True)
    ]
    target = Target(rate=rate, latency=0.400)
    found = find(stages, Workload(runs_models=False))
    return recommend(target, stages, found, facts, runs_models=False)


def test_connections_are_recommended_where_all_are_taken_and_the_database_is_no_slower():
    facts = replace(FACTS, groups={"web": replace(WEB, nodes=2)}, connections=5)

    advice = database_advice(0.100, facts)
    quick = database_advice(0.018, facts)
    unknown = database_advice(0.100, replace(facts, connections=0))

    assert advice.reachable
    assert values(advice)["database.connectionsPerWebNode"] == 11  # 150 x 0.1 / 0.7 / 2
    assert not quick.reachable  # ten connections could do 555 a second, and the database did 100
    assert any("database.size must have" in note for note in quick.notes)
    assert not unknown.reachable


def test_a_database_at_its_end_is_a_matter_of_its_size():
    planted = Planted(database=Tier(1, 0.010), compute=Tier(64, 0.005))

    advice = advised(
        planted,
        Target(rate=280, latency=0.250),
        replace(FACTS, workers=64),
        Workload(through_database=True),
    )

    assert advice.reachable is False
    assert any("database.size must have 4" in note for note in advice.notes)


def test_workers_that_wait_get_company_and_those_that_compute_do_not():
    stages = measured(Planted(compute=Tier(4, 0.040)))
    found = find(stages, Workload())
    target = Target(rate=90, latency=0.250)

    def with_cpu(cpu):
        told = [replace(each, busy={"compute": Busy(cpu=cpu, nodes=2)}) for each in stages]
        return values(recommend(target, told, found, FACTS))

    assert with_cpu(0.2)["compute.workersPerNode"] == 7
    assert "compute.workersPerNode" not in with_cpu(0.95)
    assert with_cpu(0.95)["compute.autoscale.scaleOut.above"] == 65


def test_what_processors_do_not_show_sets_no_threshold_of_theirs():
    stages = [
        replace(each, busy={"compute": Busy(cpu=0.02, nodes=2)})
        for each in measured(Planted(compute=Tier(4, 0.040)))
    ]

    advice = recommend(Target(rate=90, latency=0.250), stages, find(stages, Workload()), FACTS)

    assert values(advice) == {"compute.workersPerNode": 8, "web.count": 3}
    assert any("processors do not show this load: nodes at their end are busy 8%" in note
               for note in advice.notes)  # fmt: skip


def test_web_nodes_are_reckoned_by_their_processors_and_never_fewer_by_little():
    stages = measured(Planted(compute=Tier(4, 0.040)))
    found = find(stages, Workload())

    def web(cpu, count, rate=90):
        told = [replace(each, busy={"web": Busy(cpu=cpu, nodes=count)}) for each in stages]
        facts = replace(FACTS, groups={**FACTS.groups, "web": replace(WEB, nodes=count)})
        advice = recommend(Target(rate=rate, latency=0.250), told, found, facts)
        return values(advice).get("web.count")

    assert (web(0.03, 2), web(0.03, 6)) == (None, None)
    assert web(0.60, 10) == 9
    assert web(0.10, 2, rate=2000) == 7  # busy 202 percent of two: six at 70, and one more


def test_web_nodes_that_had_little_to_do_are_not_multiplied():
    stages = measured(Planted(compute=Tier(4, 0.040)))
    told = [replace(each, busy={"web": Busy(cpu=0.02, nodes=1)}) for each in stages]
    found = find(stages, Workload())

    def web(stages):
        return values(recommend(Target(rate=250, latency=0.250), stages, found, FACTS))["web.count"]

    unseen = [replace(each, busy={}) for each in stages]
    assert (web(told), web(unseen)) == (2, 5)


def test_the_pool_of_r_server_is_sized_by_the_processes_that_are_busy():
    facts = replace(FACTS, workers=0, pools=True)
    stages = measured(Planted(compute=Tier(4, 0.040)))

    advice = recommend(Target(rate=100, latency=0.250), stages, find(stages, Workload()), facts)

    found = values(advice)
    assert found["runtime.server.pool.initial"] < found["runtime.server.pool.maximum"]


def test_a_one_box_that_is_too_small_is_said_to_be_so():
    facts = Facts(groups={}, workers=4, compute_nodes=1, one_box=True)

    advice = advised(Planted(compute=Tier(4, 0.040)), Target(rate=500, latency=0.250), facts)

    assert advice.reachable is False
    assert any("scripts/to-enterprise" in note for note in advice.notes)


def test_a_schedule_below_the_new_minimum_is_named():
    group = replace(COMPUTE, periods={"office-hours": 3})
    facts = replace(FACTS, groups={"web": WEB, "compute": group})

    advice = advised(Planted(compute=Tier(4, 0.040)), Target(rate=250, latency=0.250), facts)

    assert any("schedule office-hours of compute nodes" in note for note in advice.notes)


def test_erlang_c_is_the_textbooks():
    # Two servers, each busy half of the time: a third of the callers wait.
    assert waiting(2, 1.0) == pytest.approx(1 / 3)
    assert waiting(1, 0.5) == pytest.approx(0.5)
    assert waited(2, 10.0, 0.2) == inf


@given(st.floats(0.1, 2000), st.floats(0.001, 1), st.floats(0.001, 1))
def test_servers_are_enough_and_never_busier_than_they_may_be(rate, service, patience):
    servers = servers_for(rate, service, patience)

    assert servers is not None
    assert rate * service / servers <= BUSY + 1e-9
    assert waited(servers, rate, service) <= patience
