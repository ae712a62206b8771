"""How many machines a group has: from how few to how many its autoscaler may go."""

from collections.abc import Iterable, Iterator

from operations.cost.meters import Amount
from operations.export.state import Deployment, Resource
from operations.links import Links
from operations.values import at, maps, number

AUTOSCALE = "azure-native:monitor:AutoscaleSetting"
SCHEDULE = "aws:autoscaling/schedule:Schedule"
GROUP = "aws:autoscaling/group:Group"
SCALED = (
    "azure-native:compute:VirtualMachineScaleSet",
    "azure-native:machinelearningservices:OnlineDeployment",
)


def on_azure(deployment: Deployment, links: Links, group: Resource) -> Amount:
    """Return how many instances *group*, a scale set or online deployment, has."""
    what = f"how many instances '{group.name}' has"
    fixed = number(at(group.inputs, "sku", "capacity"), what)
    found = list(_profiles(deployment, links, group, what))
    return _range(found) if found else Amount.of(fixed)


def _profiles(
    deployment: Deployment, links: Links, group: Resource, what: str
) -> Iterator[tuple[int, int]]:
    for each in deployment.resources:
        if each.type != AUTOSCALE or each.inputs.get("enabled") is False:
            continue
        target = each.inputs.get("targetResourceUri")
        if links.one(each, "targetResourceUri", target, *SCALED) is not group:
            continue
        for profile in maps(each.inputs.get("profiles")):
            capacity = profile.get("capacity")
            yield number(at(capacity, "minimum"), what), number(at(capacity, "maximum"), what)


def on_aws(deployment: Deployment, links: Links, group: Resource) -> Amount:
    """Return how many instances an Auto Scaling group has: schedules change its bounds."""
    what = f"how many instances '{group.name}' has"
    bounds = [
        (number(group.inputs.get("minSize"), what), number(group.inputs.get("maxSize"), what))
    ]
    for each in deployment.resources:
        if each.type != SCHEDULE:
            continue
        owner = each.inputs.get("autoscalingGroupName")
        if links.one(each, "autoscalingGroupName", owner, GROUP) is group:
            sizes = (each.inputs.get("minSize"), each.inputs.get("maxSize"))
            # -1 and none leave a bound as it is.
            low, high = (
                bound if size is None or str(size).startswith("-1") else number(size, what)
                for size, bound in zip(sizes, bounds[0], strict=True)
            )
            bounds.append((low, high))
    return _range(bounds)


def _range(bounds: Iterable[tuple[int, int]]) -> Amount:
    lows, highs = zip(*bounds, strict=True)
    return Amount.of(min(lows), max(highs))
