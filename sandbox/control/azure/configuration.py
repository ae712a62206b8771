"""The configuration of an azure-native provider that Azure could not work with."""

import difflib
import re
from collections.abc import Iterator

from sandbox.control.azure.locations import LOCATIONS, normal
from sandbox.control.kinds import Problem, Values

_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def configuration(values: Values) -> Iterator[Problem]:
    """Yield a location that Azure doesn't have, and a subscription id that is none."""
    location = values.get("location")
    if isinstance(location, str) and normal(location) not in LOCATIONS:
        near = difflib.get_close_matches(normal(location), LOCATIONS, n=1)
        hint = f'; did you mean "{near[0]}"?' if near else "; use one such as westeurope"
        yield Problem("location", f'"{location}" is no location of Azure{hint}')
    subscription = values.get("subscriptionId")
    if isinstance(subscription, str) and not _GUID.fullmatch(subscription):
        yield Problem("subscriptionId", f'"{subscription}" is no subscription id (a GUID)')
