"""Managed online deployments (.../workspaces/onlineEndpoints/deployments).

Sources: Azure documentation, "CLI (v2) managed online deployment YAML schema" (probes, requests,
scale), "Manage and increase quotas" (20 deployments an endpoint, 50 instances a deployment, a fifth
more cores than are used, for upgrades), "Troubleshoot online endpoints deployment and scoring"
(OutOfQuota, authorization to pull an image), "Authentication and authorization for online
endpoints" (what a user-assigned identity needs); REST specification of
Microsoft.MachineLearningServices (the instance type is create-only).
"""

import math
from collections.abc import Iterator

from sandbox.control import ids, limits
from sandbox.control.azure.arm import (
    name_of,
    not_emulated,
    one_of,
    parent_of,
    provider,
    required,
    same,
    standard,
    within,
)
from sandbox.control.azure.authorization import ASSIGNMENT
from sandbox.control.azure.durations import between
from sandbox.control.azure.locations import normal
from sandbox.control.azure.ml_workspaces import ENVIRONMENT_VERSION, MODEL_VERSION
from sandbox.control.azure.online_endpoints import (
    ENDPOINT_NAME,
    ONLINE_DEPLOYMENT_KIND,
    ONLINE_ENDPOINT,
    endpoint_of,
    unused,
)
from sandbox.control.azure.registries import has_image, registry_of
from sandbox.control.azure.sizes import size_of
from sandbox.control.kinds import (
    Context,
    Kind,
    Outputs,
    Problem,
    Record,
    Transaction,
    Values,
    World,
)
from sandbox.control.reading import mapping, number, text, texts

ONLINE_DEPLOYMENT = f"{ONLINE_ENDPOINT}/deployments"

MAX_DEPLOYMENTS, MAX_INSTANCES = 20, 50
CORES = "azure-native:endpoint-vcpus"
REGIONAL_CORES = 300
"""In each region: what a subscription with a pay-as-you-go offer begins with at most."""

DEFAULT_SIZE = "Standard_F4s_v2"

ACR_PULL = "7f951dda-4ed3-4680-a7ca-43fe172d538d"
_MAY_PULL = (
    ACR_PULL,
    "8e3af657-a8ff-443c-a75c-2fe8c4bcb635",  # Owner
    "b24988ac-6180-42a0-ab88-20f7382dd24c",  # Contributor
    "8311e382-0749-4cb8-b61a-304f252e45ec",  # AcrPush
)
_CODE = "BadArgument"
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")


def cores_of(record: Record) -> int:
    """VCPUs that a deployment takes of the quota: a fifth more than its instances have."""
    size = text(record.inputs, "properties.instanceType") or DEFAULT_SIZE
    return _cores(size, number(record.inputs, "sku.capacity") or 1)


def _cores(size: str, instances: int) -> int:
    known = size_of(size)
    return known.vcpus * math.ceil(instances * 1.2) if known else 0


def _rules(values: Values) -> Iterator[Problem]:
    kind = text(values, "properties.endpointComputeType")
    if kind is not None and kind != "Managed":
        yield Problem(
            "properties.endpointComputeType", f"the sandbox does not emulate {kind}: use Managed"
        )
        return
    yield from one_of(values, "sku.name", ("Default",), _CODE)
    yield from within(values, "sku.capacity", 1, MAX_INSTANCES, _CODE)
    yield from between(values, "properties.requestSettings.requestTimeout", "PT1S", "PT180S", _CODE)
    yield from within(
        values, "properties.requestSettings.maxConcurrentRequestsPerInstance", 1, 1000, _CODE
    )
    yield from one_of(
        values, "properties.egressPublicNetworkAccess", ("Enabled", "Disabled"), _CODE
    )
    yield from one_of(values, "properties.scaleSettings.scaleType", ("Default",), _CODE)
    for probe in _PROBES:
        yield from _probe(values, f"properties.{probe}")
    size = text(values, "properties.instanceType")
    if size is not None and size_of(size) is None:
        yield Problem(
            "properties.instanceType",
            f"Instance type {size} is not supported for managed online endpoints (or the sandbox "
            "does not know it).",
            "InvalidVmSize",
        )
    yield from not_emulated(
        values,
        {
            "properties.codeConfiguration": "put the code into the image",
            "properties.dataCollector": "leave it out",
            "properties.modelMountPath": "leave it out: the model is in the image",
            "identity": "the endpoint has one",
        },
    )


def _probe(values: Values, path: str) -> Iterator[Problem]:
    for key in ("initialDelay", "period", "timeout"):
        yield from between(values, f"{path}.{key}", "PT1S", "P1D", _CODE)
    for key in ("failureThreshold", "successThreshold"):
        yield from within(values, f"{path}.{key}", 1, 1000, _CODE)


