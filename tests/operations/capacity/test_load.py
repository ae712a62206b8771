"""A load is what was asked for and no more, ends when it should, and loses no answer."""

import threading

import pytest

from operations.capacity import load
from operations.capacity.evaluation import evaluate
from operations.capacity.load import Budget, Clocks, Stretch
from operations.capacity.samples import Sample, figures, gathered, percentile
from operations.capacity.strategies import Strategy


class Service:
    """Answers at once, or when it is let; counts who is inside."""

    def __init__(self, gate=None, error=""):
        self.lock, self.inside, self.most = threading.Lock(), 0, 0
        self.asked, self.closed, self.gate, self.error = 0, 0, gate, error

    def __call__(self):
        return self

    def ask(self):
        with self.lock:
            self.inside += 1
            self.asked += 1
            self.most = max(self.most, self.inside)
        if self.gate is not None:
            self.gate.wait(30)
        with self.lock:
            self.inside -= 1
        return Sample(seconds=0.01, error=self.error)

    def close(self):
        with self.lock:
            self.closed += 1


def test_the_budget_is_asked_to_the_last_request_and_not_beyond():
    service = Service()

    stage = load.run(Stretch(threads=7, seconds=60), Budget(100), service, {}, Clocks())

    assert (stage.good, service.asked, service.closed, stage.cut) == (100, 100, 7, False)


def test_so_many_are_under_way_at_once_as_there_are_callers():
    together = threading.Barrier(5, timeout=30)
    service = Service(gate=together)

    load.run(Stretch(threads=5, seconds=60), Budget(20), service, {}, Clocks())

    assert service.most == 5


def test_a_stage_ends_at_its_time_and_waits_for_what_is_under_way():
    times = iter([0.0, 0.0, 11.0, *[11.0] * 50])  # of virtual seconds; one beat passes for real
    gate = threading.Event()
    clocks = Clocks(passing=lambda: next(times), working=lambda: 0.0, wall=lambda: 5.0)
    service = Service(gate=gate)
    threading.Timer(4 * load.BEAT_SECONDS, gate.set).start()

    stage = load.run(Stretch(threads=2, seconds=10), Budget(10**6), service, {}, clocks)

    assert (stage.good, stage.seconds, stage.began) == (2, 11.0, 5.0)


def test_a_request_that_is_never_answered_is_a_failure():
    gate = threading.Event()
    stretch = Stretch(threads=3, seconds=0.01, patience=0.01)
    try:
        stage = load.run(stretch, Budget(10), Service(gate=gate), {}, Clocks())
    finally:
        gate.set()

    assert (stage.good, stage.errors) == (0, {load.UNANSWERED: 3})


def test_ctrl_c_ends_a_stage_with_what_was_measured():
    service = Service()

    def interrupt(_seconds, ended):
        # As Ctrl-C does in the main thread; scripts/capacity's own test sends the signal.
        raise KeyboardInterrupt

    stretch = Stretch(threads=2, seconds=60, beat=interrupt)
    stage = load.run(stretch, Budget(10**9), service, {}, Clocks())

    assert stage.cut is True
    assert stage.good == service.asked > 0
    assert service.closed == 2


def test_probes_run_beside_the_load_and_are_none_of_its_answers():
    probe, gate = Service(), threading.Event()
    service = Service(gate=gate)
    asking = probe.ask

    def ask():
        gate.set()
        return asking()

    probe.ask = ask

    stage = load.run(Stretch(threads=1, seconds=60), Budget(5), service, {"p": probe}, Clocks())

    assert (stage.good, stage.probes["p"].count) == (5, probe.asked)


def test_failures_are_counted_by_their_reason_and_have_no_time():
    found = gathered(
        2,
        [Sample(seconds=0.1), Sample(seconds=9.0, error="status 503")],
        {},
        seconds=2.0,
    )

    assert (found.good, found.failed, found.errors) == (1, 1, {"status 503": 1})
    assert (found.answers.largest, found.throughput, found.share_failed) == (0.1, 0.5, 0.5)


def test_percentiles_are_values_that_were_measured():
    ordered = [float(each) for each in range(1, 101)]

    assert [percentile(ordered, each) for each in (50, 95, 99, 100)] == [50, 95, 99, 100]
    assert percentile([7.0], 50) == percentile([7.0], 99) == 7.0
    assert figures([]) is None
    with pytest.raises(ValueError, match="a percentile of nothing"):
        percentile([], 50)


def staged(threads, seconds=0.01, failed=0):
    given = [Sample(seconds=seconds)] * 100 + [Sample(seconds=1, error="status 503")] * failed
    return gathered(threads, given, {}, seconds=1.0)


def evaluated(strategy, stage=staged, spent=lambda: ""):
    found = evaluate(strategy, stage, spent, lambda _stage: None)
    return [each.threads for each in found.stages], found.ended


def test_threads_go_from_the_minimum_to_the_maximum_by_the_increment():
    ended = "50 parallel requests were the most that were allowed"

    assert evaluated(Strategy()) == ([1, 10, 20, 30, 40, 50], ended)
    assert evaluated(Strategy(minimum=1, maximum=5, increment=2))[0] == [1, 3, 5]


def test_latency_ends_with_the_first_stage_beyond_its_limit():
    found = evaluated(Strategy(limit=0.250), lambda threads: staged(threads, threads / 100))

    assert found == ([1, 10, 20, 30], "95 of 100 answers took more than 250 ms")


def test_failures_and_bounds_end_it_as_well():
    def failing(threads):
        return staged(threads, failed=10 if threads > 10 else 0)

    bounds = iter(["", "", "10 minutes were the most that were allowed"])

    assert evaluated(Strategy(), failing) == ([1, 10, 20], "9% of the requests failed")
    assert evaluated(Strategy(), spent=lambda: next(bounds)) == (
        [1, 10],
        "10 minutes were the most that were allowed",
    )


def test_somebody_who_ends_it_between_stages_keeps_those_that_were_measured():
    def measure(threads):
        if threads > 10:
            raise KeyboardInterrupt
        return staged(threads)

    found = evaluate(Strategy(), measure, lambda: "", lambda _stage: None)

    assert (len(found.stages), found.interrupted) == (2, True)
