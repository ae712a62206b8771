import pytest

from tests.support.world import GROUP, RefusedError, problems

SERVER = {
    "serverName": "models",
    "administratorLogin": "breakglass",
    "administratorLoginPassword": "Aa1!aaaaaaaa",
    "publicNetworkAccess": "Disabled",
}


def server(world, **inputs):
    return world.create("sql:Server", **{**SERVER, **inputs})


def test_a_server_comes_with_master(world):
    made = server(world)

    assert made.outputs["fullyQualifiedDomainName"] == "models.database.windows.net"
    assert made.outputs["minimalTlsVersion"] == "1.2"
    assert world.find(f"{made.id}/databases/master").outputs["status"] == "Online"


def test_an_application_administers_by_its_client_id(world):
    identity = world.create("managedidentity:UserAssignedIdentity", resourceName="web")
    owner = {"login": "web", "principalType": "Application", "sid": identity.outputs["clientId"]}

    assert server(world, administrators=owner).outputs["administrators"]["login"] == "web"
    with pytest.raises(RefusedError) as refused:
        server(
            world,
            serverName="other",
            administrators={**owner, "sid": identity.outputs["principalId"]},
        )

    assert str(refused.value) == (
        "administrators.sid: Invalid or missing external administrator: "
        f"{identity.outputs['principalId']} is not the client id of an application in tenant "
        f"{world.tenant}. (InvalidExternalAdministratorSid)"
    )


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        (
            {"administratorLogin": "sa"},
            (
                "administratorLogin: 'sa' is not a valid login name because it contains invalid "
                "characters or is reserved. (InvalidLoginName)"
            ),
        ),
        (
            {"administratorLoginPassword": "Aa1!aa"},
            (
                "administratorLoginPassword: Password validation failed: it has 6 characters; "
                "Azure "
                "wants 8 to 128. (PasswordNotComplex)"
            ),
        ),
        (
            {"minimalTlsVersion": "1.0"},
            "minimalTlsVersion: must be one of 1.2, 1.3, got '1.0' (UnsupportedTLSVersion)",
        ),
    ],
)
def test_a_server_that_azure_refuses(inputs, expected):
    assert problems("sql:Server", **{**SERVER, **inputs}) == [expected]


def database(world, **inputs):
    return world.create(
        "sql:Database",
        serverName="models",
        databaseName="operationalization",
        location="westeurope",
        **inputs,
    )


def test_a_database_says_what_it_is(world):
    server(world)
    made = database(world, sku={"name": "GP_Gen5_2", "tier": "GeneralPurpose"})

    assert made.id == f"{GROUP}/providers/Microsoft.Sql/servers/models/databases/operationalization"
    assert made.outputs["currentServiceObjectiveName"] == "GP_Gen5_2"
    assert made.outputs["kind"] == "v12.0,user,vcore"


def test_databases_that_azure_refuses():
    assert problems("sql:Database", sku={"name": "GP_Gen5_3"}) == [
        (
            "sku.name: Invalid SKU name 'GP_Gen5_3'. It is written like GP_Gen5_2, S0 or Basic. "
            "(InvalidSkuName)"
        )
    ]
    assert problems("sql:Database", sku={"name": "Basic"}, maxSizeBytes=3 * 2**30) == [
        (
            "maxSizeBytes: The edition 'Basic' does not support the database data max size "
            "'3221225472': up to 2 GiB. (InvalidMaxSizeTierCombination)"
        )
    ]
    assert problems("sql:Database", databaseName="master") == [
        "databaseName: master is a system database (InvalidDatabaseName)"
    ]


def test_the_collation_of_a_database_stays(world):
    server(world)
    made = database(world)

    with pytest.raises(RefusedError) as refused:
        world.update(made, collation="Latin1_General_100_CI_AS")

    assert str(refused.value) == (
        "collation: Changing property 'collation' is not allowed. (PropertyChangeNotAllowed)"
    )


def test_a_closed_server_has_no_firewall_rules(world):
    server(world)

    with pytest.raises(RefusedError, match="DenyPublicEndpointEnabled"):
        world.create(
            "sql:FirewallRule",
            serverName="models",
            firewallRuleName="office",
            startIpAddress="203.0.113.1",
            endIpAddress="203.0.113.1",
        )


def test_backups_are_kept_for_35_days_at_most():
    assert problems("sql:BackupShortTermRetentionPolicy", policyName="default") == []
    assert problems("sql:BackupShortTermRetentionPolicy", retentionDays=36) == [
        "retentionDays: must be 1 to 35, got 36 (InvalidBackupRetentionPeriod)"
    ]


def test_audit_logs_go_to_the_workspace():
    policy = "sql:ExtendedServerBlobAuditingPolicy"

    assert problems(policy, state="Enabled", isAzureMonitorTargetEnabled=True) == []
    assert problems(policy, state="Enabled", isAzureMonitorTargetEnabled=False) == [
        (
            "isAzureMonitorTargetEnabled: the sandbox keeps audit logs in a workspace only: set "
            "it to "
            "true"
        )
    ]
