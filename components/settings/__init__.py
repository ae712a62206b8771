"""The stack's configuration, typed and checked before any resource is declared.

`load` reads it as the program runs, `parse` checks one environment object. Cloud-neutral
decisions that follow from settings alone live here too: `addresses` is the address plan.
"""

from components.settings.environment import (
    AccessSettings,
    DatabaseSettings,
    Environment,
    LoadBalancerSettings,
    MonitoringSettings,
    NetworkSettings,
    RuntimeSettings,
)
from components.settings.nodes import (
    AutoscaleSettings,
    ComputeGroupSettings,
    DiskSettings,
    NodeGroupSettings,
    ScaleInSettings,
    ScaleOutSettings,
    ScheduleSettings,
    WebGroupSettings,
)
from components.settings.parsing import cautions, parse
from components.settings.problems import Problem, SettingsError
from components.settings.stack import Settings, load
from components.settings.stack_file import parse_file

__all__ = [
    "AccessSettings",
    "AutoscaleSettings",
    "ComputeGroupSettings",
    "DatabaseSettings",
    "DiskSettings",
    "Environment",
    "LoadBalancerSettings",
    "MonitoringSettings",
    "NetworkSettings",
    "NodeGroupSettings",
    "Problem",
    "RuntimeSettings",
    "ScaleInSettings",
    "ScaleOutSettings",
    "ScheduleSettings",
    "Settings",
    "SettingsError",
    "WebGroupSettings",
    "cautions",
    "load",
    "parse",
    "parse_file",
]
