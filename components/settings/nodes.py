"""Node groups: how many nodes of what size, and when there are more or fewer of them."""

from typing import Annotated, Literal

from pydantic import Field

from components.settings.model import Model

LARGEST_SCALE_SET = 1000
"""Instances: Azure, "Virtual Machine Scale Sets", limits for marketplace and gallery images."""

LARGEST_FIXED_GROUP = 100
"""Nodes, each a machine resource of its own; past this a preview takes minutes."""

Percent = Annotated[int, Field(ge=1, le=99)]
Minutes = Annotated[int, Field(ge=1, le=720)]
Step = Annotated[int, Field(ge=1, le=100)]
Nodes = Annotated[int, Field(ge=0, le=LARGEST_SCALE_SET)]
TimeOfDay = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
Day = Literal["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]


class ScaleOutSettings(Model):
    """When a group grows. Defaults are those of the vendor's templates (facts.md 18.2)."""

    above: Percent = 50
    """Average CPU of the group's nodes, in percent, above which nodes are added."""

    minutes: Minutes = 5
    """Minutes that the average is taken over."""

    step: Step = 1
    """Nodes added at a time."""

    cooldown: Minutes = 5
    """Minutes to wait after a change before the next one."""


class ScaleInSettings(Model):
    """When a group of web nodes shrinks."""

    below: Percent = 30
    """Average CPU of the group's nodes, in percent, below which nodes are removed."""

    minutes: Minutes = 30
    """Minutes that the average is taken over."""

    step: Step = 1
    """Nodes removed at a time."""

    cooldown: Minutes = 30
    """Minutes to wait after a change before the next one."""


class ComputeScaleInSettings(ScaleInSettings):
    """When a group of compute nodes shrinks: later than web nodes, sessions live on them."""

    minutes: Minutes = 60
    """Minutes that the average is taken over."""

    cooldown: Minutes = 60
    """Minutes to wait after a change before the next one."""


class ScheduleSettings(Model):
    """A weekly period with bounds of its own, such as office hours."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,38}[a-z0-9]$")]
    """Name, unique in its group: 2 to 40 lower-case letters, digits and hyphens."""

    days: Annotated[tuple[Day, ...], Field(strict=False, min_length=1, max_length=7)]
    """Days of the week on which the period starts."""

    start: TimeOfDay
    """Local time at which the period starts, such as "07:30"."""

    end: TimeOfDay
    """Local time at which it ends; earlier than `start` means on the next day."""

    timezone: str
    """IANA name of the time zone, such as Europe/Berlin, on both clouds."""

    minimum: Nodes
    """Fewest nodes during the period."""

    maximum: Nodes
    """Most nodes during the period."""


class AutoscaleSettings(Model):
    """A group whose number of nodes follows its load."""

    minimum: Nodes
    """Fewest nodes."""

    maximum: Annotated[int, Field(ge=1, le=LARGEST_SCALE_SET)]
    """Most nodes."""

    scale_out: ScaleOutSettings = ScaleOutSettings()
    """When nodes are added."""

    scale_in: ScaleInSettings = ScaleInSettings()
    """When nodes are removed."""

    schedules: Annotated[tuple[ScheduleSettings, ...], Field(strict=False, max_length=9)] = ()
    """Periods with other bounds. At most 9: each takes 2 of the 20 profiles that Azure allows."""


class ComputeAutoscaleSettings(AutoscaleSettings):
    """A group of compute nodes whose number follows its load."""

    scale_in: ComputeScaleInSettings = ComputeScaleInSettings()
    """When nodes are removed."""


class DiskSettings(Model):
    """The system disk of each node."""

    size: Annotated[int, Field(ge=30, le=4095)] = 32
    """GiB."""

    performance: Literal["standard", "premium"] = "premium"
    """standard: SSD for light use. premium: SSD with guaranteed throughput."""


class NodeGroupSettings(Model):
    """Nodes with one role. Give either `count` or `autoscale`."""

    nodes: Literal["scaleSet", "fixed"] = "scaleSet"
    """scaleSet: the cloud keeps the number. fixed: one machine a node, with static addresses."""

    size: str = ""
    """Machine size of the cloud; without it a small general-purpose size."""

    count: Annotated[int, Field(ge=1, le=LARGEST_SCALE_SET)] | None = None
    """Number of nodes that does not follow the load."""

    autoscale: AutoscaleSettings | None = None
    """Bounds and rules of a number that follows the load."""

    zones: Annotated[tuple[Annotated[int, Field(ge=1, le=6)], ...], Field(strict=False)] = ()
    """Availability zones, counted from 1; without it all that the location has."""

    disk: DiskSettings = DiskSettings()
    """The system disk of each node."""

    @property
    def is_fixed(self) -> bool:
        """Whether each node is a machine of its own."""
        return self.nodes == "fixed"

    @property
    def minimum(self) -> int:
        """Fewest nodes that the group may have."""
        return self.count or (self.autoscale.minimum if self.autoscale else 0)

    @property
    def maximum(self) -> int:
        """Most nodes that the group may have."""
        return self.count or (self.autoscale.maximum if self.autoscale else 0)


class WebGroupSettings(NodeGroupSettings):
    """Web nodes: they answer on port 12800 and keep no state."""


class ComputeGroupSettings(NodeGroupSettings):
    """Compute nodes: they run R, and only web nodes reach them."""

    autoscale: ComputeAutoscaleSettings | None = None
    """Bounds and rules of a number that follows the load."""

    workers_per_node: Annotated[int, Field(ge=0, le=512)] = 0
    """R workers on one node; 0 for one a vCPU."""
