"""Container registries and their task runs (Microsoft.ContainerRegistry/registries).

A task run is a build that happens in the registry: its steps come along with it, encoded, and what
it pushes is an image of the registry. The control plane knows which images that are; the fabric
builds them.

Sources: Azure documentation, "Azure Container Registry service tiers" (what is Premium's only),
"ACR Tasks reference: YAML" (version, steps, `{{.Run.Registry}}`), "Run an Azure Container Registry
task with a dedicated agent pool", REST specification of
Microsoft.ContainerRegistry (names, TaskRun, timeouts of 300 to 28,800 seconds).
"""

import base64
import binascii
import re
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from typing import NamedTuple

import yaml

from sandbox.control.azure.arm import (
    name_of,
    not_emulated,
    one_of,
    parent_of,
    provider,
    standard,
    unchangeable,
    within,
)
from sandbox.control.azure.global_names import verify_free
from sandbox.control.azure.locations import normal
from sandbox.control.azure.machines import identity_outputs, identity_problems
from sandbox.control.azure.virtual_networks import SUBNET
from sandbox.control.kinds import Context, Kind, Name, Outputs, Problem, Record, Values, World
from sandbox.control.reading import flag, mapping, present, text

REGISTRY = "Microsoft.ContainerRegistry/registries"
REGISTRY_KIND = "azure-native:containerregistry:Registry"
AGENT_POOL = f"{REGISTRY}/agentPools"
AGENT_POOL_KIND = "azure-native:containerregistry:AgentPool"
TASK_RUN = f"{REGISTRY}/taskRuns"
TASK_RUN_KIND = "azure-native:containerregistry:TaskRun"

_PREMIUM_ONLY: Mapping[str, Callable[[Values], bool]] = {
    "networkRuleSet": lambda values: present(values, "networkRuleSet"),
    "publicNetworkAccess": lambda values: (
        (text(values, "publicNetworkAccess") or "").casefold() == "disabled"
    ),
    "zoneRedundancy": lambda values: (text(values, "zoneRedundancy") or "").casefold() == "enabled",
    "dataEndpointEnabled": lambda values: bool(flag(values, "dataEndpointEnabled")),
    "policies.exportPolicy": lambda values: (
        text(values, "policies.exportPolicy.status") == "disabled"
    ),
    "policies.retentionPolicy": lambda values: (
        text(values, "policies.retentionPolicy.status") == "enabled"
    ),
    "policies.trustPolicy": lambda values: text(values, "policies.trustPolicy.status") == "enabled",
    "policies.quarantinePolicy": lambda values: (
        text(values, "policies.quarantinePolicy.status") == "enabled"
    ),
}
_PRIMITIVES = frozenset({"cmd", "build", "push"})
_RUN_REGISTRY = re.compile(r"\{\{\s*\.Run\.Registry\s*\}\}")


class Image(NamedTuple):
    """An image that a task run pushes."""

    registry: str
    repository: str
    tag: str


def login_server(registry: str) -> str:
    """The host name of a registry."""
    return f"{registry.casefold()}.azurecr.io"


def _registry_rules(values: Values) -> Iterator[Problem]:
    yield from one_of(values, "sku.name", ("Basic", "Standard", "Premium"), "SkuNotSupported")
    yield from one_of(values, "publicNetworkAccess", ("Enabled", "Disabled"))
    yield from one_of(values, "networkRuleBypassOptions", ("AzureServices", "None"))
    yield from one_of(values, "zoneRedundancy", ("Enabled", "Disabled"))
    yield from within(values, "policies.retentionPolicy.days", 0, 365)
    yield from identity_problems(values)
    sku = text(values, "sku.name")
    if sku is not None and sku.casefold() != "premium":
        for path, asked in _PREMIUM_ONLY.items():
            if asked(values):
                yield Problem(
                    path,
                    f"is not supported for the SKU {sku}: a registry needs Premium for it",
                    "FeatureNotSupported",
                )
    export = text(values, "policies.exportPolicy.status")
    access = text(values, "publicNetworkAccess") or "Enabled"
    if export == "disabled" and access.casefold() == "enabled":
        yield Problem(
            "policies.exportPolicy.status",
            "export can be disabled only when publicNetworkAccess is Disabled too",
            "ExportPolicyInvalid",
        )
    yield from not_emulated(values, {"encryption": "leave it out: keys are the platform's"})


