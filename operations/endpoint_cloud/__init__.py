"""What the cloud tells of a managed endpoint: its resources, its instances, its images, its logs.

Azure is asked through its own interfaces, the sandbox through its own command: what comes back has
one form, and whoever judges it does not know which of the two it was.
"""

from operations.endpoint_cloud.azure import AzureSource
from operations.endpoint_cloud.facts import Facts, Instance, Source, key, value
from operations.endpoint_cloud.sandbox import SandboxSource
from operations.stack import Backend, Sandbox

__all__ = ["Facts", "Instance", "Source", "choose", "key", "value"]


def choose(backend: Backend) -> Source:
    """Return who tells of the endpoints that stacks of *backend* have."""
    if isinstance(backend, Sandbox):
        return SandboxSource(backend.home)
    return AzureSource()
