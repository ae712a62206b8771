import json

import pytest

from sandbox.control import wire
from sandbox.control.aws.database_secrets import password_of
from sandbox.control.aws.databases import interface_of, snapshot_note
from sandbox.control.aws.secrets_manager import current
from sandbox.control.kinds import ApiError
from tests.support.account import ACCOUNT, REGION
from tests.support.world import RefusedError


def subnet_group(site, **inputs):
    subnets = [subnet.short for subnet in site.subnets]
    return site.aws.create("rds:SubnetGroup", name="data", **{"subnetIds": subnets, **inputs})


def server(**changes):
    return {
        "identifier": "models",
        "engine": "postgres",
        "engineVersion": "16",
        "instanceClass": "db.t3.medium",
        "allocatedStorage": 20,
        "storageType": "gp3",
        "dbName": "models",
        "username": "master",
        "manageMasterUserPassword": True,
        "dbSubnetGroupName": "data",
        "skipFinalSnapshot": True,
        **changes,
    }


def make(site, **changes):
    if site.aws.world.named("aws:rds/subnetGroup:SubnetGroup", "data") is None:
        subnet_group(site)
    groups = [site.group.short]
    return site.aws.create("rds:Instance", **server(vpcSecurityGroupIds=groups, **changes))


def problems(aws, **changes):
    return aws.problems("rds:Instance", **server(**changes))


def test_an_instance_answers_at_a_name_of_its_own(site):
    made = make(site)

    assert made.id == f"arn:aws:rds:{REGION}:{ACCOUNT}:db:models"
    assert made.short == made.outputs["resourceId"]
    assert made.short.startswith("db-")
    host = f"models.c5sandbox005.{REGION}.rds.amazonaws.com"
    assert made.outputs["address"] == host
    assert made.outputs["endpoint"] == f"{host}:5432"
    assert made.outputs["engineVersionActual"] == "16.10"
    assert made.outputs["availabilityZone"] == "eu-central-1a"


def test_its_interface_holds_the_subnet_and_the_group(site):
    made = make(site)
    interface = interface_of(site.aws.world, made)

    assert interface is not None
    assert interface.outputs["privateIp"] == "10.30.0.4"
    assert interface.inputs["description"] == "RDSNetworkInterface"
    changed = site.aws.update(made, tags={"a": "b"})
    kept = interface_of(site.aws.world, changed)
    assert kept is not None
    assert kept.outputs["privateIp"] == "10.30.0.4"
    with pytest.raises(ApiError, match="DependencyViolation"):
        site.aws.delete(site.group)
    site.aws.delete(changed)
    site.aws.delete(site.group)


def test_rds_makes_the_masters_password_and_keeps_it_in_a_secret(site):
    key = site.aws.create("kms:Key")
    made = make(site, masterUserSecretKmsKeyId=key.id)
    (known,) = made.outputs["masterUserSecrets"]
    secret = site.aws.world.find(known["secretArn"])

    assert secret is not None
    assert known["kmsKeyId"] == key.id
    assert str(secret.outputs["name"]).startswith("rds!db-")
    version = current(site.aws.world, secret)
    assert version is not None
    value = json.loads(version.inputs["secretString"])
    assert value["username"] == "master"
    assert len(value["password"]) == 28
    assert password_of(site.aws.world, made) == value["password"]
    assert value["password"] not in json.dumps(dict(made.outputs))
    stored = site.aws.store.read().get(version.id)
    assert stored is not None
    assert isinstance(stored.inputs["secretString"], wire.Secret)


def test_the_masters_secret_stays_the_same_and_goes_with_its_instance(site):
    made = make(site)
    before = password_of(site.aws.world, made)
    changed = site.aws.update(made, backupRetentionPeriod=7)
    arn = changed.outputs["masterUserSecrets"][0]["secretArn"]

    assert password_of(site.aws.world, changed) == before
    site.aws.delete(changed)
    assert site.aws.world.find(arn) is None
    assert password_of(site.aws.world, changed) is None


