"""A database server of Amazon RDS: private, encrypted, logged, backed up, whatever its engine."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_random as random
from pulumi_aws import cloudwatch, iam, rds

from components.aws import logs, permissions, site
from components.parts import DatabaseArgs
from components.runtimes.flows import DATABASE_PORTS

MASTER: Final = "operationalization_master"
"""Login of the server's first administrator; RDS makes its password and keeps it."""

AUTHORITY: Final = "rds-ca-rsa2048-g1"
"""Whose certificates servers have; its root is in the bundle that nodes fetch ("Using SSL/TLS to
encrypt a connection to a DB instance")."""

METRICS_SECONDS: Final = 60
INSIGHTS_DAYS: Final = 7
"""What is free."""

GROWTH: Final = 4
"""Storage grows by itself up to this many times what it begins with."""

LEAST_GROWTH: Final = 1.26
"""The most must be so much more than the beginning ("Managing capacity automatically with Amazon
RDS storage autoscaling")."""


BROUGHT: Final = ("dbName", "restoreToPointInTime", "username")
"""What a server that began with a backup is made with once, and never again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Engine:
    """What differs between the engines."""

    name: str
    version: str
    """Major version; RDS takes care of the minor one."""

    family: str
    """Of the parameter group."""

    parameters: Mapping[str, tuple[str, str]]
    """Value of each, and when it takes effect."""

    logs: Sequence[str]
    database: str | None
    """Which one RDS makes on the server."""

    licence: str
    identities: bool
    """Whether roles of AWS can log in."""

    largest: int
    """GiB of storage."""


class Server:
    """Makes the server and what belongs to it as children of the database component."""

    def __init__(
        self, name: str, args: DatabaseArgs, engine: Engine, keep: bool, parent: pulumi.Resource
    ) -> None:
        self._name = name
        self._args = args
        self._engine = engine
        self._keep = keep
        self._place = site.of(args.site)
        self._parent = parent
        self._child = pulumi.ResourceOptions(parent=parent)
        self._identifier = self._identify()
        made = self._instance(self._log_groups())
        self.id = made.arn
        self.resource_id = made.resource_id
        self.server_name = made.identifier
        self.host = made.address
        self.master_secret: pulumi.Output[str] = made.master_user_secrets.apply(
            lambda secrets: secrets[0].secret_arn or ""
        )

    def _identify(self) -> pulumi.Output[str]:
        """Return a name that the server's logs and last snapshot can have before it exists."""
        suffix = random.RandomString(
            f"{self._name}-suffix",
            length=6,
            special=False,
            upper=False,
            # What replaces the server: the next one needs another name, beside the old one.
            keepers={"engine": self._engine.name, "database": self._engine.database or ""},
            opts=self._child,
        )
        return pulumi.Output.concat(self._place.prefix, "-", suffix.result)

    def _log_groups(self) -> list[pulumi.Resource]:
        """Make the groups that RDS writes to: those that it makes itself are kept for ever."""
        days = logs.retention(self._place.log_retention_days, protection=self._place.protection)
        return [
            cloudwatch.LogGroup(
                f"{self._name}-log-{log}",
                name=pulumi.Output.concat("/aws/rds/instance/", self._identifier, "/", log),
                retention_in_days=days,
                kms_key_id=self._place.key_arn,
                opts=self._child,
            )
            for log in self._engine.logs
        ]

    def _parameters(self) -> rds.ParameterGroup:
        return rds.ParameterGroup(
            f"{self._name}-parameters",
            family=self._engine.family,
            description="Parameters that must not depend on defaults",
            parameters=[
                rds.ParameterGroupParameterArgs(name=name, value=value, apply_method=when)
                for name, (value, when) in self._engine.parameters.items()
            ],
            opts=self._child,
        )

    def _subnets(self) -> rds.SubnetGroup:
        return rds.SubnetGroup(
            f"{self._name}-subnets",
            description="Where the database has its addresses",
            subnet_ids=list(self._args.network.subnet_ids["endpoints"]),
            opts=self._child,
        )

    def _watcher(self) -> tuple[iam.Role, pulumi.Resource]:
        """Make the role with which RDS reports on the server's machine, and what it may do."""
        trust = self._place.account.apply(
            lambda account: permissions.document(
                permissions.assumed_for("monitoring.rds.amazonaws.com", account)
            )
        )
        role = iam.Role(
            f"{self._name}-watcher",
            description="Reports on the database's machine",
            assume_role_policy=trust,
            opts=self._child,
        )
        return role, permissions.grant(
            f"{self._name}-watcher-reports",
            "reports-on-host",
            role.name,
            permissions.in_place(self._place, permissions.reports_on_host),
            self._parent,
        )

    def _instance(self, log_groups: list[pulumi.Resource]) -> rds.Instance:
        settings, engine, protection = self._args.settings, self._engine, self._place.protection
        origin = self._args.origin
        watcher, reports = self._watcher()
        return rds.Instance(
            f"{self._name}-server",
            identifier=self._identifier,
            engine=engine.name,
            engine_version=engine.version,
            license_model=engine.licence,
            instance_class=settings.size,
            db_name=None if origin else engine.database,
            restore_to_point_in_time=(
                rds.InstanceRestoreToPointInTimeArgs(
                    source_db_instance_identifier=origin.part.server_name,
                    restore_time=origin.moment,
                )
                if origin
                else None
            ),
            port=self.port,
            # Storage.
            storage_type="gp3",
            allocated_storage=settings.storage,
            max_allocated_storage=most_storage(settings.storage, engine.largest),
            storage_encrypted=True,
            kms_key_id=self._place.key_arn,
            # Who gets in, and how.
            db_subnet_group_name=self._subnets().name,
            vpc_security_group_ids=[self._args.network.firewall_ids["database"]],
            publicly_accessible=False,
            ca_cert_identifier=AUTHORITY,
            parameter_group_name=self._parameters().name,
            # A backup brings its login; RDS gives it another password.
            username=None if origin else MASTER,
            manage_master_user_password=True,
            master_user_secret_kms_key_id=self._place.key_arn,
            iam_database_authentication_enabled=engine.identities or None,
            # What survives.
            multi_az=settings.high_availability,
            backup_retention_period=settings.backup_retention_days,
            copy_tags_to_snapshot=True,
            delete_automated_backups=not protection,
            deletion_protection=self._keep,
            skip_final_snapshot=not protection,
            final_snapshot_identifier=(
                pulumi.Output.concat(self._identifier, "-final") if protection else None
            ),
            # A change of the settings takes effect when it is made; a patch in the night.
            apply_immediately=True,
            allow_major_version_upgrade=True,
            auto_minor_version_upgrade=True,
            # What is seen of it.
            enabled_cloudwatch_logs_exports=list(engine.logs),
            performance_insights_enabled=True,
            performance_insights_kms_key_id=self._place.key_arn,
            performance_insights_retention_period=INSIGHTS_DAYS,
            monitoring_interval=METRICS_SECONDS,
            monitoring_role_arn=watcher.arn,
            opts=pulumi.ResourceOptions(
                parent=self._parent,
                protect=self._keep,
                depends_on=[*log_groups, reports],
                # The server grows its storage and cannot shrink it: the setting is where it began.
                ignore_changes=["allocatedStorage", *(BROUGHT if self._args.suffix else ())],
            ),
        )

    @property
    def port(self) -> int:
        """Port of the engine: nobody is let near it who would not know."""
        return DATABASE_PORTS[self._args.settings.engine]


def most_storage(beginning: int, largest: int) -> int | None:
    """Return the GiB up to which storage grows; none if there is no room to grow."""
    most = min(beginning * GROWTH, largest)
    return most if most >= beginning * LEAST_GROWTH else None
