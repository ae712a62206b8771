"""Capacity of a managed endpoint: what limits it, what a load needs, and that this is enough."""

import argparse
import heapq
import importlib.util
import io
import json
import random
import ssl
from contextlib import contextmanager
from dataclasses import replace

import pytest

from model_folders import reading
from operations.capacity import options
from operations.capacity.endpoint import command, saturation
from operations.capacity.endpoint.asking import (
    FRONT_ALONE,
    LIFE,
    NO_PLACE,
    Caller,
    Shared,
    Stranger,
)
from operations.capacity.endpoint.facts import Known, read
from operations.capacity.endpoint.recommendation import overflow, recommend
from operations.capacity.recommendation import Target
from operations.capacity.samples import Sample, figures, gathered
from operations.capacity.saturation import CLIENT
from operations.capacity.strategies import Strategy
from operations.endpoint import Deployment
from operations.endpoint_cloud import Facts
from operations.errors import OperationError
from tests.support.diagnosed_endpoint import PUBLIC, endpoint_of, outputs
from tests.support.engine import ROOT
from tests.support.web import Authority, https

IRIS = reading.read(ROOT / "models/iris")
FRONT = 0.004
BLUE = Known(name="blue", instances=1, concurrent=1, timeout=5.0)


class Planted:
    """A deployment in virtual time: instances of one R process each, and places that run out."""

    def __init__(self, known, seconds, *, front=FRONT):
        self.known, self.seconds, self.front = known, seconds, front
        self.chance = random.Random(9)

    def stage(self, threads):
        """What so many callers see who ask again as soon as they are answered, or in 0.1 s."""
        done, free, under_way = [], [0.0] * self.known.instances, []
        events = [(0.0, number) for number in range(threads)]
        while events:
            when, caller = heapq.heappop(events)
            if when > 10.0:
                continue
            while under_way and under_way[0] <= when:
                heapq.heappop(under_way)
            if len(under_way) >= self.known.places:
                done.append(Sample(seconds=self.front, error=NO_PLACE))
                heapq.heappush(events, (when + self.front + 0.1, caller))
                continue
            ends = max(when, heapq.heappop(free)) + self.seconds
            heapq.heappush(free, ends)
            heapq.heappush(under_way, ends)
            done.append(Sample(seconds=ends - when + self.front))
            heapq.heappush(events, (ends + self.front, caller))
        return gathered(threads, done, {FRONT_ALONE: [self.front] * 20}, seconds=10.0)

    def load(self, rate, seconds=120.0):
        """The p95 and the refused part of callers who come at random, *rate* of them a second."""
        free, under_way, took, refused, when = [0.0] * self.known.instances, [], [], 0, 0.0
        while (when := when + self.chance.expovariate(rate)) < seconds:
            while under_way and under_way[0] <= when:
                heapq.heappop(under_way)
            if len(under_way) >= self.known.places:
                refused += 1
                continue
            ends = max(when, heapq.heappop(free)) + self.seconds
            heapq.heappush(free, ends)
            heapq.heappush(under_way, ends)
            took.append(ends - when + self.front)
        return figures(took).p95, refused / (refused + len(took))


def measured(planted, *, minimum=2):
    strategy = command.shaped(Strategy(limit=0.25), planted.known, given=False)
    assert strategy.minimum == minimum
    stages = []
    while not strategy.ended(stages):
        stages.append(planted.stage(strategy.threads(len(stages))))
    return stages, saturation.find(stages)


def applied(known, advice):
    """The deployment after a recommendation, without the one more that may be away."""
    found = {each.path[-1]: each.value for each in advice.changes}
    return replace(
        known,
        instances=found.get("instances", known.instances + 1) - 1,
        concurrent=found.get("concurrent", known.concurrent),
    )


@pytest.mark.parametrize(("seconds", "rate"), [(0.040, 10), (0.040, 100), (0.100, 4), (0.1, 60)])
def test_a_slow_model_is_found_and_what_is_recommended_meets_the_load(seconds, rate):
    planted = Planted(BLUE, seconds)
    stages, found = measured(planted)

    assert (found.reached, found.tier) == (True, "instances")
    assert found.throughput == pytest.approx(1 / seconds, rel=0.1)

    advice = recommend(Target(rate=rate, latency=0.25), stages, found, BLUE)
    after = Planted(applied(BLUE, advice), seconds)
    p95, refused = after.load(rate)

    assert advice.reachable
    assert p95 <= 0.25
    assert refused <= 0.01
    assert Planted(BLUE, seconds).load(rate)[1] > 0.01  # or nothing had to be done


def test_two_instances_do_twice_as_much_and_are_reckoned_so():
    two = replace(BLUE, instances=2)
    stages, found = measured(Planted(two, 0.05), minimum=4)

    assert found.throughput == pytest.approx(40, rel=0.1)
    advice = recommend(Target(rate=200, latency=0.5), stages, found, two)
    assert "keep 10.0 instances busy, at 49.8 ms each" in advice.notes[0]


