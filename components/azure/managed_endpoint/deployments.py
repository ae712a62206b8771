"""What answers behind the endpoint: for each model an image, for each deployment instances of it.

Deployments that have the same model share what is made of it, so an image, an environment and a
registered model are named after the model, never after a deployment. A change of their content is
another version of each, beside the old one until every deployment has moved on, and the deployment
itself changes in place: Azure rolls its instances.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi_azure_native import containerregistry, machinelearningservices

from components.azure import autoscaling
from components.azure.managed_endpoint.image import Image, encoded_task
from components.azure.managed_endpoint.workspace import Workspace
from components.parts import IdentityPart, Site, naming
from components.settings.endpoint import DeploymentSettings

PORT = 8000
LIVE, READY, SCORE = "/live", "/ready", "/score"
"""Routes of the container (facts.md 20.1)."""

METRIC = "CpuUtilizationPercentage"
"""Of deployments ("Supported metrics for …/onlineEndpoints/deployments")."""

RUN_SECONDS = 3600
LONGEST_RUN_NAME = 50


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelArgs:
    """What one model on the workspace takes."""

    site: Site
    workspace: Workspace
    image: Image
    builder: IdentityPart
    agent_pool: pulumi.Output[str] | None
    """Name of the machines that build; none for Azure's own."""


