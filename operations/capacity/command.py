"""The command behind scripts/capacity: ask, measure, conclude, report."""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from operations.capacity import asking, evaluation, facts, reporting, watching
from operations.capacity import options as choices
from operations.capacity.asking import Question
from operations.capacity.endpoint import command as endpoint_command
from operations.capacity.measuring import Bounds, Measuring
from operations.capacity.recommendation import Facts, Target, recommend
from operations.capacity.result import Result
from operations.capacity.samples import CATALOGUE, PING
from operations.capacity.saturation import Workload, find
from operations.channel import Node, choose, instances
from operations.client import Client
from operations.endpoint import Endpoint
from operations.errors import OperationError
from operations.score import score
from operations.stack import Backend, Reading


def run(options: argparse.Namespace, backend: Backend, inputs: Mapping[str, Any]) -> None:
    """Evaluate, and report what was found. Raises OperationError; KeyboardInterrupt when ended."""
    try:
        strategy = choices.strategy(options)
    except ValueError as error:
        raise OperationError(
            "there is nothing to measure", "the options", str(error), "give a larger one"
        ) from None
    reading = Reading(options.stack, backend)
    environment = reading.deployed()
    settings: dict[str, Any] = json.loads(options.settings) if options.settings else {}
    if isinstance(environment, Endpoint):
        endpoint_command.run(options, backend, reading, settings, strategy, inputs)
        return
    if not reporting.confirmed(options, settings, strategy.maximum):
        return
    with Client(environment) as client:
        version = _version(client, options)
        # One request that must be good: a load of wrong ones would measure refusals.
        score(client, options.name, version, inputs, options.timeout)
        asked = _asked(options, version, inputs)
        nodes, unseen = watching.nodes(
            partial(instances.found, reading.outputs(), backend),
            windows=bool(settings.get("windows")),
        )
        known = facts.read(settings, client.status(), Counter(node.role for node in nodes))
        watch, unreachable = _watch(backend, nodes, reading.outputs())
        measure = Measuring(
            environment,
            asked,
            {PING: asking.PING}
            | ({} if options.lookups else {CATALOGUE: asking.looking_up(options.name, version)}),
            client.token,
            Bounds(
                stage=options.seconds,
                requests=options.requests,
                seconds=60.0 * options.minutes,
                timeout=options.timeout,
            ),
            watch,
        )
        began = datetime.now(UTC)
        sys.stderr.write(f"{options.name} {version} at {environment.endpoint}\n")
        measure.warm_up(strategy.minimum)
        measured = evaluation.evaluate(strategy, measure.stage, measure.spent, reporting.note)
        if watch and not measured.interrupted:
            sys.stderr.write("  reading the logs of the nodes\n")
            stages = watch.with_logs(measured.stages, asked.path)
            measured = replace(measured, stages=stages)
    if not measured.stages:
        raise OperationError(
            "nothing was measured", environment.endpoint, measured.ended, "try again"
        )
    workload = Workload(
        runs_models=not options.lookups, through_database=environment.product is not None
    )
    found = Result(
        stack=options.stack,
        endpoint=environment.endpoint,
        asked=f"{options.name} {version}{' (look-ups)' if options.lookups else ''}",
        began=began,
        strategy=strategy,
        measured=measured,
        saturation=find(measured.stages, workload),
        notes=tuple(_notes((*unseen, *unreachable), watch, settings)),
    )
    reporting.report(concluded(found, options, known), options)
    if measured.interrupted:
        raise KeyboardInterrupt


def _watch(
    backend: Backend, nodes: Sequence[Node], outputs: Mapping[str, Any]
) -> tuple[watching.Watch | None, tuple[str, ...]]:
    """Return who looks at the nodes, or why nobody does: a load is worth its answers without."""
    if not nodes:
        return None, ()
    try:
        return watching.Watch(choose(backend, nodes, str(outputs.get("location") or "")), nodes), ()
    except OperationError as error:
        return None, (f"the nodes were not looked at: {error.why}",)


def _version(client: Client, options: argparse.Namespace) -> str:
    if options.version:
        return str(options.version)
    found = client.versions(options.name)
    if not found:
        raise OperationError(
            f"there is no service {options.name}",
            client.endpoint,
            f"published are {', '.join(client.names()) or 'no services yet'}",
            "scripts/publish MODEL_FOLDER",
        )
    return max(found, key=lambda each: each.created).version


def _asked(options: argparse.Namespace, version: str, inputs: Mapping[str, Any]) -> Question:
    if options.lookups:
        return asking.looking_up(options.name, version)
    return asking.scoring(options.name, version, inputs)


def _notes(
    unseen: Sequence[str], watch: watching.Watch | None, settings: Mapping[str, Any]
) -> Iterator[str]:
    if not settings:
        yield "the settings of the stack are not known: what to change is said without them"
    yield from unseen
    for node, why in (watch.trouble if watch else {}).items():
        yield f"{node} was not looked at in full: {why}"


def concluded(found: Result, options: argparse.Namespace, known: Facts) -> Result:
    """Return the result with what a stated load needs, if one was stated."""
    if options.load is None:
        return found
    target = Target(rate=options.load, latency=options.latency / 1000)
    advice = recommend(
        target,
        found.measured.stages,
        found.saturation,
        known,
        runs_models=not options.lookups,
    )
    patch, notes = reporting.patch(options.stack_file, advice.changes)
    return replace(
        found, target=target, recommendation=advice, patch=patch, notes=(*found.notes, *notes)
    )
