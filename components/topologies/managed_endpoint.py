"""The managed endpoint: the cloud runs containers with the model, and there are no nodes.

Order of making and changing: identities and what they may do, images, endpoint, deployments,
traffic, alerts. Traffic moves before a deployment that is given up goes, since Pulumi deletes last.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pulumi
from pulumi_azure_native import authorization

from components.azure.aliases import drop_versions
from components.azure.foundation import Foundation
from components.azure.identity import Identity
from components.azure.managed_endpoint import names, permissions, private, traffic
from components.azure.managed_endpoint.deployments import (
    Deployments,
    DeploymentsArgs,
    Model,
    ModelArgs,
)
from components.azure.managed_endpoint.endpoint import Endpoint, EndpointArgs, primary_key
from components.azure.managed_endpoint.image import Image, TooLargeError, asset_name, image
from components.azure.managed_endpoint.monitoring import Logs, Watch, WatchArgs
from components.azure.managed_endpoint.registry import agents
from components.azure.managed_endpoint.workspace import (
    ExistingWorkspace,
    ExistingWorkspaceArgs,
    NewWorkspace,
    Workspace,
    WorkspaceArgs,
)
from components.parts import FoundationArgs, IdentityArgs
from components.settings import Problem, Settings, SettingsError
from components.settings.endpoint import EndpointEnvironment
from components.settings.problems import show
from model_folders import reading
from model_folders.problems import FolderError


@dataclass(frozen=True, kw_only=True, slots=True)
class ManagedEndpointArgs:
    """What a managed endpoint takes."""

    stack: str
    environment: EndpointEnvironment
    images: Mapping[str, Image]
    """By deployment."""


def declare(name: str, stack: str, settings: Settings) -> "ManagedEndpoint":
    """Declare the environment *name* of *stack*.

    Raises:
        SettingsError: before anything is declared, for models that cannot be deployed.
    """
    environment = settings.environment
    if not isinstance(environment, EndpointEnvironment):
        raise TypeError(f"{environment.topology} is not the topology managed-endpoint")
    images = read_images(environment, stack, settings.project)
    return ManagedEndpoint(
        name, ManagedEndpointArgs(stack=stack, environment=environment, images=images)
    )


class ManagedEndpoint(pulumi.ComponentResource):
    """A whole environment; `outputs` is what operations need to know of it."""

    outputs: Mapping[str, pulumi.Input[object]]

    def __init__(
        self, name: str, args: ManagedEndpointArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("operationalization:topologies:ManagedEndpoint", name, None, opts)
        self._name = name
        self._environment = environment = args.environment
        images = args.images
        self._settings = environment.endpoint
        self._private = self._settings.exposure == "private"
        self._foundation = Foundation(
            f"{name}-foundation",
            FoundationArgs(
                stack=args.stack,
                location=environment.location,
                tags=environment.tags,
                protection=environment.protection,
                log_retention_days=environment.monitoring.retention_days,
                nodes=False,
            ),
            pulumi.ResourceOptions(parent=self, transformations=[drop_versions]),
        )
        self._site = self._foundation.site
        self._names = names.make(name, self._site, self._foundation)
        self._identity = self._make_identity("endpoint")
        self._builder = self._make_identity("builder")
        self._logs = Logs(
            f"{name}-logs",
            self._site,
            environment.monitoring,
            insights=not environment.workspace.existing,
            opts=self._options(),
        )
        self._network = (
            private.PrivateNetwork(f"{name}-network", self._site, self._options())
            if self._private
            else None
        )
        self._workspace = self._make_workspace()
        self._grants = self._make_grants()
        connected = self._connect()
        self._models = self._make_models(images, connected)
        self._endpoint = Endpoint(
            f"{name}-endpoint",
            EndpointArgs(
                site=self._site,
                workspace=self._workspace,
                name=self._names.endpoint,
                settings=self._settings,
                identity=self._identity,
            ),
            # When all goes, the endpoint takes its deployments along before what they run goes.
            self._options([*self._models.values(), *connected]),
        )
        self._deployments = self._make_deployments(images, connected)
        self._traffic = traffic.declare(
            name,
            traffic.TrafficArgs(
                site=self._site,
                workspace=self._workspace,
                endpoint=self._endpoint,
                identity=self._identity,
                settings=self._settings,
            ),
            self._endpoint,
            [self._deployments],
        )
        self._watch()
        self.outputs = self._outputs(images)
        self.register_outputs(dict(self.outputs))

    def _options(self, after: Sequence[pulumi.Resource] = ()) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(
            parent=self,
            providers=[self._foundation.provider],
            depends_on=list(after),
            transformations=[drop_versions],
        )

    def _make_identity(self, role: str) -> Identity:
        return Identity(
            f"{self._name}-{role}-identity",
            IdentityArgs(site=self._site, role=role, sessions=False),
            self._options(),
        )

    def _make_workspace(self) -> Workspace:
        existing = self._environment.workspace.existing
        if existing:
            return ExistingWorkspace(
                f"{self._name}-workspace",
                ExistingWorkspaceArgs(
                    workspace_id=existing,
                    names=self._names,
                    provider=self._foundation.provider,
                ),
                self._options(),
            )
        insights = self._logs.insights_id
        if insights is None:
            raise ValueError("a new workspace needs Application Insights")
        return NewWorkspace(
            f"{self._name}-workspace",
            WorkspaceArgs(
                site=self._site,
                names=self._names,
                tenant_id=self._identity.tenant_id,
                insights_id=insights,
                private=self._private,
            ),
            self._options(),
        )

    def _make_grants(self) -> Mapping[str, list[authorization.RoleAssignment]]:
        """Let instances pull and read, and the task that builds write models; nothing else."""
        workspace, name = self._workspace, self._name
        return {
            "endpoint": [
                permissions.grant(
                    f"{name}-endpoint-pulls-images",
                    role=permissions.ACR_PULL,
                    scope=workspace.registry_id,
                    principal=self._identity.principal_id,
                    parent=workspace,
                ),
                permissions.grant(
                    f"{name}-endpoint-reads-models",
                    role=permissions.BLOB_READER,
                    scope=workspace.models_id,
                    principal=self._identity.principal_id,
                    parent=workspace,
                ),
            ],
            "builder": [
                permissions.grant(
                    f"{name}-builder-writes-models",
                    role=permissions.BLOB_CONTRIBUTOR,
                    scope=workspace.models_id,
                    principal=self._builder.principal_id,
                    parent=workspace,
                )
            ],
        }

    def _connect(self) -> list[pulumi.Resource]:
        if self._network is None:
            return []
        return list(
            private.connect(
                f"{self._name}-private",
                self._site,
                self._workspace,
                self._network,
                self._options(),
            )
        )

    def _agent_pool(self) -> pulumi.Output[str] | None:
        """Declare who builds where the registry is closed; an existing one is as its owner says."""
        if self._network is None or self._environment.workspace.existing:
            return None
        return agents(
            f"{self._name}-workspace",
            self._site,
            registry=self._workspace.registry_name,
            subnet_id=self._network.agents_id,
            parent=self._workspace,
        ).name

    def _make_models(
        self, images: Mapping[str, Image], connected: Sequence[pulumi.Resource]
    ) -> dict[str, Model]:
        pool = self._agent_pool()
        return {
            key: Model(
                f"{self._name}-{key}",
                ModelArgs(
                    site=self._site,
                    workspace=self._workspace,
                    image=found,
                    builder=self._builder,
                    agent_pool=pool,
                ),
                self._options([*self._grants["builder"], *connected]),
            )
            for key, found in sorted({key_of(each): each for each in images.values()}.items())
        }

    def _make_deployments(
        self, images: Mapping[str, Image], connected: Sequence[pulumi.Resource]
    ) -> Deployments:
        return Deployments(
            f"{self._name}-deployments",
            DeploymentsArgs(
                site=self._site,
                workspace=self._workspace,
                endpoint=self._endpoint.resource,
                endpoint_name=self._endpoint.name,
                settings=self._settings.deployments,
                models={name: self._models[key_of(found)] for name, found in images.items()},
                private=self._private,
                grants=self._grants["endpoint"],
                emails=self._environment.monitoring.emails,
            ),
            self._options(connected),
        )

    def _watch(self) -> None:
        Watch(
            f"{self._name}-monitoring",
            WatchArgs(
                site=self._site,
                settings=self._environment.monitoring,
                endpoint_settings=self._settings,
                logs=self._logs,
                workspace=self._workspace,
                endpoint=self._endpoint,
                deployments=self._deployments.ids,
            ),
            self._options([self._deployments]),
        )

    def _outputs(self, images: Mapping[str, Image]) -> dict[str, pulumi.Input[object]]:
        endpoint, settings = self._endpoint, self._settings
        found: dict[str, pulumi.Input[object]] = {
            "topology": self._environment.topology,
            # Known when requests are answered by whom the settings say.
            "endpoint": pulumi.Output.all(endpoint.scoring_uri, self._traffic.id).apply(
                lambda known: known[0]
            ),
            "endpointName": endpoint.name,
            "endpointId": endpoint.id,
            "authentication": settings.authentication,
            "location": self._environment.location,
            "resourceGroup": self._workspace.resource_group,
            "workspace": {"name": self._workspace.name, "id": self._workspace.id},
            "registry": self._workspace.registry_name,
            "deployments": {
                name: {
                    "model": image.model,
                    "version": image.version,
                    "image": self._models[key_of(image)].image,
                    "instances": settings.deployments[name].minimum,
                    "id": self._deployments.ids[name],
                }
                for name, image in images.items()
            },
            "traffic": traffic.shares(settings),
            "mirror": dict(settings.mirror),
        }
        if settings.authentication == "key":
            options = pulumi.InvokeOutputOptions(
                parent=self, provider=self._foundation.provider, depends_on=[self._traffic]
            )
            found["key"] = primary_key(endpoint, self._workspace, options)
        return found


def key_of(found: Image) -> str:
    """Return what a model's resources are called: its name and version."""
    return f"{found.model}-{asset_name(found.version)}"


