"""The sandbox's own certificate authority, which stands in for the clouds' authorities.

Only the images' trust stores hold its certificate, and its name constraints keep it to the clouds'
own domains and to one that is nobody's: whoever got hold of the key could impersonate nothing else,
even to those hosts.
"""

import fcntl
import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sandbox.fabric.contract import FabricError

DOMAINS = ("azure.net", "azure.com", "windows.net", "amazonaws.com", "sandbox.example")
"""With all names below them. Azure and AWS have their endpoints there; the last one is what the
sandbox's internet has of its own."""

LIFE = timedelta(days=5 * 365)
RENEWAL = timedelta(days=180)
"""An authority with less time left is replaced when the images are built."""
LEAF_LIFE = timedelta(days=90)

_SKEW = timedelta(hours=1)
_SERVER = ExtendedKeyUsageOID.SERVER_AUTH


class Authority:
    """Key and certificate in a folder, made at the first use and kept."""

    def __init__(self, folder: Path) -> None:
        """Load the authority of *folder*, or make it.

        Raises:
            FabricError: the folder can't be read or written, or holds something else.
        """
        self.certificate = folder / "certificate.pem"
        """PEM, readable by everybody."""
        self._key_file = folder / "key.pem"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with (folder / "lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                if not self.exists(folder):
                    self._make()
            self._parent = x509.load_pem_x509_certificate(self.certificate.read_bytes())
            key = load_pem_private_key(self._key_file.read_bytes(), password=None)
        except (OSError, ValueError) as error:
            raise FabricError(
                f"the sandbox's certificate authority in {folder} can't be used: {error}; "
                f"run as root, or remove the folder (the images are then built again)"
            ) from error
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise FabricError(f"{self._key_file} is not a key of the sandbox; remove {folder}")
        self._key = key

    @staticmethod
    def exists(folder: Path) -> bool:
        """Whether *folder* holds an authority for these domains, good for some time to come."""
        try:
            found = x509.load_pem_x509_certificate((folder / "certificate.pem").read_bytes())
        except (FileNotFoundError, ValueError):
            return False
        return (
            found.not_valid_after_utc > datetime.now(UTC) + RENEWAL
            and _domains(found) == DOMAINS
            and (folder / "key.pem").exists()
        )

    def issue(self, names: Sequence[str]) -> tuple[bytes, bytes]:
        """A server's certificate with its issuer, and its key, for DNS *names*; 90 days.

        Returns:
            The chain and the private key (PKCS 8, not encrypted), both PEM.

        Raises:
            FabricError: a name is outside of these domains, or there is none.
        """
        if not names:
            raise FabricError("a certificate needs a name")
        for name in names:
            if not any(name == each or name.endswith(f".{each}") for each in DOMAINS):
                raise FabricError(
                    f"the sandbox issues no certificate for {name}: it is outside of "
                    f"{', '.join(DOMAINS)}"
                )
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.now(UTC).replace(microsecond=0)
        leaf = (
            x509.CertificateBuilder()
            .subject_name(_name(names[0][:64]))
            .issuer_name(self._parent.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _SKEW)
            .not_valid_after(now - _SKEW + LEAF_LIFE)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([_SERVER]), critical=False)
            .add_extension(
                x509.SubjectAlternativeName([x509.DNSName(each) for each in names]), critical=False
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), False
            )
            .sign(self._key, hashes.SHA256())
        )
        chain = leaf.public_bytes(Encoding.PEM) + self._parent.public_bytes(Encoding.PEM)
        return chain, _pem(key)

    def _make(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.now(UTC).replace(microsecond=0)
        name = _name(f"Sandbox CA, made {now:%Y-%m-%d %H:%M}")
        permitted = [x509.DNSName(each) for each in DOMAINS]
        excluded = [x509.IPAddress(IPv4Network("0.0.0.0/0")), x509.IPAddress(IPv6Network("::/0"))]
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _SKEW)
            .not_valid_after(now + LIFE)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .add_extension(x509.NameConstraints(permitted, excluded), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
            .sign(key, hashes.SHA256())
        )
        _write(self._key_file, _pem(key), 0o600)
        _write(self.certificate, certificate.public_bytes(Encoding.PEM), 0o644)


def _domains(certificate: x509.Certificate) -> tuple[str, ...]:
    """The domains that an authority's certificate allows; none when it is no authority of ours."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.NameConstraints).value
    except x509.ExtensionNotFound:
        return ()
    return tuple(str(each.value) for each in found.permitted_subtrees or ())


def _name(common: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Operationalization sandbox"),
            x509.NameAttribute(NameOID.COMMON_NAME, common),
        ]
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _write(path: Path, data: bytes, mode: int) -> None:
    """Put *data* there at once, never readable by more than *mode* says."""
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as stream:
        stream.write(data)
    draft.replace(path)
