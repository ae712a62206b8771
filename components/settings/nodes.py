"""Node groups: how many nodes of what size, and when there are more or fewer of them."""

from typing import Annotated, Literal

from pydantic import Field

from components.settings.model import FILLED, Model

LARGEST_SCALE_SET = 1000
"""Instances: "Considerations for large Virtual Machine Scale Sets" (Azure)."""

LARGEST_FIXED_GROUP = 160
"""Nodes, each four resources of its own. They are chained, and Pulumi's SDK (3.272) follows a chain
by recursion: 200 nodes in both groups work, 1,000 end in a RecursionError."""

Percent = Annotated[int, Field(ge=1, le=99)]
Minutes = Annotated[int, Field(ge=1, le=720)]
Step = Annotated[int, Field(ge=1, le=100)]
Nodes = Annotated[int, Field(ge=1, le=LARGEST_SCALE_SET)]
TimeOfDay = Annotated[
    str,
    Field(
        pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$",
        json_schema_extra={"patternErrorMessage": 'must be a time of day such as "07:30"'},
    ),
]
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
    """When a group shrinks. Defaults are those of the vendor's templates for web nodes."""

    below: Percent = 30
    """Average CPU of the group's nodes, in percent, below which nodes are removed."""

    minutes: Minutes = 30
    """Minutes that the average is taken over."""

    step: Step = 1
    """Nodes removed at a time."""

    cooldown: Minutes = 30
    """Minutes to wait after a change before the next one."""


class ComputeScaleInSettings(ScaleInSettings):
    """When a group of compute nodes shrinks: later than web nodes, as sessions live on them."""

    minutes: Minutes = 60
    """Minutes that the average is taken over."""

    cooldown: Minutes = 60
    """Minutes to wait after a change before the next one."""


class ScheduleSettings(Model):
    """A weekly period with bounds of its own, such as office hours."""

    name: str = Field(
        pattern=r"^[a-z][a-z0-9-]{0,38}[a-z0-9]$",
        examples=["office-hours"],
        json_schema_extra={
            "patternErrorMessage": "must be 2 to 40 lower-case letters, digits and hyphens, "
            "first a letter"
        },
    )
    """Name, unique in its group."""

    days: tuple[Day, ...] = Field(
        strict=False, min_length=1, max_length=7, examples=[["Monday", "Tuesday"]]
    )
    """Days of the week on which the period starts."""

    start: TimeOfDay = Field(examples=["07:30"])
    """Local time at which the period starts."""

    end: TimeOfDay = Field(examples=["19:00"])
    """Local time at which it ends; earlier than `start` means on the next day."""

    timezone: str = Field(examples=["Europe/Berlin"])
    """IANA name of the time zone, on both clouds."""

    minimum: Nodes = Field(examples=[6])
    """Fewest nodes during the period."""

    maximum: Nodes = Field(default=FILLED, examples=[20])
    """Most nodes during the period; without it as many as the group may have at all."""


class AutoscaleSettings(Model):
    """A group whose number of nodes follows its load."""

    minimum: Nodes = Field(examples=[2])
    """Fewest nodes. At least 1: CPU of no node says nothing."""

    maximum: Nodes = Field(examples=[20])
    """Most nodes."""

    scale_out: ScaleOutSettings = ScaleOutSettings()
    """When nodes are added."""

    scale_in: ScaleInSettings = ScaleInSettings()
    """When nodes are removed."""

    schedules: tuple[ScheduleSettings, ...] = Field(default=(), strict=False, max_length=9)
    """Periods with other bounds. At most 9: each takes 2 of the 20 profiles that Azure allows."""


class ComputeAutoscaleSettings(AutoscaleSettings):
    """A group of compute nodes whose number follows its load."""

    scale_in: ComputeScaleInSettings = ComputeScaleInSettings()
    """When nodes are removed."""


class DiskSettings(Model):
    """The system disk of each node."""

    size: int = Field(default=32, ge=30, le=4095)
    """GiB; on Windows 128 without it, as images of it have 127."""

    performance: Literal["standard", "premium"] = "premium"
    """standard: SSD for light use. premium: SSD with guaranteed throughput."""


class NodeGroupSettings(Model):
    """Nodes with one role. Give either `count` or `autoscale`."""

    nodes: Literal["scaleSet", "fixed"] = "scaleSet"
    """scaleSet: the cloud keeps the number. fixed: one machine a node, with static addresses."""

    size: str = FILLED
    """Machine size of the cloud; without it a small general-purpose size."""

    count: Annotated[int, Field(ge=1, le=LARGEST_SCALE_SET)] | None = None
    """Number of nodes, when it does not follow the load."""

    autoscale: AutoscaleSettings | None = None
    """Bounds and rules of the number of nodes, when it follows the load."""

    zones: tuple[Annotated[int, Field(ge=1, le=6)], ...] = Field(
        default=(), strict=False, max_length=6
    )
    """Availability zones, counted from 1; without it those of the location, at most three."""

    disk: DiskSettings = DiskSettings()
    """The system disk of each node."""

    @property
    def is_fixed(self) -> bool:
        """Whether each node is a machine of its own."""
        return self.nodes == "fixed"

    @property
    def minimum(self) -> int:
        """Fewest nodes that the group may have, schedules aside."""
        return self.count or (self.autoscale.minimum if self.autoscale else 0)

    @property
    def maximum(self) -> int:
        """Most nodes that the group may have."""
        return self.count or (self.autoscale.maximum if self.autoscale else 0)

    @property
    def peak(self) -> int:
        """Most nodes at one moment: a group that is replaced runs beside the new one."""
        return 2 * self.maximum


class WebGroupSettings(NodeGroupSettings):
    """Web nodes: they answer clients and keep no state."""


class ComputeGroupSettings(NodeGroupSettings):
    """Compute nodes: they run R, and only web nodes reach them."""

    autoscale: ComputeAutoscaleSettings | None = None
    """Bounds and rules of the number of nodes, when it follows the load."""

    workers_per_node: int = Field(default=0, ge=0, le=512)
    """R workers on one node; 0 for one a vCPU."""


class MachineSettings(Model):
    """The machine of a one-box."""

    size: str = FILLED
    """Machine size of the cloud; without it a general-purpose size with four vCPUs."""

    disk: DiskSettings = DiskSettings()
    """The system disk, where an embedded database lies too."""

    zone: Annotated[int, Field(ge=1, le=6)] | None = None
    """Availability zone, counted from 1; without it the first of the location, if it has any."""

    workers: int = Field(default=0, ge=0, le=512)
    """R workers; 0 for one a vCPU."""

    @property
    def group(self) -> NodeGroupSettings:
        """The machine as a fixed group of one node."""
        zones = () if self.zone is None else (self.zone,)
        value = {"nodes": "fixed", "size": self.size, "count": 1, "zones": zones}
        return NodeGroupSettings.model_validate({**value, "disk": self.disk})
