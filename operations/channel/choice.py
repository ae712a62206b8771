"""Which way leads to the nodes of a stack: where its backend is, and what its machines' ids say."""

from collections.abc import Sequence

from operations.channel.aws import SendCommand
from operations.channel.azure import RunCommand
from operations.channel.carrier import Channel, Node
from operations.channel.sandbox import SandboxRun
from operations.errors import OperationError
from operations.stack import PROJECT, Backend, Sandbox

ARM = "/subscriptions/"
INSTANCE = "i-"


def choose(backend: Backend, nodes: Sequence[Node], location: str) -> Channel:
    """Return the channel to *nodes*, which are in *location* of one cloud.

    Raises OperationError for machines that no way is known to.
    """
    if isinstance(backend, Sandbox):
        return Channel(SandboxRun(PROJECT / "scripts" / "sandbox", backend.home.absolute()))
    if all(node.id.startswith(ARM) for node in nodes):
        return Channel(RunCommand())
    if all(node.id.startswith(INSTANCE) for node in nodes):
        return Channel(SendCommand(location))
    raise OperationError(
        "the nodes cannot be reached",
        ", ".join(node.id for node in nodes),
        "these are neither virtual machines of Azure nor instances of AWS",
        "deploy the stack again, so that its outputs are complete",
    )
