"""Online endpoints, their deployments, and the template that moves their traffic."""

import pytest

from sandbox.control import azure
from sandbox.control.azure.online_endpoints import host_of, traffic_of
from sandbox.control.kinds import Call, CloudError
from tests.sandbox.control.azure.conftest import ACR_PULL, ROLES, template
from tests.support.world import KINDS, RefusedError, problems

FUNCTIONS = {function.name: function for function in azure.FUNCTIONS}


def call(world, name, **arguments):
    token = f"azure-native:machinelearningservices:{name}"
    given = {"resourceGroupName": "rg", "workspaceName": "models", "endpointName": "iris"}
    return FUNCTIONS[token].run(Call(name=token, arguments={**given, **arguments}, world=world))


def endpoint(**properties):
    return problems(
        "machinelearningservices:OnlineEndpoint", properties={"authMode": "Key", **properties}
    )


def deployment(**changes):
    properties = {"endpointComputeType": "Managed", **changes.pop("properties", {})}
    return problems("machinelearningservices:OnlineDeployment", properties=properties, **changes)


def test_an_endpoint_answers_at_its_own_address(machine):
    properties = machine.endpoint.outputs["properties"]

    assert properties["scoringUri"] == "https://iris.westeurope.inference.ml.azure.com/score"
    assert properties["swaggerUri"].endswith("/swagger.json")
    assert host_of(machine.endpoint) == "iris.westeurope.inference.ml.azure.com"
    assert machine.endpoint.outputs["identity"]["principalId"]


def test_the_template_writes_the_traffic_into_the_endpoint(machine):
    machine.deployment("blue")
    machine.deployment("green")
    made = machine.traffic(blue=90, green=10)
    now = machine.world.again(machine.endpoint)

    assert traffic_of(now) == {"blue": 90, "green": 10}
    assert now.outputs["properties"]["traffic"] == {"blue": 90, "green": 10}
    assert made.outputs["properties"]["outputResources"] == [{"id": machine.endpoint.id}]

    machine.world.update(made, **template({"green": 20}, {"blue": 100}))
    now = machine.world.again(machine.endpoint)
    assert traffic_of(now) == {"blue": 100}
    assert traffic_of(now, "mirrorTraffic") == {"green": 20}


def test_deleting_the_template_leaves_the_traffic(machine):
    machine.deployment("blue")
    machine.world.delete(machine.traffic(blue=100))

    assert traffic_of(machine.world.again(machine.endpoint)) == {"blue": 100}


def test_a_write_without_traffic_takes_it_away(machine):
    machine.deployment("blue")
    machine.traffic(blue=100)
    machine.world.update(machine.endpoint, tags={"a": "b"})

    assert traffic_of(machine.world.again(machine.endpoint)) == {}


def test_traffic_names_deployments_that_exist(machine):
    machine.deployment("blue")

    with pytest.raises(CloudError) as refused:
        machine.traffic(blue=90, green=10)

    assert refused.value.code == "DeploymentFailed"
    assert (
        "Deployment green does not exist under endpoint iris, which has blue."
        in refused.value.message
    )


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        (
            {"traffic": {"blue": 90, "green": 5}},
            ["traffic: Traffic values need to sum to 100 (or to 0), not 95. (BadArgument)"],
        ),
        (
            {"traffic": {"blue": 101, "green": -1}},
            [
                "traffic.blue: must be 0 to 100, got 101 (BadArgument)",
                "traffic.green: must be 0 to 100, got -1 (BadArgument)",
            ],
        ),
        (
            {"traffic": {"blue": 100}, "mirrorTraffic": {"green": 51}},
            ["mirrorTraffic.green: at most 50 percent are mirrored, got 51 (BadArgument)"],
        ),
        (
            {"mirrorTraffic": {"green": 10, "red": 10}},
            ["mirrorTraffic: traffic is mirrored to one deployment, not to 2 (BadArgument)"],
        ),
        (
            {"traffic": {"blue": 100}, "mirrorTraffic": {"blue": 10}},
            [
                (
                    "mirrorTraffic.blue: blue takes 100 percent of the live traffic: not both "
                    "(BadArgument)"
                )
            ],
        ),
        (
            {"authMode": "Password"},
            ["authMode: must be one of AMLToken, Key, AADToken, got 'Password' (BadArgument)"],
        ),
        (
            {"compute": "/subscriptions/a"},
            [
                (
                    "compute: the sandbox does not emulate this: "
                    "leave it out: Kubernetes is not emulated"
                )
            ],
        ),
    ],
)
def test_an_endpoint_that_azure_refuses(properties, expected):
    found = endpoint(**properties)

    assert [each.removeprefix("properties.") for each in found][: len(expected)] == expected


