"""Judges what lies behind deployments: images and models, grants, exposure, private addresses."""

from collections.abc import Iterator, Mapping
from typing import Any

from operations.diagnosis.endpoint.wanted import (
    ACCOUNT,
    ASSIGNMENT,
    AUTOSCALE,
    DEPLOYMENT,
    ENDPOINT,
    ENVIRONMENT,
    MODEL,
    PRIVATE_ENDPOINT,
    REGISTRY,
    VAULT,
    WORKSPACE,
    Wanted,
    deployed,
    name_of,
)
from operations.diagnosis.kinds import Finding
from operations.endpoint_cloud import Facts, key, value
from operations.export.state import Resource

OPENNESS: Mapping[str, tuple[str, ...]] = {
    WORKSPACE: ("publicNetworkAccess",),
    REGISTRY: ("publicNetworkAccess", "adminUserEnabled", "anonymousPullEnabled"),
    ACCOUNT: ("publicNetworkAccess", "allowSharedKeyAccess", "allowBlobPublicAccess"),
    VAULT: ("properties.publicNetworkAccess",),
}
"""By type: properties that decide who reaches it."""
WORDS = {WORKSPACE: "workspace", REGISTRY: "registry", ACCOUNT: "storage account", VAULT: "vault"}
REGISTRIES, STORES = "/microsoft.containerregistry/", "/microsoft.storage/"
OF_THEIR_OWN = (ENDPOINT, DEPLOYMENT, AUTOSCALE, ENVIRONMENT, MODEL, ASSIGNMENT)
"""Types whose absence has a kind of its own."""
APPROVED = "approved"


def judge(wanted: Wanted, facts: Facts, images: Mapping[str, bool]) -> Iterator[Finding]:
    """Yield what is not well."""
    for each in wanted.of(ENVIRONMENT, MODEL):
        yield from _asset(each, facts)
    for reference, there in images.items():
        if not there:
            yield Finding(id="image-missing", place="registry", what=reference)
    for each in wanted.of(ASSIGNMENT):
        yield from _grant(each, facts)
    for each in wanted.resources:
        if key(each.id) in facts.gone and each.type not in OF_THEIR_OWN:
            short = each.type.rpartition(":")[2]
            yield Finding(id="part-missing", place=short, what=each.id)
    yield from _exposure(wanted, facts)
    for each in wanted.of(PRIVATE_ENDPOINT):
        yield from _connection(each, facts)


def _asset(asset: Resource, facts: Facts) -> Iterator[Finding]:
    word = "environment" if asset.type == ENVIRONMENT else "model"
    name = "/".join(asset.id.split("/")[-3::2])
    place = f"{word} {name}"
    if key(asset.id) in facts.gone:
        yield Finding(id="model-missing", place=place, what=asset.id)
    told = facts.resources.get(key(asset.id))
    if told is None:
        return
    path = "properties.image" if asset.type == ENVIRONMENT else "properties.modelUri"
    should, found = deployed(asset, path), value(told, path)
    if should and found != should:
        kind = "image-differs" if asset.type == ENVIRONMENT else "model-differs"
        yield Finding(id=kind, place=place, what=f"it is {found}, and was deployed as {should}")


def _grant(grant: Resource, facts: Facts) -> Iterator[Finding]:
    scope = key(str(grant.inputs.get("scope") or grant.id))
    kind = "pull-denied" if REGISTRIES in scope else "storage-denied"
    if REGISTRIES not in scope and STORES not in scope:
        kind = "part-missing"
    told, why = facts.resources.get(key(grant.id)), ""
    if key(grant.id) in facts.gone:
        why = "is gone"
    elif told is not None:
        role, principal = value(told, "roleDefinitionId"), value(told, "principalId")
        if key(name_of(str(role))) != key(name_of(str(grant.inputs.get("roleDefinitionId")))):
            why = "gives another role"
        elif principal != grant.inputs.get("principalId"):
            why = "is for another identity"
    if why:
        what = f"role assignment {grant.name} on {name_of(scope)} {why}"
        yield Finding(id=kind, place="identity", what=what)


def _exposure(wanted: Wanted, facts: Facts) -> Iterator[Finding]:
    own = facts.resources.get(key(wanted.endpoint.id))
    if own is not None:
        should = wanted.written.get("publicNetworkAccess")
        yield from _open("endpoint", should, own, "publicNetworkAccess")
    for kind, paths in OPENNESS.items():
        for each in wanted.of(kind):
            told = facts.resources.get(key(each.id))
            for path in paths if told is not None else ():
                place = f"{WORDS[kind]} {name_of(each.id)}"
                yield from _open(place, deployed(each, path), told or {}, path)


def _open(place: str, should: object, told: Mapping[str, Any], path: str) -> Iterator[Finding]:
    found = value(told, path)
    if should is not None and found is not None and found != should:
        name = path.rpartition(".")[2]
        what = f"{name} is {_word(found)}, and was deployed as {_word(should)}"
        yield Finding(id="exposure-differs", place=place, what=what)


def _word(found: object) -> str:
    return str(found).lower() if isinstance(found, bool) else str(found)


def _connection(private: Resource, facts: Facts) -> Iterator[Finding]:
    told = facts.resources.get(key(private.id))
    if told is None:
        return
    listed = [
        *(value(told, "privateLinkServiceConnections") or ()),
        *(value(told, "manualPrivateLinkServiceConnections") or ()),
    ]
    for each in listed:
        state = value(each, "privateLinkServiceConnectionState.status")
        if state is not None and str(state).casefold() != APPROVED:
            what = f"its connection is {state}"
            yield Finding(
                id="private-link-down", place=f"private endpoint {name_of(private.id)}", what=what
            )
