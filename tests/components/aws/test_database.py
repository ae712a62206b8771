import json

import pulumi
import pytest

from components.aws.database import Database
from components.aws.rds import most_storage
from components.aws.site import AwsSite
from components.parts import DatabaseArgs, IdentityPart, NetworkPart
from components.settings.parsing import examine
from tests.support.aws import deployed, part, policies, text, world
from tests.support.azure import changed
from tests.support.cloud import World

SERVER = "aws:rds/instance:Instance"
GROUP = "aws:cloudwatch/logGroup:LogGroup"
KEY = "arn:aws:kms:eu-central-1:111122223333:Key/test-foundation-key"
NAME = "test-abc123-abc123"


@pytest.fixture(scope="module")
def production() -> World:
    return deployed(
        changed(
            "dev-aws",
            protection=True,
            database__highAvailability=True,
            database__backupRetentionDays=35,
            database__size="db.m6i.large",
        )
    )


def parameters(deployment: World) -> dict[str, tuple[str, str]]:
    found = deployment.only("aws:rds/parameterGroup:ParameterGroup")["parameters"]
    return {each["name"]: (each["value"], each["applyMethod"]) for each in found}


def test_the_server_is_private_and_encrypted() -> None:
    server = world("dev-aws").only(SERVER)
    assert server["publiclyAccessible"] is False
    assert server["storageEncrypted"] is True
    assert server["kmsKeyId"] == KEY
    assert server["vpcSecurityGroupIds"] == ["test-network-firewall-database-id"]
    assert server["caCertIdentifier"] == "rds-ca-rsa2048-g1"
    subnets = world("dev-aws").only("aws:rds/subnetGroup:SubnetGroup")["subnetIds"]
    assert subnets == ["test-network-endpoints-a-id", "test-network-endpoints-b-id"]


def test_everybody_speaks_tls_and_slow_statements_are_logged_without_their_values() -> None:
    assert parameters(world("dev-aws")) == {
        "log_connections": ("1", "immediate"),
        "log_disconnections": ("1", "immediate"),
        "log_min_duration_statement": ("5000", "immediate"),
        "log_parameter_max_length": ("0", "immediate"),
        "log_statement": ("ddl", "immediate"),
        "rds.force_ssl": ("1", "immediate"),
        "ssl_min_protocol_version": ("TLSv1.2", "immediate"),
    }
    group = world("dev-aws").only("aws:rds/parameterGroup:ParameterGroup")
    assert group["family"] == "postgres16"


def test_nobody_but_rds_knows_the_first_password() -> None:
    server = world("dev-aws").only(SERVER)
    assert server["username"] == "operationalization_master"
    assert server["manageMasterUserPassword"] is True
    assert server["masterUserSecretKmsKeyId"] == KEY
    assert not {"password", "passwordWo"} & set(server)


def test_the_web_nodes_role_logs_in_as_one_user_and_reads_the_first_login() -> None:
    assert world("dev-aws").only(SERVER)["iamDatabaseAuthenticationEnabled"] is True
    web = policies(world("dev-aws"), "web")
    assert web["logs-in-to-database"] == [
        {
            "Effect": "Allow",
            "Action": ["rds-db:connect"],
            "Resource": [
                (
                    "arn:aws:rds-db:eu-central-1:111122223333:dbuser:db-test-database-server"
                    "/operationalization_migrator"
                )
            ],
        }
    ]
    reads, _ = web["begins-database"]
    assert reads["Resource"] == [
        "arn:aws:secretsmanager:eu-central-1:111122223333:secret:rds!db-test-database-server"
    ]
    assert not {"logs-in-to-database", "begins-database"} & set(
        policies(world("dev-aws"), "compute")
    )


def test_the_small_one_stands_alone_and_leaves_nothing_behind() -> None:
    server = world("dev-aws").only(SERVER)
    assert (server["engine"], server["engineVersion"]) == ("postgres", "16")
    assert server["instanceClass"] == "db.t3.medium"
    assert server["multiAz"] is False
    assert server["backupRetentionPeriod"] == 7
    assert server["skipFinalSnapshot"] is True
    assert "finalSnapshotIdentifier" not in server
    assert server["deleteAutomatedBackups"] is True
    assert server["deletionProtection"] is False
    assert not world("dev-aws").options_of(SERVER)["test-database-server"].protect


def test_production_survives_its_zone_and_its_own_end(production: World) -> None:
    server = production.only(SERVER)
    assert server["multiAz"] is True
    assert server["backupRetentionPeriod"] == 35
    assert server["copyTagsToSnapshot"] is True
    assert server["skipFinalSnapshot"] is False
    assert server["finalSnapshotIdentifier"] == f"{NAME}-final"
    assert server["deleteAutomatedBackups"] is False
    assert server["deletionProtection"] is True
    assert production.options_of(SERVER)["test-database-server"].protect


