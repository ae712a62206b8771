"""Azure Database for PostgreSQL flexible servers (Microsoft.DBforPostgreSQL/flexibleServers).

Sources: Azure documentation, "Compute options in Azure Database for PostgreSQL", "Storage
options", "High availability (reliability)", "Backup and restore", "Limits", "Networking
overview", and the REST specification's create-only properties (administratorLogin,
availabilityZone, geoRedundantBackup).
"""

import re
from collections.abc import Iterator

from sandbox.control.azure import postgresql_restore as restore
from sandbox.control.azure.arm import (
    name_of,
    not_emulated,
    one_of,
    provider,
    same,
    standard,
    unchangeable,
    within,
)
from sandbox.control.azure.locations import LOCATIONS, normal
from sandbox.control.azure.passwords import weakness
from sandbox.control.azure.private_dns import ZONE
from sandbox.control.azure.virtual_networks import SUBNET
from sandbox.control.kinds import Context, Kind, Name, Outputs, Problem, Values
from sandbox.control.reading import mapping, number, present, text

SERVER = "Microsoft.DBforPostgreSQL/flexibleServers"
SERVER_KIND = "azure-native:dbforpostgresql:Server"

VERSIONS = {
    "11": "22",
    "12": "22",
    "13": "21",
    "14": "18",
    "15": "13",
    "16": "9",
    "17": "5",
}
"""Major version -> the minor version that the sandbox says it runs."""

STORAGE_SIZES = (32, 64, 128, 256, 512, 1024, 2048, 4095, 4096, 8192, 16384, 32767)

_RESERVED_LOGINS = frozenset(
    ["azure_superuser", "azure_pg_admin", "admin", "administrator", "root", "guest", "public"]
)

_INVALID = "InvalidParameterValue"


def _sizes(template: str, counts: str) -> set[str]:
    return {template.format(n=count) for count in counts.split()}


SKUS: dict[str, frozenset[str]] = {
    "Burstable": frozenset(_sizes("Standard_B{n}ms", "1 2 4 8 12 16 20") | {"Standard_B2s"}),
    "GeneralPurpose": frozenset(
        _sizes("Standard_D{n}s_v3", "2 4 8 16 32 48 64")
        | _sizes("Standard_D{n}ds_v4", "2 4 8 16 32 48 64")
        | _sizes("Standard_D{n}ds_v5", "2 4 8 16 32 48 64 96")
        | _sizes("Standard_D{n}ads_v5", "2 4 8 16 32 48 64 96")
    ),
    "MemoryOptimized": frozenset(
        _sizes("Standard_E{n}s_v3", "2 4 8 16 20 32 48 64")
        | _sizes("Standard_E{n}ds_v4", "2 4 8 16 20 32 48 64")
        | _sizes("Standard_E{n}ds_v5", "2 4 8 16 20 32 48 64 96")
        | _sizes("Standard_E{n}ads_v5", "2 4 8 16 20 32 48 64 96")
    ),
}


def _sku(values: Values) -> Iterator[Problem]:
    name, tier = text(values, "sku.name"), text(values, "sku.tier")
    yield from one_of(values, "sku.tier", SKUS, _INVALID)
    if name is None:
        return
    home = next((known for known, names in SKUS.items() if name in names), None)
    if home is None:
        yield Problem(
            "sku.name",
            f"The specified sku '{name}' is not a size of flexible servers that the sandbox knows.",
            _INVALID,
        )
    elif tier in SKUS and tier != home:
        yield Problem(
            "sku.tier",
            f"The provided tier '{tier}' does not match sku '{name}', which is {home}.",
            _INVALID,
        )
    if home == "Burstable" and _high_availability(values) != "Disabled":
        yield Problem(
            "highAvailability.mode",
            "High availability is not supported for Burstable tier. Choose a GeneralPurpose or "
            "MemoryOptimized sku.",
            "HANotSupportedForBurstableSku",
        )


def _high_availability(values: Values) -> str:
    return text(values, "highAvailability.mode") or "Disabled"


