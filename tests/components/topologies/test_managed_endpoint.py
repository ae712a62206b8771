"""The managed endpoint as a whole: what there is, in which order, and who may do what."""

import json
import shutil
from pathlib import Path

import pytest

from components.settings import SettingsError
from tests.support.azure import SECRET_VALUE, walk
from tests.support.cloud import Secret
from tests.support.endpoints import (
    ANSWERS,
    EXISTING,
    GET_WORKSPACE,
    PRIVATE,
    SMALL,
    changed,
    deployed,
)

ML = "azure-native:machinelearningservices"
GRANT = "azure-native:authorization:RoleAssignment"
ROLES = {
    "7f951dda-4ed3-4680-a7ca-43fe172d538d": "AcrPull",
    "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1": "Storage Blob Data Reader",
    "ba92f5b4-2d11-453d-a403-e96b0029c9fe": "Storage Blob Data Contributor",
}
TWO = changed(
    endpoint__deployments={
        "blue": {"model": "models/iris", "instances": 1},
        "green": {"model": "models/iris", "instances": 2},
    },
    endpoint__traffic={"blue": 90, "green": 10},
)
EVERY = {
    "public": SMALL,
    "private": PRIVATE,
    "two": TWO,
    "existing": changed(workspace={"existing": EXISTING}),
    "key": changed(endpoint__authentication="key"),
}


@pytest.fixture(scope="module")
def public():
    return deployed(SMALL)


@pytest.fixture(scope="module")
def private():
    return deployed(PRIVATE)


@pytest.fixture(scope="module")
def two():
    return deployed(TWO)


def before(world, urn: str) -> set[str]:
    """The names of all that *urn* waits for: what it names, and what its parts wait for.

    A child is registered when its parent is, and that when all is that the parent depends on.
    """
    found: set[str] = set()
    todo = [urn]
    while todo:
        options = world.options[todo.pop()]
        for each in (*options.depends_on, options.parent):
            if each in world and each not in found:
                found.add(each)
                todo.append(each)
    return {each.partition("::")[2] for each in found}


def urn_of(world, name: str) -> str:
    return next(urn for urn in world if urn.endswith(f"::{name}") and "azure-native" in urn)


@pytest.mark.parametrize("name", EVERY)
def test_everything_lies_under_a_part_and_parts_under_the_environment(name) -> None:
    for urn in deployed(EVERY[name]):
        parent, _, kind = urn.partition("::")[0].rpartition("$")
        if not kind.startswith("operationalization:topologies:"):
            assert parent.startswith("operationalization:")


@pytest.mark.parametrize("name", EVERY)
def test_every_resource_is_of_the_environments_own_provider(name) -> None:
    world = deployed(EVERY[name])
    ours = {
        world.options[urn].provider.partition("::")[2]
        for urn in world
        if "azure-native:" in urn and "pulumi:providers" not in urn
    }
    assert ours == {"test-foundation-provider"}


@pytest.mark.parametrize("name", EVERY)
def test_no_secret_is_in_plain_sight(name) -> None:
    leaks = [
        f"{urn}{path}"
        for urn, inputs in deployed(EVERY[name]).items()
        for path, value in walk(inputs)
        if isinstance(value, str) and SECRET_VALUE in value
    ]
    assert leaks == []


def test_a_first_preview_says_all_that_will_be() -> None:
    assert sorted(deployed(SMALL, unknowns=True)) == sorted(deployed(SMALL))


def test_endpoint_then_deployments_then_traffic(two) -> None:
    deployments = {"test-deployments-blue", "test-deployments-green"}
    endpoint = "test-endpoint-endpoint"
    assert deployments | {endpoint} <= before(two, urn_of(two, "test-traffic"))
    for name in deployments:
        assert endpoint in before(two, urn_of(two, name))
        assert "test-traffic" not in before(two, urn_of(two, name))
    assert not deployments & before(two, urn_of(two, endpoint))