def test_the_front_is_told_from_what_is_behind_it():
    fast = [gathered(1, [Sample(seconds=0.010)] * 900, {FRONT_ALONE: [0.005]}, seconds=10.0)]
    slow = gathered(20, [Sample(seconds=0.19)] * 1000, {FRONT_ALONE: [0.180]}, seconds=10.0)
    found = saturation.find([*fast, slow])

    assert (found.reached, found.tier) == (True, "front")
    assert found.shares["front"] == pytest.approx(0.97, abs=0.01)
    advice = recommend(Target(rate=900, latency=0.25), [*fast, slow], found, BLUE)
    assert not advice.reachable
    assert "the front is at its end, which is the cloud's own" in advice.notes[0]


def test_a_client_at_its_end_says_so_and_nothing_of_the_endpoint():
    stages = [
        gathered(1, [Sample(seconds=0.01)] * 900, {}, seconds=10.0),
        gathered(10, [Sample(seconds=0.1)] * 1000, {}, seconds=10.0, client=0.97),
    ]
    found = saturation.find(stages)

    assert found.tier == CLIENT
    advice = recommend(Target(rate=500, latency=0.25), stages, found, BLUE)
    assert "can do more than was seen" in advice.notes[0]


def test_one_that_is_not_at_its_end_and_one_that_answers_nobody():
    calm = gathered(1, [Sample(seconds=0.01)] * 900, {}, seconds=10.0)
    silent = gathered(1, [Sample(seconds=0.01, error="status 503")] * 9, {}, seconds=10.0)

    assert not saturation.find([calm]).reached
    found = saturation.find([silent])
    assert found.evidence == ("no request was answered as it must be",)
    assert not recommend(Target(rate=1, latency=1), [silent], found, BLUE).reachable


def test_a_limit_that_a_single_caller_misses_is_out_of_reach():
    stages, found = measured(Planted(BLUE, 0.2))

    advice = recommend(Target(rate=5, latency=0.1), stages, found, BLUE)
    assert (advice.reachable, advice.changes) == (False, ())
    assert "a single caller already waits 204 ms" in advice.notes[0]


def test_autoscale_gets_its_limits_and_schedules_are_named():
    known = replace(
        BLUE, autoscale={"minimum": 1, "maximum": 4}, periods={"office-hours": 2, "sales": 90}
    )
    stages, found = measured(Planted(known, 0.1))

    advice = recommend(Target(rate=60, latency=0.25), stages, found, known)
    values = {".".join(each.path): each.value for each in advice.changes}
    base = "endpoint.deployments.blue.autoscale"
    needed = values[f"{base}.minimum"] - 1
    assert values[f"{base}.maximum"] == 2 * needed
    assert [each for each in advice.notes if each.startswith("schedule office-hours ")]
    assert not [each for each in advice.notes if "sales" in each]


def test_a_deployment_gets_its_part_of_the_load():
    stages, found = measured(Planted(BLUE, 0.1))

    whole = recommend(Target(rate=60, latency=0.5), stages, found, BLUE)
    tenth = recommend(Target(rate=600, latency=0.5), stages, found, replace(BLUE, share=0.1))
    assert whole.changes == tenth.changes
    assert tenth.notes[0] == "10% of the load is blue's, as traffic is split now"


def test_places_run_out_as_a_queue_says():
    # One server, half busy, two places (M/M/1): rho squared.
    assert overflow(1, 0.5, 2) == pytest.approx(0.25)
    assert overflow(1, 1.0, 2) == 1.0
    assert overflow(4, 2.0, 8) > overflow(4, 2.0, 16)


@pytest.mark.parametrize(
    ("known", "given", "steps"),
    [
        (BLUE, False, (2, 2)),
        (BLUE, True, (10, 10)),
        (replace(BLUE, instances=4), False, (8, 8)),
        (replace(BLUE, instances=9), False, (10, 10)),
    ],
)
def test_steps_are_such_that_places_can_be_told_apart(known, given, steps):
    found = command.shaped(Strategy(), known, given=given)

    assert (found.minimum, found.increment) == steps


class Cloud:
    """How an endpoint in this process is reached, and what its cloud tells."""

    def __init__(self, authority):
        self.pem, self.asked, self.capacity = authority.pem, [], [1]

    @property
    def access(self):
        return self

    def bearer(self, _endpoint):
        self.asked.append("bearer")
        return "token"

    def address(self, _host):
        self.asked.append("address")
        return "127.0.0.1"

    def trust(self):
        self.asked.append("trust")
        return ssl.create_default_context(cadata=self.pem)

    def facts(self, wanted):
        count = self.capacity.pop(0) if len(self.capacity) > 1 else self.capacity[0]
        limits = {"requestSettings": {"maxConcurrentRequestsPerInstance": 1}}
        told = {"sku": {"capacity": count}, "properties": limits}
        return Facts(resources={each.casefold(): told for each in wanted})


@contextmanager
def serving(folder, respond):
    authority = Authority()
    endpoint = endpoint_of(PUBLIC)
    host = endpoint.uri.split("/")[2]
    with https(folder, authority, respond, host, days=30) as url:
        port = url.rpartition(":")[2]
        yield replace(endpoint, uri=f"https://{host}:{port}/score"), Cloud(authority)