def test_an_endpoint_that_azure_takes():
    assert endpoint(traffic={}, mirrorTraffic={}) == []
    assert endpoint(traffic={"blue": 0}) == []
    assert endpoint(traffic={"blue": 90, "green": 10}, mirrorTraffic={"red": 50}) == []


def test_names_are_unique_in_a_region(machine):
    world = machine.world
    world.create("resources:ResourceGroup", resourceGroupName="other", location="westeurope")
    given = {
        "resourceGroupName": "other",
        "workspaceName": "theirs",
        "endpointName": "iris",
        "identity": {"type": "SystemAssigned"},
        "properties": {"authMode": "Key"},
    }
    with pytest.raises(RefusedError, match=r"iris already exists in region westeurope"):
        world.create("machinelearningservices:OnlineEndpoint", location="westeurope", **given)

    assert world.create("machinelearningservices:OnlineEndpoint", location="northeurope", **given)


def test_a_deployment_with_traffic_stays(machine):
    blue, green = machine.deployment("blue"), machine.deployment("green")
    shift = machine.traffic(blue=100, mirror={"green": 10})

    with pytest.raises(CloudError) as live:
        machine.world.delete(blue)
    with pytest.raises(CloudError) as mirrored:
        machine.world.delete(green)
    assert live.value.message == (
        "Deployment blue of endpoint iris has 100 percent of the traffic and cannot be deleted. "
        "Move it to another deployment first."
    )
    assert "10 percent of the mirrored traffic" in mirrored.value.message

    machine.world.update(shift, **template({}, {"blue": 0, "green": 100}))
    machine.world.delete(blue)
    assert traffic_of(machine.world.again(machine.endpoint)) == {"green": 100}


def test_keys_and_tokens_are_given_out(machine):
    token = call(machine.world, "getOnlineEndpointToken")
    keys = call(machine.world, "listOnlineEndpointKeys")

    assert token["tokenType"] == "Bearer"
    assert token["expiryTimeUtc"] > token["refreshAfterTimeUtc"]
    assert len({keys["primaryKey"], keys["secondaryKey"]}) == 2


def test_an_endpoint_with_keys_gives_no_token(machine):
    machine.world.update(machine.endpoint, properties={"authMode": "Key"})

    with pytest.raises(CloudError) as refused:
        call(machine.world, "getOnlineEndpointToken")
    assert refused.value.message == (
        "Endpoint iris: its authMode is Key: only an endpoint with AMLToken gives tokens"
    )


def test_there_is_no_key_of_what_is_not_there(machine):
    with pytest.raises(CloudError, match=r"onlineEndpoints/gone' under resource group 'rg'"):
        call(machine.world, "listOnlineEndpointKeys", endpointName="gone")


def test_a_deployment_has_the_services_defaults(machine):
    properties = machine.deployment().outputs["properties"]

    assert properties["requestSettings"] == {
        "requestTimeout": "PT5S",
        "maxConcurrentRequestsPerInstance": 1,
    }
    assert properties["readinessProbe"]["failureThreshold"] == 30
    assert properties["provisioningState"] == "Succeeded"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"sku": {"name": "Default", "capacity": 51}},
            "sku.capacity: must be 1 to 50, got 51 (BadArgument)",
        ),
        (
            {"properties": {"instanceType": "Standard_Nope"}},
            (
                "properties.instanceType: Instance type Standard_Nope is not supported for managed "
                "online endpoints (or the sandbox does not know it). (InvalidVmSize)"
            ),
        ),
        (
            {"properties": {"requestSettings": {"requestTimeout": "PT181S"}}},
            (
                "properties.requestSettings.requestTimeout: must be PT1S to PT180S, got 'PT181S' "
                "(BadArgument)"
            ),
        ),
        (
            {"properties": {"livenessProbe": {"failureThreshold": 0}}},
            "properties.livenessProbe.failureThreshold: must be 1 to 1000, got 0 (BadArgument)",
        ),
        (
            {"properties": {"scaleSettings": {"scaleType": "TargetUtilization"}}},
            (
                "properties.scaleSettings.scaleType: must be one of Default, got "
                "'TargetUtilization' (BadArgument)"
            ),
        ),
        (
            {"properties": {"codeConfiguration": {"codeId": "x"}}},
            (
                "properties.codeConfiguration: the sandbox does not emulate this: put the "
                "code into the image"
            ),
        ),
        (
            {"properties": {"endpointComputeType": "Kubernetes"}},
            "properties.endpointComputeType: the sandbox does not emulate Kubernetes: use Managed",
        ),
    ],
)
def test_a_deployment_that_azure_refuses(changes, expected):
    assert deployment(**changes) == [expected]


