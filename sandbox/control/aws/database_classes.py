"""RDS instance classes, engine versions and storage: what goes with what, in one table.

Sources: Amazon RDS User Guide, "Supported DB engines for DB instance classes", "DB instance storage
types", "Working with storage autoscaling", "Available PostgreSQL database versions", "Microsoft SQL
Server versions on Amazon RDS", "DB instance class support for Microsoft SQL Server". RDS adds and
ends minor versions every few months: this table is the one place to change then.
"""

from typing import NamedTuple


class Engine(NamedTuple):
    """One engine of RDS."""

    versions: dict[str, tuple[str, ...]]
    """Major version (PostgreSQL `16`, SQL Server `15.00`) -> minor versions, the default last."""
    family: str
    """Parameter group family, `{major}` filled in."""
    port: int
    license: str
    logs: tuple[str, ...]
    """Logs that it can export to CloudWatch."""
    names_database: bool
    """Whether `dbName` makes a database (SQL Server takes none)."""
    smallest: int
    """GiB of gp3 storage, at least."""
    reserved: frozenset[str]
    """Master user names that it refuses."""
    suffix: str
    """Of the family's own name for the engine in option groups (`default:postgres-16`)."""


_SQL_SERVER_RESERVED = frozenset(
    [
        "admin",
        "administrator",
        "sa",
        "root",
        "public",
        "guest",
        "rdsadmin",
        "rdsa",
        "db_owner",
        "sysadmin",
        "dbo",
    ]
)
_SQL_SERVER_VERSIONS: dict[str, tuple[str, ...]] = {
    "14.00": ("14.00.3480.1.v1", "14.00.3485.1.v1"),
    "15.00": ("15.00.4415.2.v1", "15.00.4430.1.v1"),
    "16.00": ("16.00.4185.3.v1", "16.00.4195.2.v1"),
}


def _sql_server(edition: str, smallest: int) -> Engine:
    return Engine(
        versions=_SQL_SERVER_VERSIONS,
        family=f"sqlserver-{edition}-{{major}}",
        port=1433,
        license="license-included",
        logs=("agent", "error"),
        names_database=False,
        smallest=smallest,
        reserved=_SQL_SERVER_RESERVED,
        suffix=f"sqlserver-{edition}",
    )


ENGINES: dict[str, Engine] = {
    "postgres": Engine(
        versions={
            "13": ("13.20", "13.21", "13.22"),
            "14": ("14.17", "14.18", "14.19"),
            "15": ("15.12", "15.13", "15.14"),
            "16": ("16.8", "16.9", "16.10"),
            "17": ("17.4", "17.5", "17.6"),
        },
        family="postgres{major}",
        port=5432,
        license="postgresql-license",
        logs=("postgresql", "upgrade", "iam-db-auth-error"),
        names_database=True,
        smallest=20,
        reserved=frozenset({"admin", "rdsadmin", "rds_superuser", "rdsrepladmin"}),
        suffix="postgres",
    ),
    "sqlserver-ee": _sql_server("ee", 20),
    "sqlserver-se": _sql_server("se", 20),
    "sqlserver-ex": _sql_server("ex", 20),
    "sqlserver-web": _sql_server("web", 20),
}

_SIZES = "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge"
_SMALL = "micro small medium large xlarge 2xlarge"

_POSTGRES_CLASSES = {
    "t3": _SMALL,
    "t4g": _SMALL,
    "m5": _SIZES,
    "m6i": _SIZES,
    "m6g": _SIZES.removesuffix(" 24xlarge"),
    "m7i": _SIZES,
    "m7g": _SIZES.removesuffix(" 24xlarge"),
    "r5": _SIZES,
    "r6i": _SIZES,
    "r6g": _SIZES.removesuffix(" 24xlarge"),
    "r7i": _SIZES,
    "r7g": _SIZES.removesuffix(" 24xlarge"),
}
_SQL_SERVER_CLASSES = {
    "t3": "small medium large xlarge 2xlarge",
    "m5": _SIZES,
    "m6i": _SIZES,
    "m7i": _SIZES,
    "r5": _SIZES,
    "r6i": _SIZES,
    "r7i": _SIZES,
}
_EXPRESS_CLASSES = {"t3": "micro small medium large xlarge 2xlarge"}


def _names(families: dict[str, str]) -> frozenset[str]:
    return frozenset(f"db.{f}.{size}" for f, sizes in families.items() for size in sizes.split())


CLASSES: dict[str, frozenset[str]] = {
    "postgres": _names(_POSTGRES_CLASSES),
    "sqlserver-ee": _names(_SQL_SERVER_CLASSES) - {"db.t3.small", "db.t3.medium", "db.t3.large"},
    "sqlserver-se": _names(_SQL_SERVER_CLASSES) - {"db.t3.small", "db.t3.medium", "db.t3.large"},
    "sqlserver-ex": _names(_EXPRESS_CLASSES) - {"db.t3.micro"},
    "sqlserver-web": _names(_SQL_SERVER_CLASSES),
}
"""Engine -> the instance classes that run it."""


class Storage(NamedTuple):
    """One storage type."""

    smallest: int
    """GiB."""
    largest: int
    iops: bool
    """Whether `iops` must be given (io1, io2)."""


STORAGE: dict[str, Storage] = {
    "gp2": Storage(20, 65_536, iops=False),
    "gp3": Storage(20, 65_536, iops=False),
    "io1": Storage(100, 65_536, iops=True),
    "io2": Storage(100, 65_536, iops=True),
}
SQL_SERVER_LARGEST = 16_384

GP3_TIER = 400
"""GiB of gp3 from which PostgreSQL's storage takes IOPS and throughput of one's own."""


def major(engine: str, version: str) -> str:
    """The major version that a version is of, or ""."""
    known = ENGINES[engine].versions if engine in ENGINES else {}
    return next((m for m in known if version == m or version.startswith(f"{m}.")), "")


def actual(engine: str, version: str) -> str:
    """The full version that RDS runs when a program asks for *version*, or "" if it has none."""
    known = ENGINES[engine].versions if engine in ENGINES else {}
    if not version:
        return known[max(known, key=float)][-1] if known else ""
    found = major(engine, version)
    if not found:
        return ""
    if version == found:
        return known[found][-1]
    return version if version in known[found] else ""