def test_an_image_is_there_before_what_names_it(public) -> None:
    for name in ("environment", "registered"):
        assert "test-iris-1-0-image" in before(public, urn_of(public, f"test-iris-1-0-{name}"))
    found = before(public, urn_of(public, "test-deployments-blue"))
    assert {"test-iris-1-0-environment", "test-iris-1-0-registered"} <= found


def test_the_endpoint_leaves_traffic_alone_and_the_template_sets_it(two) -> None:
    endpoint = two.only(f"{ML}:OnlineEndpoint")
    assert not {"traffic", "mirrorTraffic"} & set(endpoint["properties"])
    options = two.options_of(f"{ML}:OnlineEndpoint")["test-endpoint-endpoint"]
    assert options.ignore_changes == ("properties", "tags", "identity")

    deployment = two.only("azure-native:resources:Deployment")["properties"]
    (resource,) = deployment["template"]["resources"]
    assert deployment["mode"] == "Incremental"
    assert resource["properties"].pop("traffic") == {"blue": 90, "green": 10}
    assert resource["properties"].pop("mirrorTraffic") == {}
    # It writes the endpoint as a whole: what it left out, Azure would set back.
    own = {key: endpoint[key] for key in ("location", "tags", "kind", "properties")}
    assert {key: resource[key] for key in own} == own
    assert resource["name"] == f"{endpoint['workspaceName']}/{endpoint['endpointName']}"
    assert resource["identity"] == {
        "type": "UserAssigned",
        "userAssignedIdentities": {
            each: {} for each in endpoint["identity"]["userAssignedIdentities"]
        },
    }


@pytest.mark.parametrize(
    ("settings", "traffic", "mirror"),
    [
        ({}, {"blue": 100}, {}),
        ({"endpoint__traffic": {"blue": 100}}, {"blue": 100}, {}),
        (
            {
                "endpoint__deployments": TWO["endpoint"]["deployments"],
                "endpoint__traffic": {"blue": 100, "green": 0},
                "endpoint__mirror": {"green": 10},
            },
            {"blue": 100},
            {"green": 10},
        ),
    ],
    ids=["one", "said", "mirrored"],
)
def test_traffic_is_as_the_settings_say(settings, traffic, mirror) -> None:
    world = deployed(changed(**settings))
    template = world.only("azure-native:resources:Deployment")["properties"]["template"]
    properties = template["resources"][0]["properties"]
    assert (properties["traffic"], properties["mirrorTraffic"]) == (traffic, mirror)
    assert world.result.outputs["traffic"] == traffic
    assert world.result.outputs["mirror"] == mirror


def test_deployments_with_one_model_share_its_image(two) -> None:
    assert len(two.of_type("azure-native:containerregistry:TaskRun")) == 1
    assert len(two.of_type(f"{ML}:EnvironmentVersion")) == 1
    assert len(two.of_type(f"{ML}:ModelVersion")) == 1
    deployments = two.of_type(f"{ML}:OnlineDeployment").values()
    assert len({each["properties"]["environmentId"] for each in deployments}) == 1


def test_a_deployment_goes_with_its_endpoint_when_all_goes(two) -> None:
    for options in two.options_of(f"{ML}:OnlineDeployment").values():
        assert options.deleted_with.endswith("::test-endpoint-endpoint")


def test_each_identity_may_do_what_it_is_for_and_nothing_else(public) -> None:
    found = {
        (grant["principalId"], ROLES[grant["roleDefinitionId"].rpartition("/")[2]]): grant[
            "scope"
        ].rpartition("/")[2]
        for grant in public.of_type(GRANT).values()
    }
    assert found == {
        ("test-endpoint-identity-principal", "AcrPull"): "test-workspace-registry-registry",
        ("test-endpoint-identity-principal", "Storage Blob Data Reader"): "test-workspace-models",
        (
            "test-builder-identity-principal",
            "Storage Blob Data Contributor",
        ): "test-workspace-models",
    }
    for grant in public.of_type(GRANT).values():
        assert grant["principalType"] == "ServicePrincipal"


