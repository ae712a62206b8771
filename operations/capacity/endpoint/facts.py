"""What is deployed, as far as a recommendation needs it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from operations.endpoint import API_VERSION
from operations.endpoint_cloud import Source, key, value

PENDING = 2
"""Requests that wait or are worked on, for each place of an instance; more are refused with 429
("Troubleshoot online endpoints deployment and scoring")."""


@dataclass(frozen=True, kw_only=True)
class Known:
    """One deployment."""

    name: str
    instances: int
    """How many the cloud keeps."""
    concurrent: int = 1
    """Requests at a time on one instance."""
    timeout: float = 0.0
    """Seconds after which the front gives up; 0 where that is not known."""
    autoscale: Mapping[str, int] | None = None
    """`minimum`, `maximum`; None for a number that stays."""
    periods: Mapping[str, int] = field(default_factory=dict)
    """Schedules of autoscale by name, and the fewest instances that each has."""
    share: float = 1.0
    """Which part of a load of its model it gets."""

    @property
    def places(self) -> int:
        """How many requests it takes at once."""
        return PENDING * self.concurrent * self.instances


def kept(source: Source, deployment: str) -> Mapping[str, Any]:
    """Return what the cloud tells of a deployment; nothing where it does not."""
    return source.facts({deployment: API_VERSION}).resources.get(key(deployment), {})


def read(name: str, told: Mapping[str, Any], settings: Mapping[str, Any], share: float) -> Known:
    """Return the facts: of the cloud, and what only *settings* have.

    *settings* is what scripts/lib/capacity_settings.py prints.
    """
    written: Mapping[str, Any] = (settings.get("deployments") or {}).get(name) or {}
    scale = written.get("autoscale")
    limits = "requestSettings.maxConcurrentRequestsPerInstance"
    return Known(
        name=name,
        instances=int(value(told, "sku.capacity") or written.get("instances") or 1),
        concurrent=int(value(told, limits) or written.get("concurrent") or 1),
        timeout=float(written.get("timeoutSeconds") or 0.0),
        autoscale=dict(scale) if scale else None,
        periods=dict(written.get("periods") or {}),
        share=share,
    )
