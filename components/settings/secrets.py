"""Checks of the secrets beside `environment`: their problems never repeat a value."""

import re
from collections.abc import Iterator, Mapping, Set

from components.settings.catalogue.products import version_of
from components.settings.environment import EnterpriseEnvironment, Environment, NodesEnvironment
from components.settings.problems import Problem

SECRET_KEYS = ("adminPassword", "certificateKey", "adminPasswordHash", "ldapPassword", "aadKey")
"""Configuration keys that must be stored encrypted."""

FAMILY_KEYS: Mapping[str, str] = {
    "adminPasswordHash": "R Server 9.0 (runtime.version 9.0-preview or 9.0.1)",
    "ldapPassword": "runtime.server.authentication.method: ldap",
    "aadKey": "runtime.server.authentication.method: azureActiveDirectory, since 9.1",
}
"""Keys that only some nodes of R Server and ML Server read, and which."""

LONGEST_SECRET = 1_024
"""Characters of a secret that is one line."""

ALLOWED_SPECIALS = r"~!@#$%^&()-_+=|<>\/;:,."
"""Special characters that the product's administrator may have in the password."""

ADD_KEY = "pulumi config set --secret certificateKey < key.pem"
ADD_CERTIFICATE = "pulumi config set certificate < chain.pem"


def check_password(password: str) -> Iterator[Problem]:
    """Yield what breaks the rule of the local account `admin` (facts.md 12.1)."""
    missing = [
        what
        for what, pattern in (
            ("an upper-case letter", r"[A-Z]"),
            ("a lower-case letter", r"[a-z]"),
            ("a digit", r"[0-9]"),
            (f"one of {ALLOWED_SPECIALS}", f"[{re.escape(ALLOWED_SPECIALS)}]"),
        )
        if not re.search(pattern, password)
    ]
    fix = "choose another one, or remove it and one is generated"
    if not 8 <= len(password) <= 16:
        yield Problem("adminPassword", "", "must be 8 to 16 characters long", fix)
    if missing:
        yield Problem("adminPassword", "", f"must have {' and '.join(missing)}", fix)
    if not re.fullmatch(f"[A-Za-z0-9{re.escape(ALLOWED_SPECIALS)}]*", password):
        rule = f"must have no characters but letters, digits and {ALLOWED_SPECIALS}"
        yield Problem("adminPassword", "", rule, fix)


def check_pair(has_chain: bool, has_key: bool) -> Iterator[Problem]:
    """Yield the half that is missing, if one is."""
    if has_key and not has_chain:
        yield problem("certificate", "is required with certificateKey", ADD_CERTIFICATE)
    if has_chain and not has_key:
        yield problem("certificateKey", "is required with certificate", ADD_KEY)


def check_line(name: str, value: str) -> Iterator[Problem]:
    """Yield what is wrong with the secret *name*, of which we know only that it is one line."""
    fix = f"set it again: pulumi config set --secret {name}"
    if not value.strip() or len(value) > LONGEST_SECRET:
        yield problem(name, f"must be 1 to {LONGEST_SECRET} characters long", fix)
    elif not value.isprintable() or value != value.strip():
        yield problem(name, "must be one line, with no blanks around it", fix)


def check_hash(password: str | None, hashed: str) -> Iterator[Problem]:
    """Yield what is wrong with the hash of the administrator's *password*."""
    yield from check_line("adminPasswordHash", hashed)
    if password is not None and hashed == password:
        rule = "must be the hash of adminPassword, and not that password itself"
        yield problem("adminPasswordHash", rule, HASH_FIX)


HASH_FIX = (
    "configure one node by hand with that password, take AdminPassword from its appsettings.json, "
    "and run: pulumi config set --secret adminPasswordHash"
)


def secrets_suit(environment: Environment, there: Set[str]) -> Iterator[Problem]:
    """Yield the secrets that nodes of *environment* read and are not *there*, or the reverse."""
    reasons = dict(_needed(environment))
    for name, why in reasons.items():
        if name not in there:
            fix = HASH_FIX if name == "adminPasswordHash" else f"pulumi config set --secret {name}"
            yield problem(name, f"is required with {why}", fix)
    for name, owner in FAMILY_KEYS.items():
        if name in there and name not in reasons:
            rule = f"is read by nothing here: it belongs to {owner}"
            yield problem(name, rule, f"run: pulumi config rm {name}")


def _needed(environment: Environment) -> Iterator[tuple[str, str]]:
    """Yield the name of each secret that must be there, and why."""
    if isinstance(environment, EnterpriseEnvironment) and environment.before is not None:
        yield from _needed(environment.before)
    if not isinstance(environment, NodesEnvironment) or environment.runtime.server is None:
        return
    runtime, method = environment.runtime, environment.runtime.server.authentication.method
    known = version_of(runtime.product, runtime.version)
    if known and not known.has_setup:
        version = f"runtime.version: {runtime.version}"
        yield "adminPassword", f"{version}, whose adminPasswordHash is of that password"
        yield "adminPasswordHash", f"{version}, whose set-up cannot make it silently"
    if method == "ldap":
        yield "ldapPassword", "authentication.method: ldap, whose query account has it"
    elif method == "azureActiveDirectory" and known and known.flat_directories:
        yield "aadKey", "authentication.method: azureActiveDirectory, whose web application has it"


def stored_in_plain(name: str) -> Problem:
    """Return the problem of the secret *name*, found where everyone can read it."""
    rule = "must be stored as a secret, and now lies in the stack file for all to read"
    return problem(name, rule, f"replace it by another one: pulumi config set --secret {name}")


def problem(key: str, rule: str, fix: str) -> Problem:
    """Return a problem that shows no value."""
    return Problem(key, "", rule, fix)
