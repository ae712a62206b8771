"""A managed endpoint with everything that it needs and nothing else, as its configuration says.

`demo:plan` is JSON: authentication, deployments by name (model, fix, instances, environment,
requests, probes, egress), traffic, mirror. `fix` replaces files of the build context.
"""

import base64
import gzip
import io
import json
import tarfile
from hashlib import sha256
from pathlib import Path

import pulumi
from pulumi_azure_native import (
    applicationinsights,
    containerregistry,
    keyvault,
    operationalinsights,
    resources,
    storage,
)
from pulumi_azure_native import machinelearningservices as ml

ROOT = Path(__file__).resolve().parents[3]
LOCATION = "westeurope"
plan = json.loads(pulumi.Config("demo").require("plan"))


def context(deployment):
    """The archive of a deployment's build context, the same bytes for the same files."""
    model = ROOT / deployment.get("model", "models/iris")
    files = {
        name: ROOT / "container" / name for name in ("Dockerfile", "start_plumber.R", "plumber.R")
    }
    files["service.R"] = ROOT / "server/worker/service.R"
    files |= {f"model/{each.name}": each for each in model.iterdir() if each.is_file()}
    contents = {name: path.read_bytes() for name, path in files.items()}
    contents |= {name: text.encode() for name, text in deployment.get("fix", {}).items()}
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as archive:
        for name, data in sorted(contents.items()):
            entry = tarfile.TarInfo(f"context/{name}")
            entry.size, entry.mode = len(data), 0o644
            archive.addfile(entry, io.BytesIO(data))
    return gzip.compress(raw.getvalue(), mtime=0)


def task(name, archive, tag):
    image = f"{{{{.Run.Registry}}}}/{name}:{tag}"
    data = base64.b64encode(archive).decode()
    steps = [
        {"cmd": f"bash -c 'echo {data} | base64 -d >> /workspace/context.tar.gz'"},
        {"cmd": "bash -c 'tar -xzf /workspace/context.tar.gz -C /workspace'"},
        {"build": f"-t {image} -f context/Dockerfile --build-arg MODEL=iris context"},
        {"push": [image]},
    ]
    return base64.b64encode(json.dumps({"version": "v1.1.0", "steps": steps}).encode()).decode()


group = resources.ResourceGroup("score", location=LOCATION)
common = {"resource_group_name": group.name, "location": LOCATION}
account = storage.StorageAccount("store", kind="StorageV2", sku={"name": "Standard_LRS"}, **common)
logs = operationalinsights.Workspace("logs", sku={"name": "PerGB2018"}, **common)
insights = applicationinsights.Component(
    "insights", kind="web", application_type="web", workspace_resource_id=logs.id, **common
)
vault = keyvault.Vault(
    "vault",
    properties={
        "sku": {"family": "A", "name": "standard"},
        "tenant_id": "5a9d0b0e-0000-4000-8000-000000000001",
        "enable_rbac_authorization": True,
    },
    **common,
)
registry = containerregistry.Registry("registry", sku={"name": "Premium"}, **common)
workspace = ml.Workspace(
    "space",
    identity={"type": "SystemAssigned"},
    storage_account=account.id,
    key_vault=vault.id,
    application_insights=insights.id,
    container_registry=registry.id,
    **common,
)
inside = {"resource_group_name": group.name, "workspace_name": workspace.name}
endpoint = ml.OnlineEndpoint(
    "endpoint",
    endpoint_name=plan.get("endpoint", "flowers"),
    location=LOCATION,
    identity={"type": "SystemAssigned"},
    properties=ml.OnlineEndpointPropertiesArgs(auth_mode=plan.get("authentication", "Key"))
    if hasattr(ml, "OnlineEndpointPropertiesArgs")
    else {"auth_mode": plan.get("authentication", "Key")},
    opts=pulumi.ResourceOptions(ignore_changes=["properties.traffic", "properties.mirrorTraffic"]),
    **inside,
)
deployments = []
for name, each in plan["deployments"].items():
    archive = context(each)
    tag = sha256(archive).hexdigest()[:16]
    run = containerregistry.TaskRun(
        f"{name}-{tag}",
        task_run_name=f"{name}-{tag}",
        registry_name=registry.name,
        run_request=containerregistry.EncodedTaskRunRequestArgs(
            type="EncodedTaskRunRequest",
            platform=containerregistry.PlatformPropertiesArgs(os="Linux", architecture="amd64"),
            encoded_task_content=task(name, archive, tag),
        ),
        **common,
    )
    routes = {
        f"{which}_route": ml.RouteArgs(path=f"/{path}", port=8000)
        for which, path in (("liveness", "live"), ("readiness", "ready"), ("scoring", "score"))
    }
    environment = ml.EnvironmentVersion(
        f"{name}-{tag}-environment",
        name=name,
        version=tag,
        properties=ml.EnvironmentVersionPropertiesArgs(
            image=pulumi.Output.concat(registry.login_server, f"/{name}:{tag}"),
            inference_config=ml.InferenceContainerPropertiesArgs(**routes),
            os_type="Linux",
        ),
        opts=pulumi.ResourceOptions(depends_on=[run]),
        **inside,
    )
    probe = ml.ProbeSettingsArgs(
        initial_delay="PT1S",
        period="PT1S",
        timeout="PT2S",
        failure_threshold=each.get("failures", 8),
        success_threshold=1,
    )
    requests = each.get("requests", {})
    deployments.append(
        ml.OnlineDeployment(
            name,
            deployment_name=name,
            endpoint_name=endpoint.name,
            location=LOCATION,
            sku=ml.SkuArgs(name="Default", capacity=each.get("instances", 1)),
            properties=ml.ManagedOnlineDeploymentArgs(
                endpoint_compute_type="Managed",
                instance_type="Standard_DS2_v2",
                environment_id=environment.id,
                environment_variables=each.get("environment", {}),
                egress_public_network_access=each.get("egress", "Disabled"),
                request_settings=ml.OnlineRequestSettingsArgs(
                    request_timeout=requests.get("timeout", "PT5S"),
                    max_concurrent_requests_per_instance=requests.get("concurrent", 1),
                ),
                liveness_probe=probe,
                readiness_probe=probe,
            ),
            # One that has traffic can't be deleted by itself; it goes with its endpoint.
            opts=pulumi.ResourceOptions(deleted_with=endpoint),
            **inside,
        )
    )
template = pulumi.Output.json_dumps(
    {
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "resources": [
            {
                "type": "Microsoft.MachineLearningServices/workspaces/onlineEndpoints",
                "apiVersion": "2025-12-01",
                "name": pulumi.Output.concat(workspace.name, "/", endpoint.name),
                "location": LOCATION,
                "identity": {"type": "SystemAssigned"},
                "properties": {
                    "authMode": plan.get("authentication", "Key"),
                    "traffic": plan.get("traffic", {}),
                    "mirrorTraffic": plan.get("mirror", {}),
                },
            }
        ],
    }
).apply(json.loads)
resources.Deployment(
    "traffic",
    resource_group_name=group.name,
    properties=resources.DeploymentPropertiesArgs(mode="Incremental", template=template),
    opts=pulumi.ResourceOptions(depends_on=deployments),
)
pulumi.export("endpoint", endpoint.id)
pulumi.export("host", f"{plan.get('endpoint', 'flowers')}.{LOCATION}.inference.ml.azure.com")
pulumi.export("names", pulumi.Output.all(group.name, workspace.name, endpoint.name))
keys = ml.list_online_endpoint_keys_output(endpoint_name=endpoint.name, **inside)
pulumi.export("key", pulumi.Output.secret(keys.primary_key))