def test_a_password_of_ones_own_ends_the_secret(site):
    made = make(site)
    arn = made.outputs["masterUserSecrets"][0]["secretArn"]
    changed = site.aws.update(made, manageMasterUserPassword=None, password="l0ng-enough")

    assert site.aws.world.find(arn) is None
    assert changed.outputs["masterUserSecrets"] == []
    assert password_of(site.aws.world, changed) == "l0ng-enough"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"engineVersion": "16.99"},
            "engineVersion: Cannot find version 16.99 for postgres.",
        ),
        (
            {"engine": "oracle"},
            "engine: Invalid DB engine: the sandbox knows postgres, ",
        ),
        (
            {"instanceClass": "db.x9.large"},
            (
                "instanceClass: RDS does not support creating a DB instance with the following "
                "combination: DBInstanceClass=db.x9.large, Engine=postgres, EngineVersion=16, "
                "LicenseModel=postgresql-license."
            ),
        ),
        (
            {"engine": "sqlserver-ex", "engineVersion": "15.00", "instanceClass": "db.t3.small"},
            "dbName: DBName must be null for engine: sqlserver-ex (InvalidParameterValue)",
        ),
        (
            {"allocatedStorage": 10},
            (
                "allocatedStorage: Invalid storage size for engine name postgres and storage type "
                "gp3: 10; it is 20 to 65536 GiB (InvalidParameterValue)"
            ),
        ),
        (
            {"iops": 4000},
            (
                "iops: You can't specify IOPS or storage throughput for engine postgres and a "
                "storage size less than 400. (InvalidParameterCombination)"
            ),
        ),
        (
            {"maxAllocatedStorage": 21},
            (
                "maxAllocatedStorage: Invalid max storage size: 21 is less than 10 percent more "
                "than 20. (InvalidParameterCombination)"
            ),
        ),
        (
            {"username": "rdsadmin"},
            (
                "username: MasterUsername rdsadmin cannot be used as it is a reserved word used by "
                "the engine (InvalidParameterValue)"
            ),
        ),
        (
            {"password": "l0ng-enough"},
            (
                "password: You can't specify MasterUserPassword when ManageMasterUserPassword is "
                "enabled. (InvalidParameterCombination)"
            ),
        ),
        (
            {"manageMasterUserPassword": None, "password": "with@sign"},
            (
                "password: The parameter MasterUserPassword is not a valid password. Only "
                "printable ASCII characters besides '/', '@', '\"', ' ' may be used. "
                "(InvalidParameterValue)"
            ),
        ),
        (
            {"backupRetentionPeriod": 36},
            "backupRetentionPeriod: must be 0 to 35, got 36 (InvalidParameterValue)",
        ),
        (
            {"backupWindow": "03:00-03:10"},
            (
                "backupWindow: The backup window must be at least 30 minutes. "
                "(InvalidParameterValue)"
            ),
        ),
        (
            {"backupWindow": "03:00-04:00", "maintenanceWindow": "Sun:03:30-Sun:04:30"},
            (
                "maintenanceWindow: The backup window and maintenance window must not overlap. "
                "(InvalidParameterValue)"
            ),
        ),
        (
            {"enabledCloudwatchLogsExports": ["audit"]},
            (
                "enabledCloudwatchLogsExports[0]: You cannot use the log types 'audit' with engine "
                "version postgres 16."
            ),
        ),
        (
            {"monitoringInterval": 7},
            "monitoringInterval: Invalid MonitoringInterval value 7: it is one of 0, 1, 5, 10, ",
        ),
        (
            {"performanceInsightsEnabled": True, "performanceInsightsRetentionPeriod": 30},
            (
                "performanceInsightsRetentionPeriod: Invalid Performance Insights retention "
                "period: 30."
            ),
        ),
        (
            {"snapshotIdentifier": "old"},
            "snapshotIdentifier: the sandbox does not emulate this: ",
        ),
    ],
)
def test_an_instance_that_rds_refuses(aws, changes, expected):
    found = problems(aws, **changes)

    assert any(line.startswith(expected) for line in found), found


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"engineVersion": "16.9", "maxAllocatedStorage": 100},
        {"allocatedStorage": 400, "iops": 12000, "storageThroughput": 500},
        {"backupWindow": "03:00-04:00", "maintenanceWindow": "Sun:04:30-Sun:05:30"},
        {"performanceInsightsEnabled": True, "performanceInsightsRetentionPeriod": 62},
        {
            "engine": "sqlserver-se",
            "engineVersion": "16.00",
            "dbName": None,
            "instanceClass": "db.m6i.large",
            "enabledCloudwatchLogsExports": ["agent", "error"],
        },
    ],
    ids=["small", "growing", "fast", "windows", "insights", "sql server"],
)
def test_an_instance_as_rds_takes_it(aws, changes):
    given = {key: value for key, value in server(**changes).items() if value is not None}

    assert aws.problems("rds:Instance", **given) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"manageMasterUserPassword": None},
            (
                "password: The parameter MasterUserPassword must be provided and must not be "
                "blank. (InvalidParameterValue)"
            ),
        ),
        (
            {"multiAz": True, "availabilityZone": "eu-central-1a"},
            (
                "availabilityZone: Requesting a specific availability zone is not valid for "
                "Multi-AZ instances. (InvalidParameterCombination)"
            ),
        ),
        (
            {"monitoringInterval": 60},
            (
                "monitoringRoleArn: A MonitoringRoleARN value is required if you specify a "
                "MonitoringInterval value other than 0. (InvalidParameterCombination)"
            ),
        ),
        (
            {"dbSubnetGroupName": "other"},
            (
                "dbSubnetGroupName: DB subnet group 'other' does not exist. "
                "(DBSubnetGroupNotFoundFault)"
            ),
        ),
    ],
)
def test_an_instance_that_its_surroundings_refuse(site, changes, expected):
    given = {key: value for key, value in changes.items() if value is not None}
    left_out = {key for key, value in changes.items() if value is None}
    subnet_group(site)
    inputs = {k: v for k, v in server(**given).items() if k not in left_out}

    with pytest.raises(RefusedError) as refused:
        site.aws.create("rds:Instance", **inputs)
    assert str(refused.value) == expected


