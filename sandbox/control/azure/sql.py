"""Azure SQL Database: logical servers and what is on them (Microsoft.Sql/servers).

Sources: Azure documentation, "Resource limits for single databases using the vCore purchasing
model", "... using the DTU purchasing model", "Connectivity settings", "Configure Microsoft Entra
authentication", "Change automated backup settings", "Auditing for Azure SQL Database", "Naming
rules and restrictions for Azure resources".
"""

import re
from collections.abc import Iterator

from sandbox.control.azure import machines
from sandbox.control.azure.addresses import address
from sandbox.control.azure.arm import (
    name_of,
    not_emulated,
    one_of,
    parent_of,
    provider,
    same,
    standard,
    unchangeable,
    within,
)
from sandbox.control.azure.managed_identities import is_application, is_principal
from sandbox.control.azure.passwords import weakness
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
from sandbox.control.reading import flag, mapping, number, text, texts

SERVER = "Microsoft.Sql/servers"
DATABASE = f"{SERVER}/databases"
DATABASE_KIND = "azure-native:sql:Database"

_RESERVED_LOGINS = frozenset(
    ("admin", "administrator", "sa", "root", "dbmanager", "loginmanager", "dbo", "guest", "public")
)
_RESERVED_DATABASES = frozenset({"master", "model", "msdb", "tempdb"})

_VCORES = (2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 24, 32, 40, 80)

SKUS: dict[str, str] = {
    "Basic": "Basic",
    **{f"S{n}": "Standard" for n in (0, 1, 2, 3, 4, 6, 7, 9, 12)},
    **{f"P{n}": "Premium" for n in (1, 2, 4, 6, 11, 15)},
    **{f"GP_Gen5_{n}": "GeneralPurpose" for n in _VCORES},
    **{f"GP_S_Gen5_{n}": "GeneralPurpose" for n in (1, *_VCORES)},
    **{f"BC_Gen5_{n}": "BusinessCritical" for n in _VCORES},
    **{f"HS_Gen5_{n}": "Hyperscale" for n in _VCORES},
}
"""Service objective -> tier."""

_GIB = 2**30


def _server_rules(values: Values) -> Iterator[Problem]:
    yield from one_of(values, "version", ("12.0",), "InvalidServerVersion")
    yield from one_of(values, "minimalTlsVersion", ("1.2", "1.3"), "UnsupportedTLSVersion")
    yield from one_of(
        values, "publicNetworkAccess", ("Enabled", "Disabled"), "InvalidParameterValue"
    )
    login = text(values, "administratorLogin")
    if login is not None and (
        login.casefold() in _RESERVED_LOGINS or not re.fullmatch(r"[A-Za-z][\w-]{0,127}", login)
    ):
        yield Problem(
            "administratorLogin",
            f"'{login}' is not a valid login name because it contains invalid characters or is "
            "reserved.",
            "InvalidLoginName",
        )
    password = text(values, "administratorLoginPassword")
    why = weakness(password, login or "", 8, 128) if password is not None else None
    if why:
        yield Problem(
            "administratorLoginPassword",
            f"Password validation failed: it {why}.",
            "PasswordNotComplex",
        )
    yield from machines.identity_problems(values)
    yield from not_emulated(
        values,
        {
            "federatedClientId": "leave it out",
            "keyId": "leave it out: keys are the service's own",
            "isIPv6Enabled": "leave it out",
        },
    )


def _verify_server(context: Context) -> Iterator[Problem]:
    for other in context.world.of(context.type):
        if name_of(other.id).casefold() == context.name.casefold() and not same(
            other.id, context.id
        ):
            yield Problem(
                "serverName",
                f"The name '{context.name}' already exists. Choose a different name.",
                "NameAlreadyExists",
            )
    entra_only = flag(context.inputs, "administrators.azureADOnlyAuthentication")
    if context.previous is None and not entra_only:
        for path in ("administratorLogin", "administratorLoginPassword"):
            if not text(context.inputs, path):
                yield Problem(
                    path,
                    "is needed unless only Microsoft Entra authentication is on",
                    "InvalidParameterValue",
                )
    sid, kind = (text(context.inputs, f"administrators.{key}") for key in ("sid", "principalType"))
    known = is_application if kind == "Application" else is_principal
    if sid is not None and not known(context.world, sid):
        yield Problem(
            "administrators.sid",
            f"Invalid or missing external administrator: {sid} is not the "
            f"{'client id of an application' if kind == 'Application' else 'object id of a user'} "
            f"in tenant {context.world.tenant}.",
            "InvalidExternalAdministratorSid",
        )
    yield from unchangeable(context, {"administratorLogin": "administratorLogin"})


