"""What a group starts its machines from: image, disk, identity, network and user data.

A change makes another version of the template; the group names its version by number, so that one
group never runs two kinds of machines (design.md section 3, "Change order").
"""

import pulumi
from pulumi_aws import ec2

from components.aws import machine
from components.parts import NodeGroupArgs


def make(name: str, args: NodeGroupArgs, parent: pulumi.Resource) -> ec2.LaunchTemplate:
    """Make the template of the group *name*."""
    image = machine.image(args, parent)
    burstable = machine.is_burstable(args.settings.size)
    return ec2.LaunchTemplate(
        f"{name}-template",
        description=f"A {args.recipe.role} node",
        image_id=image.id,
        instance_type=args.settings.size,
        user_data=args.user_data,
        update_default_version=True,
        ebs_optimized="true",
        instance_initiated_shutdown_behavior="terminate",
        iam_instance_profile=ec2.LaunchTemplateIamInstanceProfileArgs(name=args.identity.client_id),
        metadata_options=ec2.LaunchTemplateMetadataOptionsArgs(
            http_endpoint="enabled",
            http_tokens="required",
            http_put_response_hop_limit=machine.HOPS,
            http_protocol_ipv6="disabled",
            # A node learns from a tag which group it belongs to: its name cannot be in the user
            # data of which it is made.
            instance_metadata_tags="enabled",
        ),
        monitoring=ec2.LaunchTemplateMonitoringArgs(enabled=True),
        credit_specification=(
            ec2.LaunchTemplateCreditSpecificationArgs(cpu_credits=machine.CREDITS)
            if burstable
            else None
        ),
        network_interfaces=[
            ec2.LaunchTemplateNetworkInterfaceArgs(
                device_index=0,
                associate_public_ip_address="false",
                delete_on_termination="true",
                security_groups=[args.network.firewall_ids[args.recipe.role]],
            )
        ],
        block_device_mappings=[_disk(args, image)],
        tag_specifications=[
            ec2.LaunchTemplateTagSpecificationArgs(
                resource_type=kind, tags=machine.volume_tags(args)
            )
            for kind in ("volume", "network-interface")
        ],
        opts=pulumi.ResourceOptions(parent=parent),
    )


def _disk(args: NodeGroupArgs, image: machine.Image) -> ec2.LaunchTemplateBlockDeviceMappingArgs:
    kind = machine.DISKS[args.settings.disk.performance]
    return ec2.LaunchTemplateBlockDeviceMappingArgs(
        device_name=image.root_device,
        ebs=ec2.LaunchTemplateBlockDeviceMappingEbsArgs(
            volume_type="gp3",
            volume_size=args.settings.disk.size,
            iops=kind.iops,
            throughput=kind.throughput,
            encrypted="true",
            delete_on_termination="true",
        ),
    )
