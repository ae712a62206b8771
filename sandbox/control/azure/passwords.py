"""What Azure's databases and machines ask of an administrator's password.

Sources: Azure documentation, "Create an Azure Database for PostgreSQL flexible server", "Azure SQL
Database server", "What are the password requirements when creating a VM?".
"""

import string

_CLASSES = (
    frozenset(string.ascii_lowercase),
    frozenset(string.ascii_uppercase),
    frozenset(string.digits),
)


def classes(password: str) -> int:
    """How many of lower case, upper case, digits and others a password uses."""
    used = sum(1 for letters in _CLASSES if letters & set(password))
    others = set(password) - frozenset().union(*_CLASSES)
    return used + bool(others)


def weakness(password: str, user: str, shortest: int, longest: int) -> str | None:
    """Why Azure refuses the password, or None. Never contains the password."""
    if not shortest <= len(password) <= longest:
        return f"has {len(password)} characters; Azure wants {shortest} to {longest}"
    if classes(password) < 3:
        return "uses fewer than three of: lower case, upper case, digits, other characters"
    if user and len(user) > 2 and user.casefold() in password.casefold():
        return "contains the administrator's name"
    return None
