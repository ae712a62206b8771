"""Environments of R Server and ML Server: what their topologies have of their own."""

import base64
import gzip
import json
from functools import cache
from typing import Any

import pytest
import yaml

from tests.support import stacks
from tests.support.cloud import Secret, World
from tests.support.environments import AWS, AZURE, ONE_BOX, changed, of_family
from tests.support.programs import deployed

STARTS = {"azure": AZURE, "aws": AWS}
CLOUDS = tuple(STARTS)
NODE_FILE = "/etc/operationalization/node.json"
MACHINE = {"azure": "azure-native:compute:VirtualMachine", "aws": "aws:ec2/instance:Instance"}
GROUP = {
    "azure": "azure-native:compute:VirtualMachineScaleSet",
    "aws": "aws:ec2/launchTemplate:LaunchTemplate",
}
REQUEST = "tls:index/certRequest:CertRequest"
FIXED = {
    "azure": ["10.20.128.4", "10.20.128.5"],
    "aws": ["10.20.128.253", "10.20.129.253"],
}
"""Addresses of the two compute nodes."""


@cache
def environment_of(cloud: str, version: str, changes: str = "{}") -> World:
    value = changed(of_family(STARTS[cloud], version), json.loads(changes))
    return deployed({stacks.ENVIRONMENT: value}, secrets=SECRETS.get(version))


SECRETS = {
    "9.0.1": {
        "operationalization:adminPassword": "Correct-Horse-1",
        "operationalization:adminPasswordHash": "the-hash-of-it",
    }
}


def family(cloud: str, version: str = "9.1.0", **changes: Any) -> World:
    """The program's resources for an environment of *version*; `__` stands for a dot."""
    dotted = {key.replace("__", "."): value for key, value in changes.items()}
    return environment_of(cloud, version, json.dumps(dotted, sort_keys=True))


def node_json(user_data: str) -> Any:
    text = gzip.decompress(base64.b64decode(user_data)).decode()
    files = {each["path"]: each["content"] for each in yaml.safe_load(text)["write_files"]}
    return json.loads(files[NODE_FILE])


def user_data(world: World, cloud: str, role: str) -> str:
    """What machines of *role* are handed, alone or in a group."""
    for name, inputs in {**world.of_type(MACHINE[cloud]), **world.of_type(GROUP[cloud])}.items():
        if name.startswith(f"test-{role}-nodes"):
            if cloud == "aws":
                return inputs.get("userDataBase64") or inputs["userData"]
            profile = inputs.get("virtualMachineProfile", inputs)
            return profile["osProfile"]["customData"]
    raise AssertionError(f"no machines of {role}")


def stored(world: World, cloud: str) -> dict[str, Any]:
    """The secrets of the vault by name."""
    if cloud == "azure":
        found = world.of_type("azure-native:keyvault:Secret")
        return {each["secretName"]: each["properties"]["value"] for each in found.values()}
    found = world.of_type("aws:secretsmanager/secretVersion:SecretVersion")
    return {
        name.removeprefix("test-secrets-").removesuffix("-value"): each["secretString"]
        for name, each in found.items()
    }


def waits_for(world: World, cloud: str, role: str) -> set[str]:
    """What the nodes of *role*, as a whole, come after."""
    options = world.options_of(f"operationalization:{cloud}:NodeGroup")[f"test-{role}-nodes"]
    return {urn.partition("::")[2] for urn in options.depends_on}


every_cloud = pytest.mark.parametrize("cloud", CLOUDS)


@every_cloud
def test_web_nodes_are_told_where_each_fixed_compute_node_is(cloud: str) -> None:
    told = node_json(user_data(family(cloud), cloud, "web"))["computeNodes"]
    assert told == {"values": [f"https://{each}:12805" for each in FIXED[cloud]], "ranges": []}
    assert "computeNodes" not in node_json(user_data(family(cloud), cloud, "compute"))


@every_cloud
def test_they_verify_compute_nodes_by_address(cloud: str) -> None:
    request = family(cloud).of_type(REQUEST)["test-credentials-compute-server-request"]
    assert request["ipAddresses"] == FIXED[cloud]


@every_cloud
def test_of_a_scale_set_they_are_told_the_addresses_it_can_have(cloud: str) -> None:
    world = family(cloud, compute={"autoscale": {"minimum": 2, "maximum": 20}})
    told = node_json(user_data(world, cloud, "web"))["computeNodes"]
    zones = (128,) if cloud == "azure" else (128, 129, 130)
    expected = [f"http://10.20.{octet}.4-254:12805" for octet in zones]
    assert told == {"values": [], "ranges": expected}
    assert "test-credentials-compute-server" not in world.of_type(
        "tls:index/locallySignedCert:LocallySignedCert"
    ), "no certificate could name them"


