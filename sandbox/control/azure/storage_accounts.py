"""Storage accounts, their blob service and its containers (Microsoft.Storage/storageAccounts).

An account comes with its blob service: azure-native's `BlobServiceProperties` writes what is there
already, and its deletion puts the defaults back.

Sources: Azure documentation, "Storage account overview" (names, kinds, endpoints), "Configure
Azure Storage firewalls and virtual networks", "Soft delete for blobs" and "Soft delete for
containers" (1 to 365 days), "Naming and referencing containers, blobs, and metadata", "Remediate
anonymous read access to blob data", REST specification of Microsoft.Storage.
"""

from collections.abc import Iterator
from ipaddress import ip_network

from sandbox.control.azure.arm import (
    name_of,
    not_emulated,
    one_of,
    parent_of,
    provider,
    standard,
    unchangeable,
    within,
)
from sandbox.control.azure.global_names import verify_free
from sandbox.control.azure.machines import (
    IDENTITY_REFERENCES,
    identity_outputs,
    identity_problems,
)
from sandbox.control.kinds import (
    Context,
    Kind,
    Name,
    Outputs,
    Problem,
    Record,
    Transaction,
    Values,
)
from sandbox.control.reading import flag, mapping, number, present, text, texts

ACCOUNT = "Microsoft.Storage/storageAccounts"
ACCOUNT_KIND = "azure-native:storage:StorageAccount"
BLOBS = f"{ACCOUNT}/blobServices"
BLOBS_KIND = "azure-native:storage:BlobServiceProperties"
CONTAINER = f"{BLOBS}/containers"
CONTAINER_KIND = "azure-native:storage:BlobContainer"

_SKUS = (
    "Standard_LRS",
    "Standard_GRS",
    "Standard_RAGRS",
    "Standard_ZRS",
    "Standard_GZRS",
    "Standard_RAGZRS",
    "Premium_LRS",
    "Premium_ZRS",
)
_KINDS = ("StorageV2", "BlobStorage", "BlockBlobStorage", "FileStorage", "Storage")
_ENDPOINTS = ("blob", "dfs", "file", "queue", "table")


def _account_rules(values: Values) -> Iterator[Problem]:
    yield from one_of(values, "kind", _KINDS)
    yield from one_of(values, "sku.name", _SKUS)
    yield from one_of(values, "minimumTlsVersion", ("TLS1_0", "TLS1_1", "TLS1_2", "TLS1_3"))
    yield from one_of(values, "publicNetworkAccess", ("Enabled", "Disabled"))
    yield from one_of(values, "dnsEndpointType", ("Standard",))
    yield from identity_problems(values)
    bypass = text(values, "networkRuleSet.bypass") or ""
    for part in filter(None, (each.strip() for each in bypass.split(","))):
        if part not in ("None", "Logging", "Metrics", "AzureServices"):
            yield Problem(
                "networkRuleSet.bypass",
                f"must be None, or Logging, Metrics and AzureServices with commas, got {bypass!r}",
                "InvalidParameter",
            )
    for path, written in texts(values, "networkRuleSet.ipRules[*].iPAddressOrRange"):
        try:
            found = ip_network(written, strict=False)
        except ValueError:
            yield Problem(path, f"{written!r} is neither an address nor a range", "InvalidValues")
            continue
        if found.is_private:
            yield Problem(path, f"{written} is private: rules take public ones", "InvalidValues")
    yield from not_emulated(
        values,
        {
            "customDomain": "leave it out",
            "extendedLocation": "leave it out",
            "isSftpEnabled": "leave it out",
            "enableNfsV3": "leave it out",
            "azureFilesIdentityBasedAuthentication": "leave it out",
            "networkRuleSet.virtualNetworkRules": "use a private endpoint",
            "encryption.keyVaultProperties": "leave it out: keys are the platform's",
        },
    )


def _verify_account(context: Context) -> Iterator[Problem]:
    yield from verify_free(
        context,
        "accountName",
        "StorageAccountAlreadyTaken",
        "The storage account named {name} is already taken.",
    )
    yield from unchangeable(
        context,
        {
            "kind": "kind",
            "isHnsEnabled": "isHnsEnabled",
            "encryption.requireInfrastructureEncryption": "requireInfrastructureEncryption",
        },
    )


def _account_outputs(context: Context) -> Outputs:
    location = text(context.inputs, "location")
    defaults: Outputs = {
        "accessTier": "Hot",
        "allowBlobPublicAccess": False,
        "enableHttpsTrafficOnly": True,
        "minimumTlsVersion": "TLS1_0",
        "publicNetworkAccess": "Enabled",
    }
    rules: Outputs = {
        "bypass": "AzureServices",
        "defaultAction": "Allow",
        "ipRules": [],
        "virtualNetworkRules": [],
        **mapping(context.inputs, "networkRuleSet"),
    }
    sku = text(context.inputs, "sku.name") or ""
    services = {key: {"enabled": True, "keyType": "Account"} for key in ("blob", "file")}
    encryption: Outputs = {
        "keySource": "Microsoft.Storage",
        "services": services,
        **mapping(context.inputs, "encryption"),
    }
    return {
        **{key: value for key, value in defaults.items() if context.inputs.get(key) is None},
        "networkRuleSet": rules,
        "encryption": encryption,
        "sku": {"name": sku, "tier": sku.partition("_")[0]},
        "creationTime": context.created,
        "keyCreationTime": {"key1": context.created, "key2": context.created},
        "primaryEndpoints": {
            service: f"https://{context.name}.{service}.core.windows.net/" for service in _ENDPOINTS
        },
        "primaryLocation": location,
        "statusOfPrimary": "available",
        "privateEndpointConnections": [],
        **identity_outputs(context),
    }


