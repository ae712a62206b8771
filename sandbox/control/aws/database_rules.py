"""What RDS refuses of an instance from its inputs alone.

Sources: Amazon RDS User Guide, "Settings for DB instances" (lengths, ranges, reserved names), "DB
instance classes", "Password management with Amazon RDS and AWS Secrets Manager", "Enhanced
Monitoring", "Performance Insights" (retention), "Using SSL/TLS to encrypt a connection to a DB
instance" (certificate authorities); API Reference: CreateDBInstance.
"""

import re
from collections.abc import Iterator

from sandbox.control.aws import database_classes as table
from sandbox.control.aws import database_restore, database_storage
from sandbox.control.aws.rules import not_emulated, one_of, within
from sandbox.control.kinds import Problem, Values
from sandbox.control.reading import flag, number, text, texts

_INVALID = "InvalidParameterValue"
_COMBINATION = "InvalidParameterCombination"

_DAYS = "mon|tue|wed|thu|fri|sat|sun"
_CLOCK = r"([01]\d|2[0-3]):[0-5]\d"
_DAILY = re.compile(f"({_CLOCK})-({_CLOCK})")
_WEEKLY = re.compile(f"({_DAYS}):{_CLOCK}-({_DAYS}):{_CLOCK}", re.IGNORECASE)

AUTHORITIES = ("rds-ca-rsa2048-g1", "rds-ca-rsa4096-g1", "rds-ca-ecc384-g1")
_MONITORING = (0, 1, 5, 10, 15, 30, 60)
_INSIGHTS = (7, *(31 * months for months in range(1, 24)), 731)


def _engine(values: Values) -> table.Engine | None:
    return table.ENGINES.get((text(values, "engine") or "").casefold())


def _engine_rules(values: Values) -> Iterator[Problem]:
    engine, version = text(values, "engine"), text(values, "engineVersion")
    if engine is None:
        return
    known = _engine(values)
    if known is None:
        yield Problem(
            "engine",
            f"Invalid DB engine: the sandbox knows {', '.join(table.ENGINES)}, not {engine!r}",
            _INVALID,
        )
        return
    name = engine.casefold()
    if version is not None and not table.actual(name, version):
        yield Problem(
            "engineVersion",
            f"Cannot find version {version} for {name}. (The sandbox knows: "
            f"{', '.join(v for minors in known.versions.values() for v in minors)}.)",
            _COMBINATION,
        )
    chosen = text(values, "instanceClass")
    if chosen is not None and chosen not in table.CLASSES[name]:
        yield Problem(
            "instanceClass",
            f"RDS does not support creating a DB instance with the following combination: "
            f"DBInstanceClass={chosen}, Engine={name}, EngineVersion={version or 'default'}, "
            f"LicenseModel={known.license}. For supported combinations of instance class and "
            "database engine version, see the documentation.",
            _COMBINATION,
        )
    for path, log in texts(values, "enabledCloudwatchLogsExports[*]"):
        if log not in known.logs:
            yield Problem(
                path,
                f"You cannot use the log types '{log}' with engine version {name} "
                f"{version or ''}. For supported log types, see the documentation.".replace(
                    " .", "."
                ),
                _COMBINATION,
            )
    if text(values, "dbName") and not known.names_database:
        yield Problem("dbName", f"DBName must be null for engine: {name}", _INVALID)
    yield from one_of(values, "licenseModel", (known.license,), _COMBINATION)


def _name_rules(values: Values) -> Iterator[Problem]:
    known, name = _engine(values), text(values, "dbName")
    if name is not None and not re.fullmatch(r"[A-Za-z_]\w{0,62}", name):
        yield Problem(
            "dbName",
            "DBName must begin with a letter and contain only alphanumeric characters.",
            _INVALID,
        )
    if name is not None and name.casefold() in ("db", "rdsadmin", "postgres", "template0"):
        yield Problem(
            "dbName",
            f"DBName {name} cannot be used. It is a reserved word for this engine",
            _INVALID,
        )
    user = text(values, "username")
    if user is None:
        return
    if not re.fullmatch(r"[A-Za-z]\w{0,62}", user):
        yield Problem(
            "username",
            "The parameter MasterUsername is not a valid identifier: it has 1 to 63 letters, "
            "digits and underscores, and starts with a letter.",
            _INVALID,
        )
    reserved = known.reserved if known else frozenset[str]()
    if user.casefold() in reserved or user.casefold().startswith("pg_"):
        yield Problem(
            "username",
            f"MasterUsername {user} cannot be used as it is a reserved word used by the engine",
            _INVALID,
        )


def _password_rules(values: Values) -> Iterator[Problem]:
    managed = flag(values, "manageMasterUserPassword")
    password = text(values, "password") or text(values, "passwordWo")
    if managed and password is not None:
        yield Problem(
            "password",
            "You can't specify MasterUserPassword when ManageMasterUserPassword is enabled.",
            _COMBINATION,
        )
    if text(values, "masterUserSecretKmsKeyId") and managed is False:
        yield Problem("masterUserSecretKmsKeyId", "needs manageMasterUserPassword", _COMBINATION)
    if password is None:
        return
    if not 8 <= len(password) <= 128:
        yield Problem(
            "password",
            "The parameter MasterUserPassword is not a valid password because it is shorter than 8 "
            "characters, or longer than 128.",
            _INVALID,
        )
    elif set(password) & set('/@" ') or not password.isascii() or not password.isprintable():
        yield Problem(
            "password",
            "The parameter MasterUserPassword is not a valid password. Only printable ASCII "
            "characters besides '/', '@', '\"', ' ' may be used.",
            _INVALID,
        )