def _availability(values: Values) -> Iterator[Problem]:
    yield from one_of(
        values, "highAvailability.mode", ("Disabled", "SameZone", "ZoneRedundant"), _INVALID
    )
    location = LOCATIONS.get(normal(text(values, "location") or ""))
    zones = location.zones if location else ()
    for path in ("availabilityZone", "highAvailability.standbyAvailabilityZone"):
        zone = text(values, path)
        if zone and location and zone not in zones:
            yield Problem(
                path,
                f"Availability zone '{zone}' is not available in {text(values, 'location')}: it "
                f"has "
                f"{', '.join(zones) or 'none'}.",
                "AvailabilityZoneNotAvailable",
            )
    if _high_availability(values) == "ZoneRedundant":
        if location and not zones:
            yield Problem(
                "highAvailability.mode",
                f"{text(values, 'location')} has no availability zones: use SameZone.",
                "ZoneRedundantHANotSupported",
            )
        primary = text(values, "availabilityZone")
        if primary and primary == text(values, "highAvailability.standbyAvailabilityZone"):
            yield Problem(
                "highAvailability.standbyAvailabilityZone",
                "must differ from availabilityZone when the mode is ZoneRedundant",
                _INVALID,
            )


def _storage(values: Values) -> Iterator[Problem]:
    size = number(values, "storage.storageSizeGB")
    if size is not None and size not in STORAGE_SIZES:
        yield Problem(
            "storage.storageSizeGB",
            f"must be one of {', '.join(map(str, STORAGE_SIZES))} GiB, got {size}",
            _INVALID,
        )
    yield from one_of(values, "storage.autoGrow", ("Enabled", "Disabled"), _INVALID)
    yield from within(values, "backup.backupRetentionDays", 7, 35, _INVALID)
    yield from one_of(values, "backup.geoRedundantBackup", ("Enabled", "Disabled"), _INVALID)
    yield from not_emulated(
        values,
        {
            "storage.type": "leave it out: Premium SSD",
            "storage.iops": "leave it out",
            "storage.throughput": "leave it out",
        },
    )


def _login(values: Values) -> Iterator[Problem]:
    login = text(values, "administratorLogin")
    if login is not None and (
        login.casefold() in _RESERVED_LOGINS
        or login.casefold().startswith("pg_")
        or not re.fullmatch(r"[A-Za-z_][\w$-]{0,62}", login)
    ):
        yield Problem(
            "administratorLogin",
            f"Invalid value '{login}' given for parameter administratorLogin. It has 1 to 63 "
            "letters, digits and underscores, does not start with pg_, and is none of "
            f"{', '.join(sorted(_RESERVED_LOGINS))}.",
            "InvalidServerAdminLoginName",
        )
    password = text(values, "administratorLoginPassword")
    why = weakness(password, login or "", 8, 128) if password is not None else None
    if why:
        yield Problem("administratorLoginPassword", why, "PasswordNotComplex")


def _authentication(values: Values) -> Iterator[Problem]:
    allowed = ("Enabled", "Disabled")
    yield from one_of(values, "authConfig.activeDirectoryAuth", allowed, _INVALID)
    yield from one_of(values, "authConfig.passwordAuth", allowed, _INVALID)


def _network(values: Values) -> Iterator[Problem]:
    yield from one_of(values, "network.publicNetworkAccess", ("Enabled", "Disabled"), _INVALID)
    subnet = present(values, "network.delegatedSubnetResourceId")
    if subnet and text(values, "network.publicNetworkAccess") == "Enabled":
        yield Problem(
            "network.publicNetworkAccess",
            "a server in a delegated subnet has no public access",
            _INVALID,
        )


def _server_rules(values: Values) -> Iterator[Problem]:
    for rule in (_sku, _availability, _storage, _login, _authentication, _network):
        yield from rule(values)
    yield from one_of(values, "version", VERSIONS, _INVALID)
    yield from restore.rules(values)
    yield from not_emulated(
        values,
        {
            "cluster": "leave it out",
            "dataEncryption": "leave it out: keys are the service's own",
            "identity": "leave it out",
            "replica": "leave it out",
            "replicationRole": "leave it out",
        },
    )


def _verify_server(context: Context) -> Iterator[Problem]:
    for other in context.world.of(context.type):
        if name_of(other.id).casefold() == context.name.casefold() and not same(
            other.id, context.id
        ):
            yield Problem(
                "serverName", "Specified server name is already used.", "ServerNameAlreadyExists"
            )
    tenant = text(context.inputs, "authConfig.tenantId")
    if tenant is not None and tenant.casefold() != context.world.tenant.casefold():
        yield Problem(
            "authConfig.tenantId",
            f"must be the subscription's tenant, {context.world.tenant}, got {tenant}",
            _INVALID,
        )
    yield from _verify_access(context.inputs)
    if context.previous is None:
        yield from _verify_creation(context)
    else:
        yield from _verify_change(context, context.previous.inputs)


