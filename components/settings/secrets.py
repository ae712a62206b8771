"""Checks of the secrets beside `environment`: their problems never repeat a value."""

import re
from collections.abc import Iterator

from components.settings.problems import Problem

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


def stored_in_plain(name: str) -> Problem:
    """Return the problem of the secret *name*, found where everyone can read it."""
    rule = "must be stored as a secret, and now lies in the stack file for all to read"
    return problem(name, rule, f"replace it by another one: pulumi config set --secret {name}")


def problem(key: str, rule: str, fix: str) -> Problem:
    """Return a problem that shows no value."""
    return Problem(key, "", rule, fix)
