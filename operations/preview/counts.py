"""How many machines of which size, before and after, and between which bounds they scale."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from operations.export.state import UNKNOWN, Deployment, Resource
from operations.values import at

SCALE_SET = "azure-native:compute:VirtualMachineScaleSet"
SETTING = "azure-native:monitor:AutoscaleSetting"
DEPLOYMENT = "azure-native:machinelearningservices:OnlineDeployment"
AWS_GROUP = "aws:autoscaling/group:Group"
AWS_SCHEDULE = "aws:autoscaling/schedule:Schedule"
AWS_TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
MACHINE = "azure-native:compute:VirtualMachine"
INSTANCE = "aws:ec2/instance:Instance"
NODES = (SCALE_SET, AWS_GROUP, MACHINE, INSTANCE)
"""What is one node, or several."""

DOUBLED = 2
"""A maximum that grows by this factor is said in a report's first lines."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Size:
    """What one group of machines, or one server, is."""

    size: str = ""
    count: int | None = None
    """As deployed: an autoscaler changes it."""
    minimum: int | None = None
    maximum: int | None = None
    more: tuple[tuple[str, str], ...] = ()
    """Storage, high availability."""

    def __str__(self) -> str:
        words = [self.size] if self.size else []
        if self.maximum is not None:
            words.append(f"{self.minimum} to {self.maximum} nodes")
        elif self.count is not None:
            words.append(f"{self.count} node{'s' if self.count != 1 else ''}")
        return ", ".join([*words, *(f"{key} {value}" for key, value in self.more)]) or "unknown"


@dataclass(frozen=True, slots=True)
class Count:
    """One group before and after; None where there is none."""

    name: str
    before: Size | None
    after: Size | None

    @property
    def changed(self) -> bool:
        """Whether anything of it differs."""
        return self.before != self.after

    @property
    def grown(self) -> float | None:
        """By which factor its maximum grows, if both are known."""
        if not self.before or not self.after:
            return None
        old = self.before.maximum or self.before.count
        new = self.after.maximum or self.after.count
        return new / old if old and new and new > old else None

    @property
    def loud(self) -> bool:
        """Whether it can be twice as large as before, or more."""
        return self.grown is not None and self.grown >= DOUBLED


def counts(before: Deployment, after: Deployment) -> tuple[Count, ...]:
    """Return every group and server of either, by name."""
    old, new = dict(_sizes(before)), dict(_sizes(after))
    return tuple(Count(name, old.get(name), new.get(name)) for name in sorted({*old, *new}))


def _sizes(deployment: Deployment) -> Iterator[tuple[str, Size]]:
    machines: dict[str, list[str]] = {}
    for each in deployment.resources:
        if each.type == SCALE_SET:
            yield each.name, _scaled(each, deployment, "sku", "name")
        elif each.type == AWS_GROUP:
            yield each.name, _aws_group(each, deployment)
        elif each.type == DEPLOYMENT:
            yield each.name, _scaled(each, deployment, "properties", "instanceType")
        elif each.type in (MACHINE, INSTANCE):
            group = each.parent.rpartition("::")[2] or each.name
            size = at(each.inputs, "hardwareProfile", "vmSize") or at(each.inputs, "instanceType")
            machines.setdefault(group, []).append(_text(size))
        elif server := _server(each):
            yield each.name, server
    for name, sizes in machines.items():
        yield name, Size(size=" and ".join(sorted(set(sizes))), count=len(sizes))


def _scaled(each: Resource, deployment: Deployment, *size: str) -> Size:
    """Return the size of what an autoscale setting of Azure may scale; *size*: where it is said."""
    low, high = _bounds(each, deployment)
    return Size(
        size=_text(at(each.inputs, *size)),
        count=_number(at(each.inputs, "sku", "capacity")) if high is None else None,
        minimum=low,
        maximum=high,
    )


def _bounds(each: Resource, deployment: Deployment) -> tuple[int | None, int | None]:
    """Return the lowest and the highest count of all profiles of its autoscale setting."""
    capacities = [
        profile.get("capacity") or {}
        for setting in _about(each, "targetResourceUri", SETTING, deployment)
        for profile in setting.inputs.get("profiles") or ()
        if isinstance(profile, Mapping)
    ]
    lows = [n for n in (_number(each.get("minimum")) for each in capacities) if n is not None]
    highs = [n for n in (_number(each.get("maximum")) for each in capacities) if n is not None]
    return (min(lows), max(highs)) if lows and highs else (None, None)


def _aws_group(each: Resource, deployment: Deployment) -> Size:
    schedules = _about(each, "autoscalingGroupName", AWS_SCHEDULE, deployment)
    # Schedules set the bounds; the group's own are what they were at first.
    bounds = schedules or [each]
    low = [_number(at(one.inputs, "minSize")) for one in bounds]
    high = [_number(at(one.inputs, "maxSize")) for one in bounds]
    lows = [n for n in low if n is not None and n >= 0]
    highs = [n for n in high if n is not None and n >= 0]
    templates = _makers(each, "launchTemplate", AWS_TEMPLATE, deployment)
    size = _text(at(templates[0].inputs, "instanceType")) if templates else ""
    if not lows or not highs or min(lows) == max(highs):
        return Size(size=size, count=min(lows) if lows else None)
    return Size(size=size, minimum=min(lows), maximum=max(highs))


def _server(each: Resource) -> Size | None:
    if each.type == "azure-native:dbforpostgresql:Server":
        storage = _text(at(each.inputs, "storage", "storageSizeGB"))
        available = _text(at(each.inputs, "highAvailability", "mode"))
        return Size(
            size=_text(at(each.inputs, "sku", "name")),
            more=(("storage", f"{storage} GB"), ("high availability", available or "Disabled")),
        )
    if each.type == "aws:rds/instance:Instance":
        storage = _text(at(each.inputs, "allocatedStorage"))
        several = "on" if at(each.inputs, "multiAz") else "off"
        return Size(
            size=_text(at(each.inputs, "instanceClass")),
            more=(("storage", f"{storage} GB"), ("high availability", several)),
        )
    if each.type == "azure-native:sql:Database":
        return Size(size=_text(at(each.inputs, "sku", "name")))
    return None


def _about(each: Resource, key: str, kind: str, deployment: Deployment) -> list[Resource]:
    """Return the resources of a kind whose property *key* names this one."""
    names = {each.id, each.id.rpartition("/")[2], each.inputs.get("name")} - {"", None, UNKNOWN}
    return [
        other
        for other in deployment.resources
        if other.type == kind
        and (
            each.urn in other.property_dependencies.get(key, ())
            or _text(other.inputs.get(key)) in names
        )
    ]


def _makers(each: Resource, key: str, kind: str, deployment: Deployment) -> list[Resource]:
    """Return the resources of a kind from which this one's property *key* was made."""
    found = each.property_dependencies.get(key, frozenset())
    named = _text(at(each.inputs, key, "id"))
    return [
        other
        for other in deployment.resources
        if other.type == kind and (other.urn in found or (named and other.id == named))
    ]


def _number(value: Any) -> int | None:
    """Return a count, which Azure writes as text here and there."""
    try:
        return int(value)
    except (TypeError, ValueError):
        return None


def _text(value: Any) -> str:
    return "" if value is None or value == UNKNOWN else str(value)
