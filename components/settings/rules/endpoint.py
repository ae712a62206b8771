"""Rules of a managed endpoint: its cloud, its deployments, and who answers which requests."""

import re
from collections.abc import Callable, Iterator, Mapping

from components.settings.catalogue.instances import INSTANCE_TYPES, USUAL
from components.settings.catalogue.machines import is_arm
from components.settings.endpoint import MOST_INSTANCES, DeploymentSettings, EndpointEnvironment
from components.settings.problems import Problem, closest, show
from components.settings.rules.autoscale import SCALE_RULES, ScaleRule
from components.settings.shape import join

EndpointRule = Callable[[EndpointEnvironment], Iterator[Problem]]

ALL = 100
"""Percent of the requests."""

_NAME = re.compile(r"[a-z][a-z0-9-]{2,31}")
_WORKSPACE = re.compile(
    r"/subscriptions/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    r"/resourceGroups/[\w.()-]{1,90}"
    r"/providers/Microsoft\.MachineLearningServices/workspaces/[a-z0-9][\w-]{2,32}",
    re.IGNORECASE | re.ASCII,
)


def cloud_is_azure(environment: EndpointEnvironment) -> Iterator[Problem]:
    """Managed online endpoints are Azure ML's (facts.md 21)."""
    if environment.cloud != "azure":
        rule = (
            "must be azure with topology: managed-endpoint: SageMaker, its counterpart on AWS, "
            "asks containers for other routes and another port, and is not built"
        )
        fix = "write azure and one of its locations, or topology: one-box"
        yield Problem("cloud", show(environment.cloud), rule, fix)


def workspace_is_an_id(environment: EndpointEnvironment) -> Iterator[Problem]:
    """The workspace to use is named by its id."""
    existing = environment.workspace.existing
    if existing is not None and not _WORKSPACE.fullmatch(existing):
        fix = (
            "write it like /subscriptions/<id>/resourceGroups/<group>/providers/"
            "Microsoft.MachineLearningServices/workspaces/<name>"
        )
        rule = "must be the id of an Azure ML workspace"
        yield Problem("workspace.existing", show(existing), rule, fix)


def deployments_have_names(environment: EndpointEnvironment) -> Iterator[Problem]:
    """There is a deployment, and its name is one that Azure takes."""
    deployments = environment.endpoint.deployments
    if not deployments:
        fix = "write it like { blue: { model: models/iris, instances: 1 } }"
        yield Problem("endpoint.deployments", "", "must have at least one deployment", fix)
    for name in deployments:
        if not _NAME.fullmatch(name):
            rule = (
                "must be a name of 3 to 32 lower-case letters, digits and hyphens, first a letter"
            )
            yield Problem(_key(name), "", rule, "choose another name, such as blue")


def instances_have_one_number(environment: EndpointEnvironment) -> Iterator[Problem]:
    """Either instances or autoscale, and not more than Azure gives one deployment."""
    for key, deployment in _deployments(environment):
        scale = deployment.autoscale
        counted, scaled = deployment.instances is not None, scale is not None
        if counted and scaled:
            rule = "must have either instances or autoscale, not both"
            yield Problem(key, "", rule, "keep the one that you mean")
        elif not counted and not scaled:
            rule = "must have either instances or autoscale"
            yield Problem(key, "", rule, f"add {key}.instances: 1")
        if scale and scale.maximum > MOST_INSTANCES:
            rule = f"must be at most {MOST_INSTANCES}, all that Azure gives one deployment"
            fix = f"write {MOST_INSTANCES}"
            yield Problem(f"{key}.autoscale.maximum", show(scale.maximum), rule, fix)


def instance_type_is_known(environment: EndpointEnvironment) -> Iterator[Problem]:
    """The size is an x64 one that Azure has for endpoints."""
    for key, deployment in _deployments(environment):
        size = deployment.size
        if size in INSTANCE_TYPES:
            continue
        if is_arm("azure", size):
            rule = "must have x64 processors: the container has no ARM build"
            fix = f"choose an x64 size such as {USUAL}"
        else:
            rule = "must be an instance type of managed endpoints that this project knows"
            near = closest(size, INSTANCE_TYPES)
            hint = f"did you mean {near}?" if near else f"choose one like {USUAL}."
            fix = f"{hint} Or add the size to components/settings/catalogue/instances.py"
        yield Problem(f"{key}.size", show(size), rule, fix)


def traffic_is_whole(environment: EndpointEnvironment) -> Iterator[Problem]:
    """Traffic names deployments that there are, and every request has one."""
    endpoint = environment.endpoint
    traffic, names = endpoint.traffic, endpoint.deployments
    yield from _unknown_names("endpoint.traffic", traffic, names)
    whole = sum(traffic.values())
    if not traffic and len(names) > 1:
        fix = f"add endpoint.traffic: {{ {next(iter(names))}: {ALL} }}"
        yield Problem("endpoint.traffic", "", "is required with more than one deployment", fix)
    elif traffic and whole != ALL:
        change = f"add {ALL - whole}" if whole < ALL else f"take {whole - ALL} away"
        rule = f"must add up to {ALL} percent, not {whole}"
        yield Problem("endpoint.traffic", "", rule, f"{change} where you mean it")


def mirror_is_apart(environment: EndpointEnvironment) -> Iterator[Problem]:
    """Copies go to one deployment, which answers no requests itself."""
    endpoint = environment.endpoint
    yield from _unknown_names("endpoint.mirror", endpoint.mirror, endpoint.deployments)
    if len(endpoint.mirror) > 1:
        rule = "must name one deployment at most"
        yield Problem("endpoint.mirror", "", rule, "keep the one that you mean")
    for name in endpoint.mirror:
        if percent := endpoint.traffic.get(name, 0):
            rule = f"must be a deployment without traffic, and {name} has {percent} percent"
            fix = f"write 0 at endpoint.traffic.{name}, or mirror to another deployment"
            yield Problem(join("endpoint.mirror", name), "", rule, fix)


def _unknown_names(
    place: str, percents: Mapping[str, int], names: Mapping[str, object]
) -> Iterator[Problem]:
    for name in percents:
        if name not in names:
            near = closest(name, names)
            fix = f"did you mean {near}?" if near else f"remove it, or add {_key(name)}"
            yield Problem(join(place, name), "", "names no deployment of the endpoint", fix)


def _of_deployments(rule: ScaleRule) -> EndpointRule:
    def applied(environment: EndpointEnvironment) -> Iterator[Problem]:
        for key, deployment in _deployments(environment):
            if deployment.autoscale:
                yield from rule(f"{key}.autoscale", deployment.autoscale)

    applied.__name__ = rule.__name__
    return applied


def _deployments(environment: EndpointEnvironment) -> Iterator[tuple[str, DeploymentSettings]]:
    for name, deployment in environment.endpoint.deployments.items():
        yield _key(name), deployment


def _key(name: str) -> str:
    return join("endpoint.deployments", name)


RULES = (
    cloud_is_azure,
    workspace_is_an_id,
    deployments_have_names,
    instances_have_one_number,
    instance_type_is_known,
    *(_of_deployments(rule) for rule in SCALE_RULES),
    traffic_is_whole,
    mirror_is_apart,
)
