"""The nodes of one role on Azure: a scale set, or machines with static addresses."""

from dataclasses import replace

import pulumi

from components.azure import scale_set
from components.azure.fixed_nodes import FixedNodes
from components.parts import NodeGroupArgs, NodeGroupPart
from components.parts.content import hold


class NodeGroup(NodeGroupPart):
    """Owns the machines. Subnet, identity and balancer outlive them, so they are passed in.

    The component is ready when its nodes serve.
    """

    def __init__(
        self, name: str, args: NodeGroupArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("operationalization:azure:NodeGroup", name, None, opts)
        if args.version:
            args = replace(args, user_data=hold(name, args.version, args.user_data, self))
        self.role = args.recipe.role
        self.kind = args.settings.nodes
        if args.settings.is_fixed:
            fixed = FixedNodes(name, args, self)
            self.ids, self.names, self.addresses = fixed.ids, fixed.names, fixed.addresses
            self.made_from = fixed.made_from
        else:
            made = scale_set.make(name, args, self)
            self.ids, self.names, self.addresses = (made.id,), (made.name,), ()
        self.register_outputs({"ids": list(self.ids), "names": list(self.names)})
