"""The enterprise topology: web nodes, compute nodes and a database, each on machines of its own."""

import pulumi

from components.settings import EnterpriseEnvironment, Settings
from components.topologies import clouds
from components.topologies.nodes import NodesArgs, NodesTopology


class Enterprise(NodesTopology):
    """Web nodes behind the balancer, compute nodes behind them, and a managed database."""

    def __init__(
        self, name: str, args: NodesArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("Enterprise", name, args, opts)


def declare(name: str, stack: str, settings: Settings) -> Enterprise:
    """Declare the environment *name* of *stack*, on the cloud that its settings choose."""
    environment = settings.environment
    if not isinstance(environment, EnterpriseEnvironment):
        raise TypeError(f"{environment.topology} is not the topology enterprise")
    cloud = clouds.choose(environment, stack)
    args = NodesArgs(stack=stack, environment=environment, settings=settings, cloud=cloud)
    return Enterprise(name, args)
