"""Values that only the node knows, as they stand in its JSON file.

Where a text is expected, an object with one key that begins with `$` may stand; the node puts the
value in (`node/expressions.py` on Linux, `windows/` has its twin):

- `{"$secret": NAME}`: the text of a secret of the vault, without the line end behind it
- `{"$node": "database.host"}`: a value of the node's JSON file, by its path
- `{"$join": [VALUE, ...]}`: the texts of several values, one behind the other
- `{"$uris": true}`: all URIs and ranges of compute nodes, with commas and no blanks (facts.md 8.2)
- `{"$thumbprint": NAME}`: upper-case SHA-1 of the certificate that a secret begins with (12.2)
- `{"$encrypted": VALUE}`: what the product's own tool makes of a text (12.7)
- `{"$subject": NAME}`: subject of the certificate that a secret begins with, as .NET writes it
- `{"$absent": true}`: no value at all: the key goes where the installed file has it (Linux alone)

A key of an object may be `A|B`: the node takes the first that its installed file has, or A where it
has neither (9.3, "Detect, do not assume").
"""

from typing import Final

from components.runtimes.node import JsonValue


def secret(name: str) -> JsonValue:
    """Return what the node replaces by the text of secret *name*."""
    return {"$secret": name}


def node(path: str) -> JsonValue:
    """Return what the node replaces by the value at *path* of its JSON file."""
    return {"$node": path}


def joined(*values: JsonValue) -> JsonValue:
    """Return what the node replaces by the texts of *values*, one behind the other."""
    return {"$join": values}


def thumbprint(name: str) -> JsonValue:
    """Return what the node replaces by the thumbprint of the certificate in secret *name*."""
    return {"$thumbprint": name}


def subject(name: str) -> JsonValue:
    """Return what the node replaces by the subject of the certificate in secret *name*."""
    return {"$subject": name}


def encrypted(value: JsonValue) -> JsonValue:
    """Return what the node replaces by *value*, encrypted by the product's own tool."""
    return {"$encrypted": value}


ABSENT: Final[JsonValue] = {"$absent": True}
"""What we said once and do not say any more: nothing else would take it out of a file."""

URIS: Final[JsonValue] = {"$uris": True}
ADMIN_PASSWORD: Final = secret("admin-password")
