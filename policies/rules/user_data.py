"""User data: whoever may describe a machine can read it, so that no secret is in it."""

import re
from collections.abc import Iterator
from typing import Any

from policies.ground import Ground
from policies.kinds import INSTANCE, POSTGRES, RDS, SCALE_SET, SQL_SERVER, TEMPLATE, VM
from policies.reading import UNKNOWN, Resource, World, at, items
from policies.rule import Check, Finding, Rule, Severity, Stance, undecided
from policies.unpacking import texts

PROFILE = "virtualMachineProfile"
PATHS: dict[str, tuple[str, ...]] = {
    VM: ("osProfile.customData", "userData"),
    SCALE_SET: (f"{PROFILE}.osProfile.customData", f"{PROFILE}.userData"),
    INSTANCE: ("userData", "userDataBase64"),
    TEMPLATE: ("userData",),
    "aws:ec2/launchConfiguration:LaunchConfiguration": ("userData", "userDataBase64"),
    "azure-native:compute:VirtualMachineExtension": (
        "settings.commandToExecute",
        "settings.script",
    ),
}
"""Where each type tells a machine what to do. `protectedSettings` of extensions are encrypted."""

EXTENSIONS = f"{PROFILE}.extensionProfile.extensions"

_WORD = r"(?=[^\s\"']*[0-9])(?=[^\s\"']*[A-Za-z])[^\s\"'$<>{}()%\\]{8,}"
"""A value that somebody typed or generated: no variable, no placeholder, no call."""

SECRETS: dict[str, re.Pattern[str]] = {
    "a private key": re.compile(
        r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----\s+[A-Za-z0-9+/=\s]{64,}"
    ),
    "an access key of AWS": re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    "a token": re.compile(r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{16,}"),
    "a key of a storage account": re.compile(r"AccountKey=[A-Za-z0-9+/]{40,}={0,2}"),
    "a shared access signature": re.compile(r"[?&]sig=[A-Za-z0-9%+/]{30,}"),
    "a password in an address": re.compile(r"\b[a-z][a-z0-9+]{2,15}://[^\s:/@]+:[^\s@/$<{]{4,}@"),
    "a password": re.compile(
        r"(?i)(?<![:/])(?:password|passwd|passphrase|secret|api_?key|access_?key)"
        rf"[\"']?\s*(?:=|:(?=[\s\"']))\s*[\"']?{_WORD}"
    ),
}
SHORTEST = 8
"""Characters of a secret value that is looked for; a shorter one is found everywhere."""
HOLDERS: dict[str, str] = {
    "azure-native:keyvault:Secret": "properties.value",
    "aws:secretsmanager/secretVersion:SecretVersion": "secretString",
    POSTGRES: "administratorLoginPassword",
    SQL_SERVER: "administratorLoginPassword",
    RDS: "password",
    "random:index/randomPassword:RandomPassword": "result",
}
"""Where the secrets of an environment are; their values are compared and never shown."""


def _told(resource: Resource) -> Iterator[tuple[str, Any]]:
    """Yield what a machine is told, with the path of it."""
    for path in PATHS.get(resource.type, ()):
        yield path, resource(path)
    for each in items(resource(EXTENSIONS))[0] if resource.type == SCALE_SET else ():
        yield EXTENSIONS, at(each, "settings.commandToExecute")
        yield EXTENSIONS, at(each, "settings.script")


def _patterns(resource: Resource, _: Ground) -> Iterator[Finding]:
    for path, value in _told(resource):
        if value is UNKNOWN:
            yield undecided(path)
        elif isinstance(value, str):
            found = {
                name for text in texts(value) for name, look in SECRETS.items() if look.search(text)
            }
            for name in sorted(found):
                yield Finding(f"it holds {name} ({path})")


def _values(world: World, _: Ground) -> Iterator[Finding]:
    secrets = {
        value: each
        for each in world.of(*HOLDERS)
        if isinstance(value := each(HOLDERS[each.type]), str) and len(value) >= SHORTEST
    }
    for resource in world.of(*PATHS):
        for path, told in _told(resource):
            if not isinstance(told, str):
                continue
            found = texts(told)
            for value, holder in secrets.items():
                if any(value in text for text in found):
                    yield Finding(f"it holds the secret of {holder.name} ({path})", resource)


_CHECKS: dict[str, Check] = dict.fromkeys(PATHS, _patterns)

RULES = (
    Rule(
        id="user-data-secrets",
        why="Whoever may describe a machine reads its user data: no secret is in it",
        severity=Severity.CRITICAL,
        stance=Stance.REFUSES,
        ids=("CKV_AZURE_45", "CKV_AWS_46"),
        fix="put it into the vault; a node fetches what its role needs, with its own identity",
        checks=_CHECKS,
    ),
    Rule(
        id="user-data-known-secrets",
        why="No secret of the environment itself is in what a machine is told at boot",
        severity=Severity.CRITICAL,
        stance=Stance.REFUSES,
        ids=("CKV_AZURE_45", "CKV_AWS_46"),
        fix="name the secret in the node's recipe; the node fetches it from the vault",
        world=_values,
    ),
)
