"""The vault: who reaches it, and that a secret that was deleted by mistake comes back."""

from collections.abc import Iterator

from policies.ground import Ground
from policies.kinds import KEY, SECRET, VAULT
from policies.reading import UNKNOWN, Resource, items, text
from policies.rule import Finding, Rule, Severity, Stance, must, true, undecided

FEWEST_DAYS = 7


def _reachable(resource: Resource, _: Ground) -> Iterator[Finding]:
    access, action = (
        resource("properties.publicNetworkAccess"),
        resource("properties.networkAcls.defaultAction"),
    )
    if UNKNOWN in (access, action):
        yield undecided("properties.publicNetworkAccess")
    elif str(access).lower() != "disabled":
        yield Finding("it can be reached from the internet")
    elif action not in (None, "Deny"):
        yield Finding("its firewall lets in whoever it does not know")
    elif items(resource("properties.networkAcls.ipRules"))[0]:
        yield Finding("its firewall lets in addresses of the internet")


def _comes_back(resource: Resource, _: Ground) -> Iterator[Finding]:
    value = resource("recoveryWindowInDays", 30)
    if value is UNKNOWN:
        yield undecided("recoveryWindowInDays")
    elif int(value) < FEWEST_DAYS:
        yield Finding(f"once deleted it is gone after {text(value)} days, less than {FEWEST_DAYS}")


def _waits(resource: Resource, _: Ground) -> Iterator[Finding]:
    value = resource("deletionWindowInDays", 30)
    if value is UNKNOWN:
        yield undecided("deletionWindowInDays")
    elif int(value) < FEWEST_DAYS:
        yield Finding(f"once deleted it is gone after {text(value)} days")


RULES = (
    Rule(
        id="vault-private",
        why="The vault has no address that the internet reaches",
        severity=Severity.HIGH,
        stance=Stance.REFUSES,
        ids=("CKV_AZURE_109", "CKV_AZURE_189", "CKV2_AZURE_32"),
        fix="set publicNetworkAccess: Disabled and networkAcls.defaultAction: Deny",
        checks={VAULT: _reachable},
    ),
    Rule(
        id="vault-soft-delete",
        why="A secret that was deleted by mistake comes back",
        severity=Severity.HIGH,
        stance=Stance.REFUSES,
        ids=("CKV_AZURE_111",),
        fix="leave enableSoftDelete on",
        checks={
            VAULT: must(
                "properties.enableSoftDelete",
                lambda value: value is None or value is True,
                "what is deleted in it is gone at once",
            )
        },
    ),
    Rule(
        id="vault-purge-protection",
        why="Nobody can throw away the secrets of an environment that others depend on",
        severity=Severity.HIGH,
        stance=Stance.KEEPS,
        ids=("CKV_AZURE_42", "CKV_AZURE_110"),
        fix="set enablePurgeProtection, recoveryWindowInDays of 7 or more",
        checks={
            VAULT: must(
                "properties.enablePurgeProtection", true, "somebody may purge what was deleted"
            ),
            SECRET: _comes_back,
            KEY: _waits,
        },
    ),
    Rule(
        id="vault-roles",
        why="Who reads which secret is said by roles, one secret at a time",
        severity=Severity.MEDIUM,
        stance=Stance.REFUSES,
        fix="set enableRbacAuthorization, and give access policies up",
        checks={
            VAULT: must(
                "properties.enableRbacAuthorization",
                true,
                "access policies say who reads all of it",
            )
        },
    ),
)
