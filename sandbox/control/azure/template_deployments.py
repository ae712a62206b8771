"""Deployments of templates (Microsoft.Resources/deployments): those that write online endpoints.

azure-native has no resource for an endpoint's traffic, which belongs to the endpoint and names
deployments that come after it. A template that writes the endpoint once more is ARM's own way, and
the only template that the sandbox runs.

Sources: Azure documentation, "Template structure and syntax", "Azure Resource Manager deployment
modes" (a deleted deployment leaves its resources), REST specification of Microsoft.Resources.
"""

import json
from collections.abc import Iterator, Mapping
from hashlib import sha256

from sandbox.control.azure.arm import group_of, name_of, not_emulated, provider, required
from sandbox.control.azure.online_endpoints import ONLINE_ENDPOINT, ONLINE_ENDPOINT_KIND, put
from sandbox.control.kinds import (
    CloudError,
    Context,
    Kind,
    Name,
    Outputs,
    Problem,
    Transaction,
    Values,
)
from sandbox.control.paths import strings, write
from sandbox.control.reading import mapping, text

TEMPLATE_DEPLOYMENT = "Microsoft.Resources/deployments"
TEMPLATE_DEPLOYMENT_KIND = "azure-native:resources:Deployment"

_WRITABLE = ("location", "tags", "kind", "identity", "properties")
_KNOWN = {*_WRITABLE, "type", "apiVersion", "name", "comments", "dependsOn"}
_TEMPLATE = {"$schema", "contentVersion", "resources", "metadata", "languageVersion"}
_CODE = "InvalidTemplate"


def _rules(values: Values) -> Iterator[Problem]:
    if text(values, "properties.mode") == "Complete":
        yield Problem("properties.mode", "the sandbox does not emulate Complete: use Incremental")
    yield from not_emulated(
        values,
        {
            "properties.templateLink": "write the template inline",
            "properties.parameters": "write the values into the template",
            "properties.parametersLink": "write the values into the template",
            "properties.onErrorDeployment": "leave it out",
            "properties.debugSetting": "leave it out",
            "properties.expressionEvaluationOptions": "leave it out",
        },
    )
    template = mapping(values, "properties.template")
    for key in template:
        if key not in _TEMPLATE:
            yield Problem(
                f"properties.template.{key}",
                "the sandbox does not emulate this part of templates: leave it out",
            )
    for path, resource in _resources(values):
        yield from _resource(path, resource)


def _resources(values: Values) -> Iterator[tuple[str, object]]:
    found = mapping(values, "properties.template").get("resources")
    for index, each in enumerate(found if isinstance(found, list) else []):
        yield f"properties.template.resources[{index}]", each


def _resource(path: str, resource: object) -> Iterator[Problem]:
    if not isinstance(resource, Mapping):
        yield Problem(path, "must be an object", _CODE)
        return
    kind, name = text(resource, "type"), text(resource, "name")
    if kind is not None and kind.casefold() != ONLINE_ENDPOINT.casefold():
        yield Problem(
            f"{path}.type",
            f"the sandbox writes {ONLINE_ENDPOINT} by templates and nothing else, not {kind}: "
            "declare it with azure-native",
        )
        return
    for key in resource:
        if key not in _KNOWN:
            yield Problem(f"{path}.{key}", "the sandbox does not emulate this: leave it out")
    for where, found in strings(resource):
        if found[:1] == "[" and found[:2] != "[[":
            yield Problem(
                f"{path}.{write(where)}",
                "the sandbox evaluates no expressions of templates: write the value",
            )
    if name is not None and name.count("/") != 1:
        yield Problem(f"{path}.name", f"must be WORKSPACE/ENDPOINT, got {name!r}", _CODE)


def _verify(context: Context) -> Iterator[Problem]:
    yield from required(
        context.inputs, "properties.mode", "properties.template.resources", code=_CODE
    )
    for path, resource in _resources(context.inputs):
        yield from (
            problem._replace(path=f"{path}.{problem.path}")
            for problem in required(
                mapping({"found": resource}, "found"),
                "type",
                "apiVersion",
                "name",
                "location",
                "properties",
                code=_CODE,
            )
        )


def _target(context: Context, resource: Values) -> str:
    workspace, _, endpoint = (text(resource, "name") or "").partition("/")
    namespace, _, rest = ONLINE_ENDPOINT.partition("/")
    kinds = rest.split("/")
    group = f"/subscriptions/{context.world.subscription}/resourceGroups/{group_of(context.id)}"
    return f"{group}/providers/{namespace}/{kinds[0]}/{workspace}/{kinds[1]}/{endpoint}"


def _run(context: Context, transaction: Transaction) -> None:
    """Write each endpoint. Raises CloudError, in the words of ARM."""
    for _, found in _resources(context.inputs):
        resource = mapping({"found": found}, "found")
        target = _target(context, resource)
        record = transaction.find(target)
        if record is None or record.type != ONLINE_ENDPOINT_KIND:
            raise CloudError(
                "DeploymentFailed",
                f"At least one resource deployment operation failed: {target} does not exist, and "
                "the sandbox creates nothing by templates.",
            )
        changes = {key: resource[key] for key in _WRITABLE if key in resource}
        try:
            put(record, changes, transaction)
        except CloudError as error:
            raise CloudError(
                "DeploymentFailed",
                "At least one resource deployment operation failed. Please list deployment "
                "operations for details. Please see https://aka.ms/arm-deployment-operations for "
                f"usage details. {name_of(target)}: {error}",
            ) from error


def _outputs(context: Context) -> Outputs:
    template = mapping(context.inputs, "properties.template")
    digest = sha256(json.dumps(template, sort_keys=True, default=str).encode()).hexdigest()
    targets = [
        _target(context, mapping({"found": found}, "found"))
        for _, found in _resources(context.inputs)
    ]
    return {
        "properties": {
            "mode": text(context.inputs, "properties.mode"),
            "correlationId": context.identifier(f"correlation/{digest}"),
            "dependencies": [],
            "duration": "PT1S",
            "outputResources": [{"id": target} for target in targets],
            "outputs": {},
            "parameters": {},
            "provisioningState": "Succeeded",
            "templateHash": str(int(digest[:16], 16)),
            "timestamp": context.created,
        },
    }


KINDS = (
    Kind(
        type=TEMPLATE_DEPLOYMENT_KIND,
        id_template=provider(TEMPLATE_DEPLOYMENT, "deploymentName"),
        name=Name(
            pattern=r"[\w.()-]+",
            maximum=64,
            words="letters, digits and _ . ( ) -",
        ),
        # A deployment in a resource group has none of its own.
        auto_location=False,
        # What a template names need not outlive it.
        weak=("properties.template",),
        rules=_rules,
        verify=_verify,
        outputs=_outputs,
        created=_run,
        updated=_run,
    ),
)
