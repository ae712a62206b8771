"""Azure resource ids: read out of an id what Azure's own calls want apart."""

import re
from typing import NamedTuple

_NETWORK_ID = re.compile(
    r"/subscriptions/(?P<subscription>[^/]+)/resourceGroups/(?P<group>[^/]+)"
    r"/providers/Microsoft\.Network/virtualNetworks/(?P<name>[^/]+)",
    re.IGNORECASE,
)


class NetworkId(NamedTuple):
    """The parts of a virtual network's id that name it."""

    resource_group: str
    name: str


def network_id(text: str) -> NetworkId:
    """Return the parts of a virtual network's id.

    Raises ValueError for any other text; settings refuse such an id before.
    """
    found = _NETWORK_ID.fullmatch(text)
    if not found:
        raise ValueError(f"network.existing: {text!r} is not the id of an Azure virtual network")
    return NetworkId(found["group"], found["name"])


def subscription(resource_id: str) -> str:
    """Return the subscription that *resource_id* lies in, without braces or slashes."""
    return resource_id.split("/")[2]


def role_definition(subscription_id: str, role: str) -> str:
    """Return the id of a built-in role, in the form in which Azure gives it back.

    The shorter form without a subscription is accepted as well, but reads back differently, and a
    refresh would then replace the assignment.
    """
    return (
        f"/subscriptions/{subscription_id}/providers/Microsoft.Authorization/roleDefinitions/{role}"
    )