@every_cloud
def test_tokens_are_signed_by_one_certificate_of_this_environment(cloud: str) -> None:
    world = family(cloud)
    key = world.of_type("tls:index/privateKey:PrivateKey")["test-credentials-token-signing"]
    assert (key["algorithm"], key["rsaBits"]) == ("RSA", 2048)
    certificate = world.of_type("tls:index/selfSignedCert:SelfSignedCert")[
        "test-credentials-token-signing"
    ]
    assert certificate["subject"] == {"commonName": "token-signing.operationalization.internal"}
    assert certificate["allowedUses"] == ["digital_signature"]
    assert stored(world, cloud)["token-signing"] == Secret(
        "certificate of test-credentials-token-signing\n"
        "s3cr3t-value-of-test-credentials-token-signing-key8\n"
    )


@every_cloud
def test_the_database_has_a_password_of_the_products_own_account(cloud: str) -> None:
    world = family(cloud)
    password = world.of_type("random:index/randomPassword:RandomPassword")[
        "test-credentials-database-product"
    ]
    assert (password["length"], password["special"]) == (32, False)
    names = stored(world, cloud)
    assert "database-product" in names
    assert not {"database-api", "database-loader"} & set(names), "plumber's"


@every_cloud
def test_only_web_nodes_reach_the_database(cloud: str) -> None:
    world = family(cloud)
    if cloud == "azure":
        groups = world.of_type("azure-native:network:NetworkSecurityGroup")
        names = {rule["name"] for group in groups.values() for rule in group["securityRules"]}
        assert "allow-web-to-database-5432" in names
        assert "allow-compute-to-database-5432" not in names
    else:
        rules = world.of_type("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule")
        names = {name.removeprefix("test-network-firewall-") for name in rules}
        assert "database-from-web-5432" in names
        assert "database-from-compute-5432" not in names


@every_cloud
def test_ports_of_the_preview_are_everywhere(cloud: str) -> None:
    world = deployed(
        {stacks.ENVIRONMENT: of_family(STARTS[cloud], "9.0-preview")},
        secrets=SECRETS["9.0.1"],
    )
    outputs = world.result.outputs
    assert str(world.value(outputs["endpoint"])).endswith(":9000")
    assert {role: group["port"] for role, group in outputs["groups"].items()} == {
        "web": 9000,
        "compute": 9002,
    }
    assert outputs["runtime"]["account"] == "administrator"
    told = node_json(user_data(world, cloud, "web"))["computeNodes"]
    assert told["values"] == [f"https://{each}:9002" for each in FIXED[cloud]]
    flat = json.dumps(list(world.values()), default=str)
    assert "12800" not in flat
    assert "12805" not in flat


@every_cloud
def test_without_tls_probes_and_clients_speak_http(cloud: str) -> None:
    world = family(cloud, runtime__server__https={"web": False, "compute": False})
    assert str(world.value(world.result.outputs["endpoint"])).startswith("http://")
    told = node_json(user_data(world, cloud, "web"))["computeNodes"]
    assert told["values"] == [f"http://{each}:12805" for each in FIXED[cloud]]
    if cloud == "azure":
        (probe,) = world.only("azure-native:network:LoadBalancer")["probes"]
        assert probe["protocol"] == "Http"
    else:
        check = world.only("aws:lb/targetGroup:TargetGroup")["healthCheck"]
        assert check["protocol"] == "HTTP"


@every_cloud
def test_web_nodes_come_after_compute_nodes(cloud: str) -> None:
    assert "test-compute-nodes-2" in waits_for(family(cloud), cloud, "web")
    assert "test-web-nodes-1" not in waits_for(family(cloud), cloud, "compute")


KEPT = {"azure": ("osProfile",), "aws": ("userDataBase64",)}
MEMORY = "random:index/randomId:RandomId"


@every_cloud
def test_fixed_machines_keep_what_they_were_made_from_and_say_what_it_was(cloud: str) -> None:
    world = family(cloud)
    assert {options.ignore_changes for options in world.options_of(MACHINE[cloud]).values()} == {
        KEPT[cloud]
    }
    for role in ("web", "compute"):
        content = world.result.outputs["groups"][role]["content"]
        rendered = world.value(content["rendered"])
        assert [world.value(each) for each in content["machines"]] == [rendered, rendered]
        memory = world.of_type(MEMORY)[f"test-{role}-nodes-1-made-from"]
        assert memory["prefix"] == rendered
        assert set(memory["keepers"]) == {"machine"}
    assert {options.ignore_changes for options in world.options_of(MEMORY).values()} == {
        ("prefix",)
    }


@every_cloud
def test_machines_of_a_scale_set_follow_every_change(cloud: str) -> None:
    scaled = {"autoscale": {"minimum": 2, "maximum": 4}}
    world = family(cloud, web=scaled, compute=scaled)
    assert "content" not in world.result.outputs["groups"]["web"]
    for options in world.options_of(GROUP[cloud]).values():
        assert not {"userData", "virtualMachineProfile"} & set(options.ignore_changes)


@every_cloud
def test_a_scale_set_remembers_its_version_and_comes_to_no_other(cloud: str) -> None:
    scaled = {"autoscale": {"minimum": 2, "maximum": 4}}
    world = family(cloud, web=scaled, compute=scaled)
    memory = world.of_type(MEMORY)
    assert {name: each["prefix"] for name, each in memory.items()} == {
        f"test-{role}-nodes-version": "rserver 9.1.0" for role in ("web", "compute")
    }
    assert {options.ignore_changes for options in world.options_of(MEMORY).values()} == {
        ("prefix",)
    }


