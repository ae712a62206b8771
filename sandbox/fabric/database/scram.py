"""Password verifiers, as PostgreSQL keeps them (RFC 5802; the server's `pg_authid.rolpassword`)."""

import base64
import binascii
import hashlib
import hmac
import re

_FORM = re.compile(r"SCRAM-SHA-256\$(\d{1,7}):([^$]+)\$([^:]+):(.+)")


def is_of(password: str, verifier: str) -> bool:
    """Whether *verifier* was made from *password*.

    Says no too where the password needs RFC 4013's normal form: the caller then makes another
    verifier, which is as good.
    """
    match = _FORM.fullmatch(verifier)
    if match is None:
        return False
    try:
        salt, stored = base64.b64decode(match[2]), base64.b64decode(match[3])
    except binascii.Error:
        return False
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, int(match[1]))
    client = hmac.digest(salted, b"Client Key", "sha256")
    return hmac.compare_digest(hashlib.sha256(client).digest(), stored)