def test_whoever_starts_may_do_so_already(public) -> None:
    instances = before(public, urn_of(public, "test-deployments-blue"))
    assert {"test-endpoint-pulls-images", "test-endpoint-reads-models"} <= instances
    builds = before(public, urn_of(public, "test-iris-1-0-image"))
    assert "test-builder-writes-models" in builds


def test_the_task_runs_as_the_builder_and_knows_where_models_go(public) -> None:
    run = public.only("azure-native:containerregistry:TaskRun")
    (identity,) = run["identity"]["userAssignedIdentities"]
    assert identity.endswith("/test-builder-identity")
    request = run["runRequest"]
    assert {each["name"]: each["value"] for each in request["values"]} == {
        "account": "testabc123",
        "container": "models",
        "identity": "test-builder-identity-client",
    }
    assert request["type"] == "EncodedTaskRunRequest"
    assert request["platform"] == {"os": "Linux", "architecture": "amd64"}


def test_a_public_endpoint_has_no_network_of_its_own(public) -> None:
    assert not [urn for urn in public if "azure-native:network:" in urn]
    assert public.only(f"{ML}:OnlineEndpoint")["properties"]["publicNetworkAccess"] == "Enabled"


def test_a_private_one_closes_all_that_it_stands_on(private) -> None:
    assert private.only(f"{ML}:OnlineEndpoint")["properties"]["publicNetworkAccess"] == "Disabled"
    workspace = private.only(f"{ML}:Workspace")
    assert workspace["publicNetworkAccess"] == "Disabled"
    assert workspace["managedNetwork"]["isolationMode"] == "AllowOnlyApprovedOutbound"
    storage = private.only("azure-native:storage:StorageAccount")
    assert storage["publicNetworkAccess"] == "Disabled"
    assert storage["networkRuleSet"]["defaultAction"] == "Deny"
    registry = private.only("azure-native:containerregistry:Registry")
    assert (registry["publicNetworkAccess"], registry["sku"]["name"]) == ("Disabled", "Premium")
    vault = private.only("azure-native:keyvault:Vault")
    assert vault["properties"]["publicNetworkAccess"] == "Disabled"
    reached = {
        connection["groupIds"][0]
        for each in private.of_type("azure-native:network:PrivateEndpoint").values()
        for connection in each["privateLinkServiceConnections"]
    }
    assert reached == {"amlworkspace", "blob", "registry", "vault"}


def test_a_closed_registry_builds_inside_the_network(private) -> None:
    pool = private.only("azure-native:containerregistry:AgentPool")
    assert pool["virtualNetworkSubnetResourceId"].endswith("/test-network-agents")
    run = private.only("azure-native:containerregistry:TaskRun")
    assert run["runRequest"]["agentPoolName"] == "builders"
    # The registry's private address is there before anybody pushes to it.
    assert "test-private-registry" in before(private, urn_of(private, "test-iris-1-0-image"))


def test_the_workspace_is_found_by_both_of_its_names(private) -> None:
    records = private.of_type("azure-native:network:PrivateDnsZoneGroup")
    zones = records["test-private-workspace-records"]["privateDnsZoneConfigs"]
    assert len({each["name"] for each in zones}) == len(zones) == 2


def test_every_subnet_has_a_firewall_that_ends_in_denial(private) -> None:
    for subnet in private.of_type("azure-native:network:Subnet").values():
        assert subnet["networkSecurityGroup"]["id"]
    for group in private.of_type("azure-native:network:NetworkSecurityGroup").values():
        last = [rule for rule in group["securityRules"] if rule["access"] == "Deny"]
        assert {rule["direction"] for rule in last} == {"Inbound", "Outbound"}


