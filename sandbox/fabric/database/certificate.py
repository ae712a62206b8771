"""The certificate that a server proves its name with."""

from datetime import UTC, datetime
from typing import Protocol

from cryptography import x509


class Issuer(Protocol):
    """Who issues certificates: `sandbox.fabric.authority.Authority`."""

    def issue(self, names: list[str], /) -> tuple[bytes, bytes]:
        """Return the chain and the key, both PEM."""


def due(chain: bytes, host: str) -> datetime:
    """When *chain* (PEM, or nothing) must be renewed: after two thirds of its life.

    Returns a moment with a zone; one long ago when the certificate is not for *host*.
    """
    try:
        found = x509.load_pem_x509_certificate(chain)
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound):
        return datetime.min.replace(tzinfo=UTC)
    if host not in names.get_values_for_type(x509.DNSName):
        return datetime.min.replace(tzinfo=UTC)
    begins, ends = found.not_valid_before_utc, found.not_valid_after_utc
    return begins + (ends - begins) * 2 / 3
