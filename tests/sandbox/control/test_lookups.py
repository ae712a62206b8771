# ruff: noqa: E501 -- the full text of an error is one string
"""What an import or `.get()` finds, and what the cloud says of an id that names nothing."""

import grpc
import pytest

from sandbox.control import wire
from sandbox.control.wire import Secret
from tests.support.provider import GROUP, SUBSCRIPTION, serving

NETWORK = "azure-native:network:VirtualNetwork"
SUBNET = "azure-native:network:Subnet"
VPC = "aws:ec2/vpc:Vpc"
SQL = "azure-native:sql:Server"
G = f"{SUBSCRIPTION}/resourceGroups/g"


@pytest.fixture
def azure(tmp_path):
    with serving("azure-native", tmp_path) as client:
        client.configure(location="westeurope")
        client.create(GROUP, "g", {"resourceGroupName": "g"})
        yield client


@pytest.fixture
def aws(tmp_path):
    with serving("aws", tmp_path) as client:
        client.configure(region="eu-central-1")
        yield client


def test_what_is_found_is_what_a_program_would_have_to_say(azure):
    names = {"resourceGroupName": "g", "virtualNetworkName": "vnet"}
    news = {**names, "addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}
    target, made = azure.create(NETWORK, "v", news)

    found = azure.look_up(NETWORK, target.lower())

    assert found.id == target
    assert wire.decode(found.properties) == made
    assert wire.decode(found.inputs) == azure.checked(NETWORK, "v", news)


def test_a_password_that_the_cloud_never_gives_back_stays_away(azure):
    inputs = {
        "resourceGroupName": "g",
        "serverName": "data",
        "administratorLogin": "them",
        "administratorLoginPassword": Secret("Pa55-word-of-mine"),
        "version": "12.0",
        "minimalTlsVersion": "1.2",
    }
    target, _ = azure.create(SQL, "data", inputs)

    found = wire.decode(azure.look_up(SQL, target).inputs)

    assert "administratorLoginPassword" not in found
    assert found["administratorLogin"] == "them"
    refreshed = wire.decode(azure.read(SQL, target).inputs)
    assert isinstance(refreshed["administratorLoginPassword"], Secret)


VNET = f"{G}/providers/Microsoft.Network/virtualNetworks/none"


@pytest.mark.parametrize(
    ("kind", "target", "words"),
    [
        (
            NETWORK,
            VNET,
            (
                'Code="ResourceNotFound" Message="The Resource \'Microsoft.Network/virtualNetworks/none'
                "' under resource group 'g' was not found. For more details please go to "
                'https://aka.ms/ARMResourceNotFoundFix"'
            ),
        ),
        (
            NETWORK,
            VNET.replace("/g/", "/h/"),
            'Code="ResourceGroupNotFound" Message="Resource group \'h\' could not be found."',
        ),
        (
            GROUP,
            f"{SUBSCRIPTION}/resourceGroups/h",
            'Code="ResourceGroupNotFound" Message="Resource group \'h\' could not be found."',
        ),
        (
            SUBNET,
            VNET,
            (
                f'Code="InvalidResourceType" Message="\'{VNET}\' is the id of a '
                "Microsoft.Network/virtualNetworks, not of a Microsoft.Network/virtualNetworks/subnets."
                '"'
            ),
        ),
        (
            NETWORK,
            "vnet'; --",
            'Code="MissingSubscription" Message="\'vnet\'; --\' is no id of a resource."',
        ),
    ],
    ids=["nothing", "no-group", "group", "other-type", "no-id"],
)
def test_azure_says_what_is_not_there(azure, kind, target, words):
    with pytest.raises(grpc.RpcError) as refusal:
        azure.look_up(kind, target)
    assert refusal.value.details() == words
    assert azure.read(kind, target).id == "", "a refresh hears that it is gone"


def test_aws_says_what_is_not_there(aws):
    vpc, _ = aws.create(VPC, "vpc", {"cidrBlock": "10.0.0.0/16"})
    assert wire.decode(aws.look_up(VPC, vpc).inputs)["cidrBlock"] == "10.0.0.0/16"
    for target in ("vpc-0123456789abcdef0", "subnet-0123456789abcdef0", "vpc;--"):
        with pytest.raises(grpc.RpcError) as refusal:
            aws.look_up(VPC, target)
        words = f"api error InvalidVpcID.NotFound: The vpc ID '{target}' does not exist"
        assert refusal.value.details() == words
