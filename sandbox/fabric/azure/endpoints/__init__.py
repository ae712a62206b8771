"""Managed online endpoints: instances that run containers, and the front that callers talk to."""

from sandbox.fabric.azure.endpoints.places import blueprint
from sandbox.fabric.azure.endpoints.serving import Endpoints

__all__ = ["Endpoints", "blueprint"]
