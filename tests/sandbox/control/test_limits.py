"""Quotas that somebody has set, on both clouds: up to the limit it goes, then the cloud's words."""

import grpc
import pytest

from sandbox.control import limits
from sandbox.control.limits import Limit
from tests.support.provider import GROUP, serving

ADDRESS = "azure-native:network:PublicIPAddress"
VPC = "aws:ec2/vpc:Vpc"


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


def refused(create, *arguments):
    with pytest.raises(grpc.RpcError) as refusal:
        create(*arguments)
    return refusal.value.details()


def address(azure, name, **more):
    sku = {"sku": {"name": "Standard"}, "publicIPAllocationMethod": "Static"}
    return azure.create(ADDRESS, name, {"resourceGroupName": "g", **sku, **more})


def test_a_regions_limit_holds_there_and_nowhere_else(azure):
    limits.change(azure.store, Limit("azure-native:public-addresses", "westeurope", 1))
    address(azure, "first")
    assert refused(address, azure, "second") == (
        'Code="PublicIPCountLimitReached" Message="Cannot create more than 1 public IP addresses '
        'for this subscription in this region."'
    )
    address(azure, "elsewhere", location="northeurope")
    limits.reset(azure.store)
    address(azure, "second")


def test_what_exists_can_be_changed_when_the_limit_is_reached(azure):
    target, _ = address(azure, "first")
    limits.change(azure.store, Limit("azure-native:public-addresses", "", 0))
    assert refused(address, azure, "second").startswith('Code="PublicIPCountLimitReached"')
    assert azure.read(ADDRESS, target).id == target


def test_groups_are_counted_in_the_whole_subscription(azure):
    limits.change(azure.store, Limit("azure-native:resource-groups", "", 1))
    news = {"resourceGroupName": "other", "location": "northeurope"}
    assert refused(azure.create, GROUP, "other", news) == (
        'Code="ResourceGroupQuotaExceeded" Message="Creating the resource group \'other\' would '
        "exceed the quota of '1'. The current resource group count is '1', please delete some "
        'resource groups before creating a new one."'
    )


def test_vcpus_of_a_location_can_be_lowered(azure):
    limits.change(azure.store, Limit("azure-native:vcpus", "westeurope", 3))
    assert limits.most(azure.store.read(), "azure-native:vcpus", "westeurope", 20_000) == 3
    assert limits.most(azure.store.read(), "azure-native:vcpus", "northeurope", 20_000) == 20_000


def test_a_regions_limit_of_aws_holds_there(aws):
    limits.change(aws.store, Limit("aws:vpcs", "eu-central-1", 1))
    aws.create(VPC, "first", {"cidrBlock": "10.0.0.0/16"})
    assert refused(aws.create, VPC, "second", {"cidrBlock": "10.1.0.0/16"}) == (
        "api error VpcLimitExceeded: The maximum number of VPCs has been reached."
    )
    aws.create(VPC, "elsewhere", {"cidrBlock": "10.1.0.0/16", "region": "eu-west-1"})
    assert limits.reset(aws.store, "aws:vpcs") == 1
    aws.create(VPC, "second", {"cidrBlock": "10.1.0.0/16"})
