"""The ground of an environment on Azure: its provider and its resource group."""

import pulumi
import pulumi_azure_native as azure
from pulumi_azure_native import resources

from components.azure import preflight
from components.parts import FoundationArgs, FoundationPart, Site, naming


class Foundation(FoundationPart):
    """One explicit provider, so that no ambient configuration moves an environment elsewhere.

    It owns the resource group, which holds everything but the subnets in a joined network.
    """

    def __init__(
        self, name: str, args: FoundationArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("operationalization:azure:Foundation", name, None, opts)
        self.provider = azure.Provider(
            f"{name}-provider",
            location=args.location,
            opts=pulumi.ResourceOptions(parent=self),
        )
        tags = naming.tags(args.stack, args.tags)
        group = resources.ResourceGroup(
            f"{name}-group",
            location=args.location,
            tags=tags,
            opts=pulumi.ResourceOptions(parent=self, provider=self.provider),
        )
        self.site = Site(
            stack=args.stack,
            location=args.location,
            tags=tags,
            protection=args.protection,
            log_retention_days=args.log_retention_days,
            resource_group=group.name,
            resource_group_id=group.id,
        )
        self.encryption_at_host = (
            preflight.encryption_at_host(self.provider)
            if args.nodes
            else pulumi.Output.from_input(True)
        )
        self.register_outputs({"resource_group": group.name})
