"""The command behind scripts/capacity: ask, measure, conclude, report."""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from operations.capacity import (
    asking,
    change,
    checking,
    evaluation,
    facts,
    page,
    terminal,
    watching,
)
from operations.capacity import options as choices
from operations.capacity.asking import Question
from operations.capacity.measuring import Bounds, Measuring
from operations.capacity.recommendation import Change, Facts, Target, recommend
from operations.capacity.result import Result, machine
from operations.capacity.samples import CATALOGUE, PING, Stage
from operations.capacity.saturation import Workload, find
from operations.channel import Node, choose, instances
from operations.client import Client
from operations.endpoint import Endpoint
from operations.errors import OperationError
from operations.score import score
from operations.stack import Backend, Environment, Reading


def run(options: argparse.Namespace, backend: Backend, inputs: Mapping[str, Any]) -> None:
    """Evaluate, and report what was found. Raises OperationError; KeyboardInterrupt when ended."""
    try:
        strategy = choices.strategy(options)
    except ValueError as error:
        raise OperationError(
            "there is nothing to measure", "the options", str(error), "give a larger one"
        ) from None
    reading = Reading(options.stack, backend)
    environment = _environment(reading, options)
    settings: dict[str, Any] = json.loads(options.settings) if options.settings else {}
    if not confirmed(options, settings, strategy.maximum):
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
        measured = evaluation.evaluate(strategy, measure.stage, measure.spent, _note)
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
    _report(concluded(found, options, known), options)
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


def _environment(reading: Reading, options: argparse.Namespace) -> Environment:
    found = reading.deployed()
    if isinstance(found, Endpoint):
        raise OperationError(
            f"the capacity of stack '{options.stack}' is not measured",
            found.uri,
            "it is a managed endpoint: it has neither web nodes nor compute nodes, and its "
            "deployments say their own instances and concurrent requests",
            "name the stack of a one-box or an enterprise",
        )
    return found


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


def confirmed(options: argparse.Namespace, settings: Mapping[str, Any], most: int) -> bool:
    """Return whether the load may begin. Raises OperationError when nobody is there to say so.

    A stack that others depend on is asked about; one whose settings are not known counts as such.
    """
    if options.yes or settings.get("protected") is False:
        return True
    if not sys.stdin.isatty():
        raise OperationError(
            "nobody is there to say yes",
            f"stack '{options.stack}'",
            "it is protected, a load slows down whoever else calls it, and the standard input is "
            "no terminal",
            "say it with --yes",
        )
    sys.stderr.write(
        f"stack '{options.stack}' is protected: up to {most} requests at once, {options.requests} "
        f"in all, for {options.minutes} minutes at most, will slow down whoever else calls it.\n"
        "Begin? [y/N] "
    )
    sys.stderr.flush()
    if sys.stdin.readline().strip().casefold() in ("y", "yes"):
        return True
    sys.stderr.write("nothing was asked\n")
    return False


def _note(stage: Stage) -> None:
    begin = "\r\033[K" if sys.stderr.isatty() else ""
    sys.stderr.write(f"{begin}{terminal.progressed(stage)}\n")
    sys.stderr.flush()


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
    patch, notes = _patch(options.stack_file, advice.changes)
    return replace(
        found, target=target, recommendation=advice, patch=patch, notes=(*found.notes, *notes)
    )


def _patch(file: Path | None, changes: Sequence[Change]) -> tuple[str, tuple[str, ...]]:
    """Return the change of the stack file, or what to write where it cannot be changed."""
    if not changes:
        return "", ()
    if file is None:
        return change.fragment(changes), ()
    try:
        before = file.read_text()
        after = change.changed(before, changes)
    except (OSError, UnicodeDecodeError, change.UnwritableError) as error:
        return change.fragment(changes), (f"{file.name} must be changed by hand: {error}",)
    notes = tuple(f"that alone is refused: {each}" for each in checking.refused(file, after))
    return change.difference(f"{file.parent.name}/{file.name}", before, after), notes


def _report(found: Result, options: argparse.Namespace) -> None:
    """Write both files, and say it on a terminal or to a program."""
    document = json.dumps(machine(found), indent=2, ensure_ascii=False) + "\n"
    # A stack's name is checked by the script; a service's is whatever somebody published.
    name = f"{options.stack}-{found.began.strftime('%Y%m%dT%H%M%SZ')}"
    try:
        options.report.mkdir(parents=True, exist_ok=True)
        (options.report / f"{name}.json").write_text(document)
        path = options.report / f"{name}.html"
        path.write_text(page.html(found))
    except OSError as error:
        raise OperationError(
            "the report cannot be written", str(options.report), str(error), "give another folder"
        ) from error
    sys.stdout.write(document if options.json else terminal.shown(found))
    sys.stdout.flush()
    sys.stderr.write(f"report: {path}\n")
