"""Keys and certificates in the formats of the `tls` package (Terraform provider tls)."""

import base64
import hashlib
import ipaddress
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PrivateFormat, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey

CURVES: Mapping[str, ec.EllipticCurve] = {
    "P224": ec.SECP224R1(),
    "P256": ec.SECP256R1(),
    "P384": ec.SECP384R1(),
    "P521": ec.SECP521R1(),
}

_PLAIN = serialization.NoEncryption()

_NAMES = {
    "commonName": NameOID.COMMON_NAME,
    "country": NameOID.COUNTRY_NAME,
    "locality": NameOID.LOCALITY_NAME,
    "organization": NameOID.ORGANIZATION_NAME,
    "organizationalUnit": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "postalCode": NameOID.POSTAL_CODE,
    "province": NameOID.STATE_OR_PROVINCE_NAME,
    "serialNumber": NameOID.SERIAL_NUMBER,
}

KEY_USES = {
    "digital_signature": "digital_signature",
    "content_commitment": "content_commitment",
    "key_encipherment": "key_encipherment",
    "data_encipherment": "data_encipherment",
    "key_agreement": "key_agreement",
    "cert_signing": "key_cert_sign",
    "crl_signing": "crl_sign",
    "encipher_only": "encipher_only",
    "decipher_only": "decipher_only",
}
EXTENDED_USES = {
    "any_extended": ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
    "server_auth": ExtendedKeyUsageOID.SERVER_AUTH,
    "client_auth": ExtendedKeyUsageOID.CLIENT_AUTH,
    "code_signing": ExtendedKeyUsageOID.CODE_SIGNING,
    "email_protection": ExtendedKeyUsageOID.EMAIL_PROTECTION,
    "timestamping": ExtendedKeyUsageOID.TIME_STAMPING,
    "ocsp_signing": ExtendedKeyUsageOID.OCSP_SIGNING,
}


def generate(algorithm: str, bits: int, curve: str) -> PrivateKey:
    """A new private key."""
    if algorithm == "RSA":
        return rsa.generate_private_key(public_exponent=65537, key_size=bits)
    if algorithm == "ECDSA":
        return ec.generate_private_key(CURVES[curve])
    return ed25519.Ed25519PrivateKey.generate()


def load(pem: str) -> PrivateKey:
    """The private key of a PEM text. Raises ValueError or TypeError when it is none."""
    key = serialization.load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, PrivateKey):
        raise TypeError("the private key is neither RSA nor ECDSA nor ED25519")
    return key


def algorithm(key: PrivateKey) -> str:
    """RSA, ECDSA or ED25519."""
    if isinstance(key, rsa.RSAPrivateKey):
        return "RSA"
    return "ECDSA" if isinstance(key, ec.EllipticCurvePrivateKey) else "ED25519"


def key_outputs(key: PrivateKey) -> dict[str, object]:
    """All forms of a key pair."""
    public = key.public_key()
    traditional = not isinstance(key, ed25519.Ed25519PrivateKey)
    form = PrivateFormat.TraditionalOpenSSL if traditional else PrivateFormat.PKCS8
    outputs: dict[str, object] = {
        "privateKeyPem": key.private_bytes(Encoding.PEM, form, _PLAIN).decode(),
        "privateKeyPemPkcs8": key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, _PLAIN).decode(),
        "publicKeyPem": public.public_bytes(
            Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
        ).decode(),
    }
    return outputs | _openssh(key, public)


def _openssh(key: PrivateKey, public: PublicKey) -> dict[str, object]:
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP224R1):
        # OpenSSH knows no P224; the real provider leaves these empty.
        names = ("privateKeyOpenssh", "publicKeyOpenssh")
        return dict.fromkeys((*names, "publicKeyFingerprintMd5", "publicKeyFingerprintSha256"), "")
    line = public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    blob = serialization.ssh_key_fingerprint
    return {
        "privateKeyOpenssh": key.private_bytes(
            Encoding.PEM, PrivateFormat.OpenSSH, _PLAIN
        ).decode(),
        "publicKeyOpenssh": line.decode() + "\n",
        "publicKeyFingerprintMd5": blob(public, hashes.MD5()).hex(":"),  # noqa: S303 -- its name
        "publicKeyFingerprintSha256": "SHA256:" + _unpadded(blob(public, hashes.SHA256())),
    }


