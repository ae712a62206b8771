"""Judges what is known of an endpoint against what it should be: pure functions.

`parts.py` judges what lies behind its deployments.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from operations import split as splits
from operations.diagnosis.endpoint import parts
from operations.diagnosis.endpoint.front import Answer, Front, named
from operations.diagnosis.endpoint.wanted import AUTOSCALE, Wanted, deployed
from operations.diagnosis.judging.front import SOON, day
from operations.diagnosis.kinds import Finding, in_order
from operations.endpoint_cloud import Facts, Instance, key, value
from operations.export.state import Resource

PLACE = "endpoint"
WELL, UNDER_WAY = "succeeded", ("creating", "updating", "scaling", "deleting", "accepted")
"""Provisioning states (REST specification, `DeploymentProvisioningState`)."""
COMPARED = (
    "instanceType",
    "requestSettings.maxConcurrentRequestsPerInstance",
    "requestSettings.requestTimeout",
    "egressPublicNetworkAccess",
)
"""Properties of a deployment that decide how it answers, besides image and model."""
UNANSWERED = ("traffic-nowhere", "traffic-partial", "deployment-missing", "instances-none")
"""Kinds by which requests are refused: that they are is no finding of its own."""
LOG_CHARACTERS = 400


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """All that is known of an endpoint at one moment."""

    wanted: Wanted
    front: Front
    facts: Facts
    now: float
    instances: Sequence[Instance] | None = None
    """None where the cloud does not tell of single ones."""
    images: Mapping[str, bool] = field(default_factory=dict)
    """Whether a registry has them, as far as it said so."""
    logs: Mapping[str, str] = field(default_factory=dict)
    """By deployment: the end of what its container said."""


def judge(evidence: Evidence) -> tuple[Finding, ...]:
    """Return all findings, the worst first."""
    found = [*_way_in(evidence), *_endpoint(evidence)]
    for name, resource in evidence.wanted.deployments.items():
        found += _deployment(evidence, name, resource)
    found += _answers(evidence.front.answers, found)
    found += parts.judge(evidence.wanted, evidence.facts, evidence.images)
    return in_order(found)


def unwell(evidence: Evidence) -> tuple[str, ...]:
    """Return the deployments whose container should be heard."""
    bad = []
    for name, resource in evidence.wanted.deployments.items():
        told = evidence.facts.resources.get(key(resource.id))
        if told is None:
            continue
        answer = named(evidence.front.answers, name)
        ready = _ready(evidence, name)
        failed = answer is not None and answer.status in (0, 408, 424, 500, 502, 503, 504)
        if _state(told) == "failed" or ready == 0 or failed:
            bad.append(name)
    return tuple(bad)


def _way_in(evidence: Evidence) -> Iterator[Finding]:
    front, wanted = evidence.front, evidence.wanted
    if wanted.private and front.outside:
        return  # its name is one of its own network's, and that is as it should be
    where = f"{front.host}:{front.port}"
    if front.unresolved:
        yield Finding(id="uri-unresolved", place=PLACE, what=f"{front.host}: {front.unresolved}")
    elif front.unreached:
        yield Finding(id="uri-closed", place=PLACE, what=f"{where}: {front.unreached}")
    elif front.until is not None and front.until < evidence.now:
        yield Finding(id="uri-expired", place=PLACE, what=f"{where}, on {day(front.until)}")
    elif front.refused:
        yield Finding(id="uri-untrusted", place=PLACE, what=f"{where}: {front.refused}")
    elif front.until is not None and front.until < evidence.now + SOON / 7:
        yield Finding(id="uri-expiring", place=PLACE, what=f"{where}, on {day(front.until)}")
    yield from _let_in(front)


def _let_in(front: Front) -> Iterator[Finding]:
    if front.no_credential:
        yield Finding(id="credential-missing", place=PLACE, what=front.no_credential)
    if front.stranger is not None and front.stranger not in (
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
    ):
        what = f"a request without one is answered with status {front.stranger}, not with 401"
        yield Finding(id="credential-unneeded", place=PLACE, what=what)
    statuses = {each.status: each for each in front.answers}
    if refused := statuses.get(HTTPStatus.UNAUTHORIZED):
        yield Finding(id="credential-refused", place=PLACE, what=f"401: {refused.said}")
    if forbidden := statuses.get(HTTPStatus.FORBIDDEN):
        yield Finding(id="caller-forbidden", place=PLACE, what=f"403: {forbidden.said}")


def _state(told: Mapping[str, Any]) -> str:
    return str(value(told, "provisioningState") or WELL).casefold()


def _endpoint(evidence: Evidence) -> Iterator[Finding]:
    wanted, facts = evidence.wanted, evidence.facts
    own = key(wanted.endpoint.id)
    if own in facts.gone:
        yield Finding(id="endpoint-missing", place=PLACE, what=wanted.endpoint.id)
    told = facts.resources.get(own)
    if told is None:
        return
    if (state := _state(told)) != WELL:
        yield Finding(id="endpoint-unprovisioned", place=PLACE, what=f"its state is {state}")
    mode, should = value(told, "authMode"), wanted.written.get("authMode")
    if str(mode).casefold() != str(should).casefold():
        what = f"authMode is {mode}, and was deployed as {should}"
        yield Finding(id="signin-differs", place=PLACE, what=what)
    yield from _traffic(evidence, told)


def _traffic(evidence: Evidence, told: Mapping[str, Any]) -> Iterator[Finding]:
    now = splits.made(value(told, "traffic"), value(told, "mirrorTraffic"))
    wanted, facts = evidence.wanted, evidence.facts
    total = sum(now.traffic.values())
    if total == 0:
        yield Finding(id="traffic-nowhere", place=PLACE, what=f"deployed was {wanted.split}")
    elif total != 100:
        yield Finding(id="traffic-partial", place=PLACE, what=f"{now} add up to {total}")
    if total and now != wanted.split:
        what = f"it is {now}, and was deployed as {wanted.split}"
        yield Finding(id="traffic-differs", place=PLACE, what=what)
    known = {name.casefold(): each for name, each in wanted.deployments.items()}
    for name, percent in now.traffic.items():
        resource = known.get(name.casefold())
        if resource is None:
            continue  # somebody's own, which traffic-differs names
        if key(resource.id) in facts.gone:
            why = "it does not exist"
        elif _ready(evidence, name) == 0:
            why = "no instance of it is ready"
        else:
            continue
        what = f"it has {percent} percent, and {why}"
        yield Finding(id="traffic-unserved", place=f"deployment {name}", what=what)


def _ready(evidence: Evidence, name: str) -> int | None:
    """Return how many instances of a deployment are ready; None where nobody tells."""
    if evidence.instances is None:
        return None
    return sum(each.ready for each in evidence.instances if each.deployment == name)


def _deployment(evidence: Evidence, name: str, resource: Resource) -> Iterator[Finding]:
    place = f"deployment {name}"
    if key(resource.id) in evidence.facts.gone:
        yield Finding(id="deployment-missing", place=place, what=resource.id)
    told = evidence.facts.resources.get(key(resource.id))
    if told is None:
        return
    state, log = _state(told), _end_of(evidence.logs.get(name, ""))
    if state in UNDER_WAY:
        yield Finding(id="deployment-updating", place=place, what=f"its state is {state}{log}")
    elif state != WELL:
        yield Finding(id="deployment-failed", place=place, what=f"its state is {state}{log}")
    for path in COMPARED:
        should, found = deployed(resource, path), value(told, path)
        if should is not None and found != should:
            what = f"{path} is {found}, and was deployed as {should}"
            yield Finding(id="deployment-differs", place=place, what=what)
    for path, kind in (("environmentId", "image-differs"), ("model", "model-differs")):
        should, found = deployed(resource, path), value(told, path)
        if should and key(str(found)) != key(str(should)):
            what = f"it has {_short(found)}, and was deployed with {_short(should)}"
            yield Finding(id=kind, place=place, what=what)
    yield from _instances(evidence, name, told, log)
    yield from _count(evidence.wanted, evidence.facts, place, resource, told)


def _short(arm: object) -> str:
    """Return an id from the asset's own name on."""
    return "/".join(str(arm).split("/")[-3:])


