"""Everything that an evaluation found, in one value that reports are made of."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from operations.capacity.evaluation import Measured
from operations.capacity.recommendation import Recommendation, Target
from operations.capacity.samples import Figures, Stage
from operations.capacity.saturation import Saturation
from operations.capacity.strategies import Strategy


@dataclass(frozen=True, kw_only=True)
class Result:
    """An evaluation and what follows from it."""

    stack: str
    endpoint: str
    asked: str
    """What callers asked, such as `iris 1.0`."""

    began: datetime
    strategy: Strategy
    measured: Measured
    saturation: Saturation
    target: Target | None = None
    recommendation: Recommendation | None = None
    patch: str = ""
    """The stack file's change; a fragment of YAML where the file cannot be changed."""

    notes: tuple[str, ...] = ()
    """What could not be looked at, and why."""


def machine(result: Result) -> dict[str, Any]:
    """Return the result for machines; seconds everywhere, and `format` says which shape it is."""
    found, advice = result.saturation, result.recommendation
    return {
        "format": 1,
        "stack": result.stack,
        "endpoint": result.endpoint,
        "asked": result.asked,
        "began": result.began.isoformat(),
        "strategy": {
            "name": result.strategy.name,
            "minimum": result.strategy.minimum,
            "maximum": result.strategy.maximum,
            "increment": result.strategy.increment,
            "limit": result.strategy.limit,
        },
        "stages": [_stage(stage) for stage in result.measured.stages],
        "ended": result.measured.ended,
        "interrupted": result.measured.interrupted,
        "saturation": {
            "reached": found.reached,
            "threads": found.threads,
            "throughput": found.throughput,
            "tier": found.tier or None,
            "shares": dict(found.shares),
            "evidence": list(found.evidence),
        },
        "target": None
        if result.target is None
        else {"rate": result.target.rate, "latency": result.target.latency},
        "recommendation": None
        if advice is None
        else {
            "reachable": advice.reachable,
            "changes": [
                {"setting": ".".join(each.path), "value": each.value, "why": each.why}
                for each in advice.changes
            ],
            "notes": list(advice.notes),
            "patch": result.patch,
        },
        "notes": list(result.notes),
    }


def _stage(stage: Stage) -> dict[str, Any]:
    return {
        "threads": stage.threads,
        "seconds": stage.seconds,
        "good": stage.good,
        "errors": dict(stage.errors),
        "throughput": stage.throughput,
        "answers": _figures(stage.answers),
        "parts": _all(stage.parts),
        "waits": dict(stage.waits),
        "probes": _all(stage.probes),
        "client": stage.client,
        "busy": {role: {"cpu": each.cpu, "nodes": each.nodes} for role, each in stage.busy.items()},
        "api": stage.api,
        "cut": stage.cut,
    }


def _all(found: Mapping[str, Figures]) -> dict[str, Any]:
    return {name: _figures(each) for name, each in found.items()}


def _figures(found: Figures | None) -> dict[str, Any] | None:
    if found is None:
        return None
    percents = {f"p{percent}": value for percent, value in found.percentiles.items()}
    return {"count": found.count, "mean": found.mean, **percents, "largest": found.largest}
