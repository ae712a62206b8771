"""The nodes of one role on AWS: an auto-scaling group, or machines with static addresses."""

from dataclasses import replace

import pulumi

from components.aws import permissions, scaling_group, site
from components.aws.fixed_nodes import FixedNodes
from components.parts import NodeGroupArgs, NodeGroupPart
from components.parts.content import hold


class NodeGroup(NodeGroupPart):
    """Owns the machines. Subnets, identity and balancer outlive them, so they are passed in.

    The component is ready when the nodes of a group serve; AWS knows of a machine of its own only
    that it runs.
    """

    def __init__(
        self, name: str, args: NodeGroupArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("operationalization:aws:NodeGroup", name, None, opts)
        if args.version:
            args = replace(args, user_data=hold(name, args.version, args.user_data, self))
        self.role = args.recipe.role
        self.kind = args.settings.nodes
        if args.settings.is_fixed:
            fixed = FixedNodes(name, args, self)
            self.ids, self.names, self.addresses = fixed.ids, fixed.names, fixed.addresses
            self.made_from = fixed.made_from
        else:
            place = site.of(args.site)
            speaks = permissions.grant(
                f"{name}-speaks",
                "speaks-for-group",
                args.identity.name,
                permissions.in_place(
                    place, lambda here: permissions.speaks_for_group(here, name, place.stack)
                ),
                self,
            )
            # Nodes come and go by ways that no subnet names: endpoints, NAT, the listener in front.
            ways = [args.network, *([args.load_balancer] if args.load_balancer else [])]
            made = scaling_group.make(name, args, self, [speaks, *ways])
            self.ids, self.names, self.addresses = (made.arn,), (made.name,), ()
        self.register_outputs({"ids": list(self.ids), "names": list(self.names)})