def test_callers_share_what_lets_them_in_until_it_is_old(tmp_path):
    now = [0.0]
    statuses = [200, 429, 424, 503]
    heard = []

    def respond(request):
        heard.append(request)
        if "Authorization" not in request.headers:
            return 401, {}
        return statuses.pop(0), {}

    with serving(tmp_path, respond) as (endpoint, cloud):
        shared = Shared(cloud, lambda: now[0])
        blue = endpoint.deployments[0]
        callers = [Caller(endpoint, shared, blue, {"x": 1}, 5.0) for _ in range(2)]
        said = [caller.ask().error for caller in (*callers, *callers)]
        stranger = Stranger(endpoint, shared, blue, {"x": 1}, 5.0)
        assert stranger.ask().error == ""
        assert cloud.asked == ["address", "trust", "bearer"]
        now[0] = LIFE + 1
        shared.bearer(endpoint)
        assert cloud.asked.count("bearer") == 2
        for each in (*callers, stranger):
            each.close()

    assert said == ["", NO_PLACE, "the model failed", "status 503"]
    assert heard[-1].body == b"{}"
    assert {each.headers.get("azureml-model-deployment") for each in heard[:4]} == {"blue"}


def parsed(*more):
    parser = argparse.ArgumentParser()
    parser.add_argument("--stack", default="dev-endpoint")
    options.add(parser.add_subparsers(), lambda _options: None)
    return parser.parse_args(["capacity", "iris", "request.json", *more])


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Evaluates an endpoint in this process; returns what the JSON report says."""

    def respond(request):
        known = "Authorization" in request.headers
        return (200, IRIS.answer) if known else (401, {"error": {"message": "who?"}})

    with serving(tmp_path, respond) as (endpoint, cloud):

        class Reading:
            def deployed(self):
                return endpoint

            def outputs(self):
                return outputs(PUBLIC)

        monkeypatch.setattr(command, "choose", lambda _backend: cloud)

        def evaluate(*more, settings=None, capacity=(1,)):
            cloud.capacity = list(capacity)
            chosen = parsed("--report", str(tmp_path / "report"), "--json", *more)
            known = {"protected": False} if settings is None else settings
            strategy = options.strategy(chosen)
            command.run(chosen, cloud, Reading(), known, strategy, IRIS.request)
            (file,) = (tmp_path / "report").glob("*.json")
            return json.loads(file.read_text()), cloud

        yield evaluate


def test_an_evaluation_stays_within_its_bounds_and_is_reported(run, capsys):
    found, _ = run("--requests", "60", "--seconds", "1", "--load", "20")

    assert found["asked"] == "iris 1.0 (deployment blue)"
    assert sum(each["good"] for each in found["stages"]) == 60
    assert found["stages"][0]["probes"][FRONT_ALONE]["count"] > 0
    assert "CpuUtilizationPercentage" in found["notes"][0]
    assert found["recommendation"]["reachable"]
    words = capsys.readouterr().err
    assert "deployment blue, 1 instance\n" in words
    assert "  with 1 thread was " in words


def test_instances_that_changed_meanwhile_are_said(run):
    found, _ = run("--requests", "5", "--seconds", "1", capacity=[1, 3])

    assert "there were 1 instances, and 3 in the end" in found["notes"][0]


def test_look_ups_and_models_that_are_not_there_are_refused(run, monkeypatch):
    with pytest.raises(OperationError, match="has no database of services"):
        run("--lookups")
    with pytest.raises(OperationError, match=r"no deployment has model iris 9\.9"):
        run("--version", "9.9")
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with pytest.raises(OperationError, match="nobody is there to say yes"):
        run(settings={"protected": True})


def test_the_settings_of_deployments_are_told(capsys):
    spec = importlib.util.spec_from_file_location(
        "capacity_settings", ROOT / "scripts/lib/capacity_settings.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.main(ROOT / "stacks/Pulumi.azure-endpoint-production.yaml")

    found = json.loads(capsys.readouterr().out)
    assert found == {
        "protected": True,
        "deployments": {
            "blue": {
                "instances": 3,
                "concurrent": 1,
                "timeoutSeconds": 10,
                "autoscale": {"minimum": 3, "maximum": 10},
                "periods": {"office-hours": 5},
            }
        },
    }
    known = read("blue", {"sku": {"capacity": 4}}, found, 0.5)
    assert (known.instances, known.places, known.timeout, known.share) == (4, 8, 10.0, 0.5)


def test_a_part_of_the_traffic_is_a_part_of_the_models_load():
    split = {"blue": 60, "green": 20, "rose": 20}
    models = {"blue": "iris", "green": "iris", "rose": "rose", "new": "iris"}
    endpoint = replace(
        endpoint_of(PUBLIC),
        traffic=split,
        deployments=tuple(
            Deployment(name=name, model=model, version="1.0") for name, model in models.items()
        ),
    )

    shares = {name: command.share(endpoint, endpoint.deployment(name)) for name in models}
    assert shares == {"blue": 0.75, "green": 0.25, "rose": 1.0, "new": 1.0}
    assert command.chosen(endpoint, "iris", None).name == "blue"
