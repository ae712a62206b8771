"""How many machines a group is to begin with: as many as the one whose place it takes.

Pulumi leaves alone what `ignore_changes` names as long as a group stays, but gives a group that
replaces another one whatever the program says (engine 3.200, `generateStepsFromDiff`: it checks the
program's own properties again). So the program says what there is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pulumi
from pulumi_aws import autoscaling

from components.parts import NodeGroupArgs, naming


@dataclass(frozen=True, slots=True)
class Numbers:
    """A group's bounds, and the count between them."""

    least: int
    wanted: int
    most: int


LEAST: Final = "min_size"
WANTED: Final = "desired_capacity"
MOST: Final = "max_size"


def numbers(name: str, args: NodeGroupArgs, parent: pulumi.Resource) -> pulumi.Output[Numbers]:
    """Return what the group *name* has now, inside of what the settings allow; else its fewest.

    While a schedule holds, its bounds are the group's own: a new group begins with them too.
    """
    settings = args.settings
    own = Numbers(settings.minimum, settings.minimum, settings.maximum)
    if settings.autoscale is None:
        return pulumi.Output.from_input(own)
    planned = bool(settings.autoscale.schedules)
    return _found(name, args, parent).apply(lambda groups: within(own, groups, planned))


def within(own: Numbers, groups: Sequence[Mapping[str, int]], planned: bool) -> Numbers:
    """Return the numbers of the largest of *groups*, not below or above the group's *own*."""
    # One whose most is none is on its way out.
    staying = [group for group in groups if group[MOST]]
    largest = max(staying, key=lambda group: group[WANTED], default=None)
    if largest is None:
        return own
    least, most = own.least, own.most
    if planned:
        least = min(max(least, largest[LEAST]), most)
        most = max(min(most, largest[MOST]), least)
    return Numbers(least, min(max(largest[WANTED], least), most), most)


def _found(
    name: str, args: NodeGroupArgs, parent: pulumi.Resource
) -> pulumi.Output[list[Mapping[str, int]]]:
    """Return the numbers of every group with our name's tags: two, if an update was cut short."""
    options = pulumi.InvokeOutputOptions(parent=parent)
    tags = {**naming.tags(args.site.stack, {}), "Name": name}
    # The SDK's name for the data source `aws_autoscaling_groups`.
    listed = autoscaling.get_ami_ids_output(
        filters=[
            autoscaling.GetAmiIdsFilterArgs(name=f"tag:{key}", values=[value])
            for key, value in sorted(tags.items())
        ],
        opts=options,
    )

    def read(group: str) -> pulumi.Output[Mapping[str, int]]:
        found = autoscaling.get_group_output(name=group, opts=options)
        return found.apply(
            lambda it: {LEAST: it.min_size, WANTED: it.desired_capacity, MOST: it.max_size}
        )

    return listed.apply(lambda it: pulumi.Output.all(*(read(group) for group in it.names)))
