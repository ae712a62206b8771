"""A node group as machines with static addresses, for products and licences that need them.

Each machine waits for the one before it. AWS counts a machine as made when it runs, not when it
serves: the balancer leaves out a web node that is not ready yet, but nothing in AWS holds back the
next one until then. A machine is deleted before its successor is made, because the successor takes
over its address.
"""

from typing import Final

import pulumi
from pulumi_aws import ec2, lb

from components.aws import addresses, machine
from components.parts import NodeGroupArgs
from components.parts.content import remember

CONTENT: Final = (
    "ami",
    "ebsOptimized",
    "iamInstanceProfile",
    "instanceType",
    "rootBlockDevice",
    "userDataBase64",
)
"""Properties that describe what the machine is; a machine is never changed, only replaced."""


KEPT: Final = ("userDataBase64",)
"""Of machines that keep what they were made from (`components.parts.content`)."""


class FixedNodes:
    """Makes the machines as children of the node group."""

    def __init__(self, name: str, args: NodeGroupArgs, parent: pulumi.Resource) -> None:
        self._name = name
        self._args = args
        self._parent = parent
        self._image = machine.image(args, parent)
        self._subnets = machine.subnets(args)
        self.addresses = addresses.fixed(
            args.plan,
            args.recipe.role,
            len(self._subnets),
            args.settings.maximum,
            args.runtime.seat,
        )
        machines: list[ec2.Instance] = []
        last: pulumi.Resource | None = None
        for index in range(args.settings.maximum):
            made = self._machine(index, last)
            last = self._join(index, made)
            machines.append(made)
        self.ids = tuple(made.arn for made in machines)
        self.names = tuple(made.id for made in machines)
        self.made_from = tuple(
            remember(f"{name}-{number}", made.id, args.digest, parent)
            for number, made in enumerate(machines, start=1)
            if args.digest
        )

    def _machine(self, index: int, after: pulumi.Resource | None) -> ec2.Instance:
        args = self._args
        name = f"{self._name}-{index + 1}"
        disk = machine.DISKS[args.settings.disk.performance]
        return ec2.Instance(
            name,
            ami=self._image.id,
            instance_type=args.settings.size,
            subnet_id=self._subnets[index % len(self._subnets)].id,
            private_ip=self.addresses[index],
            associate_public_ip_address=False,
            vpc_security_group_ids=[args.network.firewall_ids[args.recipe.role]],
            iam_instance_profile=args.identity.client_id,
            user_data_base64=args.user_data,
            user_data_replace_on_change=True,
            ebs_optimized=True,
            monitoring=True,
            instance_initiated_shutdown_behavior="stop",
            disable_api_termination=False,
            metadata_options=ec2.InstanceMetadataOptionsArgs(
                http_endpoint="enabled",
                http_tokens="required",
                http_put_response_hop_limit=machine.HOPS,
                http_protocol_ipv6="disabled",
                instance_metadata_tags="enabled",
            ),
            credit_specification=(
                ec2.InstanceCreditSpecificationArgs(cpu_credits=machine.CREDITS)
                if machine.is_burstable(args.settings.size)
                else None
            ),
            root_block_device=ec2.InstanceRootBlockDeviceArgs(
                volume_type="gp3",
                volume_size=args.settings.disk.size,
                iops=disk.iops,
                throughput=disk.throughput,
                encrypted=True,
                delete_on_termination=True,
                tags=machine.volume_tags(args),
            ),
            tags={"Name": name},
            opts=pulumi.ResourceOptions(
                parent=self._parent,
                depends_on=[after] if after else None,
                replace_on_changes=list(CONTENT),
                delete_before_replace=True,
                protect=args.keeps_data or None,
                ignore_changes=list(KEPT) if args.digest else None,
            ),
        )

    def _join(self, index: int, made: ec2.Instance) -> pulumi.Resource:
        """Put a web machine behind the balancer; return what the next machine waits for."""
        balancer = self._args.load_balancer
        if balancer is None:
            return made
        return lb.TargetGroupAttachment(
            f"{self._name}-{index + 1}-target",
            target_group_arn=balancer.pool_id,
            target_id=made.id,
            port=self._args.recipe.port,
            opts=pulumi.ResourceOptions(
                parent=self._parent,
                # A machine's place behind the balancer goes when the machine goes.
                delete_before_replace=True,
            ),
        )
