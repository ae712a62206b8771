"""appsettings.json as the packages install it (facts.md 9.1 to 9.3), with mark and CRLF."""

import json
from typing import Any

from stand_ins.product.appsettings import MARK
from stand_ins.versions import Version

LEVELS = ["Verbose", "Debug", "Information", "Warning", "Error", "Critical"]


def text(values: dict[str, Any]) -> bytes:
    """Return the file's bytes."""
    return (MARK + json.dumps(values, indent=2).replace("\n", "\r\n") + "\r\n").encode()


def web(version: Version) -> dict[str, Any]:
    """Return the web node's file before anybody changed it."""
    values: dict[str, Any] = {
        "Kestrel": {
            "Description": "Where the web node listens.",
            "Port": version.ports["web"],
            "Host": "localhost",
            "HttpsEnabled": False,
            "HttpsCertificate": _certificate(version),
        },
        "Logging": _logging(),
        "MaxNumberOfThreadsPerBatchExecution": 100,
        "Authentication": _authentication(version),
        "ConnectionStrings": {
            "sqlserver": {"Enabled": False, "Encrypted": False, "Connection": ""},
            "postgresql": {"Enabled": False, "Encrypted": False, "Connection": ""},
            "defaultDb": {"Enabled": True, "Connection": version.database_file},
        },
        version.section: _compute_nodes(version),
        "CORS": {"Enabled": False, "Origins": []},
    }
    if version.order >= 3:
        values["Authorization"] = {}
    return values


def compute(version: Version) -> dict[str, Any]:
    """Return the compute node's file before anybody changed it."""
    return {
        "Kestrel": {
            "Description": "Where the compute node listens.",
            "Port": version.ports["compute"],
            "HttpsEnabled": False,
            "HttpsCertificate": _certificate(version),
        },
        "Logging": _logging(),
        "ClientCertificate": {"Enabled": False, "Issuer": "<issuer>", "Subject": "<subject>"},
        "Pool": {"InitialSize": 5, "MaxSize": 80},
        "RServePort": "9054",
    }


def _certificate(version: Version) -> dict[str, Any]:
    values: dict[str, Any] = {
        "Enabled": False,
        "StoreName": "My",
        "StoreLocation": "LocalMachine",
        "SubjectName": "",
    }
    return values | {"Thumbprint": ""} if version.thumbprints else values


def _logging() -> dict[str, Any]:
    levels = dict.fromkeys(("Default", "System", "Microsoft"), "Warning")
    return {
        "IncludeScopes": False,
        "LogsPath": "",
        "MaxLogsFilesNumber": 10,
        "LogLevel": {"AllowedLogLevels": ", ".join(LEVELS), **levels},
    }


def _authentication(version: Version) -> dict[str, Any]:
    active: dict[str, Any] = {"Authority": "https://login.windows.net/", "Audience": ""}
    ldap: dict[str, Any] = {
        "Host": "",
        "UseLDAPS": "False",
        "QueryUserDn": "",
        "QueryUserPassword": "",
        "SearchBase": "",
        "SearchFilter": "cn={0}",
    }
    if version.lists_directories:
        directories: dict[str, Any] = {
            "AzureActiveDirectory": {"Enabled": False, "Values": [active]},
            "LDAP": {"Enabled": False, "Values": [{"BindFilter": "CN={0}", **ldap}]},
        }
    else:
        ldap |= {
            "Port": 389,
            "QueryUserPasswordEncrypted": False,
            "UniqueUserIdentifierAttributeName": "userPrincipalName",
            "DisplayNameAttributeName": "name",
            "EmailAttributeName": "mail",
        }
        active |= {"Key": ""}
        if version.order >= 4:
            active |= {"ClientId": "", "KeyEncrypted": False}
        directories = {
            "AzureActiveDirectory": {"Enabled": False, **active},
            "LDAP": {"Enabled": False, **ldap},
        }
    return {
        "AdminPassword": "",
        **directories,
        "JWTKey": "",
        "JWTSigningCertificate": _certificate(version),
    }


def _compute_nodes(version: Version) -> dict[str, Any]:
    uris: dict[str, Any] = {"Values": []}
    if version.order >= 4:
        # 9.1's file has no `Ranges`: whoever wants them adds them.
        uris["Ranges"] = []
    values = {"ClientCertificate": _certificate(version), "Uris": uris}
    return values | {"ConnectionTimeout": "01:00:00"} if version.order >= 5 else values
