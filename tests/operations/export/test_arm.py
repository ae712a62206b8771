"""ARM templates: the REST API's shape, references that hold anywhere, and no secret."""

import json
from typing import Any

import pytest

from operations.errors import OperationError
from operations.export import arm
from tests.support import states

NET = "resourceId('Microsoft.Network/virtualNetworks', 'net')"
OPEN = "resourceId('Microsoft.Network/networkSecurityGroups', 'open')"


def template(*resources: Any) -> dict[str, Any]:
    return arm.template(states.deployment(states.THE_GROUP, *resources))


def only(*resources: Any) -> Any:
    """The last resource's export."""
    return template(*resources)["resources"][-1]


def test_inputs_become_properties_and_the_envelope_stays_outside() -> None:
    assert only(states.VNET) == {
        "type": "Microsoft.Network/virtualNetworks",
        "apiVersion": "2024-01-01",
        "name": "net",
        "location": "west",
        "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}},
    }


def test_nested_resources_have_properties_of_their_own() -> None:
    (rule,) = only(states.OPEN_GROUP)["properties"]["securityRules"]
    assert set(rule) == {"name", "properties"}
    assert rule["properties"]["destinationPortRange"] == "22"


def test_ids_become_references_and_what_must_come_first() -> None:
    subnet = only(states.VNET, states.OPEN_GROUP, states.SUBNET)
    assert subnet["name"] == "net/sub"
    assert subnet["properties"]["networkSecurityGroup"] == {"id": f"[{OPEN}]"}
    assert subnet["dependsOn"] == sorted([f"[{NET}]", f"[{OPEN}]"])


def test_an_inline_part_is_named_through_its_owner() -> None:
    balancer = states.azure(
        "network:LoadBalancer",
        "lb",
        "Microsoft.Network/loadBalancers/lb",
        loadBalancerName="lb",
        backendAddressPools=[{"name": "web"}],
    )
    machine = states.azure(
        "network:NetworkInterface",
        "nic",
        "Microsoft.Network/networkInterfaces/nic",
        networkInterfaceName="nic",
        ipConfigurations=[
            {
                "name": "main",
                "loadBalancerBackendAddressPools": [
                    {"id": f"{balancer['id']}/backendAddressPools/web"}
                ],
            }
        ],
    )
    made = only(balancer, machine)
    (configuration,) = made["properties"]["ipConfigurations"]
    pool = "resourceId('Microsoft.Network/loadBalancers/backendAddressPools', 'lb', 'web')"
    assert configuration["properties"]["loadBalancerBackendAddressPools"] == [{"id": f"[{pool}]"}]
    assert made["dependsOn"] == ["[resourceId('Microsoft.Network/loadBalancers', 'lb')]"]


def test_what_others_own_is_named_with_group_and_subscription() -> None:
    theirs = "/subscriptions/s-2/resourceGroups/hub/providers/Microsoft.Network/natGateways/n"
    subnet = {**states.SUBNET, "inputs": {**states.SUBNET["inputs"], "natGateway": {"id": theirs}}}
    made = only(states.VNET, states.OPEN_GROUP, subnet)
    assert made["properties"]["natGateway"]["id"] == (
        "[resourceId('s-2', 'hub', 'Microsoft.Network/natGateways', 'n')]"
    )


def test_an_extension_has_a_scope_and_refers_to_what_azure_computes() -> None:
    identity = states.azure(
        "managedidentity:UserAssignedIdentity",
        "who",
        "Microsoft.ManagedIdentity/userAssignedIdentities/who",
        resourceName="who",
    )
    identity["outputs"] = {"principalId": "p-1", "clientId": "c-1", "azureApiVersion": "2023-01-31"}
    role = states.resource(
        "azure-native:authorization:RoleAssignment",
        "reads",
        f"{states.VAULT_SECRET['id']}/providers/Microsoft.Authorization/roleAssignments/r-1",
        {
            "scope": states.VAULT_SECRET["id"],
            "roleAssignmentName": "r-1",
            "principalId": "p-1",
            "roleDefinitionId": (
                "/subscriptions/s-1/providers/Microsoft.Authorization/roleDefinitions/d-1"
            ),
            "azureApiVersion": "2022-04-01",
        },
    )
    made = only(identity, states.VAULT_SECRET, role)
    assert made["scope"] == "[resourceId('Microsoft.KeyVault/vaults/secrets', 'v', 'word')]"
    assert made["properties"] == {
        "principalId": (
            "[reference(resourceId('Microsoft.ManagedIdentity/userAssignedIdentities', 'who'), "
            "'2023-01-31').principalId]"
        ),
        "roleDefinitionId": (
            "[subscriptionResourceId('Microsoft.Authorization/roleDefinitions', 'd-1')]"
        ),
    }