def _verify(context: Context) -> Iterator[Problem]:
    yield from required(
        context.inputs,
        "properties.endpointComputeType",
        "properties.environmentId",
        "sku",
        code=_CODE,
    )
    endpoint = context.world.find(parent_of(context.id))
    if endpoint is None:
        return
    here, there = text(context.inputs, "location"), text(endpoint.inputs, "location")
    if here and there and normal(here) != normal(there):
        yield Problem(
            "location",
            f"is {here}, but endpoint {name_of(endpoint.id)} is in {there}",
            "InvalidLocation",
        )
    others = [
        child
        for child in context.world.children(endpoint.id)
        if child.type == context.type and not same(child.id, context.id)
    ]
    if context.previous is None and len(others) >= MAX_DEPLOYMENTS:
        yield Problem(
            "",
            f"Endpoint {name_of(endpoint.id)} has {len(others)} deployments; an endpoint has up to "
            f"{MAX_DEPLOYMENTS}.",
            "DeploymentCountLimitReached",
        )
    yield from _verify_cores(context)
    yield from _verify_image(context, endpoint)


def _verify_cores(context: Context) -> Iterator[Problem]:
    size = text(context.inputs, "properties.instanceType") or DEFAULT_SIZE
    needed = _cores(size, number(context.inputs, "sku.capacity") or 1)
    extra = needed - (cores_of(context.previous) if context.previous else 0)
    place = normal(text(context.inputs, "location") or "")
    used = sum(
        cores_of(other)
        for other in context.world.of(context.type)
        if normal(text(other.inputs, "location") or "") == place
    )
    most = limits.most(context.world, CORES, place, REGIONAL_CORES)
    if extra > 0 and used + extra > most:
        yield Problem(
            "sku.capacity",
            f"Not enough quota available for {size} in SubscriptionId "
            f"{context.world.subscription}. Current usage/limit: {used}/{most}. Additional needed: "
            f"{extra} (a fifth more instances than asked for, which upgrades need).",
            "OutOfQuota",
        )


def _verify_image(context: Context, endpoint: Record) -> Iterator[Problem]:
    """The image must be there, and the endpoint's identity must be able to pull it."""
    path = "properties.environmentId"
    environment = context.world.find(text(context.inputs, path) or "")
    image = text(environment.inputs, "properties.image") if environment else None
    registry = registry_of(context.world, image) if image else None
    if not image or registry is None:
        return
    if has_image(context.world, image) is False:
        yield Problem(
            path,
            f"Unable to pull the image {image}: the registry has no such image.",
            "ImageNotFound",
        )
    for identity in _user_assigned(endpoint):
        record = context.world.find(identity)
        principal = text(record.outputs, "principalId") if record else None
        if principal and not _may_pull(context.world, principal, registry.id):
            yield Problem(
                path,
                f"Unable to pull the image {image}: identity {name_of(identity)} of endpoint "
                f"{name_of(endpoint.id)} has no role AcrPull on registry "
                f"{name_of(registry.id)}.",
                "ImagePullUnauthorized",
            )


def _user_assigned(endpoint: Record) -> list[str]:
    """Identities that Azure gives no role by itself, as it does to a system-assigned one."""
    return [found for _, found in texts(endpoint.inputs, "identity.userAssignedIdentities[*]")]


def _may_pull(world: World, principal: str, registry: str) -> bool:
    scopes = {ids.key(scope) for scope in (registry, *ids.ancestors(registry))}
    return any(
        text(found.inputs, "principalId") == principal
        and ids.key(text(found.inputs, "scope") or "") in scopes
        and name_of(text(found.inputs, "roleDefinitionId") or "").casefold() in _MAY_PULL
        for found in world.of(ASSIGNMENT)
    )


def _outputs(context: Context) -> Outputs:
    probe: Outputs = {
        "initialDelay": "PT10S",
        "period": "PT10S",
        "timeout": "PT2S",
        "failureThreshold": 30,
        "successThreshold": 1,
    }
    given = dict(mapping(context.inputs, "properties"))
    requests: Outputs = {"requestTimeout": "PT5S", "maxConcurrentRequestsPerInstance": 1}
    given["requestSettings"] = {**requests, **mapping(given, "requestSettings")}
    for name in ("livenessProbe", "readinessProbe"):
        given[name] = {**probe, **mapping(given, name)}
    given.setdefault("appInsightsEnabled", False)
    given.setdefault("egressPublicNetworkAccess", "Enabled")
    given.setdefault("instanceType", DEFAULT_SIZE)
    given.setdefault("scaleSettings", {"scaleType": "Default"})
    return {
        "properties": {**given, "provisioningState": "Succeeded"},
        "sku": {"capacity": 1, **mapping(context.inputs, "sku")},
    }


def _deleting(record: Record, transaction: Transaction) -> None:
    endpoint = endpoint_of(record, transaction)
    if endpoint is not None:
        unused(endpoint, name_of(record.id), transaction)


KINDS = (
    Kind(
        type=ONLINE_DEPLOYMENT_KIND,
        id_template=provider(ONLINE_DEPLOYMENT, "workspaceName", "endpointName", "deploymentName"),
        name=ENDPOINT_NAME,
        replace_on=("properties.instanceType", "properties.endpointComputeType"),
        references={
            "properties.environmentId": (ENVIRONMENT_VERSION,),
            "properties.model": (MODEL_VERSION,),
        },
        # A deployment that goes with its endpoint (deletedWith) is deleted by nobody before them.
        weak=("properties.environmentId", "properties.model"),
        rules=standard(ONLINE_DEPLOYMENT, _rules),
        verify=_verify,
        outputs=_outputs,
        deleting=_deleting,
    ),
)