def _unpadded(data: bytes) -> str:
    return base64.b64encode(data).decode().rstrip("=")


def key_id(key: PrivateKey) -> str:
    """The provider's id of a key: SHA-1 of its public half."""
    data = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()


def subject(values: Mapping[str, object]) -> x509.Name:
    """A distinguished name from the `subject` argument."""
    parts = [
        x509.NameAttribute(oid, text)
        for name, oid in _NAMES.items()
        if isinstance(text := values.get(name), str) and text
    ]
    street = values.get("streetAddresses")
    lines = street if isinstance(street, list) else []
    parts += [x509.NameAttribute(NameOID.STREET_ADDRESS, str(line)) for line in lines]
    return x509.Name(parts)


def alternatives(values: Mapping[str, object]) -> x509.SubjectAlternativeName | None:
    """The subject's other names from `dnsNames`, `ipAddresses` and `uris`."""

    def texts(name: str) -> list[str]:
        found = values.get(name)
        return [str(each) for each in found] if isinstance(found, list) else []

    names: list[x509.GeneralName] = [x509.DNSName(each) for each in texts("dnsNames")]
    names += [x509.IPAddress(ipaddress.ip_address(each)) for each in texts("ipAddresses")]
    names += [x509.UniformResourceIdentifier(each) for each in texts("uris")]
    return x509.SubjectAlternativeName(names) if names else None


def digest(key: PrivateKey) -> hashes.SHA256 | None:
    """The hash of a signature by *key*; ED25519 brings its own."""
    return None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()


def request(key: PrivateKey, values: Mapping[str, object]) -> str:
    """A certificate signing request, PEM."""
    named = values.get("subject")
    builder = x509.CertificateSigningRequestBuilder()
    builder = builder.subject_name(subject(named if isinstance(named, Mapping) else {}))
    if others := alternatives(values):
        builder = builder.add_extension(others, critical=False)
    return builder.sign(key, digest(key)).public_bytes(Encoding.PEM).decode()


def usages(uses: list[str]) -> list[tuple[x509.ExtensionType, bool]]:
    """The key usage extensions for the names of `allowedUses`, with whether each is critical."""
    found: list[tuple[x509.ExtensionType, bool]] = []
    plain = {KEY_USES[use] for use in uses if use in KEY_USES}
    if plain:
        flags = {flag: flag in plain for flag in KEY_USES.values()}
        found.append((x509.KeyUsage(**flags), True))
    extended = [EXTENDED_USES[use] for use in uses if use in EXTENDED_USES]
    if extended:
        found.append((x509.ExtendedKeyUsage(extended), False))
    return found


def certificate(
    values: Mapping[str, object],
    subject_name: x509.Name,
    public: PublicKey,
    issuer: tuple[PrivateKey, x509.Certificate | None],
    others: x509.SubjectAlternativeName | None,
) -> x509.Certificate:
    """A certificate for *public*, signed by *issuer* (without certificate: itself)."""
    key, parent = issuer
    start = datetime.now(UTC).replace(microsecond=0)
    hours = values.get("validityPeriodHours")
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject_name)
        .issuer_name(parent.subject if parent else subject_name)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(hours=hours if isinstance(hours, int) else 0))
    )
    authority = values.get("isCaCertificate") is True
    length = values.get("maxPathLength")
    depth = length if authority and isinstance(length, int) else None
    builder = builder.add_extension(x509.BasicConstraints(authority, depth), critical=True)
    uses = values.get("allowedUses")
    for extension, critical in usages(uses if isinstance(uses, list) else []):
        builder = builder.add_extension(extension, critical)
    if others is not None:
        builder = builder.add_extension(others, critical=False)
    if authority or values.get("setSubjectKeyId") is True:
        identifier = x509.SubjectKeyIdentifier.from_public_key(public)
        builder = builder.add_extension(identifier, critical=False)
    if parent is not None or values.get("setAuthorityKeyId") is True:
        builder = builder.add_extension(_authority(key, parent), critical=False)
    return builder.sign(key, digest(key))


def _authority(key: PrivateKey, parent: x509.Certificate | None) -> x509.AuthorityKeyIdentifier:
    if parent is not None:
        try:
            found = parent.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
        except x509.ExtensionNotFound:
            pass
        else:
            return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(found.value)
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())