def read_images(environment: EndpointEnvironment, stack: str, project: Path) -> dict[str, Image]:
    """Return the image of each deployment; models are in the folder *project*.

    Raises:
        SettingsError: with all that is wrong with any model.
    """
    problems: list[Problem] = []
    images: dict[str, Image] = {}
    for name, settings in environment.endpoint.deployments.items():
        place = f"endpoint.deployments.{name}.model"
        try:
            images[name] = image(reading.read(project / settings.model))
        except FolderError as error:
            problems += (
                Problem(f"{place}: {each.place}", show(settings.model), each.reason, each.fix)
                for each in error.problems
            )
        except TooLargeError as error:
            problems.append(
                Problem(
                    place,
                    show(settings.model),
                    f"is too large to be built from what is declared: {error}",
                    "make the model smaller",
                )
            )
    problems += _clashes(images, environment)
    if problems:
        raise SettingsError(stack, problems)
    return images


def _clashes(images: Mapping[str, Image], environment: EndpointEnvironment) -> Iterator[Problem]:
    """Yield models that call themselves the same and are not."""
    first: dict[str, str] = {}
    for name, found in images.items():
        other = first.setdefault(key_of(found), name)
        if images[other].tag != found.tag:
            yield Problem(
                f"endpoint.deployments.{name}.model",
                show(environment.endpoint.deployments[name].model),
                f"is {found.model} {found.version}, as the model of {other}, and not the same",
                "give it a version of its own in service.json",
            )
