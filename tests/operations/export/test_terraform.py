"""Terraform plans: names by rule or by table, nothing dropped silently, and no secret."""

import json
from typing import Any

import pytest

from operations.errors import OperationError
from operations.export import by_rule, terraform
from tests.support import states


def plan(*resources: Any, deployed: bool = False) -> dict[str, Any]:
    return terraform.plan(states.deployment(*resources), deployed=deployed)


def values(made: dict[str, Any]) -> dict[str, Any]:
    found = made["planned_values"]["root_module"]["resources"]
    return {each["address"]: each["values"] for each in found}


def references(made: dict[str, Any]) -> dict[str, Any]:
    found = made["configuration"]["root_module"]["resources"]
    return {each["address"]: each["expressions"] for each in found}


def aws(kind: str, name: str, target: str, **inputs: Any) -> Any:
    return states.resource(f"aws:{kind}", name, target, inputs, arn=f"arn:aws:x:::{target}")


def test_azure_resources_become_those_of_azurerm() -> None:
    made = plan(states.VNET, states.OPEN_GROUP, states.SUBNET)
    found = values(made)
    assert found["azurerm_subnet.sub"]["address_prefixes"] == ["10.0.0.0/24"]
    assert found["azurerm_network_security_group.open"]["security_rule"][0] == {
        "name": "ssh",
        "priority": 100,
        "direction": "Inbound",
        "access": "Allow",
        "protocol": "Tcp",
        "source_address_prefix": "*",
        "source_port_range": "*",
        "destination_address_prefix": "*",
        "destination_port_range": "22",
    }
    tie = "azurerm_subnet_network_security_group_association.sub-network_security_group"
    assert references(made)[tie]["network_security_group_id"] == {
        "references": [
            "azurerm_network_security_group.open.id",
            "azurerm_network_security_group.open",
        ]
    }


def test_a_dashboard_is_json_to_azurerm() -> None:
    shown = {"lenses": [{"order": 0, "parts": []}]}
    made = states.azure(
        "portal:Dashboard",
        "shown",
        "Microsoft.Portal/dashboards/shown",
        dashboardName="shown",
        properties=shown,
    )
    found = values(plan(made))["azurerm_portal_dashboard.shown"]
    assert json.loads(found["dashboard_properties"]) == shown


def test_what_is_said_of_an_accounts_blobs_is_in_the_account() -> None:
    account = states.azure(
        "storage:StorageAccount",
        "models",
        "Microsoft.Storage/storageAccounts/models",
        accountName="models",
        sku={"name": "Standard_GRS"},
        publicNetworkAccess="Disabled",
    )
    blobs = states.azure(
        "storage:BlobServiceProperties",
        "blobs",
        "Microsoft.Storage/storageAccounts/models/blobServices/default",
        accountName="models",
        blobServicesName="default",
        deleteRetentionPolicy={"enabled": True, "days": 7},
    )
    found = values(plan(account, blobs))
    assert list(found) == ["azurerm_storage_account.models"]
    made = found["azurerm_storage_account.models"]
    assert (made["account_tier"], made["account_replication_type"]) == ("Standard", "GRS")
    assert made["public_network_access_enabled"] is False
    assert made["blob_properties"][0]["delete_retention_policy"] == [{"days": 7}]


def test_a_run_of_a_registry_is_a_task_and_the_order_to_run_it() -> None:
    run = states.azure(
        "containerregistry:TaskRun",
        "image",
        "Microsoft.ContainerRegistry/registries/images/taskRuns/iris-1",
        registryName="images",
        taskRunName="iris-1",
        runRequest={
            "type": "EncodedTaskRunRequest",
            "encodedTaskContent": "c3RlcHM6",
            "values": [{"name": "account", "value": "models", "isSecret": False}],
        },
        identity={"type": "UserAssigned", "userAssignedIdentities": {"/id": {}}},
    )
    made = plan(run)
    task = values(made)["azurerm_container_registry_task.image"]
    assert task["encoded_step"] == [{"task_content": "c3RlcHM6", "values": {"account": "models"}}]
    assert task["identity"] == [{"type": "UserAssigned", "identity_ids": ["/id"]}]
    now = "azurerm_container_registry_task_schedule_run_now.image-now"
    assert references(made)[now]["container_registry_task_id"]["references"] == [
        "azurerm_container_registry_task.image.id",
        "azurerm_container_registry_task.image",
    ]
    assert made["operationalization"]["left_out"] == []


def test_what_azurerm_has_no_resource_for_is_left_out_by_name() -> None:
    endpoint = states.azure(
        "machinelearningservices:OnlineEndpoint",
        "endpoint",
        "Microsoft.MachineLearningServices/workspaces/ws/onlineEndpoints/ep",
        properties={"authMode": "Key"},
    )
    assert plan(states.VNET, endpoint)["operationalization"]["left_out"] == [
        {
            "what": "azure-native:machinelearningservices:OnlineEndpoint endpoint",
            "why": "azurerm has no resource for it",
        }
    ]


def test_an_input_that_nobody_mapped_is_listed() -> None:
    inputs = {**states.VNET["inputs"], "flowTimeoutInMinutes": 4, "encryption": {"enabled": True}}
    left_out = plan({**states.VNET, "inputs": inputs})["operationalization"]["left_out"]
    assert left_out == [
        {
            "what": f"azure-native:network:VirtualNetwork net: {path}",
            "why": "azurerm_virtual_network has no attribute for it",
        }
        for path in ("encryption.enabled", "flowTimeoutInMinutes")
    ]