def _server_outputs(context: Context) -> Outputs:
    values = context.inputs
    administrators = dict(mapping(values, "administrators"))
    administrators.setdefault("administratorType", "ActiveDirectory")
    return {
        "fullyQualifiedDomainName": f"{context.name}.database.windows.net",
        "state": "Ready",
        "version": "12.0",
        "kind": "v12.0",
        "minimalTlsVersion": text(values, "minimalTlsVersion") or "1.2",
        "publicNetworkAccess": text(values, "publicNetworkAccess") or "Enabled",
        "restrictOutboundNetworkAccess": text(values, "restrictOutboundNetworkAccess")
        or "Disabled",
        "administrators": administrators if "administrators" in values else None,
        "privateEndpointConnections": [],
        **machines.identity_outputs(context),
    }


def _server_created(context: Context, transaction: Transaction) -> None:
    """Every server comes with the database `master`."""
    target = f"{context.id}/databases/master"
    values = {
        "resourceGroupName": text(context.inputs, "resourceGroupName"),
        "serverName": context.name,
        "databaseName": "master",
        "location": text(context.inputs, "location"),
    }
    transaction.put(
        Record(
            id=target,
            type=DATABASE_KIND,
            inputs=values,
            outputs={**values, "name": "master", "type": DATABASE, "status": "Online"},
            incarnation=context.identifier("master"),
            created=context.created,
        )
    )


def _database_rules(values: Values) -> Iterator[Problem]:
    name = text(values, "databaseName")
    if name is not None and name.casefold() in _RESERVED_DATABASES:
        yield Problem("databaseName", f"{name} is a system database", "InvalidDatabaseName")
    yield from _database_sku(values)
    yield from one_of(
        values, "requestedBackupStorageRedundancy", ("Geo", "GeoZone", "Local", "Zone")
    )
    yield from one_of(values, "createMode", ("Default",))
    other = (
        "elasticPoolId sourceDatabaseId sourceResourceId restorePointInTime recoverableDatabaseId "
        "restorableDroppedDatabaseId longTermRetentionBackupResourceId sampleName identity keys "
        "encryptionProtector federatedClientId maintenanceConfigurationId secondaryType "
        "useFreeLimit recoveryServicesRecoveryPointId manualCutover performCutover"
    )
    yield from not_emulated(values, dict.fromkeys(other.split(), "leave it out"))


def _database_sku(values: Values) -> Iterator[Problem]:
    sku, tier = text(values, "sku.name"), text(values, "sku.tier")
    if sku is None:
        return
    if sku not in SKUS:
        yield Problem(
            "sku.name",
            f"Invalid SKU name '{sku}'. It is written like GP_Gen5_2, S0 or Basic.",
            "InvalidSkuName",
        )
        return
    if tier is not None and tier != SKUS[sku]:
        yield Problem(
            "sku.tier", f"is '{tier}', but {sku} is of tier {SKUS[sku]}", "InvalidSkuTier"
        )
    limit = {"Basic": 2, "Standard": 1024}.get(SKUS[sku], 4096)
    size = number(values, "maxSizeBytes")
    if size is not None and not 0 < size <= limit * _GIB:
        yield Problem(
            "maxSizeBytes",
            f"The edition '{SKUS[sku]}' does not support the database data max size '{size}': up "
            f"to "
            f"{limit} GiB.",
            "InvalidMaxSizeTierCombination",
        )
    if flag(values, "zoneRedundant") and SKUS[sku] in ("Basic", "Standard"):
        yield Problem(
            "zoneRedundant",
            "Provisioning of zone redundant database/pool is not supported for your current "
            "request: the tier has none.",
            "ProvisioningDisabled",
        )


def _database_outputs(context: Context) -> Outputs:
    sku = text(context.inputs, "sku.name") or "GP_Gen5_2"
    redundancy = text(context.inputs, "requestedBackupStorageRedundancy") or "Geo"
    current = {"name": sku, "tier": SKUS.get(sku, ""), **mapping(context.inputs, "sku")}
    return {
        "databaseId": context.identifier("databaseId"),
        "creationDate": context.created,
        "earliestRestoreDate": context.created,
        "status": "Online",
        "kind": "v12.0,user,vcore" if "_" in sku else "v12.0,user",
        "collation": text(context.inputs, "collation") or "SQL_Latin1_General_CP1_CI_AS",
        "catalogCollation": text(context.inputs, "catalogCollation")
        or "SQL_Latin1_General_CP1_CI_AS",
        "currentServiceObjectiveName": sku,
        "requestedServiceObjectiveName": sku,
        "currentSku": current,
        "sku": current,
        "currentBackupStorageRedundancy": redundancy,
        "requestedBackupStorageRedundancy": redundancy,
        "maxSizeBytes": context.inputs.get("maxSizeBytes", 32 * _GIB),
        "zoneRedundant": flag(context.inputs, "zoneRedundant") or False,
    }


