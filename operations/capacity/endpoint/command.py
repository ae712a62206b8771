"""scripts/capacity for a managed endpoint: one deployment is asked by name, and concluded on."""

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from operations.capacity import evaluation, load, reporting, strategies
from operations.capacity.endpoint import facts, recommendation, saturation
from operations.capacity.endpoint.asking import FRONT_ALONE, Caller, Shared, Stranger
from operations.capacity.endpoint.facts import Known
from operations.capacity.measuring import beat
from operations.capacity.recommendation import Target
from operations.capacity.result import Result
from operations.capacity.samples import Stage
from operations.capacity.strategies import Strategy
from operations.endpoint import Deployment, Endpoint
from operations.endpoint_client import EndpointClient
from operations.endpoint_cloud import choose, value
from operations.errors import OperationError
from operations.stack import Backend, Reading


def run(
    options: argparse.Namespace,
    backend: Backend,
    reading: Reading,
    settings: Mapping[str, Any],
    strategy: Strategy,
    inputs: Mapping[str, Any],
) -> None:
    """Evaluate, and report what was found. Raises OperationError; KeyboardInterrupt when ended."""
    endpoint = reading.deployed()
    assert isinstance(endpoint, Endpoint)  # noqa: S101 - the caller has seen it
    if options.lookups:
        raise OperationError(
            "there are no look-ups to measure",
            endpoint.uri,
            "a managed endpoint answers scores, and has no database of services",
            "leave --lookups out",
        )
    if not reporting.confirmed(options, settings, strategy.maximum):
        return
    source, access = choose(backend), Shared(backend.access)
    arms = {
        name: str(each["id"]) for name, each in (reading.outputs()["deployments"] or {}).items()
    }
    deployment = chosen(endpoint, options.name, options.version)
    with EndpointClient(endpoint, access) as client:
        # One request that must be good: a load of wrong ones would measure refusals.
        client.ask(deployment, inputs, options.timeout)
    told = facts.kept(source, arms[deployment.name])
    known = facts.read(deployment.name, told, settings, share(endpoint, deployment))
    strategy = shaped(strategy, known, given=options.min_threads != strategies.FIRST)
    began = datetime.now(UTC)
    sys.stderr.write(
        f"{deployment.model} {deployment.version} at {endpoint.uri}, deployment {deployment.name}, "
        f"{known.instances} instance{'s' if known.instances > 1 else ''}\n"
    )
    measure = Measuring(
        partial(Caller, endpoint, access, deployment, inputs, options.timeout),
        partial(Stranger, endpoint, access, deployment, inputs, options.timeout),
        load.Budget(options.requests),
        options,
    )
    measured = evaluation.evaluate(strategy, measure.stage, measure.spent, reporting.note)
    if not measured.stages:
        raise OperationError("nothing was measured", endpoint.uri, measured.ended, "try again")
    after = facts.kept(source, arms[deployment.name])
    found = Result(
        stack=options.stack,
        endpoint=endpoint.uri,
        asked=f"{deployment.model} {deployment.version} (deployment {deployment.name})",
        began=began,
        strategy=strategy,
        measured=measured,
        saturation=saturation.find(measured.stages),
        notes=tuple(_notes(known, after, settings)),
    )
    reporting.report(concluded(found, options, known), options)
    if measured.interrupted:
        raise KeyboardInterrupt


def chosen(endpoint: Endpoint, model: str, version: str | None) -> Deployment:
    """Return the deployment of a model that has the most traffic. Raises OperationError."""
    able = endpoint.serving(model, version)
    if not able:
        known = sorted({f"{each.model} {each.version}" for each in endpoint.deployments})
        raise OperationError(
            f"no deployment has model {model} {version or ''}".rstrip(),
            endpoint.uri,
            f"deployed are {', '.join(known) or 'no models'}",
            "give one of these",
        )
    return able[0]


def share(endpoint: Endpoint, deployment: Deployment) -> float:
    """Return which part of the requests for its model a deployment gets.

    One that has no traffic yet is measured for all of them.
    """
    own = endpoint.traffic.get(deployment.name, 0)
    total = sum(
        endpoint.traffic.get(each.name, 0) for each in endpoint.serving(deployment.model, None)
    )
    return own / total if own else 1.0


def shaped(strategy: Strategy, known: Known, *, given: bool) -> Strategy:
    """Return the strategy in steps that the deployment can tell apart, unless steps were *given*.

    More than its places at once are refused: between one caller and that there must be a stage.
    """
    if given or known.places >= strategy.minimum:
        return strategy
    step = max(known.places, 2)
    return replace(strategy, minimum=step, increment=step, maximum=max(strategy.maximum, step))


class Measuring:
    """One deployment, asked stage after stage within bounds."""

    def __init__(
        self,
        caller: Callable[[], Caller],
        probe: Callable[[], Caller],
        budget: load.Budget,
        options: argparse.Namespace,
    ) -> None:
        self._caller, self._probe, self._budget, self._options = caller, probe, budget, options
        self._clocks = load.Clocks()
        self._ends = self._clocks.passing() + 60.0 * options.minutes

    def spent(self) -> str:
        """Return which bound is reached; nothing while none is."""
        if self._budget.requests <= 0:
            return f"{self._options.requests} requests were the most that were allowed"
        if self._clocks.passing() >= self._ends:
            return f"{self._options.minutes} minutes were the most that were allowed"
        return ""

    def stage(self, threads: int) -> Stage:
        """Measure one stage."""
        stretch = load.Stretch(
            threads=threads,
            seconds=self._options.seconds,
            patience=self._options.timeout + load.LEAVE_SECONDS,
            beat=partial(beat, threads) if sys.stderr.isatty() else lambda _seconds, _ended: None,
        )
        probes = {FRONT_ALONE: self._probe}
        return load.run(stretch, self._budget, self._caller, probes, self._clocks)


def _notes(known: Known, after: Mapping[str, Any], settings: Mapping[str, Any]) -> Iterator[str]:
    if not settings:
        yield "the settings of the stack are not known: what to change is said without them"
    capacity = int(value(after, "sku.capacity") or known.instances)
    if capacity != known.instances:
        yield (
            f"there were {known.instances} instances, and {capacity} in the end: autoscale, or "
            "somebody, changed that meanwhile; measure again"
        )
    yield (
        "processors and memory of instances were not looked at: CpuUtilizationPercentage and "
        "CpuMemoryUtilizationPercentage of Azure Monitor have them"
    )


def concluded(found: Result, options: argparse.Namespace, known: Known) -> Result:
    """Return the result with what a stated load needs, if one was stated."""
    if options.load is None:
        return found
    target = Target(rate=options.load, latency=options.latency / 1000)
    advice = recommendation.recommend(target, found.measured.stages, found.saturation, known)
    patch, notes = reporting.patch(options.stack_file, advice.changes)
    return replace(
        found, target=target, recommendation=advice, patch=patch, notes=(*found.notes, *notes)
    )