def test_groups_of_another_vpc_are_refused(site):
    elsewhere = site.aws.create("ec2:Vpc", "other", cidrBlock="10.40.0.0/16")
    group = site.aws.create("ec2:SecurityGroup", "other", vpcId=elsewhere.short)
    subnet_group(site)

    with pytest.raises(RefusedError, match=r"different VPCs.*\(InvalidVPCNetworkStateFault\)"):
        site.aws.create("rds:Instance", **server(vpcSecurityGroupIds=[group.short]))


def test_a_parameter_group_is_of_the_versions_family(site):
    old = site.aws.create("rds:ParameterGroup", name="old", family="postgres15")
    subnet_group(site)

    with pytest.raises(RefusedError, match="Use a parameter group with DBParameterGroupFamily pos"):
        site.aws.create("rds:Instance", **server(parameterGroupName=old.short))
    own = site.aws.create("rds:ParameterGroup", name="own", family="postgres16")
    made = make(site, parameterGroupName=own.short)
    assert made.outputs["parameterGroupName"] == "own"
    with pytest.raises(ApiError, match="InvalidDBParameterGroupState: One or more database inst"):
        site.aws.delete(own)


def test_storage_only_grows(site):
    made = make(site, allocatedStorage=100)

    with pytest.raises(RefusedError, match=r"Requested storage size \(50\) cannot be less than"):
        site.aws.update(made, allocatedStorage=50)
    with pytest.raises(RefusedError, match="must grow by at least 10 percent"):
        site.aws.update(made, allocatedStorage=105)
    assert site.aws.update(made, allocatedStorage=110).outputs["allocatedStorage"] == 110


def test_a_major_version_is_a_decision(site):
    made = make(site)

    with pytest.raises(RefusedError, match="The AllowMajorVersionUpgrade flag must be present"):
        site.aws.update(made, engineVersion="17")
    changed = site.aws.update(made, engineVersion="17", allowMajorVersionUpgrade=True)
    assert changed.outputs["engineVersionActual"] == "17.6"
    with pytest.raises(RefusedError, match=r"Cannot upgrade postgres from 17\.6 to 16\.10"):
        site.aws.update(changed, engineVersion="16")


