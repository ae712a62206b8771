"""Certificates with their keys in .NET Core's store on Linux (facts.md 12.2), and what uses them.

The store is a folder of PFX files without a password, named by the certificate's SHA-1 in upper
case; on Linux only `Root` and `CertificateAuthority` of `CurrentUser` work.
"""

import base64
import binascii
import json
import ssl
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import pkcs12

from stand_ins.product.appsettings import ConfigurationError, Section

PrivateKey = RSAPrivateKey | EllipticCurvePrivateKey
STORES = {"Root": "root", "CertificateAuthority": "ca"}
FOLDER = ".dotnet/corefx/cryptography/x509stores"


@dataclass(frozen=True)
class Pair:
    """A certificate and its private key."""

    certificate: x509.Certificate
    key: PrivateKey

    @property
    def thumbprint(self) -> str:
        """The certificate's SHA-1, in upper case."""
        return self.certificate.fingerprint(hashes.SHA1()).hex().upper()  # noqa: S303

    def rsa(self, where: str) -> RSAPrivateKey:
        """Return the key for what only RSA does.

        Raises:
            ConfigurationError: it is of another kind.
        """
        if not isinstance(self.key, RSAPrivateKey):
            raise ConfigurationError(f"{where}: the certificate's key must be RSA")
        return self.key

    def server_context(self) -> ssl.SSLContext:
        """Return what serves with this certificate, by TLS 1.2 or newer."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._load_into(context)
        return context

    def show_to(self, context: ssl.SSLContext) -> None:
        """Let a client's *context* show this certificate."""
        self._load_into(context)

    def _load_into(self, context: ssl.SSLContext) -> None:
        # `ssl` reads files only; this one is gone as soon as it has.
        with tempfile.NamedTemporaryFile(suffix=".pem") as file:
            file.write(self.certificate.public_bytes(serialization.Encoding.PEM))
            file.write(
                self.key.private_bytes(
                    serialization.Encoding.PEM,
                    serialization.PrivateFormat.PKCS8,
                    serialization.NoEncryption(),
                )
            )
            file.flush()
            context.load_cert_chain(file.name)


@dataclass(frozen=True)
class Stores:
    """The stores of one account."""

    home: Path

    def folder(self, name: str, location: str, where: str) -> Path:
        """Return the folder of a store.

        Raises:
            ConfigurationError: Linux has no such store.
        """
        if name not in STORES or location != "CurrentUser":
            raise ConfigurationError(
                f"{where}: on Linux only the stores {' and '.join(STORES)} of CurrentUser work, "
                f"not {name} of {location}"
            )
        return self.home / FOLDER / STORES[name]

    def pairs(self, name: str, location: str, where: str) -> Iterator[Pair]:
        """Yield what is in a store.

        Raises:
            ConfigurationError: a file is no PFX, or does not bear its thumbprint's name.
        """
        folder = self.folder(name, location, where)
        for path in sorted(folder.glob("*.pfx")):
            pair = _read(path, where)
            if pair is None:
                continue
            if path.stem != pair.thumbprint:
                raise ConfigurationError(f"{where}: {path} must be named {pair.thumbprint}.pfx")
            yield pair

    def find(self, section: Section, *, thumbprints: bool) -> Pair:
        """Return the pair that *section* names by SubjectName, and Thumbprint where known (9.3).

        Raises:
            ConfigurationError: there is none, or there are several.
        """
        where = section.name.rstrip(".")
        name, location = section.text("StoreName"), section.text("StoreLocation")
        subject = section.text("SubjectName")
        wanted = section.text("Thumbprint").upper() if thumbprints else ""
        found = [
            pair
            for pair in self.pairs(name, location, where)
            if same_subject(pair.certificate.subject, subject) and wanted in ("", pair.thumbprint)
        ]
        if len(found) != 1:
            many = f"{len(found)} certificates" if found else "no certificate"
            raise ConfigurationError(
                f"{where}: {many} of subject {subject!r} with a private key in store {name}"
            )
        return found[0]

    def encrypt(self, secret: str, section: Section) -> str:
        """Return *secret*, readable with the key of the certificate that *section* names (12.7)."""
        pair = self.find(section, thumbprints=False)
        public = pair.rsa(section.name or "the certificate").public_key()
        key = Fernet.generate_key()
        sealed = {
            "certificate": pair.thumbprint,
            "key": base64.b64encode(public.encrypt(key, _OAEP)).decode(),
            "secret": Fernet(key).encrypt(secret.encode()).decode(),
        }
        return base64.b64encode(json.dumps(sealed).encode()).decode()

    def decrypt(self, text: str, where: str) -> str:
        """Return the secret of `encrypt`.

        Raises:
            ConfigurationError: it is none, or its certificate is not on this machine.
        """
        try:
            sealed = json.loads(base64.b64decode(text, validate=True))
            thumbprint, key, secret = sealed["certificate"], sealed["key"], sealed["secret"]
        except (ValueError, TypeError, KeyError, binascii.Error):
            raise ConfigurationError(f"{where} is marked as encrypted and is not") from None
        for store in STORES:
            for pair in self.pairs(store, "CurrentUser", where):
                if pair.thumbprint == thumbprint:
                    return _open(pair, key, secret, where)
        raise ConfigurationError(f"{where}: the certificate {thumbprint} is not on this machine")


_OAEP = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)


def _open(pair: Pair, key: str, secret: str, where: str) -> str:
    try:
        plain = pair.rsa(where).decrypt(base64.b64decode(key), _OAEP)
        return Fernet(plain).decrypt(secret.encode()).decode()
    except (ValueError, InvalidToken):
        raise ConfigurationError(f"{where} cannot be decrypted") from None


def _read(path: Path, where: str) -> Pair | None:
    try:
        content = path.read_bytes()
        # No password is another thing than an empty one, and either is written for the other.
        try:
            key, certificate, _ = pkcs12.load_key_and_certificates(content, None)
        except ValueError:
            key, certificate, _ = pkcs12.load_key_and_certificates(content, b"")
    except PermissionError:
        raise ConfigurationError(f"{where}: this account may not read {path}") from None
    except ValueError:
        raise ConfigurationError(f"{where}: {path} is no PFX without a password") from None
    if certificate is None or not isinstance(key, PrivateKey):
        return None
    return Pair(certificate, key)


def same_subject(name: x509.Name, text: str) -> bool:
    """Return whether *text* such as `CN=rserver` names *name*, parts in either order."""
    parts = sorted(part.strip().lower() for part in text.split(",") if part.strip())
    known = sorted(
        f"{part.rfc4514_attribute_name}={part.value!s}".lower() for rdn in name.rdns for part in rdn
    )
    return bool(parts) and parts == known
