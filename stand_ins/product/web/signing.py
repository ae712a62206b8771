"""What signs tokens: a certificate of the store, or the node's own key (facts.md 12.2)."""

import base64
import binascii
import json

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from server.api.tokens import Tokens
from stand_ins.product.appsettings import ConfigurationError, Section
from stand_ins.product.certificates import Stores
from stand_ins.versions import Version

ISSUER = "rserver"
_PARTS = ("n", "e", "d", "p", "q", "dmp1", "dmq1", "iqmp")


def tokens(version: Version, root: Section, stores: Stores) -> Tokens:
    """Return what issues and verifies tokens on this web node.

    Raises:
        ConfigurationError: there is neither certificate nor key.
    """
    section = root.section("Authentication")
    certificate = section.section("JWTSigningCertificate")
    if certificate.flag("Enabled"):
        pair = stores.find(certificate, thumbprints=version.thumbprints)
        return Tokens(pair.rsa(certificate.name.rstrip(".")), ISSUER)
    text = section.text("JWTKey")
    if not text:
        raise ConfigurationError("Authentication has no JWTKey and no JWTSigningCertificate")
    return Tokens(_load(text), ISSUER)


def new_key() -> str:
    """Return a key of one node: the product's format is not known beyond this (22, Q11)."""
    numbers = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_numbers()
    public = numbers.public_numbers
    values = {name: getattr(numbers, name, None) or getattr(public, name) for name in _PARTS}
    return base64.b64encode(json.dumps({k: hex(v) for k, v in values.items()}).encode()).decode()


def _load(text: str) -> RSAPrivateKey:
    try:
        values = {k: int(v, 16) for k, v in json.loads(base64.b64decode(text)).items()}
        public = rsa.RSAPublicNumbers(values.pop("e"), values.pop("n"))
        return rsa.RSAPrivateNumbers(public_numbers=public, **values).private_key()
    except (ValueError, TypeError, KeyError, AttributeError, binascii.Error):
        raise ConfigurationError("Authentication.JWTKey is no RSA key set") from None
