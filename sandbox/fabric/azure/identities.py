"""Tokens for a machine's managed identities, as the metadata service gives them.

Sources: Microsoft Entra documentation, "How to use managed identities for Azure resources on an
Azure VM to acquire an access token" (parameters, answer, errors), "Managed identities frequently
asked questions" (which identity is meant when none is named).
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import NAMESPACE_URL, uuid5

from sandbox.control import ids
from sandbox.control.azure.managed_identities import KIND
from sandbox.control.kinds import World
from sandbox.control.reading import text
from sandbox.fabric.azure.tokens import Tokens
from sandbox.fabric.contract import Machine
from sandbox.fabric.serving.exchange import Answer, in_json

RESOURCES = frozenset(
    {
        "https://vault.azure.net",
        "https://management.azure.com",
        "https://management.core.windows.net",
        "https://ossrdbms-aad.database.windows.net",
        "https://database.windows.net",
        "https://storage.azure.com",
        "https://graph.microsoft.com",
        "https://monitor.azure.com",
        "https://api.loganalytics.io",
        "https://ml.azure.com",
    }
)
"""Services that the directory knows, written with or without a slash at the end."""

_SELECTORS = ("client_id", "object_id", "msi_res_id")


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """What a machine can act as."""

    resource_id: str
    principal_id: str
    client_id: str
    is_system: bool = False


def of(world: World, machine: Machine) -> tuple[Identity, ...]:
    """The identities of a machine that exist now; its own, system-assigned one first."""
    found: list[Identity] = []
    group = world.find(machine.group)
    principal = text(group.outputs, "identity.principalId") if group else None
    if group and principal:
        client = str(uuid5(NAMESPACE_URL, f"{principal}/application"))
        found.append(
            Identity(resource_id=group.id, principal_id=principal, client_id=client, is_system=True)
        )
    for target in machine.identities:
        record = world.find(target)
        if record is None or record.type != KIND:
            continue
        found.append(
            Identity(
                resource_id=record.id,
                principal_id=text(record.outputs, "principalId") or "",
                client_id=text(record.outputs, "clientId") or "",
            )
        )
    return tuple(found)


def token(world: World, tokens: Tokens, machine: Machine, parameters: Mapping[str, str]) -> Answer:
    """The answer of `/metadata/identity/oauth2/token`."""
    resource = parameters.get("resource", "")
    if not resource:
        return _refused("invalid_request", "Required query variable 'resource' is missing")
    if resource.rstrip("/") not in RESOURCES:
        return _refused(
            "invalid_resource",
            f"AADSTS500011: The resource principal named {resource[:200]} was not found in the "
            f"tenant named {tokens.tenant}. This can happen if the application has not been "
            "installed by the administrator of the tenant or consented to by any user in the "
            "tenant. The sandbox's directory knows the names of Azure's services only.",
        )
    chosen = _chosen(of(world, machine), parameters)
    if isinstance(chosen, Answer):
        return chosen
    issued, expires = tokens.issue(chosen.principal_id, chosen.client_id, tokens.tenant, resource)
    left = str(expires - int(time.time()))
    return in_json(
        200,
        {
            "access_token": issued,
            "client_id": chosen.client_id,
            "expires_in": left,
            "expires_on": str(expires),
            "ext_expires_in": left,
            "not_before": str(int(time.time())),
            "resource": resource,
            "token_type": "Bearer",
        },
        {"Cache-Control": "no-store"},
    )


def _chosen(found: tuple[Identity, ...], parameters: Mapping[str, str]) -> Identity | Answer:
    given = {
        "msi_res_id" if name == "mi_res_id" else name: value
        for name, value in parameters.items()
        if name in (*_SELECTORS, "mi_res_id")
    }
    if len(given) > 1:
        return _refused(
            "invalid_request", f"Only one of {', '.join(_SELECTORS)} may name the identity"
        )
    if given:
        ((name, value),) = given.items()
        matching = [each for each in found if ids.key(_key(each, name)) == ids.key(value)]
        return (
            matching[0] if matching and value else _refused("invalid_request", "Identity not found")
        )
    if not found:
        return _refused("invalid_request", "Identity not found")
    if found[0].is_system or len(found) == 1:
        return found[0]
    return _refused(
        "invalid_request",
        "Multiple user assigned identities exist, please specify the clientId / resourceId of the "
        "identity in the token request",
    )


def _key(identity: Identity, selector: str) -> str:
    if selector == "client_id":
        return identity.client_id
    return identity.principal_id if selector == "object_id" else identity.resource_id


def _refused(error: str, description: str) -> Answer:
    return in_json(400, {"error": error, "error_description": description})