def test_a_secret_is_a_parameter_that_whoever_deploys_fills_in() -> None:
    made = template(states.VAULT_SECRET)
    assert made["resources"][0]["properties"]["value"] == "[parameters('word-value')]"
    assert made["parameters"]["word-value"]["type"] == "securestring"
    assert "aGVsbG8gd29ybGQ" not in json.dumps(made)


def test_names_that_the_rest_api_has_otherwise() -> None:
    assert only(states.VAULT_SECRET)["properties"]["attributes"] == {"exp": 9}


ACCOUNT = states.azure(
    "storage:StorageAccount",
    "models",
    "Microsoft.Storage/storageAccounts/models",
    accountName="models",
    location="west",
    kind="StorageV2",
    sku={"name": "Standard_LRS"},
    enableHttpsTrafficOnly=True,
    networkRuleSet={"defaultAction": "Deny"},
)
ENDPOINT = states.azure(
    "machinelearningservices:OnlineEndpoint",
    "endpoint",
    "Microsoft.MachineLearningServices/workspaces/ws/onlineEndpoints/ep",
    workspaceName="ws",
    endpointName="ep",
    location="west",
    identity={"type": "SystemAssigned"},
    properties={"authMode": "Key"},
)


def test_names_of_whole_inputs_that_the_rest_api_has_otherwise() -> None:
    account = only(ACCOUNT)
    assert (account["kind"], account["sku"]) == ("StorageV2", {"name": "Standard_LRS"})
    assert account["properties"] == {
        "supportsHttpsTrafficOnly": True,
        "networkAcls": {"defaultAction": "Deny"},
    }


def test_an_identity_of_its_own_names_no_other() -> None:
    endpoint = only(ENDPOINT)
    assert endpoint["identity"] == {"type": "SystemAssigned"}
    assert endpoint["properties"] == {"authMode": "Key"}


def test_a_template_in_the_template_waits_for_what_it_names_in_no_id() -> None:
    traffic = states.azure(
        "resources:Deployment",
        "traffic",
        "Microsoft.Resources/deployments/traffic",
        deploymentName="traffic",
        properties={"mode": "Incremental", "template": {"resources": [{"name": "ws/ep"}]}},
    )
    group = states.THE_GROUP["urn"]
    made = only(ENDPOINT, {**traffic, "dependencies": [ENDPOINT["urn"], group]})
    kind = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints"
    assert made["dependsOn"] == [f"[resourceId('{kind}', 'ws', 'ep')]"]
    assert made["properties"]["template"] == {"resources": [{"name": "ws/ep"}]}


def test_a_text_in_brackets_is_no_expression() -> None:
    net = {**states.VNET, "inputs": {**states.VNET["inputs"], "tags": {"a": "[b]", "c": "[d"}}}
    assert only(net)["tags"] == {"a": "[[b]", "c": "[d"}


def test_what_is_not_written_is_listed() -> None:
    key = states.resource("tls:index/privateKey:PrivateKey", "key", "1", {})
    left_out = template(states.VNET, key)["metadata"]["leftOut"]
    assert [each["what"] for each in left_out] == [
        "azure-native:resources:ResourceGroup group",
        "tls:index/privateKey:PrivateKey key",
    ]


def test_a_type_without_a_shape_is_refused_by_name() -> None:
    odd = states.azure("web:WebApp", "odd", "Microsoft.Web/sites/odd")
    with pytest.raises(OperationError, match=r"azure-native:web:WebApp odd"):
        template(odd)


def test_a_stack_of_another_cloud_is_refused() -> None:
    aws = states.resource("aws:ec2/vpc:Vpc", "v", "vpc-1", {})
    with pytest.raises(OperationError, match="an ARM template holds resources of Azure"):
        arm.template(states.deployment(aws))
