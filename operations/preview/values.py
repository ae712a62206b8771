"""How a property's value is said, without what is secret.

What the engine marks as secret never gets here (operations.export.state). What it does not mark and
yet looks like a secret is left out too: a program may have forgotten to mark it, and a comment on a
pull request is read by more people than the state.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from operations.export.state import SECRET, UNKNOWN
from operations.preview.escaping import LONGEST, plain, short

HIDDEN = "(secret)"
LATER = "(known after the change)"

_KEYS = re.compile(
    r"(password|passwd|passphrase|secretstring|secretvalue|connectionstring|credential|credentials"
    r"|accountkey|sharedkey|primarykey|secondarykey|accesskey|privatekey|privatekeypem"
    r"|privatekeyopenssh|sastoken|accesstoken|authtoken|apikey|clientsecret|pfx|protectedsettings)$",
    re.IGNORECASE,
)
"""Names of properties that hold secrets, to their end: `keyName` and `secretUri` hold none."""

_TEXTS = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----"
    r"|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"
    r"|\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]*"
    r"|(?:AccountKey|SharedAccessKey|Password|Pwd)=[^;\s]+"
    r"|[?&]sig=[\w%+/=-]{20,}"
    r"|\b[a-z][a-z0-9+]*://[^\s/:@]+:[^\s/@]+@",
    re.IGNORECASE,
)
"""Private keys, access keys of AWS, tokens, connection strings, shared access signatures, and
passwords in addresses."""


def is_secret(key: str, value: Any) -> bool:
    """Return whether a value is not to be told."""
    if value is SECRET:
        return True
    if isinstance(value, str) and _TEXTS.search(value):
        return True
    holds = isinstance(value, str | Mapping | list) and bool(value) and value != UNKNOWN
    return holds and hides(key)


def hides(key: str) -> bool:
    """Return whether a property of this name holds a secret."""
    return bool(_KEYS.search(re.sub(r"[^A-Za-z]", "", key)))


def named(value: Mapping[str, Any], key: str) -> str:
    """Return the name of the property *key* of *value*.

    That is another one where a name and a value are a pair: `{name: DB_PASSWORD, value: ...}`.
    """
    names = [value.get(each) for each in ("name", "key", "Name", "Key")]
    secret = [name for name in names if isinstance(name, str) and hides(name)]
    return secret[0] if secret and key.lower() == "value" else key


def said(key: str, value: Any, longest: int = LONGEST) -> str:
    """Return *value* of the property *key*, on one line."""
    safe = cleaned(key, value)
    if isinstance(safe, str):
        return short(plain(_id(safe)), longest)
    return short(plain(json.dumps(safe, ensure_ascii=False, sort_keys=True)), longest)


def _id(value: str) -> str:
    """Return an id of Azure by its end: what comes before is the same for all of them."""
    parts = value.split("/")
    return (
        "…/" + "/".join(parts[-2:])
        if value.startswith("/subscriptions/") and len(parts) > 6
        else value
    )


def cleaned(key: str, value: Any) -> Any:
    """Return *value* as plain JSON without anything secret in it."""
    if is_secret(key, value):
        return HIDDEN
    match value:
        case str():
            return value.replace(UNKNOWN, LATER)
        case Mapping():
            return {
                str(name): cleaned(named(value, str(name)), item) for name, item in value.items()
            }
        case list() | tuple():
            return [cleaned(key, item) for item in value]
        case bool() | int() | float() | None:
            return value
    return HIDDEN


def told(message: str) -> str:
    """Return a message of the engine or a cloud, without what looks like a secret."""
    return _TEXTS.sub(HIDDEN, _PEM.sub(HIDDEN, message)).replace(UNKNOWN, LATER)


_PEM = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*-----|\Z)", re.DOTALL)
