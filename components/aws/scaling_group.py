"""A node group as an auto-scaling group: one resource for any number of nodes.

A machine counts as serving when its own scripts say so: it waits at a lifecycle hook until then, so
that the group, the balancer and `pulumi up` take it for ready at the same moment, and one that is
never ready is given up. A group never brings new content to the machines it has, so each change of
content makes a new group before the old one goes (design.md section 3).
"""

from collections.abc import Mapping
from typing import Final

import pulumi
from pulumi_aws import autoscaling

from components.aws import launch_template, machine, running
from components.parts import NodeGroupArgs
from components.runtimes.node import Family

SERVING: Final = "serving"
DRAINING: Final = "draining"
"""Names of the hooks; the scripts of a node complete them (`components/bootstrap`)."""

LAUNCH_SECONDS: Final[Mapping[Family, int]] = {"linux": 15 * 60, "windows": 60 * 60}
"""A node that does not serve by then is ended, and another one tried. Windows takes a quarter of an
hour to boot from a fresh image, and installs its product then."""

DRAIN_SECONDS: Final = 5 * 60
"""How long a node may take to end its work; it says so when it is done before."""

GRACE_SECONDS: Final = 120
"""After a node serves, before its health ends it: the balancer's first checks."""

WAIT: Final[Mapping[Family, str]] = {"linux": "40m", "windows": "130m"}
"""For all nodes of a new group: twice what a hook grants, and some time to start machines."""

LONGEST: Final[Mapping[Family, str]] = {"linux": "45m", "windows": "140m"}
"""The provider's own limits, 20 and 10 minutes, are shorter than what it is asked to wait for."""

CONTENT: Final = ("launchTemplate",)
"""What describes machines. AWS would take a change in place and leave the machines as they are, so
it replaces the group. The count is not part of it."""

METRICS: Final = (
    autoscaling.Metric.GROUP_DESIRED_CAPACITY,
    autoscaling.Metric.GROUP_IN_SERVICE_INSTANCES,
    autoscaling.Metric.GROUP_MAX_SIZE,
    autoscaling.Metric.GROUP_MIN_SIZE,
    autoscaling.Metric.GROUP_PENDING_INSTANCES,
    autoscaling.Metric.GROUP_TERMINATING_INSTANCES,
    autoscaling.Metric.GROUP_TOTAL_INSTANCES,
)


def make(
    name: str,
    args: NodeGroupArgs,
    parent: pulumi.Resource,
    after: list[pulumi.Resource],
) -> autoscaling.Group:
    """Make the group under *parent*. Its name is left to Pulumi: two exist for a while."""
    settings, balancer = args.settings, args.load_balancer
    template = launch_template.make(name, args, parent)
    scaled = settings.autoscale is not None
    counted = running.numbers(name, args, parent)
    return autoscaling.Group(
        name,
        min_size=counted.apply(lambda it: it.least),
        max_size=counted.apply(lambda it: it.most),
        desired_capacity=counted.apply(lambda it: it.wanted),
        vpc_zone_identifiers=[subnet.id for subnet in machine.subnets(args)],
        launch_template=autoscaling.GroupLaunchTemplateArgs(
            id=template.id, version=template.latest_version.apply(str)
        ),
        initial_lifecycle_hooks=hooks(args.recipe.family),
        health_check_type="ELB" if balancer else "EC2",
        health_check_grace_period=GRACE_SECONDS,
        target_group_arns=[balancer.pool_id] if balancer else None,
        wait_for_capacity_timeout=WAIT[args.recipe.family],
        # The number must be met exactly with every change, so that only a fixed one can be; a new
        # group waits for its fewest in either case.
        wait_for_elb_capacity=settings.minimum if balancer and not scaled else None,
        min_elb_capacity=settings.minimum if balancer and scaled else None,
        metrics_granularity="1Minute",
        enabled_metrics=list(METRICS),
        tags=_tags(name, args),
        opts=pulumi.ResourceOptions(
            parent=parent,
            depends_on=after,
            replace_on_changes=list(CONTENT),
            ignore_changes=_ignored(args),
            custom_timeouts=pulumi.CustomTimeouts(
                create=LONGEST[args.recipe.family],
                update=LONGEST[args.recipe.family],
                delete="30m",
            ),
        ),
    )


def hooks(family: Family = "linux") -> list[autoscaling.GroupInitialLifecycleHookArgs]:
    """Return where a machine of a group waits: from its first moment, so none slips through."""
    return [
        autoscaling.GroupInitialLifecycleHookArgs(
            name=SERVING,
            lifecycle_transition="autoscaling:EC2_INSTANCE_LAUNCHING",
            heartbeat_timeout=LAUNCH_SECONDS[family],
            default_result="ABANDON",
        ),
        autoscaling.GroupInitialLifecycleHookArgs(
            name=DRAINING,
            lifecycle_transition="autoscaling:EC2_INSTANCE_TERMINATING",
            heartbeat_timeout=DRAIN_SECONDS,
            default_result="CONTINUE",
        ),
    ]


def _ignored(args: NodeGroupArgs) -> list[str] | None:
    """Return what the group's own policies change: the count, and with schedules its bounds too.

    A schedule on AWS sets the group's bounds themselves. A change of them in the settings then
    takes effect when the next period begins or ends.
    """
    scale = args.settings.autoscale
    if scale is None:
        return None
    return ["desiredCapacity", *(["minSize", "maxSize"] if scale.schedules else [])]


def _tags(name: str, args: NodeGroupArgs) -> list[autoscaling.GroupTagArgs]:
    """Return the group's tags, which its machines get too; a provider's own do not come here."""
    tags = {**args.site.tags, "Name": name}
    return [
        autoscaling.GroupTagArgs(key=key, value=value, propagate_at_launch=True)
        for key, value in sorted(tags.items())
    ]