def _time_rules(values: Values) -> Iterator[Problem]:
    daily, weekly = text(values, "backupWindow"), text(values, "maintenanceWindow")
    if daily is not None and not _DAILY.fullmatch(daily):
        yield Problem(
            "backupWindow",
            f'must satisfy the format of "hh24:mi-hh24:mi", got {daily!r}',
            _INVALID,
        )
    elif daily is not None and _minutes(daily) < 30:
        yield Problem("backupWindow", "The backup window must be at least 30 minutes.", _INVALID)
    if weekly is not None and not _WEEKLY.fullmatch(weekly):
        yield Problem(
            "maintenanceWindow",
            f'must satisfy the format of "ddd:hh24:mi-ddd:hh24:mi", got {weekly!r}',
            _INVALID,
        )
    elif weekly is not None and daily is not None and _DAILY.fullmatch(daily):
        start, end = weekly[4:9], weekly[-5:]
        if weekly[:3] == weekly[10:13] and start < daily[-5:] and daily[:5] < end:
            yield Problem(
                "maintenanceWindow",
                "The backup window and maintenance window must not overlap.",
                _INVALID,
            )


def _minutes(window: str) -> int:
    start, end = (int(each[:2]) * 60 + int(each[3:]) for each in window.split("-"))
    return (end - start) % 1440


def _monitoring_rules(values: Values) -> Iterator[Problem]:
    yield from within(values, "backupRetentionPeriod", 0, 35)
    yield from within(values, "port", 1150, 65_535)
    yield from one_of(values, "caCertIdentifier", AUTHORITIES)
    yield from one_of(values, "networkType", ("IPV4",))
    yield from one_of(values, "databaseInsightsMode", ("standard", "advanced"))
    yield from one_of(
        values,
        "engineLifecycleSupport",
        ("open-source-rds-extended-support", "open-source-rds-extended-support-disabled"),
    )
    interval, role = number(values, "monitoringInterval"), text(values, "monitoringRoleArn")
    if interval is not None and interval not in _MONITORING:
        yield Problem(
            "monitoringInterval",
            f"Invalid MonitoringInterval value {interval}: it is one of "
            f"{', '.join(map(str, _MONITORING))}.",
            _INVALID,
        )
    if role and not interval and "monitoringInterval" in values:
        yield Problem(
            "monitoringRoleArn",
            "A MonitoringRoleARN value is required if you specify a MonitoringInterval value other "
            "than 0, and must be left out with 0.",
            _COMBINATION,
        )
    days = number(values, "performanceInsightsRetentionPeriod")
    if days is not None and days not in _INSIGHTS:
        yield Problem(
            "performanceInsightsRetentionPeriod",
            f"Invalid Performance Insights retention period: {days}. It is 7, a multiple of 31 up "
            "to 713, or 731.",
            _INVALID,
        )
    if flag(values, "performanceInsightsEnabled") is False and (
        days or text(values, "performanceInsightsKmsKeyId")
    ):
        yield Problem(
            "performanceInsightsEnabled",
            "must be true for a retention period or a key of Performance Insights",
            _COMBINATION,
        )


def _snapshot_rules(values: Values) -> Iterator[Problem]:
    name = text(values, "finalSnapshotIdentifier")
    if name is not None and not re.fullmatch(r"[A-Za-z](-?[A-Za-z0-9])*", name):
        yield Problem(
            "finalSnapshotIdentifier",
            "starts with a letter, has letters, digits and single hyphens, no hyphen at its end",
            _INVALID,
        )


_NOT_EMULATED = {
    "backupTarget": "leave it out",
    "blueGreenUpdate.enabled": "leave it out",
    "characterSetName": "leave it out",
    "customIamInstanceProfile": "leave it out",
    "customerOwnedIpEnabled": "leave it out",
    "dedicatedLogVolume": "leave it out",
    "domain": "leave it out",
    "domainAuthSecretArn": "leave it out",
    "domainFqdn": "leave it out",
    "domainIamRoleName": "leave it out",
    "domainOu": "leave it out",
    "ncharCharacterSetName": "leave it out",
    "optionGroupName": "leave it out: the engine's default",
    "replicaMode": "leave it out",
    "replicateSourceDb": "the sandbox runs no read replica",
    "s3Import": "leave it out",
    "snapshotIdentifier": "the sandbox restores no snapshot",
    "timezone": "leave it out",
}


def rules(values: Values) -> Iterator[Problem]:
    """Everything that RDS refuses of these inputs."""
    for rule in (
        _engine_rules,
        _name_rules,
        _password_rules,
        database_storage.rules,
        _time_rules,
        _monitoring_rules,
        _snapshot_rules,
        database_restore.rules,
    ):
        yield from rule(values)
    yield from not_emulated(values, _NOT_EMULATED)
