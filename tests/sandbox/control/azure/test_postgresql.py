import pytest

from tests.support.world import TENANT, RefusedError, problems

SERVER = {
    "serverName": "models",
    "version": "16",
    "administratorLogin": "breakglass",
    "administratorLoginPassword": "Aa1!aaaaaaaa",
    "sku": {"name": "Standard_D2ds_v5", "tier": "GeneralPurpose"},
    "storage": {"storageSizeGB": 64},
    "authConfig": {"activeDirectoryAuth": "Enabled", "passwordAuth": "Enabled"},
    "network": {"publicNetworkAccess": "Disabled"},
}


def server(world, **inputs):
    return world.create("dbforpostgresql:Server", **{**SERVER, **inputs})


def test_a_server_has_azures_name_and_defaults(world):
    made = server(world)

    assert made.outputs["fullyQualifiedDomainName"] == "models.postgres.database.azure.com"
    assert made.outputs["state"] == "Ready"
    assert made.outputs["backup"] == {"backupRetentionDays": 7, "geoRedundantBackup": "Disabled"}
    assert made.outputs["highAvailability"] == {"mode": "Disabled", "state": "NotEnabled"}


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        (
            {"sku": {"name": "Standard_D3s_v3", "tier": "GeneralPurpose"}},
            (
                "sku.name: The specified sku 'Standard_D3s_v3' is not a size of flexible servers "
                "that "
                "the sandbox knows. (InvalidParameterValue)"
            ),
        ),
        (
            {"sku": {"name": "Standard_B2s", "tier": "GeneralPurpose"}},
            (
                "sku.tier: The provided tier 'GeneralPurpose' does not match sku 'Standard_B2s', "
                "which "
                "is Burstable. (InvalidParameterValue)"
            ),
        ),
        (
            {
                "sku": {"name": "Standard_B2s", "tier": "Burstable"},
                "highAvailability": {"mode": "ZoneRedundant"},
            },
            (
                "highAvailability.mode: High availability is not supported for Burstable tier. "
                "Choose "
                "a "
                "GeneralPurpose or MemoryOptimized sku. (HANotSupportedForBurstableSku)"
            ),
        ),
        (
            {"storage": {"storageSizeGB": 100}},
            (
                "storage.storageSizeGB: must be one of 32, 64, 128, 256, 512, 1024, 2048, 4095, "
                "4096, "
                "8192, 16384, 32767 GiB, got 100 (InvalidParameterValue)"
            ),
        ),
        (
            {"version": "9.6"},
            "version: must be one of 11, 12, 13, 14, 15, 16, 17, got '9.6' (InvalidParameterValue)",
        ),
        (
            {"administratorLogin": "azure_superuser"},
            (
                "administratorLogin: Invalid value 'azure_superuser' given for parameter "
                "administratorLogin. It has 1 to 63 letters, digits and underscores, does not "
                "start "
                "with pg_, and is none of admin, administrator, azure_pg_admin, azure_superuser, "
                "guest, "
                "public, root. (InvalidServerAdminLoginName)"
            ),
        ),
        (
            {"administratorLoginPassword": "aaaaaaaaaaaa"},
            (
                "administratorLoginPassword: uses fewer than three of: lower case, upper case, "
                "digits, "
                "other characters (PasswordNotComplex)"
            ),
        ),
        (
            {"backup": {"backupRetentionDays": 36}},
            "backup.backupRetentionDays: must be 7 to 35, got 36 (InvalidParameterValue)",
        ),
        (
            {"location": "ukwest", "highAvailability": {"mode": "ZoneRedundant"}},
            (
                "highAvailability.mode: ukwest has no availability zones: use SameZone. "
                "(ZoneRedundantHANotSupported)"
            ),
        ),
    ],
)
def test_a_server_that_azure_refuses(inputs, expected):
    assert problems("dbforpostgresql:Server", **{**SERVER, **inputs}) == [expected]


def test_no_message_holds_the_password():
    found = problems("dbforpostgresql:Server", administratorLoginPassword="tops3cret")

    assert found == [
        (
            "administratorLoginPassword: uses fewer than three of: lower case, upper case, digits, "
            "other characters (PasswordNotComplex)"
        )
    ]


def test_server_names_are_global(world):
    server(world)
    world.create("resources:ResourceGroup", resourceGroupName="other", location="westeurope")

    with pytest.raises(RefusedError) as refused:
        server(world, resourceGroupName="other")

    assert str(refused.value) == (
        "serverName: Specified server name is already used. (ServerNameAlreadyExists)"
    )


def test_storage_grows_only(world):
    made = server(world)
    world.update(made, storage={"storageSizeGB": 128})

    with pytest.raises(RefusedError) as refused:
        world.update(made, storage={"storageSizeGB": 64})

    assert str(refused.value) == (
        "storage.storageSizeGB: Storage cannot be made smaller: the server has 128 GiB, got 64. "
        "(StorageDownsizeNotSupported)"
    )


def test_a_parameter_has_a_default_and_a_range(world):
    server(world)
    made = world.create(
        "dbforpostgresql:Configuration",
        serverName="models",
        configurationName="require_secure_transport",
        value="on",
    )

    assert made.outputs["allowedValues"] == "on,off"
    assert problems(
        "dbforpostgresql:Configuration", configurationName="max_connections", value="24"
    ) == [
        (
            "value: The value '24' is not valid for configuration 'max_connections'. Allowed: "
            "25-5000. "
            "(InvalidParameterValue)"
        )
    ]
    assert (
        problems(
            "dbforpostgresql:Configuration",
            configurationName="azure.extensions",
            value="VECTOR,citext",
        )
        == []
    )


def test_a_parameter_that_the_sandbox_does_not_know():
    (found,) = problems("dbforpostgresql:Configuration", configurationName="fsync", value="off")

    assert found.startswith(
        "configurationName: the sandbox does not know the server parameter 'fsync'; it knows "
    )


def administrator(world, principal):
    return world.create(
        "dbforpostgresql:Administrator",
        serverName="models",
        objectId=principal,
        principalName="web",
        principalType="ServicePrincipal",
    )


def test_an_identity_administers_the_server(world):
    server(world)
    identity = world.create("managedidentity:UserAssignedIdentity", resourceName="web")

    made = administrator(world, identity.outputs["principalId"])

    assert made.outputs["tenantId"] == TENANT


def test_an_administrator_needs_entra_authentication(world):
    server(world, authConfig={"passwordAuth": "Enabled"})

    with pytest.raises(RefusedError) as refused:
        administrator(world, world.principal)

    assert str(refused.value) == (
        ": Microsoft Entra authentication is not enabled on the server: set "
        "authConfig.activeDirectoryAuth to Enabled. (AadAuthOperationNotAllowed)"
    )


def test_a_closed_server_has_no_firewall_rules(world):
    server(world)

    with pytest.raises(RefusedError) as refused:
        world.create(
            "dbforpostgresql:FirewallRule",
            serverName="models",
            firewallRuleName="all",
            startIpAddress="0.0.0.0",
            endIpAddress="0.0.0.0",
        )

    assert str(refused.value) == (
        ": Firewall rule operations cannot be requested for a private access enabled server. "
        "(FirewallRuleNotAllowedForPrivateServer)"
    )


def test_the_servers_own_databases_are_taken():
    assert problems("dbforpostgresql:Database", databaseName="postgres") == [
        "databaseName: The database 'postgres' belongs to the server itself. (InvalidDatabaseName)"
    ]
