"""Which deployment of an endpoint gets a request: pure choices, with the dice given.

Source: Azure documentation, "Perform safe rollout of new deployments" (percentages; the header
azureml-model-deployment; mirrored traffic).
"""

from collections.abc import Iterable, Mapping


def choose(traffic: Mapping[str, int], able: Iterable[str], dice: float) -> str | None:
    """The deployment for one request; *dice* is from 0 to below 1.

    Those that are not *able* (without a ready instance) get none: the others share theirs. None:
    nobody with any traffic is able.
    """
    there = set(able)
    weights = {name: part for name, part in sorted(traffic.items()) if part > 0 and name in there}
    left = dice * sum(weights.values())
    for name, part in weights.items():
        left -= part
        if left < 0:
            return name
    return next(reversed(weights), None)


def mirrored(mirror: Mapping[str, int], dice: float) -> str | None:
    """The deployment that gets a copy of one request, or None."""
    left = dice * 100
    for name, part in sorted(mirror.items()):
        left -= part
        if left < 0:
            return name
    return None
