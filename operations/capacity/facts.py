"""What is deployed, as far as a recommendation needs it: by the settings, and by `/status`."""

from collections.abc import Mapping
from typing import Any

from operations.capacity.recommendation import Facts, Group

POOL = "rMaxPoolSize"


def read(
    settings: Mapping[str, Any], status: Mapping[str, Any], running: Mapping[str, int]
) -> Facts:
    """Return the facts.

    *settings* is what scripts/lib/capacity_settings.py prints, *status* the environment's own
    report (facts.md 13.4), which names the compute nodes that serve, and their pools. *running* has
    by role how many machines there are, where that is known: `/status` names no web node.
    """
    backends = ((status.get("components") or {}).get("backends") or {}).get("components") or {}
    serving = [node for node in backends.values() if node.get("statusCode") in ("pass", "green")]
    pools = [_number((node.get("details") or {}).get(POOL)) for node in serving]
    grows = bool(settings.get("pools"))
    nodes = max(len(serving), 1)
    groups = {
        role: _group(role, given, nodes if role == "compute" else running.get(role))
        for role, given in (settings.get("groups") or {}).items()
    }
    return Facts(
        groups=groups,
        workers=0 if grows or not all(pools) else sum(pools),
        compute_nodes=nodes,
        one_box=bool(settings) and "compute" not in groups,
        pools=grows,
        connections=_number(settings.get("connections")),
    )


def _group(role: str, given: Mapping[str, Any], serving: int | None) -> Group:
    scale = given.get("autoscale")
    known = int(given.get("count") or (scale or {}).get("minimum") or 1)
    return Group(
        role=role,
        nodes=serving or known,
        autoscale=dict(scale) if scale else None,
        periods=dict(given.get("periods") or {}),
    )


def _number(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