def test_what_cannot_be_made_again_is_protected(private, public) -> None:
    kinds = (
        f"{ML}:Workspace",
        "azure-native:storage:StorageAccount",
        "azure-native:containerregistry:Registry",
        "azure-native:keyvault:Vault",
    )
    for kind in kinds:
        assert all(each.protect for each in private.options_of(kind).values())
        assert not any(each.protect for each in public.options_of(kind).values())
    assert private.only("azure-native:keyvault:Vault")["properties"]["enablePurgeProtection"]


def test_names_that_azure_shares_carry_the_suffix(public) -> None:
    assert public.only("azure-native:storage:StorageAccount")["accountName"] == "testabc123"
    assert public.only("azure-native:containerregistry:Registry")["registryName"] == "testabc123"
    assert public.only("azure-native:keyvault:Vault")["vaultName"] == "test-abc123"
    assert public.only(f"{ML}:Workspace")["workspaceName"] == "test-abc123"
    assert public.only(f"{ML}:OnlineEndpoint")["endpointName"] == "test-abc123"


def test_an_existing_workspace_keeps_what_it_has() -> None:
    world = deployed(EVERY["existing"])
    for kind in ("StorageAccount", "Registry", "Vault", "Component"):
        assert not [urn for urn in world if f":{kind}::" in urn]
    assert not world.of_type(f"{ML}:Workspace")
    endpoint = world.only(f"{ML}:OnlineEndpoint")
    assert (endpoint["resourceGroupName"], endpoint["workspaceName"]) == ("theirs", "shared")
    run = world.only("azure-native:containerregistry:TaskRun")
    assert (run["resourceGroupName"], run["registryName"]) == ("images", "theirimages")
    container = world.only("azure-native:storage:BlobContainer")
    assert (container["resourceGroupName"], container["accountName"]) == ("theirs", "theirstore")
    deployment = world.only("azure-native:resources:Deployment")
    assert deployment["resourceGroupName"] == "theirs"


def test_in_an_existing_workspace_our_names_are_told_from_others() -> None:
    world = deployed(EVERY["existing"])
    container = world.only("azure-native:storage:BlobContainer")["containerName"]
    assert container == world.only(f"{ML}:OnlineEndpoint")["endpointName"] == "test-abc123"
    assert world.only(f"{ML}:EnvironmentVersion")["name"] == "test-abc123-iris"
    model = world.only(f"{ML}:ModelVersion")
    assert model["name"] == "test-abc123-iris"
    assert f"/{container}/iris/" in model["properties"]["modelUri"]
    run = world.only("azure-native:containerregistry:TaskRun")
    assert run["taskRunName"].startswith("test-abc123-")
    assert {each["name"]: each["value"] for each in run["runRequest"]["values"]}["container"] == (
        container
    )


def test_an_existing_workspace_without_a_registry_is_told_how_to_get_one() -> None:
    answer = {key: item for key, item in ANSWERS[GET_WORKSPACE].items() if "Registry" not in key}
    with pytest.raises(Exception, match="workspace shared has no container registry"):
        deployed(EVERY["existing"], answers={**ANSWERS, GET_WORKSPACE: answer})


def test_a_key_is_an_output_only_where_keys_are_the_way_in_and_then_secret(public) -> None:
    world = deployed(EVERY["key"])
    assert world.value(world.result.outputs["key"]) == Secret("s3cr3t-value-of-key")
    assert "key" not in public.result.outputs


@pytest.mark.parametrize(
    ("ours", "azures"), [("amlToken", "AMLToken"), ("key", "Key"), ("entra", "AADToken")]
)
def test_each_way_to_sign_in_is_azures(ours, azures) -> None:
    world = deployed(changed(endpoint__authentication=ours))
    assert world.only(f"{ML}:OnlineEndpoint")["properties"]["authMode"] == azures


