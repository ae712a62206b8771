"""The local administrator's password: its rule, and its hash (facts.md 12.1, 8.4).

The product's own hash is not published. This one is the stand-ins'; it says so in its text.
"""

import base64
import hashlib
import hmac
import secrets

SPECIAL = "~!@#$%^&()-_+=|<>\\/;:,."
ROUNDS = 20_000
_NAME = "stand-in"


class PasswordError(ValueError):
    """A password that the product refuses."""


def check(password: str) -> None:
    """Refuse a password that breaks the rule.

    Raises:
        PasswordError: with the rule, and never the password.
    """
    kinds = (str.isupper, str.islower, str.isdigit, SPECIAL.__contains__)
    allowed = all(c.isascii() and (c.isalnum() or c in SPECIAL) for c in password)
    if not (8 <= len(password) <= 16 and allowed and all(any(map(k, password)) for k in kinds)):
        raise PasswordError(
            "the password must have 8 to 16 characters, with an upper-case letter, a lower-case "
            f"letter, a digit and one of {' '.join(SPECIAL)}"
        )


def hashed(password: str) -> str:
    """Return the hash of *password*, which must keep the rule."""
    check(password)
    salt = secrets.token_bytes(16)
    return f"{_NAME}${base64.b64encode(salt).decode()}${_derive(password, salt)}"


def is_hash(text: str) -> bool:
    """Return whether *text* is a hash that a stand-in made."""
    return text.startswith(f"{_NAME}$") and text.count("$") == 2


def matches(password: str, text: str) -> bool:
    """Return whether *text* is the hash of *password*."""
    if not is_hash(text):
        return False
    _, salt, digest = text.split("$")
    return hmac.compare_digest(_derive(password, base64.b64decode(salt)), digest)


def _derive(password: str, salt: bytes) -> str:
    derived = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, ROUNDS)
    return base64.b64encode(derived).decode()
