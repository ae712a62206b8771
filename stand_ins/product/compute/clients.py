"""Who may call a compute node: `ClientCertificate` of its file (facts.md 8.5, 12.3)."""

import ssl
from collections.abc import Callable, Mapping
from typing import Any

from server.api.errors import ApiError
from stand_ins.product.appsettings import ConfigurationError, Section
from stand_ins.product.serving import Call

TRUST_STORE = "/etc/ssl/certs/ca-certificates.crt"
_SHORT = {
    "commonName": "CN",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "countryName": "C",
    "domainComponent": "DC",
}


def required(root: Section, context: ssl.SSLContext | None) -> Callable[[Call], None] | None:
    """Return what refuses other clients, or None where every client may call.

    With only one of `Issuer` and `Subject` the requirement is silently ignored, as documented.

    Raises:
        ConfigurationError: it is asked for without HTTPS.
    """
    section = root.section("ClientCertificate")
    issuer, subject = section.text("Issuer"), section.text("Subject")
    if not section.flag("Enabled") or not (issuer and subject):
        return None
    if context is None:
        raise ConfigurationError("ClientCertificate needs Kestrel.HttpsEnabled")
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(TRUST_STORE)

    def check(call: Call) -> None:
        if not (_is(call.peer, "issuer", issuer) and _is(call.peer, "subject", subject)):
            raise ApiError(403, "the client certificate has another issuer or subject")

    return check


def _is(peer: Mapping[str, Any], part: str, text: str) -> bool:
    known = sorted(
        f"{_SHORT.get(name, name)}={value}".lower()
        for rdn in peer.get(part, ())
        for name, value in rdn
    )
    return known == sorted(piece.strip().lower() for piece in text.split(","))
