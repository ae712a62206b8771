"""Looks at a managed endpoint, all at the same time, and judges what it sees."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from operations import samples
from operations.diagnosis.endpoint import front, wanted
from operations.diagnosis.endpoint.front import Front
from operations.diagnosis.endpoint.judging import Evidence, judge, unwell
from operations.diagnosis.endpoint.wanted import ENVIRONMENT, Wanted
from operations.diagnosis.kinds import Finding
from operations.endpoint import Access, Endpoint
from operations.endpoint_cloud import Facts, Instance, Source, value
from operations.errors import OperationError
from operations.export import state

AT_ONCE = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """A diagnosis of an endpoint."""

    findings: tuple[Finding, ...]
    instances: tuple[Instance, ...]
    front: Front
    unseen: tuple[str, ...]


def look(endpoint: Endpoint, text: str, source: Source, access: Access) -> Seen:
    """Look at an endpoint; *text*: the engine's state of its stack. Raises OperationError."""
    should = wanted.read(endpoint, state.parse(text, endpoint.stack))
    found = {each.name: samples.folder_of(each) for each in endpoint.deployments}
    folders = {name: folder for name, folder in found.items() if folder is not None}
    unseen = [
        f"scores of deployment {name}: no folder of {samples.MODELS} is its model"
        for name in found
        if name not in folders
    ]
    images = sorted(set(_images(should)))
    # What traffic was deployed last: outputs have it as the settings had it.
    asked = replace(endpoint, traffic=should.split.traffic)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        way_in = pool.submit(front.look, asked, access, folders, private=should.private)
        facts = pool.submit(source.facts, should.versions)
        there = pool.submit(
            source.instances, {name: each.id for name, each in should.deployments.items()}
        )
        built = {each: pool.submit(_told, source.has_image, each) for each in images}
        evidence = Evidence(
            wanted=should,
            front=way_in.result(),
            facts=facts.result(),
            now=time.time(),
            instances=there.result(),
            images={
                name: answer
                for name, each in built.items()
                if isinstance(answer := each.result(), bool)
            },
        )
        unseen += [
            f"image {name}: {why}"
            for name, each in built.items()
            if isinstance(why := each.result(), str)
        ]
        evidence = replace(evidence, logs=_logs(evidence, source, unseen))
    return Seen(
        findings=judge(evidence),
        instances=tuple(evidence.instances or ()),
        front=evidence.front,
        unseen=(*unseen, *_unseen(evidence)),
    )


def _images(should: Wanted) -> Iterator[str]:
    for each in should.of(ENVIRONMENT):
        if image := value(each.inputs, "properties.image"):
            yield str(image)


def _told(ask: Callable[[str], bool], name: str) -> bool | str:
    """Return the answer, or why there is none."""
    try:
        return ask(name)
    except OperationError as error:
        return error.why


def _logs(evidence: Evidence, source: Source, unseen: list[str]) -> Mapping[str, str]:
    logs: dict[str, str] = {}
    for name in unwell(evidence):
        own = [each for each in evidence.instances or () if each.deployment == name]
        chosen = next((each for each in own if not each.ready), own[0] if own else None)
        try:
            logs[name] = source.log(evidence.wanted.deployments[name].id, chosen)
        except OperationError as error:
            unseen.append(f"log of deployment {name}: {error.why}")
    return logs


def _unseen(evidence: Evidence) -> Iterator[str]:
    should, way_in = evidence.wanted, evidence.front
    if should.private and way_in.outside:
        yield (
            "the way in, and scores: the endpoint is private, and this machine is not in its "
            "network"
        )
    if evidence.instances is None:
        yield "single instances: the cloud does not tell of them here; scores and states do"
    yield from _refused(evidence.facts, [each.id for each in should.resources])


def _refused(facts: Facts, arms: Sequence[str]) -> Iterator[str]:
    for arm in arms:
        if why := facts.untold.get(arm.casefold()):
            yield f"{'/'.join(arm.split('/')[-2:])}: {why}"