def _verify_registry(context: Context) -> Iterator[Problem]:
    yield from verify_free(
        context,
        "registryName",
        "AlreadyInUse",
        "The registry DNS name {name}.azurecr.io is already in use.",
    )
    yield from unchangeable(context, {"zoneRedundancy": "zoneRedundancy"})


def _registry_outputs(context: Context) -> Outputs:
    defaults: Outputs = {
        "adminUserEnabled": False,
        "anonymousPullEnabled": False,
        "dataEndpointEnabled": False,
        "networkRuleBypassOptions": "AzureServices",
        "publicNetworkAccess": "Enabled",
        "zoneRedundancy": "Disabled",
    }
    sku = text(context.inputs, "sku.name") or ""
    return {
        **{name: value for name, value in defaults.items() if context.inputs.get(name) is None},
        "sku": {"name": sku, "tier": sku},
        "creationDate": context.created,
        "dataEndpointHostNames": [],
        "loginServer": login_server(context.name),
        "privateEndpointConnections": [],
        **identity_outputs(context),
    }


def steps_of(run: Values) -> list[Mapping[str, object]]:
    """The steps of a task run's inputs. Raises ValueError, with what is wrong with them."""
    written = text(run, "runRequest.encodedTaskContent")
    if written is None:
        return []
    try:
        task = yaml.safe_load(base64.b64decode(written, validate=True))
    except (binascii.Error, UnicodeDecodeError) as error:
        raise ValueError(f"is not base64: {error}") from error
    except yaml.YAMLError as error:
        raise ValueError(f"is not YAML: {str(error).splitlines()[0]}") from error
    if not isinstance(task, Mapping) or not isinstance(task.get("steps"), list):
        raise ValueError("has no steps")  # noqa: TRY004 -- what is wrong with a value
    found: list[object] = task["steps"]
    steps = [step for step in found if isinstance(step, Mapping) and _PRIMITIVES & set(step)]
    if len(steps) < len(found):
        raise ValueError("has a step that is none of cmd, build and push")
    return steps


def images_of(run: Record) -> list[Image]:
    """The images that a task run pushes."""
    return _images(run.inputs, name_of(parent_of(run.id)))


def _images(inputs: Values, registry: str) -> list[Image]:
    server, found = login_server(registry), []
    for step in steps_of(inputs):
        pushed = step.get("push")
        for name in pushed if isinstance(pushed, list) else []:
            host, _, rest = _RUN_REGISTRY.sub(server, str(name)).partition("/")
            repository, _, tag = rest.partition(":")
            found.append(Image(host, repository, tag or "latest"))
    return found


def has_image(world: World, image: str) -> bool | None:
    """Whether a registry of the sandbox has *image*; None: it is of no registry that is here."""
    host, _, rest = image.partition("/")
    known = [record for record in world.of(REGISTRY_KIND) if login_server(_named(record)) == host]
    if not known:
        return None
    repository, _, tag = rest.partition(":")
    wanted = Image(host, repository, tag or "latest")
    runs = (run for run in world.children(known[0].id) if run.type == TASK_RUN_KIND)
    return any(wanted in images_of(run) for run in runs)


def registry_of(world: World, image: str) -> Record | None:
    """The registry that an image is in, when that is one of the sandbox."""
    host = image.partition("/")[0]
    found = (each for each in world.of(REGISTRY_KIND) if login_server(_named(each)) == host)
    return next(found, None)


def _named(record: Record) -> str:
    return name_of(record.id)


def _run_rules(values: Values) -> Iterator[Problem]:
    kind = text(values, "runRequest.type")
    if kind is not None and kind != "EncodedTaskRunRequest":
        yield Problem(
            "runRequest.type",
            f"the sandbox does not emulate {kind}: it runs EncodedTaskRunRequest, whose steps come "
            "along",
        )
        return
    yield from one_of(values, "runRequest.platform.os", ("Linux",))
    yield from one_of(values, "runRequest.platform.architecture", ("amd64",))
    yield from within(values, "runRequest.timeout", 300, 28_800)
    yield from identity_problems(values)
    try:
        steps_of(values)
    except ValueError as error:
        yield Problem("runRequest.encodedTaskContent", str(error), "InvalidTaskContent")
    yield from not_emulated(
        values,
        {
            "runRequest.sourceLocation": "write the files with steps of the task",
            "runRequest.logTemplate": "leave it out",
        },
    )