@every_cloud
def test_machines_of_the_open_product_follow_every_change(cloud: str) -> None:
    fixed = changed(
        STARTS[cloud],
        {"web": {"nodes": "fixed", "count": 2}, "compute": {"nodes": "fixed", "count": 2}},
    )
    world = deployed({stacks.ENVIRONMENT: fixed})
    assert world.of_type(MEMORY) == {}
    assert {o.ignore_changes for o in world.options_of(MACHINE[cloud]).values()} == {()}
    assert "runtime" not in world.result.outputs


def test_outputs_say_whose_api_it_is() -> None:
    assert family("azure", "9.4.7").result.outputs["runtime"] == {
        "product": "mlserver",
        "version": "9.4.7",
        "rVersion": "3.5.2",
        "account": "admin",
        "statusWords": ["pass"],
        "computeNodesApi": True,
        "authentication": "local",
    }


def test_the_hash_that_only_the_user_has_goes_into_the_vault() -> None:
    assert stored(family("azure", "9.0.1"), "azure")["admin-password-hash"] == Secret(
        "the-hash-of-it"
    )


STORE = (
    "/subscriptions/22222222-2222-2222-2222-222222222222/resourceGroups/media/providers/"
    "Microsoft.Storage/storageAccounts/media"
)


def test_nodes_on_azure_read_a_private_store_with_their_own_identity() -> None:
    world = family(
        "azure",
        runtime__server__installers__store=STORE,
        runtime__server__installers__server__url="https://media.blob.core.windows.net/x/s.tar",
    )
    found = {
        name: each
        for name, each in world.of_type("azure-native:authorization:RoleAssignment").items()
        if each["scope"] == STORE
    }
    assert sorted(found) == [f"test-installers-{role}-reads" for role in ("compute", "web")]
    for each in found.values():
        assert each["roleDefinitionId"] == (
            "/subscriptions/22222222-2222-2222-2222-222222222222/providers/"
            "Microsoft.Authorization/roleDefinitions/2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
        )
    assert "test-installers-compute-reads" in waits_for(world, "azure", "compute")


def test_nodes_on_aws_read_exactly_the_private_files() -> None:
    world = family("aws", runtime__server__installers__server__url="s3://media/rserver/server.tar")
    file = "arn:aws:s3:::media/rserver/server.tar"
    policies = [
        json.loads(each["policy"])["Statement"]
        for name, each in world.of_type("aws:iam/rolePolicy:RolePolicy").items()
        if name.startswith("test-installers")
    ]
    assert policies == [[{"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": [file]}]] * 2
    endpoint = world.of_type("aws:ec2/vpcEndpoint:VpcEndpoint")["test-network-objects"]
    (statement,) = json.loads(endpoint["policy"])["Statement"]
    assert statement["Resource"][1:] == [file]


def test_a_private_repository_of_r_packages_is_one_of_them() -> None:
    repository = {"url": "s3://media/r/packages.tar.gz", "sha256": "ab" * 32}
    world = family(
        "aws",
        runtime__server__packages=["forecast"],
        runtime__server__installers__packages=repository,
    )
    policies = [
        json.loads(each["policy"])["Statement"][0]["Resource"]
        for name, each in world.of_type("aws:iam/rolePolicy:RolePolicy").items()
        if name.startswith("test-installers")
    ]
    assert policies == [["arn:aws:s3:::media/r/packages.tar.gz"]] * 2


@every_cloud
def test_public_files_need_no_right(cloud: str) -> None:
    assert not any("installers" in urn for urn in family(cloud))


def test_a_one_box_of_the_family_keeps_what_it_was_made_from() -> None:
    world = deployed({stacks.ENVIRONMENT: of_family(ONE_BOX, "9.3.0")})
    (options,) = world.options_of(MACHINE["azure"]).values()
    assert options.ignore_changes == KEPT["azure"]
    names = stored(world, "azure")
    assert "token-signing" in names
    assert not {"database-product", "compute-server", "web-client"} & set(names)


@every_cloud
def test_nodes_on_windows_reach_sql_server_and_only_web_nodes_do(cloud: str) -> None:
    value = of_family(STARTS[cloud], "9.4.7", "windows-server-2016")
    world = deployed({stacks.ENVIRONMENT: value})
    assert world.result.outputs["database"]["port"] == 1433
    if cloud == "azure":
        groups = world.of_type("azure-native:network:NetworkSecurityGroup")
        names = {rule["name"] for group in groups.values() for rule in group["securityRules"]}
        assert "allow-web-to-database-1433" in names
        assert not {name for name in names if name.startswith("allow-compute-to-database")}
    else:
        rules = world.of_type("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule")
        names = {name.removeprefix("test-network-firewall-") for name in rules}
        assert "database-from-web-1433" in names
        assert not {name for name in names if name.startswith("database-from-compute")}