def test_an_endpoint_has_up_to_20_deployments(machine):
    for index in range(20):
        machine.deployment(f"blue-{index}")

    with pytest.raises(RefusedError, match="Endpoint iris has 20 deployments"):
        machine.deployment("blue-20")


def test_a_fifth_more_cores_than_are_used_are_counted(machine):
    machine.deployment("blue", 25, instanceType="Standard_DS3_v2")  # 30 x 4 of 300

    with pytest.raises(RefusedError) as refused:
        machine.deployment("green", 38, instanceType="Standard_DS3_v2")  # 46 x 4

    assert "Current usage/limit: 120/300. Additional needed: 184" in str(refused.value)
    assert machine.deployment("green", 37, instanceType="Standard_DS3_v2")  # 45 x 4


def test_an_image_must_be_there(machine):
    machine.world.delete(
        machine.world.find(f"{machine.registry.id}/taskRuns/iris-blue"),
    )
    with pytest.raises(RefusedError, match="the registry has no such image"):
        machine.deployment()


def test_an_identity_of_ones_own_needs_acrpull(machine):
    world = machine.world
    given = {"type": "UserAssigned", "userAssignedIdentities": [machine.identity.id]}
    world.update(machine.endpoint, identity=given)

    with pytest.raises(RefusedError, match="of endpoint iris has no role AcrPull"):
        machine.deployment()

    world.create(
        "authorization:RoleAssignment",
        roleAssignmentName="11111111-1111-4111-8111-111111111111",
        scope=machine.registry.id,
        principalId=machine.identity.outputs["principalId"],
        principalType="ServicePrincipal",
        roleDefinitionId=f"{ROLES}/{ACR_PULL}",
    )
    assert machine.deployment()


def test_another_instance_type_is_another_deployment():
    kind = KINDS["azure-native:machinelearningservices:OnlineDeployment"]

    assert "properties.instanceType" in kind.replace_on
    assert "properties.environmentId" not in kind.replace_on


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"type": "Microsoft.Compute/virtualMachines"},
            (
                "type: the sandbox writes Microsoft.MachineLearningServices/workspaces/"
                "onlineEndpoints by templates and nothing else, not "
                "Microsoft.Compute/virtualMachines: declare it with azure-native"
            ),
        ),
        (
            {"location": "[resourceGroup().location]"},
            "location: the sandbox evaluates no expressions of templates: write the value",
        ),
        ({"copy": {}}, "copy: the sandbox does not emulate this: leave it out"),
        ({"name": "iris"}, "name: must be WORKSPACE/ENDPOINT, got 'iris' (InvalidTemplate)"),
    ],
)
def test_a_template_that_is_not_for_an_endpoint(changes, expected):
    found = problems("resources:Deployment", **template({}, {}, **changes))

    assert found == [f"properties.template.resources[0].{expected}"]


def test_a_template_that_deletes_is_refused():
    given = template({}, {})
    given["properties"]["mode"] = "Complete"

    assert problems("resources:Deployment", **given) == [
        "properties.mode: the sandbox does not emulate Complete: use Incremental"
    ]


def test_a_template_creates_nothing(machine):
    with pytest.raises(CloudError, match=r"onlineEndpoints/rose does not exist, and the sandbox"):
        machine.world.create(
            "resources:Deployment", **template({}, {"blue": 100}, name="models/rose")
        )