def _verify_change(context: Context, before: Values) -> Iterator[Problem]:
    """Storage and versions only grow; a server stays in its network."""
    now = context.inputs
    small, large = number(now, "storage.storageSizeGB"), number(before, "storage.storageSizeGB")
    if small is not None and large is not None and small < large:
        yield Problem(
            "storage.storageSizeGB",
            f"Storage cannot be made smaller: the server has {large} GiB, got {small}.",
            "StorageDownsizeNotSupported",
        )
    old, new = text(before, "version"), text(now, "version")
    if old and new and old.isdigit() and new.isdigit() and int(new) < int(old):
        yield Problem(
            "version",
            f"A server of version {old} cannot go back to version {new}.",
            "MajorVersionUpgradeNotAllowed",
        )
    yield from unchangeable(
        context,
        {
            "network.delegatedSubnetResourceId": "network.delegatedSubnetResourceId",
            "network.privateDnsZoneArmResourceId": "network.privateDnsZoneArmResourceId",
        },
    )


def _verify_access(values: Values) -> Iterator[Problem]:
    entra = text(values, "authConfig.activeDirectoryAuth") or "Disabled"
    if text(values, "authConfig.passwordAuth") == "Disabled" and entra == "Disabled":
        yield Problem(
            "authConfig",
            "at least one of passwordAuth and activeDirectoryAuth must be Enabled",
            _INVALID,
        )
    if present(values, "network.delegatedSubnetResourceId") and not present(
        values, "network.privateDnsZoneArmResourceId"
    ):
        yield Problem(
            "network.privateDnsZoneArmResourceId",
            "is needed with delegatedSubnetResourceId",
            "InvalidPrivateDnsZone",
        )


def _verify_creation(context: Context) -> Iterator[Problem]:
    values = context.inputs
    if restore.restores(values):
        yield from restore.verify(context)
        return
    if (text(values, "authConfig.passwordAuth") or "Enabled") == "Enabled":
        for path in ("administratorLogin", "administratorLoginPassword"):
            if not text(values, path):
                yield Problem(
                    path,
                    "is needed when a server is created with password authentication",
                    "MissingRequiredParameter",
                )
    for path in ("sku.name", "storage.storageSizeGB", "version"):
        if not present(values, path):
            yield Problem(path, "is needed when a server is created", "MissingRequiredParameter")


def _server_outputs(context: Context) -> Outputs:
    values = context.inputs
    taken = restore.inherited(context) if restore.restores(values) else {}
    version = text(values, "version") or text(taken, "version") or ""
    private = present(values, "network.delegatedSubnetResourceId")
    return {
        **taken,
        "fullyQualifiedDomainName": f"{context.name}.postgres.database.azure.com",
        "state": "Ready",
        "minorVersion": VERSIONS.get(version),
        "availabilityZone": text(values, "availabilityZone") or "1",
        "replicationRole": "Primary",
        "replicaCapacity": 5,
        "storage": {
            "autoGrow": "Disabled",
            "type": "",
            **(mapping(values, "storage") or mapping(taken, "storage")),
        },
        "backup": {
            "backupRetentionDays": 7,
            "geoRedundantBackup": "Disabled",
            **mapping(values, "backup"),
        },
        "highAvailability": {
            "mode": "Disabled",
            **mapping(values, "highAvailability"),
            "state": "NotEnabled" if _high_availability(values) == "Disabled" else "Healthy",
        },
        "authConfig": {
            "activeDirectoryAuth": "Disabled",
            "passwordAuth": "Enabled",
            **mapping(values, "authConfig"),
        },
        "network": {
            "publicNetworkAccess": "Disabled" if private else "Enabled",
            **mapping(values, "network"),
        },
    }


SERVER_RESOURCE = Kind(
    type=SERVER_KIND,
    id_template=provider(SERVER, "serverName"),
    name=Name(
        pattern=r"[a-z0-9]([a-z0-9-]*[a-z0-9])?",
        minimum=3,
        maximum=63,
        words="lower case letters, digits and hyphens; no hyphen at either end",
    ),
    replace_on=(
        "administratorLogin",
        "availabilityZone",
        "backup.geoRedundantBackup",
        restore.MOMENT,
        restore.SOURCE,
    ),
    # Whose backup it began with is nothing to a server that is made.
    unchecked=(restore.SOURCE,),
    references={
        "network.delegatedSubnetResourceId": (SUBNET,),
        "network.privateDnsZoneArmResourceId": (ZONE,),
    },
    owns_children=True,
    write_only=("administratorLoginPassword", "createMode"),
    rules=standard(SERVER, _server_rules),
    verify=_verify_server,
    outputs=_server_outputs,
)
