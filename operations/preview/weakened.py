"""Settings that protected something and do less of it after the change.

Policies judge what would be; this says what a change takes away, also where a policy allows it or
where it is exempted.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from operations.export.state import UNKNOWN, Resource
from operations.preview.changes import Change
from operations.preview.differing import Difference
from operations.preview.escaping import Quoted, Sentence
from operations.preview.plan import Plan
from operations.preview.values import LATER, said

ENCRYPTION = "ENCRYPTION OFF"
EXPOSED = "EXPOSED"
UNPROTECTED = "PROTECTION OFF"
FEWER = "LESS BACKUP"

OFF = frozenset({False, "false", "0", "off", "OFF", "Disabled", "disabled", "None", "optional"})


@dataclass(frozen=True, slots=True)
class Weakening:
    """One setting that a change weakens."""

    kind: str
    name: str
    type: str
    what: Sentence

    @property
    def words(self) -> Sentence:
        """What of what is weakened, as a sentence."""
        return (Quoted(self.name), ": ", *self.what)


def _turned_off(before: Any, after: Any) -> bool:
    return after in OFF and before not in OFF and before is not None


def _turned_on(before: Any, after: Any) -> bool:
    return before in OFF and after not in OFF and after is not None


def _lowered(before: Any, after: Any) -> bool:
    return isinstance(before, int | float) and isinstance(after, int | float) and after < before


RULES: dict[str, tuple[str, Callable[[Any, Any], bool]]] = {
    "storageEncrypted": (ENCRYPTION, _turned_off),
    "encrypted": (ENCRYPTION, _turned_off),
    "encryptionAtHost": (ENCRYPTION, _turned_off),
    "enableHttpsTrafficOnly": (ENCRYPTION, _turned_off),
    "publiclyAccessible": (EXPOSED, _turned_on),
    "publicNetworkAccess": (EXPOSED, _turned_on),
    "allowBlobPublicAccess": (EXPOSED, _turned_on),
    "associatePublicIpAddress": (EXPOSED, _turned_on),
    "httpTokens": (EXPOSED, _turned_off),
    "deletionProtection": (UNPROTECTED, _turned_off),
    "enableDeletionProtection": (UNPROTECTED, _turned_off),
    "enablePurgeProtection": (UNPROTECTED, _turned_off),
    "enableSoftDelete": (UNPROTECTED, _turned_off),
    "deleteAutomatedBackups": (FEWER, _turned_on),
    "recoveryWindowInDays": (FEWER, _lowered),
    "deletionWindowInDays": (FEWER, _lowered),
    "softDeleteRetentionInDays": (FEWER, _lowered),
    "backupRetentionPeriod": (FEWER, _lowered),
    "backupRetentionDays": (FEWER, _lowered),
    "geoRedundantBackup": (FEWER, _turned_off),
    "skipFinalSnapshot": (FEWER, _turned_on),
}
"""By a property's own name, wherever it is."""

UNSET_IS_OFF = frozenset({
    "storageEncrypted", "encryptionAtHost", "deletionProtection", "enableDeletionProtection",
    "enablePurgeProtection", "geoRedundantBackup",
})  # fmt: skip
"""What a cloud does not do where nothing says that it should."""

TLS = ("minimalTlsVersion", "minimumTlsVersion")
"""The oldest TLS that is spoken: `1.2`, `TLS1_2`."""

PARAMETERS = ("require_secure_transport", "rds.force_ssl")
"""Of database servers: whether they insist on TLS."""


def weakened(plan: Plan, changes: tuple[Change, ...]) -> tuple[Weakening, ...]:
    """Return every setting that does less than before, encryption first."""
    found = [*_engine_protection(plan), *_shown(plan)]
    states = {step.urn: step.resource for step in plan.changes}
    for change in changes:
        for each in change.differences:
            kind = _kind(each, states[change.urn])
            if kind:
                found.append(Weakening(kind, change.name, change.type, _words(each)))
    order = (ENCRYPTION, EXPOSED, UNPROTECTED, FEWER)
    return tuple(sorted(found, key=lambda each: (order.index(each.kind), each.name)))


def _kind(difference: Difference, resource: Resource) -> str | None:
    if difference.key in RULES:
        kind, weaker = RULES[difference.key]
        unset = difference.kind == "remove" and difference.key in UNSET_IS_OFF
        after = False if unset else difference.after
        return kind if weaker(difference.before, after) else None
    if difference.key in TLS and _older(difference.before, difference.after):
        return ENCRYPTION
    if difference.key == "value" and _turned_off(difference.before, difference.after):
        named = (resource.inputs.get("configurationName"), difference.path)
        if any(parameter in str(text) for parameter in PARAMETERS for text in named):
            return ENCRYPTION
    return None


def _shown(plan: Plan) -> Iterator[Weakening]:
    """Yield balancers with a public address, where there was none: clients stay as declared."""
    if not plan.before.resources or any(map(_is_public, plan.before.resources)):
        return
    for each in filter(_is_public, plan.after.resources):
        yield Weakening(EXPOSED, each.name, each.type, ("it has an address on the internet",))


def _is_public(resource: Resource) -> bool:
    fronts = resource.inputs.get("frontendIPConfigurations")
    if resource.type == "azure-native:network:LoadBalancer" and isinstance(fronts, list):
        return any(isinstance(each, Mapping) and each.get("publicIPAddress") for each in fronts)
    return resource.type == "aws:lb/loadBalancer:LoadBalancer" and not resource.inputs.get(
        "internal"
    )


def _older(before: Any, after: Any) -> bool:
    """Return whether *after* is an older version of TLS than *before*, or none."""
    old, new = (re.sub(r"\D", "", str(value)) for value in (before, after))
    return bool(old) and new < old and after not in (UNKNOWN, LATER)


def _words(difference: Difference) -> Sentence:
    key = difference.key
    if difference.kind == "remove":
        return (Quoted(difference.path), " is ", Quoted(said(key, difference.before)),
                " and will not be set")  # fmt: skip
    before, after = (Quoted(said(key, value)) for value in (difference.before, difference.after))
    return (Quoted(difference.path), " is ", before, " and will be ", after)


def _engine_protection(plan: Plan) -> Iterator[Weakening]:
    for step in plan.steps:
        if step.before and step.after and step.before.protect and not step.after.protect:
            what = ("the engine refuses to delete it, and will not any more",)
            yield Weakening(UNPROTECTED, step.resource.name, step.resource.type, what)
