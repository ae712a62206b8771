"""The stack's configuration, typed and checked before any resource is declared.

`load` reads it as the program runs, `parse` checks one environment object. Cloud-neutral
decisions that follow from settings alone live here too: `addresses` is the address plan.
"""

from components.settings.endpoint import (
    DeploymentSettings,
    EndpointEnvironment,
    EndpointSettings,
    ProbeSettings,
    RequestSettings,
    WorkspaceSettings,
)
from components.settings.environment import (
    AccessSettings,
    DatabaseSettings,
    EnterpriseEnvironment,
    Environment,
    LoadBalancerSettings,
    MonitoringSettings,
    NetworkSettings,
    NodesEnvironment,
    OneBoxEnvironment,
    RuntimeSettings,
)
from components.settings.exemptions import ExemptionSettings
from components.settings.nodes import (
    AutoscaleSettings,
    ComputeGroupSettings,
    DiskSettings,
    MachineSettings,
    NodeGroupSettings,
    ScaleInSettings,
    ScaleOutSettings,
    ScheduleSettings,
    WebGroupSettings,
)
from components.settings.parsing import cautions, parse
from components.settings.problems import Problem, SettingsError
from components.settings.server import (
    ArchiveSettings,
    AuthenticationSettings,
    CorsSettings,
    DirectorySettings,
    HttpsSettings,
    InstallersSettings,
    LdapSettings,
    PoolSettings,
    PortsSettings,
    RolesSettings,
    ServerSettings,
)
from components.settings.stack import Settings, load
from components.settings.stack_file import parse_file

__all__ = [
    "AccessSettings",
    "ArchiveSettings",
    "AuthenticationSettings",
    "AutoscaleSettings",
    "ComputeGroupSettings",
    "CorsSettings",
    "DatabaseSettings",
    "DeploymentSettings",
    "DirectorySettings",
    "DiskSettings",
    "EndpointEnvironment",
    "EndpointSettings",
    "EnterpriseEnvironment",
    "Environment",
    "ExemptionSettings",
    "HttpsSettings",
    "InstallersSettings",
    "LdapSettings",
    "LoadBalancerSettings",
    "MachineSettings",
    "MonitoringSettings",
    "NetworkSettings",
    "NodeGroupSettings",
    "NodesEnvironment",
    "OneBoxEnvironment",
    "PoolSettings",
    "PortsSettings",
    "ProbeSettings",
    "Problem",
    "RequestSettings",
    "RolesSettings",
    "RuntimeSettings",
    "ScaleInSettings",
    "ScaleOutSettings",
    "ScheduleSettings",
    "ServerSettings",
    "Settings",
    "SettingsError",
    "WebGroupSettings",
    "WorkspaceSettings",
    "cautions",
    "load",
    "parse",
    "parse_file",
]
