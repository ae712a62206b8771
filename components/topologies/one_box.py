"""The one-box topology: both roles on one machine, with a database on it or a managed one.

It is an environment like the others with fewer parts: the same network, balancer, vault and logs,
one subnet and identity for the one machine, and no port between web and compute role, which meet
on Unix sockets. A database on the machine goes when the machine goes, so that the machine is then
protected as a database would be: what replaces it is refused until `database.discard` gives it up.
"""

import pulumi

from components.settings import OneBoxEnvironment, Settings
from components.topologies import clouds
from components.topologies.nodes import NodesArgs, NodesTopology


class OneBox(NodesTopology):
    """One machine behind the balancer, and a managed database if the settings want one."""

    def __init__(
        self, name: str, args: NodesArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("OneBox", name, args, opts)


def declare(name: str, stack: str, settings: Settings) -> OneBox:
    """Declare the environment *name* of *stack*, on the cloud that its settings choose."""
    environment = settings.environment
    if not isinstance(environment, OneBoxEnvironment):
        raise TypeError(f"{environment.topology} is not the topology one-box")
    cloud = clouds.choose(environment, stack)
    args = NodesArgs(stack=stack, environment=environment, settings=settings, cloud=cloud)
    return OneBox(name, args)
