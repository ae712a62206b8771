"""What a node's machine is on AWS, in a group or alone.

Its disk is encrypted with the account's own key (`aws/ebs`), not with the environment's: whoever
starts machines of a group is a role of the service, which would need a grant for any other key
("Required AWS KMS key policy for use with encrypted volumes"). What is worth a key of its own is
in no disk of a node: secrets live in memory, data in the database.
"""

from collections.abc import Mapping
from ipaddress import IPv4Network
from typing import Final, NamedTuple

import pulumi
from pulumi_aws import ec2

from components.parts import NodeGroupArgs, naming
from components.settings.addresses import divide
from components.settings.catalogue.machines import MACHINES

DEBIAN: Final = "136693071363"
"""Account of Debian's cloud team ("Amazon EC2 images", wiki.debian.org/Cloud)."""

IMAGES: Final[Mapping[str, str]] = {
    # The build of cloud.debian.org that Azure's stock image has too. A newer one is a change of
    # content: it replaces the groups, so it is ours to choose and never the most recent.
    "debian-12": "debian-12-amd64-20250210-2019",
}
"""Name of the stock image of each operating system that has one."""


class DiskKind(NamedTuple):
    """What a volume of a performance is."""

    iops: int
    throughput: int
    """MiB a second."""


DISKS: Final[Mapping[str, DiskKind]] = {
    # What every gp3 volume has at no extra price, and what is worth paying for: 500 IOPS a GiB and
    # 0.25 MiB/s an IOPS are the most ("General Purpose SSD volumes").
    "standard": DiskKind(3000, 125),
    "premium": DiskKind(6000, 250),
}


class Image(NamedTuple):
    """An image, as machines are started from it."""

    id: pulumi.Output[str]
    root_device: pulumi.Output[str]
    """Name under which the system's volume is attached."""


def image(args: NodeGroupArgs, parent: pulumi.Resource) -> Image:
    """Return the image that the settings name, or the stock one of their operating system.

    Raises:
        NotImplementedError: for an operating system without a stock image on sale any more.
    """
    own, system = args.runtime.image_id, args.runtime.operating_system
    if own is None and system not in IMAGES:
        raise NotImplementedError(
            f"runtime.operatingSystem: {system} has no stock image; set runtime.imageId"
        )
    wanted = ("image-id", own) if own else ("name", IMAGES[system])
    found = ec2.get_ami_output(
        owners=None if own else [DEBIAN],
        # Debian's images count as deprecated after two years, and can still be used.
        include_deprecated=True,
        filters=[
            ec2.GetAmiFilterArgs(name=wanted[0], values=[wanted[1]]),
            ec2.GetAmiFilterArgs(name="architecture", values=["x86_64"]),
        ],
        opts=pulumi.InvokeOutputOptions(parent=parent),
    )
    return Image(
        id=found.apply(lambda it: it.id), root_device=found.apply(lambda it: it.root_device_name)
    )


class Subnet(NamedTuple):
    """Where machines of a group stand in one zone."""

    id: pulumi.Output[str]
    network: IPv4Network


def subnets(args: NodeGroupArgs) -> tuple[Subnet, ...]:
    """Return the subnets of the group's zones, which are the network's (settings see to that)."""
    role = args.recipe.role
    ids = args.network.subnet_ids[role]
    parts = divide(args.plan.of(role), len(ids))
    return tuple(Subnet(subnet, part) for subnet, part in zip(ids, parts, strict=True))


def is_burstable(size: str) -> bool:
    """Return whether *size* runs at full speed only while it has credits."""
    return MACHINES["aws"][size].burstable


CREDITS: Final = "standard"
"""A burstable machine without credits slows down, as on Azure; AWS's default is to go on and send
a bill ("Burstable performance instances")."""

HOPS: Final = 1
"""An answer of the metadata service goes no further than the machine itself."""


def volume_tags(args: NodeGroupArgs) -> dict[str, str]:
    """Return the tags of what is made along with a machine of a group.

    Only those that never change: a group hands its tags to machines, not to their volumes, and a
    template that names more would be another one, and replace the group, with every tag.
    """
    return naming.tags(args.site.stack, {})