def _end_of(log: str) -> str:
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    return f"; its log ends: {' | '.join(lines[-4:])[-LOG_CHARACTERS:]}" if lines else ""


def _instances(
    evidence: Evidence, name: str, told: Mapping[str, Any], log: str
) -> Iterator[Finding]:
    if evidence.instances is None:
        return
    own = [each for each in evidence.instances if each.deployment == name]
    ready, capacity = _ready(evidence, name) or 0, int(value(told, "sku.capacity") or 0)
    others = ", ".join(
        f"{each.name} is {each.state}{f' ({_one_line(each.why)})' if each.why else ''}"
        for each in own
        if not each.ready
    )
    what = f"{ready} of {capacity} are ready{f': {others}' if others else ''}"
    if ready == 0 and capacity:
        yield Finding(id="instances-none", place=f"deployment {name}", what=what + log)
    elif ready < capacity:
        yield Finding(id="instances-fewer", place=f"deployment {name}", what=what + log)


def _one_line(words: str) -> str:
    return " ".join(words.split())[-LOG_CHARACTERS:]


def _count(
    wanted: Wanted, facts: Facts, place: str, resource: Resource, told: Mapping[str, Any]
) -> Iterator[Finding]:
    """How many instances the cloud is to keep: as deployed, or within what autoscale may choose."""
    capacity = int(value(told, "sku.capacity") or 0)
    setting = next(
        (each for each in wanted.of(AUTOSCALE) if _target(each) == key(resource.id)), None
    )
    if setting is None:
        should = int(value(resource.inputs, "sku.capacity") or 0)
        if should and capacity != should:
            what = f"it keeps {capacity}, and {should} were deployed"
            yield Finding(id="instances-count", place=place, what=what)
        return
    if key(setting.id) in facts.gone:
        yield Finding(id="autoscale-off", place=place, what="its autoscale setting is gone")
        return
    scale = facts.resources.get(key(setting.id))
    if scale is None:
        return
    if value(scale, "enabled") is False:
        yield Finding(id="autoscale-off", place=place, what="its autoscale setting is turned off")
    most = max(
        (int(each["capacity"]["maximum"]) for each in setting.inputs.get("profiles") or ()),
        default=capacity,
    )
    fewest = min(
        (int(each["capacity"]["minimum"]) for each in setting.inputs.get("profiles") or ()),
        default=capacity,
    )
    if not fewest <= capacity <= most:
        what = f"it keeps {capacity}, and autoscale was deployed with {fewest} to {most}"
        yield Finding(id="instances-count", place=place, what=what)