def test_only_its_own_name_gives_a_database_up() -> None:
    given_up = deployed(changed("dev-aws", protection=True, database__discard="operationalization"))
    server = given_up.only(SERVER)
    assert server["deletionProtection"] is False
    assert not given_up.options_of(SERVER)["test-database-server"].protect
    # What is given up by mistake can be brought back.
    assert server["skipFinalSnapshot"] is False
    assert given_up.options_of("aws:kms/key:Key")["test-foundation-key"].protect


def test_what_replaces_a_server_has_another_name() -> None:
    suffix = world("dev-aws").of_type("random:index/randomString:RandomString")
    assert suffix["test-database-suffix"]["keepers"] == {
        "engine": "postgres",
        "database": "operationalization",
    }
    assert world("dev-aws").only(SERVER)["identifier"] == NAME


def test_logs_are_ours_from_the_first_line_encrypted_and_kept(production: World) -> None:
    assert production.only(SERVER)["enabledCloudwatchLogsExports"] == ["postgresql", "upgrade"]
    groups = {
        group["name"]: (group["retentionInDays"], group["kmsKeyId"])
        for name, group in production.of_type(GROUP).items()
        if name.startswith("test-database-")
    }
    assert groups == {
        f"/aws/rds/instance/{NAME}/postgresql": (365, KEY),
        f"/aws/rds/instance/{NAME}/upgrade": (365, KEY),
    }
    waits_for = production.options_of(SERVER)["test-database-server"].depends_on
    assert {"test-database-log-postgresql", "test-database-log-upgrade"} <= {
        urn.partition("::")[2] for urn in waits_for
    }


def test_storage_grows_and_is_not_shrunk_back() -> None:
    server = world("dev-aws").only(SERVER)
    assert (server["allocatedStorage"], server["maxAllocatedStorage"]) == (32, 128)
    options = world("dev-aws").options_of(SERVER)["test-database-server"]
    assert options.ignore_changes == ("allocatedStorage",)


@pytest.mark.parametrize(
    ("beginning", "most"), [(20, 80), (40000, 65536), (60000, None), (65536, None)]
)
def test_storage_grows_where_there_is_room(beginning: int, most: int | None) -> None:
    assert most_storage(beginning, 65536) == most


def test_the_server_is_patched_and_watched() -> None:
    server = world("dev-aws").only(SERVER)
    assert server["autoMinorVersionUpgrade"] is True
    assert server["performanceInsightsEnabled"] is True
    assert server["performanceInsightsKmsKeyId"] == KEY
    assert server["monitoringInterval"] == 60
    role = world("dev-aws").of_type("aws:iam/role:Role")["test-database-watcher"]
    (trust,) = json.loads(role["assumeRolePolicy"])["Statement"]
    assert trust["Principal"] == {"Service": "monitoring.rds.amazonaws.com"}
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": "111122223333"}}


@pytest.fixture(scope="module")
def sql_server() -> World:
    """A database of engine sqlserver, which no runtime of this release uses yet."""
    engine = {"engine": "sqlserver", "size": "db.m6i.large", "storage": 40}
    settings = changed("dev-aws", database=engine)
    settings["operationalization:environment"]["runtime"] = {
        "product": "mlserver",
        "operatingSystem": "ubuntu-16.04",
    }
    environment, _ = examine(settings["operationalization:environment"])
    assert environment is not None
    database = environment.database

    def build(site: AwsSite) -> None:
        owner = IdentityPart("test:Identity", "owner")
        owner.name = text("owner")
        network = NetworkPart("test:Network", "network")
        network.subnet_ids = {"endpoints": (text("subnet-a"), text("subnet-b"))}
        network.firewall_ids = {"database": text("sg-database")}
        Database(
            "db",
            DatabaseArgs(
                site=site,
                settings=database,
                owner=owner,
                master_password=None,
                network=network,
            ),
            pulumi.ResourceOptions(),
        )

    return part(build)


def test_sql_server_is_private_encrypted_and_protected(sql_server: World) -> None:
    server = sql_server.only(SERVER)
    assert (server["engine"], server["engineVersion"]) == ("sqlserver-se", "16.00")
    assert server["licenseModel"] == "license-included"
    assert server["publiclyAccessible"] is False
    assert server["storageEncrypted"] is True
    assert server["port"] == 1433
    # RDS makes no database on it, and knows no tokens for it.
    assert not {"dbName", "iamDatabaseAuthenticationEnabled"} & set(server)
    assert server["deletionProtection"] is True
    assert sql_server.options_of(SERVER)["db-server"].protect
    assert parameters(sql_server) == {"rds.force_ssl": ("1", "pending-reboot")}
    group = sql_server.only("aws:rds/parameterGroup:ParameterGroup")
    assert group["family"] == "sqlserver-se-16.0"
    assert server["enabledCloudwatchLogsExports"] == ["agent", "error"]
