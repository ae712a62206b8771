"""Managed online endpoints (Microsoft.MachineLearningServices/workspaces/onlineEndpoints).

An endpoint's traffic is part of it: what writes the endpoint, writes its traffic, and a write that
names none takes it all away. `put` is such a write on behalf of another resource (a template).

Sources: Azure documentation, "Online endpoints and deployments for real-time inference" (traffic,
mirrored traffic), "Perform safe rollout of new deployments" (mirror at most 50 percent, to one
deployment, that takes no live traffic), "Manage and increase quotas" (names; 20 deployments an
endpoint), "Authenticate clients for online endpoints"; REST specification of
Microsoft.MachineLearningServices (traffic adds up to 100).
"""

from collections.abc import Iterator, Mapping

from sandbox.control.azure import endpoint_credentials as credentials
from sandbox.control.azure.arm import (
    name_of,
    not_emulated,
    one_of,
    parent_of,
    provider,
    required,
    same,
    standard,
)
from sandbox.control.azure.locations import normal
from sandbox.control.azure.machines import (
    IDENTITY_REFERENCES,
    identity_outputs,
    identity_problems,
)
from sandbox.control.azure.ml_workspaces import ML_WORKSPACE
from sandbox.control.kinds import (
    Call,
    CloudError,
    Context,
    Function,
    Kind,
    Name,
    Outputs,
    Problem,
    Record,
    Transaction,
    Values,
)
from sandbox.control.reading import mapping, text

ONLINE_ENDPOINT = f"{ML_WORKSPACE}/onlineEndpoints"
ONLINE_ENDPOINT_KIND = "azure-native:machinelearningservices:OnlineEndpoint"
ONLINE_DEPLOYMENT_KIND = "azure-native:machinelearningservices:OnlineDeployment"

MAX_MIRROR = 50
"""Percent of an endpoint's requests that can be mirrored."""

ENDPOINT_NAME = Name(
    pattern=r"[A-Za-z]([A-Za-z0-9-]*[A-Za-z0-9])?",
    minimum=3,
    maximum=32,
    words="letters, digits and hyphens; starts with a letter, ends with no hyphen",
)
_CODE = "BadArgument"


def host_of(endpoint: Record) -> str:
    """The public name of an endpoint."""
    return _host(name_of(endpoint.id), text(endpoint.inputs, "location") or "")


def _host(name: str, location: str) -> str:
    return f"{name.casefold()}.{normal(location)}.inference.ml.azure.com"


def traffic_of(endpoint: Record, which: str = "traffic") -> dict[str, int]:
    """Percent of the requests by deployment; *which* is `traffic` or `mirrorTraffic`."""
    found = mapping(endpoint.inputs, f"properties.{which}")
    return {name: value for name, value in found.items() if isinstance(value, int)}


def _rules(values: Values) -> Iterator[Problem]:
    yield from one_of(values, "properties.authMode", credentials.MODES, _CODE)
    yield from one_of(values, "properties.publicNetworkAccess", ("Enabled", "Disabled"), _CODE)
    yield from one_of(values, "kind", ("Managed",), _CODE)
    yield from identity_problems(values)
    yield from _percentages(values, "traffic")
    yield from _percentages(values, "mirrorTraffic")
    traffic = mapping(values, "properties.traffic")
    total = sum(value for value in traffic.values() if isinstance(value, int))
    complete = all(isinstance(value, int) for value in traffic.values())
    if traffic and complete and total not in (0, 100):
        yield Problem(
            "properties.traffic",
            f"Traffic values need to sum to 100 (or to 0), not {total}.",
            _CODE,
        )
    yield from _mirror(values)
    yield from not_emulated(
        values,
        {
            "properties.compute": "leave it out: Kubernetes is not emulated",
            "properties.keys": "leave it out: the endpoint makes its own",
            "sku": "leave it out",
        },
    )