def _target(setting: Resource) -> str:
    """Return the key of what an autoscale setting scales."""
    return key(str(setting.inputs.get("targetResourceUri") or ""))


def _answers(answers: Sequence[Answer], found: Sequence[Finding]) -> Iterator[Finding]:
    """Yield what is wrong with answers, but for what follows from what was *found* already."""
    silent = {each.place for each in found if each.id in UNANSWERED}
    said: set[str] = set()
    for answer in answers:
        for each in _answer(answer):
            by_traffic = not answer.deployment
            if each.place in silent or (by_traffic and (silent or each.id in said)):
                continue
            said.add(each.id)
            yield each


def _answer(answer: Answer) -> Iterator[Finding]:
    place = f"deployment {answer.deployment}" if answer.deployment else PLACE
    kinds = {408: "score-slow", 424: "score-failed", 429: "score-busy"}
    if answer.status == HTTPStatus.OK:
        if not answer.right:
            what = "its answer is not that of answer.json in the model's folder"
            yield Finding(id="score-wrong", place=place, what=what)
    elif answer.status not in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        came = f"{answer.status}: " if answer.status else ""
        yield Finding(
            id=kinds.get(answer.status, "score-refused"),
            place=place,
            what=f"after {answer.seconds:.1f} s, {came}{answer.said}",
        )