def _blob_service(account: str, incarnation: str, created: str) -> Record:
    """The service as it comes with its account."""
    inputs: Outputs = {
        "resourceGroupName": account.split("/")[4],
        "accountName": name_of(account),
        "blobServicesName": "default",
    }
    retention = {"deleteRetentionPolicy": {"enabled": False}, "cors": {"corsRules": []}}
    return Record(
        id=f"{account}/blobServices/default",
        type=BLOBS_KIND,
        inputs=inputs,
        outputs={"name": "default", "type": BLOBS, **retention},
        incarnation=incarnation,
        created=created,
    )


def _account_created(context: Context, transaction: Transaction) -> None:
    incarnation = context.identifier("blobServices")
    transaction.put(_blob_service(context.id, incarnation, context.created))


def _blob_rules(values: Values) -> Iterator[Problem]:
    for policy in ("deleteRetentionPolicy", "containerDeleteRetentionPolicy"):
        yield from within(values, f"{policy}.days", 1, 365, "InvalidXmlNodeValue")
    yield from within(values, "changeFeed.retentionInDays", 1, 146_000, "InvalidXmlNodeValue")
    yield from not_emulated(
        values,
        {
            "restorePolicy": "leave it out",
            "lastAccessTimeTrackingPolicy": "leave it out",
            "automaticSnapshotPolicyEnabled": "leave it out",
        },
    )


def _verify_blobs(context: Context) -> Iterator[Problem]:
    for policy in ("deleteRetentionPolicy", "containerDeleteRetentionPolicy"):
        enabled = flag(context.inputs, f"{policy}.enabled")
        if enabled and number(context.inputs, f"{policy}.days") is None:
            yield Problem(f"{policy}.days", "is missing", "InvalidXmlDocument")


def _verify_container(context: Context) -> Iterator[Problem]:
    account = context.world.find(parent_of(parent_of(context.id)))
    public = (text(context.inputs, "publicAccess") or "None") != "None"
    if public and account and flag(account.outputs, "allowBlobPublicAccess") is not True:
        yield Problem(
            "publicAccess",
            "Public access is not permitted on this storage account.",
            "PublicAccessNotPermitted",
        )


def _container_rules(values: Values) -> Iterator[Problem]:
    yield from not_emulated(
        values,
        {
            "immutableStorageWithVersioning": "leave it out",
            "enableNfsV3AllSquash": "leave it out",
            "enableNfsV3RootSquash": "leave it out",
        },
    )


def _container_outputs(context: Context) -> Outputs:
    return {
        "publicAccess": text(context.inputs, "publicAccess") or "None",
        "hasImmutabilityPolicy": False,
        "hasLegalHold": False,
        "leaseState": "Available",
        "leaseStatus": "Unlocked",
        "lastModifiedTime": context.created,
        "defaultEncryptionScope": "$account-encryption-key",
        "denyEncryptionScopeOverride": present(context.inputs, "denyEncryptionScopeOverride"),
    }


KINDS = (
    Kind(
        type=ACCOUNT_KIND,
        id_template=provider(ACCOUNT, "accountName"),
        name=Name(
            pattern=r"[a-z0-9]+", minimum=3, maximum=24, words="lower-case letters and digits"
        ),
        references=IDENTITY_REFERENCES,
        weak=("identity.userAssignedIdentities[*]",),
        owns_children=True,
        rules=standard(ACCOUNT, _account_rules),
        verify=_verify_account,
        outputs=_account_outputs,
        created=_account_created,
    ),
    Kind(
        type=BLOBS_KIND,
        id_template=provider(BLOBS, "accountName", "blobServicesName"),
        name=Name(pattern="default", maximum=7, words='"default"'),
        comes_with_parent=lambda record: _blob_service(
            parent_of(record.id), record.incarnation, record.created
        ),
        rules=_blob_rules,
        verify=_verify_blobs,
    ),
    Kind(
        type=CONTAINER_KIND,
        # The account's only blob service, which no program names.
        id_template=provider(ACCOUNT, "accountName") + "/blobServices/default/containers/"
        "{containerName}",
        name=Name(
            pattern=r"(\$root|\$web|[a-z0-9]+(-[a-z0-9]+)*)",
            minimum=3,
            maximum=63,
            words="lower-case letters, digits and single hyphens; no hyphen at either end",
        ),
        rules=_container_rules,
        verify=_verify_container,
        outputs=_container_outputs,
    ),
)
