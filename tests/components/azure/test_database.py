from itertools import pairwise

import pulumi
import pytest

from components.azure import postgresql
from components.azure.database import Database
from components.parts import DatabaseArgs, IdentityPart, NetworkPart, Site
from components.settings.parsing import examine
from tests.support.azure import AzureCloud, changed, deployed, world
from tests.support.cloud import Secret, World, deploy

SERVER = "azure-native:dbforpostgresql:Server"
DATABASE = "azure-native:dbforpostgresql:Database"
CONFIGURATION = "azure-native:dbforpostgresql:Configuration"


def test_the_server_is_private_encrypted_and_owned_by_the_web_identity() -> None:
    server = world("dev").only(SERVER)
    assert server["network"] == {"publicNetworkAccess": "Disabled"}
    assert server["authConfig"] == {
        "activeDirectoryAuth": "Enabled",
        "passwordAuth": "Enabled",
        "tenantId": "tenant",
    }
    assert isinstance(server["administratorLoginPassword"], Secret)
    owner = world("dev").only("azure-native:dbforpostgresql:Administrator")
    assert owner["objectId"] == "test-web-identity-principal"
    assert owner["principalName"] == "test-web-identity"
    values = world("dev").of_type(CONFIGURATION).values()
    settings = {value["configurationName"]: value["value"] for value in values}
    assert settings["require_secure_transport"] == "on"
    assert settings["ssl_min_protocol_version"] == "TLSv1.2"


def test_the_small_one_is_burstable_and_stands_alone() -> None:
    server = world("dev").only(SERVER)
    assert server["version"] == "16"
    assert server["sku"] == {"name": "Standard_B2ms", "tier": "Burstable"}
    assert server["highAvailability"]["mode"] == "Disabled"
    assert server["backup"] == {"backupRetentionDays": 7, "geoRedundantBackup": "Disabled"}


def test_production_survives_its_zone_and_its_location() -> None:
    server = world("azure-production").only(SERVER)
    assert server["sku"] == {"name": "Standard_D4ds_v5", "tier": "GeneralPurpose"}
    assert server["highAvailability"]["mode"] == "ZoneRedundant"
    assert server["backup"] == {"backupRetentionDays": 35, "geoRedundantBackup": "Enabled"}


def test_storage_grows_and_is_not_shrunk_back() -> None:
    server = world("dev").only(SERVER)
    assert server["storage"] == {"storageSizeGB": 32, "autoGrow": "Enabled"}
    options = world("dev").options_of(SERVER)["test-database-server"]
    assert options.ignore_changes == ("storage.storageSizeGB",)


def test_a_server_takes_one_change_at_a_time() -> None:
    parameters = [key.replace(".", "-").replace("_", "-") for key in postgresql.CONFIGURATION]
    chain = ["server", *parameters, "database", "owner", "endpoint"]
    options = {urn.partition("::")[2]: made for urn, made in world("dev").options.items()}
    for before, after in pairwise(f"test-database-{name}" for name in chain):
        waits_for = {urn.partition("::")[2] for urn in options[after].depends_on}
        assert before in waits_for


@pytest.mark.parametrize("token", [SERVER, DATABASE])
def test_production_is_protected(token: str) -> None:
    assert all(o.protect for o in world("azure-production").options_of(token).values())


@pytest.mark.parametrize("token", [SERVER, DATABASE])
def test_a_throw_away_database_is_not_protected(token: str) -> None:
    assert not any(o.protect for o in world("dev").options_of(token).values())


def test_only_its_own_name_gives_a_database_up() -> None:
    given_up = deployed(changed("azure-production", database__discard="operationalization"))
    assert not given_up.options_of(SERVER)["test-database-server"].protect
    assert not given_up.options_of(DATABASE)["test-database-database"].protect
    assert given_up.options_of("azure-native:keyvault:Vault")["test-secrets-vault"].protect


@pytest.fixture(scope="module")
def sql_server() -> World:
    """A database of engine sqlserver, which no runtime of this release uses yet."""
    settings = changed("dev", database={"engine": "sqlserver", "size": "GP_Gen5_4", "storage": 40})
    settings["operationalization:environment"]["runtime"] = {
        "product": "mlserver",
        "operatingSystem": "ubuntu-16.04",
    }
    return deploy(lambda: build(settings), cloud=AzureCloud())


def build(settings: dict) -> None:
    environment, _ = examine(settings["operationalization:environment"])
    assert environment is not None
    text = pulumi.Output.from_input
    owner = IdentityPart("test:Identity", "owner")
    for name in ("id", "name", "client_id", "principal_id", "tenant_id"):
        setattr(owner, name, text(f"owner-{name}"))
    network = NetworkPart("test:Network", "network")
    network.network_id = text("vnet")
    network.subnet_ids = {"endpoints": (text("endpoints"),)}
    Database(
        "db",
        DatabaseArgs(
            site=Site(
                stack="test",
                location="westeurope",
                tags={},
                protection=True,
                log_retention_days=30,
                resource_group=text("group"),
                resource_group_id=text("/subscriptions/s/resourceGroups/group"),
            ),
            settings=environment.database,
            owner=owner,
            master_password=pulumi.Output.secret("master"),
            network=network,
        ),
    )


def test_azure_sql_is_private_audited_and_protected(sql_server: World) -> None:
    deployment = sql_server
    server = deployment.only("azure-native:sql:Server")
    assert server["publicNetworkAccess"] == "Disabled"
    assert server["minimalTlsVersion"] == "1.2"
    assert server["administratorLoginPassword"] == Secret("master")
    assert server["administrators"]["sid"] == "owner-client_id"
    database = deployment.only("azure-native:sql:Database")
    assert database["sku"] == {"name": "GP_Gen5_4", "tier": "GeneralPurpose"}
    assert database["maxSizeBytes"] == 40 * 2**30
    auditing = deployment.only("azure-native:sql:ExtendedServerBlobAuditingPolicy")
    assert auditing["isAzureMonitorTargetEnabled"] is True
    zone = deployment.only("azure-native:privatedns:PrivateZone")
    assert zone["privateZoneName"] == "privatelink.database.windows.net"
    for token in ("azure-native:sql:Server", "azure-native:sql:Database"):
        assert all(options.protect for options in deployment.options_of(token).values())