def test_the_outputs_say_what_operations_need(public) -> None:
    outputs = {
        key: public.value(each) if hasattr(each, "future") else each
        for key, each in public.result.outputs.items()
    }
    blue = outputs.pop("deployments")["blue"]
    assert (blue["model"], blue["version"], blue["instances"]) == ("iris", "1.0", 1)
    assert public.value(blue["image"]).startswith("testabc123.azurecr.io/iris:")
    workspace = outputs.pop("workspace")
    assert public.value(workspace["name"]) == "test-abc123"
    assert outputs.pop("endpointId").endswith("/test-endpoint-endpoint")
    assert outputs == {
        "topology": "managed-endpoint",
        "endpoint": "https://test-abc123.westeurope.inference.ml.azure.com/score",
        "endpointName": "test-abc123",
        "authentication": "amlToken",
        "location": "westeurope",
        "resourceGroup": "test-foundation-group",
        "registry": "testabc123",
        "traffic": {"blue": 100},
        "mirror": {},
    }


@pytest.fixture
def project(tmp_path):
    """A project whose models a test may spoil."""
    shutil.copytree(Path(__file__).parents[3] / "models", tmp_path / "models")
    return tmp_path


def refused(environment, project) -> list[str]:
    with pytest.raises(SettingsError) as error:
        deployed(environment, project=project)
    return [f"{each.key}: {each.rule}" for each in error.value.problems]


def test_a_model_folder_with_a_part_missing_is_refused_before_anything_is_declared(project) -> None:
    (project / "models" / "iris" / "model.rds").unlink()
    (project / "models" / "iris" / "answer.json").write_text("{}")
    place = "endpoint.deployments.blue.model"
    assert refused(SMALL, project) == [
        f"{place}: model.rds: is not there",
        f"{place}: answer.json: has no species, an output in service.json",
        f"{place}: answer.json: has no probabilities, an output in service.json",
    ]


def test_a_folder_that_is_not_there_is_refused(project) -> None:
    wrong = changed(endpoint__deployments={"blue": {"model": "models/rose", "instances": 1}})
    assert refused(wrong, project) == ["endpoint.deployments.blue.model: .: is not a folder"]


def test_two_models_of_one_name_and_version_must_be_the_same(project) -> None:
    shutil.copytree(project / "models" / "iris", project / "models" / "other")
    service = project / "models" / "other" / "service.json"
    both = changed(
        endpoint__deployments={
            "blue": {"model": "models/iris", "instances": 1},
            "green": {"model": "models/other", "instances": 1},
        },
        endpoint__traffic={"blue": 100},
    )
    world = deployed(both, project=project)
    assert len(world.of_type("azure-native:containerregistry:TaskRun")) == 1

    found = json.loads(service.read_text())
    service.write_text(json.dumps({**found, "description": "another"}))
    assert refused(both, project) == [
        "endpoint.deployments.green.model: is iris 1.0, as the model of blue, and not the same"
    ]

    service.write_text(json.dumps({**found, "version": "2.0"}))
    world = deployed(both, project=project)
    assert len(world.of_type("azure-native:containerregistry:TaskRun")) == 2
    ids = {
        each["properties"]["environmentId"]
        for each in world.of_type(f"{ML}:OnlineDeployment").values()
    }
    assert len(ids) == 2


def test_another_model_is_another_version_and_the_same_resources(project) -> None:
    first = deployed(SMALL, project=project)
    service = project / "models" / "iris" / "service.json"
    service.write_text(json.dumps(json.loads(service.read_text()) | {"description": "new"}))
    second = deployed(SMALL, project=project)
    assert sorted(first) == sorted(second)
    for kind, key in (
        ("azure-native:containerregistry:TaskRun", "taskRunName"),
        (f"{ML}:EnvironmentVersion", "version"),
        (f"{ML}:ModelVersion", "version"),
    ):
        assert first.only(kind)[key] != second.only(kind)[key]