@pytest.mark.parametrize(
    "kind", ["azure-native:web:WebApp", "aws:quantum/thing:Thing", "gcp:compute:Disk"]
)
def test_a_type_that_nobody_mapped_is_refused_by_name(kind: str) -> None:
    with pytest.raises(OperationError, match=f"where: {kind} odd"):
        plan(states.VNET if kind.startswith(("azure", "gcp")) else AWS_NET, odd(kind))


def odd(kind: str) -> Any:
    return states.resource(kind, "odd", "odd-1", {})


AWS_NET = aws("ec2/vpc:Vpc", "net", "vpc-0123456789")


@pytest.mark.parametrize(
    ("token", "kind"),
    [
        ("aws:ec2/vpc:Vpc", "aws_vpc"),
        ("aws:ec2/launchTemplate:LaunchTemplate", "aws_launch_template"),
        (
            "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
            "aws_vpc_security_group_ingress_rule",
        ),
        ("aws:lb/loadBalancer:LoadBalancer", "aws_lb"),
        ("aws:lb/targetGroup:TargetGroup", "aws_lb_target_group"),
        ("aws:rds/instance:Instance", "aws_db_instance"),
        ("aws:iam/rolePolicy:RolePolicy", "aws_iam_role_policy"),
        ("aws:s3/bucketObjectv2:BucketObjectv2", "aws_s3_object"),
        ("aws:s3/bucketPolicy:BucketPolicy", "aws_s3_bucket_policy"),
        ("random:index/randomPassword:RandomPassword", "random_password"),
        ("tls:index/selfSignedCert:SelfSignedCert", "tls_self_signed_cert"),
    ],
)  # fmt: skip
def test_types_of_bridged_providers(token: str, kind: str) -> None:
    found = states.deployment(states.resource(token, "x", "1", {})).resources[0]
    assert by_rule.type_of(found) == kind


@pytest.mark.parametrize(
    ("camel", "snake"),
    [
        ("kmsKeyId", "kms_key_id"),
        ("cidrIpv4", "cidr_ipv4"),
        ("enabledCloudwatchLogsExports", "enabled_cloudwatch_logs_exports"),
        ("httpProtocolIpv6", "http_protocol_ipv6"),
        ("name", "name"),
    ],
)
def test_names_of_properties(camel: str, snake: str) -> None:
    assert by_rule.snake(camel) == snake


def test_an_object_is_a_block_and_a_map_stays_a_map() -> None:
    template = aws(
        "ec2/launchTemplate:LaunchTemplate",
        "t",
        "lt-0123456789",
        metadataOptions={"httpTokens": "required"},
        blockDeviceMappings=[{"deviceName": "/dev/xvda", "ebs": {"encrypted": "true"}}],
        tags={"costCenter": "x"},
    )
    assert values(plan(template))["aws_launch_template.t"] == {
        "metadata_options": [{"http_tokens": "required"}],
        "block_device_mappings": [{"device_name": "/dev/xvda", "ebs": [{"encrypted": "true"}]}],
        "tags": {"costCenter": "x"},
    }


def test_names_that_no_rule_gives() -> None:
    group = aws(
        "autoscaling/group:Group",
        "g",
        "group-g",
        tags=[{"key": "a", "value": "b", "propagateAtLaunch": True}],
        vpcZoneIdentifiers=["subnet-1"],
    )
    assert values(plan(group))["aws_autoscaling_group.g"] == {
        "tag": [{"key": "a", "value": "b", "propagate_at_launch": True}],
        "vpc_zone_identifier": ["subnet-1"],
    }


def test_a_block_that_nobody_looked_up_is_refused_by_name() -> None:
    with pytest.raises(OperationError, match=r"Vpc net: oddities\n.*what Terraform calls this"):
        plan(aws("ec2/vpc:Vpc", "net", "vpc-1", oddities=[{"a": 1}]))


def test_references_are_by_id_and_by_arn() -> None:
    key = aws("kms/key:Key", "key", "key-0123456789")
    log = aws(
        "cloudwatch/logGroup:LogGroup", "log", "log-group", kmsKeyId="arn:aws:x:::key-0123456789"
    )
    assert references(plan(key, log))["aws_cloudwatch_log_group.log"] == {
        "kms_key_id": {"references": ["aws_kms_key.key.arn", "aws_kms_key.key"]}
    }


def test_a_secret_is_sensitive_and_not_told() -> None:
    made = plan(states.VAULT_SECRET)
    (resource,) = made["planned_values"]["root_module"]["resources"]
    assert resource["values"]["value"] == terraform.PLACEHOLDER
    assert resource["sensitive_values"] == {"value": True}
    assert "aGVsbG8gd29ybGQ" not in json.dumps(made)


def test_what_is_deployed_changes_nothing_and_what_is_not_is_made() -> None:
    for deployed, actions in ((True, ["no-op"]), (False, ["create"])):
        (change,) = plan(AWS_NET, deployed=deployed)["resource_changes"]
        assert change["change"]["actions"] == actions
        assert (change["change"]["before"] is None) is not deployed


def test_names_are_unique() -> None:
    twin = {**AWS_NET, "urn": AWS_NET["urn"].replace("::aws", "::a$aws"), "id": "vpc-9876543210"}
    assert sorted(values(plan(AWS_NET, twin))) == ["aws_vpc.net", "aws_vpc.net-again"]
