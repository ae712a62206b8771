"""The object `operationalization:environment` of a managed endpoint.

The names are ours where Azure ML's would mislead, and its limits are Azure's ("Manage and increase
quotas and limits for resources with Azure Machine Learning"; facts.md 20.3).
"""

from typing import Annotated, Literal

from pydantic import Field

from components.settings.environment import Environment
from components.settings.model import FILLED, Model
from components.settings.nodes import AutoscaleSettings

MOST_INSTANCES = 50
"""Instances of a deployment."""

MOST_DEPLOYMENTS = 20
"""Deployments of an endpoint."""

Percent = Annotated[int, Field(ge=0, le=100)]
Copies = Annotated[int, Field(ge=1, le=50)]
Seconds = Annotated[int, Field(ge=1, le=3600)]


class RequestSettings(Model):
    """How requests reach one instance."""

    timeout_seconds: int = Field(default=5, ge=1, le=180)
    """Seconds after which a request fails; Azure allows 180."""

    concurrent: int = Field(default=1, ge=1, le=100)
    """Requests at a time on one instance; R runs one after the other."""


class ProbeSettings(Model):
    """When an instance counts as alive and as ready. Defaults are Azure's."""

    initial_delay_seconds: Seconds = 10
    """Seconds until the first probe."""

    period_seconds: Seconds = 10
    """Seconds between two probes."""

    timeout_seconds: Seconds = 2
    """Seconds that a probe waits for its answer."""

    failures: int = Field(default=30, ge=1, le=1000)
    """Probes in a row that must fail before the instance counts as failed."""


class DeploymentSettings(Model):
    """Containers with one model. Give either `instances` or `autoscale`."""

    model: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*$",
        max_length=200,
        examples=["models/iris"],
        json_schema_extra={
            "patternErrorMessage": "must be a folder of the project, relative to it, of letters, "
            "digits, dots, hyphens and slashes"
        },
    )
    """Model folder, relative to the project's own."""

    size: str = FILLED
    """Instance type of Azure ML; without it Standard_DS2_v2."""

    instances: Annotated[int, Field(ge=1, le=MOST_INSTANCES)] | None = None
    """Number of instances, when it does not follow the load."""

    autoscale: AutoscaleSettings | None = None
    """Bounds and rules of the number of instances, when it follows the load."""

    requests: RequestSettings = RequestSettings()
    """How requests reach one instance."""

    probes: ProbeSettings = ProbeSettings()
    """When an instance counts as alive and as ready."""

    @property
    def minimum(self) -> int:
        """Fewest instances, schedules aside."""
        return self.instances or (self.autoscale.minimum if self.autoscale else 0)

    @property
    def maximum(self) -> int:
        """Most instances."""
        return self.instances or (self.autoscale.maximum if self.autoscale else 0)


class EndpointSettings(Model):
    """The endpoint, and the deployments that answer behind it."""

    authentication: Literal["amlToken", "key", "entra"] = "amlToken"
    """amlToken: tokens that end within hours. key: two keys that do not. entra: tokens of Entra."""

    exposure: Literal["public", "private"] = "public"
    """Whether it is reachable from the internet, or through a private endpoint only."""

    deployments: dict[str, DeploymentSettings] = Field(
        max_length=MOST_DEPLOYMENTS,
        examples=["{ blue: { model: models/iris, instances: 1 } }"],
    )
    """The deployments by name."""

    traffic: dict[str, Percent] = Field(default_factory=dict, examples=[{"blue": 100}])
    """Percent of the requests that each deployment answers; without it all, where there is one."""

    mirror: dict[str, Copies] = Field(default_factory=dict, examples=[{"green": 10}])
    """Percent of the requests that a deployment gets a copy of, whose answers nobody sees."""


class WorkspaceSettings(Model):
    """The Azure ML workspace."""

    existing: str | None = None
    """Id of a workspace to use; without it a new one, with storage, vault and registry."""


class EndpointEnvironment(Environment):
    """An endpoint of Azure ML: the cloud runs containers with the model."""

    workspace: WorkspaceSettings = WorkspaceSettings()
    """The Azure ML workspace."""

    endpoint: EndpointSettings = Field(
        examples=["{ deployments: { blue: { model: models/iris, instances: 1 } } }"]
    )
    """The endpoint."""
