"""Ids of resources: Azure Resource Manager's, how they are made and what can be read from one.

An ARN of AWS is an id too, and the only thing that is the same for both is how ids are compared: an
ARN with case, and as it is. What an ARN lies in is not in its text (`Record.parent`).

Source: Azure documentation, "Resource providers and resource types" (shape of ids; compared without
case) and "Extension resource types".
"""

import re
from collections.abc import Iterator, Mapping

from sandbox.control import arns

_PARAMETER = re.compile(r"\{(\w+)\}")
_ID = re.compile(r"/subscriptions/[^/\s]+(?:/[^/\s][^/\r\n]*)*/?", re.IGNORECASE)
_MAXIMUM = 4096
SELF = "$self/"
"""azure-native's prefix for a part of the very resource that is being written."""

SCOPES = frozenset({"scope", "resourceUri", "resourceId"})
"""Template parameters that take a whole id."""


def key(target: str) -> str:
    """The form in which ids are compared."""
    return target if target[:4] == "arn:" else target.rstrip("/").casefold()


def parameters(template: str) -> tuple[str, ...]:
    """The inputs that name a resource, in the order of its id; the provider's own left out."""
    return tuple(name for name in _PARAMETER.findall(template) if name != "subscription")


def fill(template: str, inputs: Mapping[str, object], subscription: str) -> str:
    """The id. Raises KeyError with the name of a parameter that is missing."""

    def value(match: re.Match[str]) -> str:
        name = match[1]
        found = subscription if name == "subscription" else inputs.get(name)
        if not isinstance(found, str) or not found:
            raise KeyError(name)
        return found.strip("/") if name in SCOPES else found

    return _PARAMETER.sub(value, template)


def is_id(text: str) -> bool:
    """Whether a string has the form of an id; of a resource, a group or a subscription."""
    return len(text) <= _MAXIMUM and text[:1] == "/" and _ID.fullmatch(text) is not None


def subscription_of(target: str) -> str:
    """The subscription that an id lies in."""
    return target.split("/")[2]


def parent_of(target: str) -> str:
    """The id that this one is below: group, parent resource or extended resource; "" at the top."""
    if target[:4] == "arn:":
        return ""
    segments = target.strip("/").split("/")[:-2]
    if len(segments) >= 2 and segments[-2].casefold() == "providers":
        segments = segments[:-2]
    return "/" + "/".join(segments) if segments else ""


def ancestors(target: str) -> Iterator[str]:
    """All that an id is below, nearest first."""
    while target := parent_of(target):
        yield target


def type_of(target: str) -> str:
    """The resource type that an id is of: `Microsoft.Network/virtualNetworks/subnets`."""
    if arn := arns.parse(target):
        return f"{arn.service}:{re.split('[/:]', arn.resource)[0]}"
    before, found, rest = target.rstrip("/").rpartition("/providers/")
    if not found:
        depth = len(before or rest.strip("/").split("/"))
        return "Microsoft.Resources/" + ("subscriptions" if depth == 2 else "resourceGroups")
    namespace, *segments = rest.split("/")
    return "/".join([namespace, *segments[::2]])


def name_of(target: str) -> str:
    """The last segment of an id."""
    return target.rstrip("/").rpartition("/")[2]


def is_extension(target: str) -> bool:
    """Whether an id extends another resource (lock, role assignment, diagnostic setting)."""
    return target.casefold().count("/providers/") > 1