def _retention_rules(values: Values) -> Iterator[Problem]:
    yield from within(values, "retentionDays", 1, 35, "InvalidBackupRetentionPeriod")
    for path, name in texts(values, "policyName"):
        if name != "default":
            yield Problem(path, f"must be default, got {name!r}", "InvalidParameterValue")


def _auditing_rules(values: Values) -> Iterator[Problem]:
    for path, name in texts(values, "blobAuditingPolicyName"):
        if name != "default":
            yield Problem(path, f"must be default, got {name!r}", "InvalidParameterValue")
    enabled = text(values, "state") == "Enabled"
    monitored = "isAzureMonitorTargetEnabled" not in values or flag(
        values, "isAzureMonitorTargetEnabled"
    )
    if enabled and not monitored:
        yield Problem(
            "isAzureMonitorTargetEnabled",
            "the sandbox keeps audit logs in a workspace only: set it to true",
        )
    yield from not_emulated(
        values,
        dict.fromkeys(
            ("storageEndpoint", "storageAccountAccessKey", "storageAccountSubscriptionId"),
            "set isAzureMonitorTargetEnabled",
        ),
    )


def _firewall_rules(values: Values) -> Iterator[Problem]:
    for path in ("startIpAddress", "endIpAddress"):
        written = text(values, path)
        if written is not None and address(written) is None:
            yield Problem(path, f"'{written}' is not an IPv4 address.", "InvalidIpAddress")


def _verify_firewall(context: Context) -> Iterator[Problem]:
    server = context.world.find(parent_of(context.id))
    if server is not None and text(server.outputs, "publicNetworkAccess") == "Disabled":
        yield Problem(
            "",
            "Unable to create or modify firewall rules when public network interface for the "
            "server is disabled. To manage server or database level firewall rules, please enable "
            "the public network interface.",
            "DenyPublicEndpointEnabled",
        )


KINDS = (
    Kind(
        type="azure-native:sql:Server",
        id_template=provider(SERVER, "serverName"),
        name=Name(
            pattern=r"[a-z0-9]([a-z0-9-]*[a-z0-9])?",
            maximum=63,
            words="lower case letters, digits and hyphens; no hyphen at either end",
        ),
        references=machines.IDENTITY_REFERENCES,
        weak=("identity.userAssignedIdentities[*]",),
        owns_children=True,
        write_only=("administratorLoginPassword",),
        rules=standard(SERVER, _server_rules),
        verify=_verify_server,
        outputs=_server_outputs,
        created=_server_created,
    ),
    Kind(
        type=DATABASE_KIND,
        id_template=provider(DATABASE, "serverName", "databaseName"),
        name=Name(
            pattern=r"[^<>*%&:\\/?\x00-\x1f]*[^<>*%&:\\/?\x00-\x1f .]",
            maximum=128,
            words="no < > * % & : \\ / ?, no period or space at the end",
        ),
        owns_children=True,
        write_only=("createMode",),
        rules=standard(DATABASE, _database_rules),
        verify=lambda context: unchangeable(
            context, {"collation": "collation", "catalogCollation": "catalogCollation"}
        ),
        outputs=_database_outputs,
    ),
    Kind(
        type="azure-native:sql:BackupShortTermRetentionPolicy",
        id_template=provider(
            f"{DATABASE}/backupShortTermRetentionPolicies",
            "serverName",
            "databaseName",
            "policyName",
        ),
        rules=_retention_rules,
    ),
    Kind(
        type="azure-native:sql:ExtendedServerBlobAuditingPolicy",
        id_template=provider(
            f"{SERVER}/extendedAuditingSettings", "serverName", "blobAuditingPolicyName"
        ),
        write_only=("storageAccountAccessKey",),
        rules=_auditing_rules,
    ),
    Kind(
        type="azure-native:sql:FirewallRule",
        id_template=provider(f"{SERVER}/firewallRules", "serverName", "firewallRuleName"),
        name=Name(
            pattern=r"[^<>*%&:;?+/\\\x00-\x1f]*[^<>*%&:;?+/\\\x00-\x1f .]",
            maximum=128,
            words="no < > * % & : ; ? + / \\, no period or space at the end",
        ),
        rules=_firewall_rules,
        verify=_verify_firewall,
    ),
)