def test_what_cannot_change_replaces_the_instance(site):
    made = make(site)

    assert site.aws.replaced_by(made, dbName="other") == ["dbName"]
    assert site.aws.replaced_by(made, username="other") == ["username"]
    assert site.aws.replaced_by(made, instanceClass="db.m6i.large") == []


def test_a_protected_instance_stays(site):
    made = make(site, deletionProtection=True)

    with pytest.raises(ApiError, match="InvalidParameterCombination: Cannot delete protected DB"):
        site.aws.delete(made)
    site.aws.delete(site.aws.update(made, deletionProtection=False))


def test_a_last_snapshot_is_remembered_and_its_name_taken(site):
    last = {"skipFinalSnapshot": False, "finalSnapshotIdentifier": "models-last"}
    site.aws.delete(make(site, **last))

    assert site.aws.world.note(snapshot_note(REGION, "models-last")) is not None
    again = make(site, **last)
    with pytest.raises(ApiError, match="DBSnapshotAlreadyExists"):
        site.aws.delete(again)


def test_without_a_name_for_the_last_snapshot_it_stays(site):
    made = make(site, skipFinalSnapshot=False)

    with pytest.raises(ApiError, match="FinalDBSnapshotIdentifier is required unless SkipFinal"):
        site.aws.delete(made)


def test_a_subnet_group_covers_two_zones(site):
    made = subnet_group(site)

    assert made.outputs["vpcId"] == site.vpc.short
    with pytest.raises(RefusedError) as refused:
        site.aws.create("rds:SubnetGroup", name="one", subnetIds=[site.subnet.short])
    assert str(refused.value) == (
        "subnetIds: The DB subnet group doesn't meet Availability Zone (AZ) coverage requirement. "
        "Current AZ coverage: eu-central-1a. Add subnets to cover at least 2 AZs. "
        "(DBSubnetGroupDoesNotCoverEnoughAZs)"
    )


def test_a_subnet_group_in_use_stays(site):
    group = subnet_group(site)
    make(site)

    with pytest.raises(ApiError, match="InvalidDBSubnetGroupStateFault: Cannot delete the subnet"):
        site.aws.delete(group)


@pytest.mark.parametrize(
    ("name", "value", "method", "expected"),
    [
        ("rds.force_ssl", "1", "immediate", []),
        ("log_min_duration_statement", "5000", "immediate", []),
        ("max_connections", "{DBInstanceClassMemory/9531392}", "pending-reboot", []),
        ("shared_preload_libraries", "pg_stat_statements,pgaudit", "pending-reboot", []),
        (
            "rds.force_tls",
            "1",
            "immediate",
            [
                (
                    "parameters[0].name: Could not find parameter with name: rds.force_tls "
                    "(InvalidParameterValue)"
                )
            ],
        ),
        (
            "rds.force_ssl",
            "on",
            "immediate",
            [
                (
                    "parameters[0].value: Invalid parameter value: on for: rds.force_ssl allowed "
                    "values are: 0,1 (InvalidParameterValue)"
                )
            ],
        ),
        (
            "checkpoint_timeout",
            "10",
            "immediate",
            [
                (
                    "parameters[0].value: Invalid parameter value: 10 for: checkpoint_timeout "
                    "allowed values are: 30-3600 (InvalidParameterValue)"
                )
            ],
        ),
        (
            "max_connections",
            "100",
            "immediate",
            [
                (
                    "parameters[0].applyMethod: cannot use immediate apply method for static "
                    "parameter (InvalidParameterCombination)"
                )
            ],
        ),
    ],
)
def test_parameters_are_known(aws, name, value, method, expected):
    found = aws.problems(
        "rds:ParameterGroup",
        family="postgres16",
        parameters=[{"name": name, "value": value, "applyMethod": method}],
    )

    assert found == expected


def test_a_family_is_known(aws):
    assert aws.problems("rds:ParameterGroup", family="postgres9") == [
        (
            "family: ParameterGroupFamily postgres9 is not a valid parameter group family "
            "(InvalidParameterValue)"
        )
    ]
    assert aws.problems("rds:ParameterGroup", family="sqlserver-se-16.0") == []