def _percentages(values: Values, which: str) -> Iterator[Problem]:
    for name, value in mapping(values, f"properties.{which}").items():
        if isinstance(value, int) and not 0 <= value <= 100:
            yield Problem(f"properties.{which}.{name}", f"must be 0 to 100, got {value}", _CODE)


def _mirror(values: Values) -> Iterator[Problem]:
    mirror = mapping(values, "properties.mirrorTraffic")
    traffic = mapping(values, "properties.traffic")
    if len(mirror) > 1:
        yield Problem(
            "properties.mirrorTraffic",
            f"traffic is mirrored to one deployment, not to {len(mirror)}",
            _CODE,
        )
    for name, value in mirror.items():
        where, live = f"properties.mirrorTraffic.{name}", traffic.get(name)
        if isinstance(value, int) and MAX_MIRROR < value <= 100:
            yield Problem(where, f"at most {MAX_MIRROR} percent are mirrored, got {value}", _CODE)
        if isinstance(value, int) and value and isinstance(live, int) and live:
            yield Problem(
                where, f"{name} takes {live} percent of the live traffic: not both", _CODE
            )


def _verify(context: Context) -> Iterator[Problem]:
    yield from required(context.inputs, "properties.authMode", "identity", code=_CODE)
    for other in context.world.of(context.type):
        taken = name_of(other.id).casefold() == context.name.casefold()
        here, there = text(context.inputs, "location"), text(other.inputs, "location")
        if taken and normal(here or "") == normal(there or "") and not same(other.id, context.id):
            yield Problem(
                "endpointName",
                f"Endpoint with name {context.name} already exists in region {here}. Please try a "
                "different name.",
                "EndpointNameConflict",
            )
    known = {
        name_of(child.id): child
        for child in context.world.children(context.id)
        if child.type == ONLINE_DEPLOYMENT_KIND
    }
    for which in ("traffic", "mirrorTraffic"):
        for name in mapping(context.inputs, f"properties.{which}"):
            if name not in known:
                there = ", ".join(sorted(known)) or "none"
                yield Problem(
                    f"properties.{which}.{name}",
                    f"Deployment {name} does not exist under endpoint {context.name}, which has "
                    f"{there}.",
                    "DeploymentNotFound",
                )


def _outputs(context: Context) -> Outputs:
    address = f"https://{_host(context.name, text(context.inputs, 'location') or '')}"
    defaults: Outputs = {"publicNetworkAccess": "Enabled", "traffic": {}, "mirrorTraffic": {}}
    return {
        "kind": "Managed",
        "properties": {
            **defaults,
            **mapping(context.inputs, "properties"),
            "provisioningState": "Succeeded",
            "scoringUri": f"{address}/score",
            "swaggerUri": f"{address}/swagger.json",
        },
        **identity_outputs(context),
    }


def put(record: Record, changes: Values, transaction: Transaction) -> Record:
    """Write an endpoint that exists: *changes* take the place of what it was. Raises CloudError.

    As ARM's PUT does: of what it names, the new value holds, and of properties, nothing else.
    """
    keys = ("resourceGroupName", "workspaceName", "endpointName", "location")
    inputs = {key: record.inputs[key] for key in keys if key in record.inputs} | dict(changes)
    identity = mapping(inputs, "identity")
    if isinstance(named := identity.get("userAssignedIdentities"), Mapping):
        # ARM takes a map by id, azure-native a list of ids.
        inputs["identity"] = {**identity, "userAssignedIdentities": list(named)}
    context = Context(
        type=record.type,
        name=name_of(record.id),
        id=record.id,
        inputs=inputs,
        world=transaction,
        incarnation=record.incarnation,
        previous=record,
        urn=record.urn,
        created=record.created,
    )
    for problem in (*_KIND.rules(inputs), *_KIND.verify(context)):
        raise CloudError(problem.code or _CODE, f"{problem.path}: {problem.reason}")
    shown = {key: value for key, value in inputs.items() if key in ("location", "tags")}
    kept = {key: value for key, value in record.outputs.items() if key not in ("tags", "identity")}
    outputs: Mapping[str, object] = {**kept, **shown, **_outputs(context)}
    written = Record(
        id=record.id,
        type=record.type,
        inputs=inputs,
        outputs=outputs,
        incarnation=record.incarnation,
        urn=record.urn,
        created=record.created,
    )
    transaction.put(written)
    return written


