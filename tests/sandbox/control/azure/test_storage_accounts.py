import pytest

from tests.support.world import KINDS, RefusedError, problems

GIVEN = {"kind": "StorageV2", "sku": {"name": "Standard_LRS"}}


def account(world, name="modelsabc123", **changes):
    return world.create("storage:StorageAccount", accountName=name, **{**GIVEN, **changes})


def container(world, **changes):
    return world.create(
        "storage:BlobContainer", accountName="modelsabc123", containerName="models", **changes
    )


def test_an_account_has_its_endpoints_and_its_blob_service(world):
    made = account(world)

    assert made.outputs["primaryEndpoints"]["blob"] == (
        "https://modelsabc123.blob.core.windows.net/"
    )
    assert made.outputs["networkRuleSet"]["defaultAction"] == "Allow"
    assert world.find(f"{made.id}/blobServices/default") is not None


def test_names_are_global(world):
    world.create("resources:ResourceGroup", resourceGroupName="other", location="westeurope")
    account(world)

    with pytest.raises(RefusedError) as refused:
        account(world, resourceGroupName="other")
    assert str(refused.value) == (
        "accountName: The storage account named modelsabc123 is already taken. "
        "(StorageAccountAlreadyTaken)"
    )


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"kind": "StorageV3"},
            (
                "kind: must be one of StorageV2, BlobStorage, BlockBlobStorage, FileStorage, "
                "Storage, got 'StorageV3' (InvalidParameter)"
            ),
        ),
        (
            {"networkRuleSet": {"bypass": "AzureServices, Friends"}},
            (
                "networkRuleSet.bypass: must be None, or Logging, Metrics and AzureServices with "
                "commas, got 'AzureServices, Friends' (InvalidParameter)"
            ),
        ),
        (
            {"networkRuleSet": {"ipRules": [{"iPAddressOrRange": "10.0.0.0/8"}]}},
            (
                "networkRuleSet.ipRules[0].iPAddressOrRange: 10.0.0.0/8 is private: rules take "
                "public ones (InvalidValues)"
            ),
        ),
        (
            {"isSftpEnabled": True},
            "isSftpEnabled: the sandbox does not emulate this: leave it out",
        ),
    ],
)
def test_an_account_that_azure_refuses(changes, expected):
    assert problems("storage:StorageAccount", **{**GIVEN, **changes}) == [expected]


def test_what_an_account_is_does_not_change(world):
    made = account(world)

    with pytest.raises(RefusedError, match="Changing property 'isHnsEnabled' is not allowed"):
        world.update(made, isHnsEnabled=True)


def test_soft_delete_has_its_days(world):
    assert problems(
        "storage:BlobServiceProperties", deleteRetentionPolicy={"enabled": True, "days": 366}
    ) == ["deleteRetentionPolicy.days: must be 1 to 365, got 366 (InvalidXmlNodeValue)"]

    account(world)
    with pytest.raises(RefusedError, match=r"deleteRetentionPolicy\.days: is missing"):
        world.create(
            "storage:BlobServiceProperties",
            accountName="modelsabc123",
            blobServicesName="default",
            deleteRetentionPolicy={"enabled": True},
        )


def test_a_container_is_public_only_where_the_account_lets_it_be(world):
    made = account(world)

    with pytest.raises(RefusedError, match="Public access is not permitted"):
        container(world, publicAccess="Blob")

    world.update(made, allowBlobPublicAccess=True)
    assert container(world, publicAccess="Blob").outputs["publicAccess"] == "Blob"


def test_a_container_is_private_by_itself(world):
    account(world)

    made = container(world)
    assert made.outputs["publicAccess"] == "None"
    assert made.id.endswith("/blobServices/default/containers/models")


def test_the_blob_service_comes_back_with_its_defaults(world):
    made = account(world)
    kind = KINDS["azure-native:storage:BlobServiceProperties"]
    written = world.create(
        "storage:BlobServiceProperties",
        accountName="modelsabc123",
        blobServicesName="default",
        isVersioningEnabled=True,
    )

    left = kind.comes_with_parent(written)
    assert left.id == f"{made.id}/blobServices/default"
    assert "isVersioningEnabled" not in left.inputs
    assert left.urn == ""