def _verify_run(context: Context) -> Iterator[Problem]:
    registry = context.world.find(parent_of(context.id))
    if registry is None:
        return
    here, there = text(context.inputs, "location"), text(registry.inputs, "location")
    if here and there and normal(here) != normal(there):
        yield Problem(
            "location",
            f"is {here}, but registry {name_of(registry.id)} is in {there}",
            "InvalidLocation",
        )
    pool = text(context.inputs, "runRequest.agentPoolName")
    if pool and context.world.find(f"{registry.id}/agentPools/{pool}") is None:
        yield Problem(
            "runRequest.agentPoolName",
            f"registry {name_of(registry.id)} has no agent pool {pool}",
            "AgentPoolNotFound",
        )
    if not pool and text(registry.outputs, "publicNetworkAccess") == "Disabled":
        yield Problem(
            "runRequest.agentPoolName",
            f"registry {name_of(registry.id)} lets nobody in from public networks, Azure's own "
            "machines for tasks neither: name an agent pool inside the network",
            "denied",
        )


def _pool_rules(values: Values) -> Iterator[Problem]:
    yield from one_of(values, "os", ("Linux",))
    yield from one_of(values, "tier", ("S1", "S2", "S3", "I6"))
    yield from within(values, "count", 0, 20)


def _verify_pool(context: Context) -> Iterator[Problem]:
    registry = context.world.find(parent_of(context.id))
    sku = text(registry.inputs, "sku.name") if registry else None
    if sku is not None and sku.casefold() != "premium":
        yield Problem(
            "registryName",
            f"agent pools are not supported for the SKU {sku}: a registry needs Premium for them",
            "FeatureNotSupported",
        )
    subnet = "virtualNetworkSubnetResourceId"
    yield from unchangeable(context, {subnet: subnet, "tier": "tier"})


def _run_outputs(context: Context) -> Outputs:
    request = mapping(context.inputs, "runRequest")
    content = text(request, "encodedTaskContent") or ""
    forced = text(context.inputs, "forceUpdateTag") or ""
    digest = sha256(f"{content}/{forced}".encode()).hexdigest()
    images = [
        {**image._asdict(), "digest": f"sha256:{digest}"}
        for image in _images(context.inputs, name_of(parent_of(context.id)))
    ]
    return {
        "runResult": {
            "id": f"{parent_of(context.id)}/runs/{digest[:8]}",
            "name": digest[:8],
            "type": f"{REGISTRY}/runs",
            "runId": digest[:8],
            "runType": "QuickRun",
            "status": "Succeeded",
            "createTime": context.created,
            "startTime": context.created,
            "finishTime": context.created,
            "isArchiveEnabled": flag(request, "isArchiveEnabled") or False,
            "outputImages": images,
            "platform": dict(mapping(request, "platform")),
            "provisioningState": "Succeeded",
        },
        **identity_outputs(context),
    }


KINDS = (
    Kind(
        type=REGISTRY_KIND,
        id_template=provider(REGISTRY, "registryName"),
        name=Name(pattern=r"[A-Za-z0-9]+", minimum=5, maximum=50, words="letters and digits"),
        owns_children=True,
        rules=standard(REGISTRY, _registry_rules),
        verify=_verify_registry,
        outputs=_registry_outputs,
    ),
    Kind(
        type=AGENT_POOL_KIND,
        id_template=provider(AGENT_POOL, "registryName", "agentPoolName"),
        name=Name(
            pattern=r"[A-Za-z0-9_-]+",
            minimum=3,
            maximum=20,
            words="letters, digits, hyphens and underscores",
        ),
        references={"virtualNetworkSubnetResourceId": (SUBNET,)},
        rules=standard(AGENT_POOL, _pool_rules),
        verify=_verify_pool,
    ),
    Kind(
        type=TASK_RUN_KIND,
        id_template=provider(TASK_RUN, "registryName", "taskRunName"),
        name=Name(
            pattern=r"[A-Za-z0-9_-]+",
            minimum=5,
            maximum=50,
            words="letters, digits, hyphens and underscores",
        ),
        rules=standard(TASK_RUN, _run_rules),
        verify=_verify_run,
        outputs=_run_outputs,
    ),
)