class Model(pulumi.ComponentResource):
    """A model's image, and the environment and the registered model that deployments name."""

    environment_id: pulumi.Output[str]
    model_id: pulumi.Output[str]
    image: pulumi.Output[str]

    def __init__(
        self, name: str, args: ModelArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("operationalization:azure:EndpointModel", name, None, opts)
        workspace, image = args.workspace, args.image
        run = _build(name, args, self)
        after = pulumi.ResourceOptions(parent=self, depends_on=[run])
        self.image = pulumi.Output.concat(workspace.login_server, "/", image.reference)
        self.environment_id = machinelearningservices.EnvironmentVersion(
            f"{name}-environment",
            name=_owned(image.model, workspace),
            version=image.tag,
            resource_group_name=workspace.resource_group,
            workspace_name=workspace.name,
            properties=machinelearningservices.EnvironmentVersionPropertiesArgs(
                image=self.image,
                os_type="Linux",
                description=f"plumber with model {image.model} {image.version}",
                inference_config=machinelearningservices.InferenceContainerPropertiesArgs(
                    liveness_route=_route(LIVE),
                    readiness_route=_route(READY),
                    scoring_route=_route(SCORE),
                ),
                tags=args.site.tags,
            ),
            opts=after,
        ).id
        self.model_id = machinelearningservices.ModelVersion(
            f"{name}-registered",
            name=_owned(image.model, workspace),
            version=image.model_version,
            resource_group_name=workspace.resource_group,
            workspace_name=workspace.name,
            properties=machinelearningservices.ModelVersionPropertiesArgs(
                model_type="custom_model",
                model_uri=pulumi.Output.concat(
                    "https://",
                    workspace.storage_name,
                    ".blob.core.windows.net/",
                    workspace.models_container,
                    f"/{image.model_path}",
                ),
                description=f"Model {image.model} {image.version}",
                tags=args.site.tags,
            ),
            opts=after,
        ).id
        self.register_outputs({"image": self.image})


@dataclass(frozen=True, kw_only=True, slots=True)
class DeploymentsArgs:
    """What the deployments of an endpoint take."""

    site: Site
    workspace: Workspace
    endpoint: pulumi.Resource
    endpoint_name: pulumi.Output[str]
    settings: Mapping[str, DeploymentSettings]
    models: Mapping[str, Model]
    """By deployment."""

    private: bool
    grants: Sequence[pulumi.Resource]
    """What an instance needs before it starts."""

    emails: tuple[str, ...]


class Deployments(pulumi.ComponentResource):
    """The deployments; the component is ready when all of their instances are."""

    ids: Mapping[str, pulumi.Output[str]]
    """By deployment."""

    def __init__(
        self, name: str, args: DeploymentsArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("operationalization:azure:EndpointDeployments", name, None, opts)
        self.ids = {each: self._make(name, each, args) for each in args.settings}
        self.register_outputs({})

    def _make(self, name: str, deployment: str, args: DeploymentsArgs) -> pulumi.Output[str]:
        settings = args.settings[deployment]
        model = args.models[deployment]
        made = machinelearningservices.OnlineDeployment(
            f"{name}-{deployment}",
            deployment_name=deployment,
            endpoint_name=args.endpoint_name,
            workspace_name=args.workspace.name,
            resource_group_name=args.workspace.resource_group,
            location=args.site.location,
            tags=args.site.tags,
            sku=machinelearningservices.SkuArgs(name="Default", capacity=settings.minimum),
            properties=_properties(settings, model, private=args.private),
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=list(args.grants),
                # Azure refuses to delete a deployment that has traffic, but not its endpoint.
                deleted_with=args.endpoint,
                # A number that the autoscaler chose is never set back.
                ignore_changes=["sku.capacity"] if settings.autoscale else None,
            ),
        )
        if settings.autoscale:
            autoscaling.declare(
                f"{name}-{deployment}-autoscaling",
                args.site,
                settings.autoscale,
                made.id,
                args.emails,
                parent=self,
                metric=METRIC,
            )
        return made.id


def _properties(
    settings: DeploymentSettings, model: Model, *, private: bool
) -> machinelearningservices.ManagedOnlineDeploymentArgs:
    # Argument classes, not dictionaries: the SDK does not translate the keys of a union's.
    probe = machinelearningservices.ProbeSettingsArgs(
        initial_delay=seconds(settings.probes.initial_delay_seconds),
        period=seconds(settings.probes.period_seconds),
        timeout=seconds(settings.probes.timeout_seconds),
        failure_threshold=settings.probes.failures,
        success_threshold=1,
    )
    return machinelearningservices.ManagedOnlineDeploymentArgs(
        endpoint_compute_type="Managed",
        app_insights_enabled=True,
        environment_id=model.environment_id,
        model=model.model_id,
        instance_type=settings.size,
        request_settings=machinelearningservices.OnlineRequestSettingsArgs(
            max_concurrent_requests_per_instance=settings.requests.concurrent,
            request_timeout=seconds(settings.requests.timeout_seconds),
        ),
        liveness_probe=probe,
        readiness_probe=probe,
        scale_settings=machinelearningservices.DefaultScaleSettingsArgs(scale_type="Default"),
        # The workspace's own network decides, where it has one: "avoid setting this flag".
        egress_public_network_access=None if private else "Enabled",
    )


def seconds(count: int) -> str:
    """Return *count* seconds as ISO 8601 has durations."""
    return f"PT{count}S"


def _run_name(image: Image, workspace: Workspace) -> pulumi.Input[str]:
    if workspace.own is not None:
        # With the model's name it could be too long; the tag alone says what is in the image.
        return pulumi.Output.concat(workspace.own, "-", image.tag)
    return f"{naming.shorten(image.model, LONGEST_RUN_NAME - len(image.tag) - 1)}-{image.tag}"


def _owned(name: str, workspace: Workspace) -> pulumi.Input[str]:
    """Return *name*, told from others' in a workspace that is not ours alone."""
    return name if workspace.own is None else pulumi.Output.concat(workspace.own, "-", name)


def _route(path: str) -> machinelearningservices.RouteArgs:
    return machinelearningservices.RouteArgs(path=path, port=PORT)


def _build(name: str, args: ModelArgs, parent: pulumi.Resource) -> containerregistry.TaskRun:
    """Declare the run that builds the image; it is there when the image is."""
    workspace, image, identity = args.workspace, args.image, args.builder
    return containerregistry.TaskRun(
        f"{name}-image",
        task_run_name=_run_name(image, workspace),
        registry_name=workspace.registry_name,
        resource_group_name=workspace.registry_group,
        location=args.site.location,
        identity=containerregistry.IdentityPropertiesArgs(
            type=containerregistry.ResourceIdentityType.USER_ASSIGNED,
            user_assigned_identities=identity.id.apply(
                lambda found: {found: containerregistry.UserIdentityPropertiesArgs()}
            ),
        ),
        run_request=containerregistry.EncodedTaskRunRequestArgs(
            type="EncodedTaskRunRequest",
            encoded_task_content=encoded_task(image),
            platform=containerregistry.PlatformPropertiesArgs(os="Linux", architecture="amd64"),
            agent_pool_name=args.agent_pool,
            timeout=RUN_SECONDS,
            values=[
                containerregistry.SetValueArgs(
                    name="account", value=workspace.storage_name, is_secret=False
                ),
                containerregistry.SetValueArgs(
                    name="container", value=workspace.models_container, is_secret=False
                ),
                containerregistry.SetValueArgs(
                    name="identity", value=identity.client_id, is_secret=False
                ),
            ],
            # To the registry that it runs in: to push there is what it is for.
            credentials=containerregistry.CredentialsArgs(
                source_registry=containerregistry.SourceRegistryCredentialsArgs(
                    login_mode="Default"
                )
            ),
            is_archive_enabled=False,
        ),
        opts=pulumi.ResourceOptions(parent=parent),
    )