def _created(_: Context, transaction: Transaction) -> None:
    credentials.establish(transaction)


def _endpoint(call: Call) -> Record:
    names = {
        key: text(call.arguments, key) or ""
        for key in ("resourceGroupName", "workspaceName", "endpointName")
    }
    target = _KIND.id_template.format(subscription=call.world.subscription, **names)
    found = call.world.find(target)
    if found is None or found.type != ONLINE_ENDPOINT_KIND:
        raise CloudError(
            "ResourceNotFound",
            f"The Resource '{ONLINE_ENDPOINT}/{names['endpointName']}' under resource group "
            f"'{names['resourceGroupName']}' was not found. For more details please go to "
            "https://aka.ms/ARMResourceNotFoundFix",
        )
    return found


def _keys(call: Call) -> Outputs:
    made = credentials.keys(call.world, _endpoint(call))
    return {"primaryKey": made.primary, "secondaryKey": made.secondary}


def _token(call: Call) -> Outputs:
    endpoint = _endpoint(call)
    try:
        made = credentials.token(call.world, endpoint)
    except credentials.CredentialError as error:
        raise CloudError(_CODE, f"Endpoint {name_of(endpoint.id)}: {error}") from error
    return {
        "accessToken": made.access_token,
        "expiryTimeUtc": made.expires,
        "refreshAfterTimeUtc": made.refresh_after,
        "tokenType": "Bearer",
    }


def unused(endpoint: Record, deployment: str, transaction: Transaction) -> None:
    """Take a deployment that goes off the endpoint's lists. Raises CloudError: it has traffic."""
    for which in ("traffic", "mirrorTraffic"):
        if percent := traffic_of(endpoint, which).get(deployment, 0):
            words = "traffic" if which == "traffic" else "mirrored traffic"
            raise CloudError(
                _CODE,
                f"Deployment {deployment} of endpoint {name_of(endpoint.id)} has {percent} percent "
                f"of the {words} and cannot be deleted. Move it to another deployment first.",
            )
    properties = dict(mapping(endpoint.inputs, "properties"))
    for which in ("traffic", "mirrorTraffic"):
        left = {k: v for k, v in traffic_of(endpoint, which).items() if k != deployment}
        if which in properties and left != properties[which]:
            properties[which] = left
    if properties != mapping(endpoint.inputs, "properties"):
        changes = {key: value for key, value in endpoint.inputs.items() if key != "properties"}
        put(endpoint, {**changes, "properties": properties}, transaction)


def endpoint_of(deployment: Record, transaction: Transaction) -> Record | None:
    """The endpoint that a deployment is of."""
    return transaction.find(parent_of(deployment.id))


_KIND = Kind(
    type=ONLINE_ENDPOINT_KIND,
    id_template=provider(ONLINE_ENDPOINT, "workspaceName", "endpointName"),
    name=ENDPOINT_NAME,
    references=IDENTITY_REFERENCES,
    weak=("identity.userAssignedIdentities[*]",),
    owns_children=True,
    rules=standard(ONLINE_ENDPOINT, _rules),
    verify=_verify,
    outputs=_outputs,
    created=_created,
)

KINDS = (_KIND,)

FUNCTIONS = (
    Function(
        name="azure-native:machinelearningservices:listOnlineEndpointKeys",
        run=_keys,
        secrets=("primaryKey", "secondaryKey"),
    ),
    Function(
        name="azure-native:machinelearningservices:getOnlineEndpointToken",
        run=_token,
        secrets=("accessToken",),
    ),
)
