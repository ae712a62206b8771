"""Checks of the secrets beside `environment`: their problems never repeat a value."""

import re
from collections.abc import Iterator
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from components.settings.problems import Problem

ALLOWED_SPECIALS = r"~!@#$%^&()-_+=|<>\/;:,."
"""Special characters that the product's administrator may have in the password."""

LONGEST_PEM = 64 * 1024
"""Bytes; a chain of ten certificates is about 20 KiB."""

WEAKEST_RSA = 2048
"""Bits: CA/Browser Forum baseline requirements, section 6.1.5."""

ServerKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

_ADD_KEY = "pulumi config set --secret certificateKey < key.pem"
_ADD_CERTIFICATE = "pulumi config set certificate < chain.pem"


def check_password(password: str) -> Iterator[Problem]:
    """Yield what breaks the rule of the local account `admin` (facts.md 12.1)."""
    missing = [
        what
        for what, pattern in (
            ("an upper-case letter", r"[A-Z]"),
            ("a lower-case letter", r"[a-z]"),
            ("a digit", r"[0-9]"),
            (f"one of {ALLOWED_SPECIALS}", f"[{re.escape(ALLOWED_SPECIALS)}]"),
        )
        if not re.search(pattern, password)
    ]
    fix = "choose another one, or remove it and one is generated"
    if not 8 <= len(password) <= 16:
        yield Problem("adminPassword", "", "must be 8 to 16 characters long", fix)
    if missing:
        yield Problem("adminPassword", "", f"must have {' and '.join(missing)}", fix)
    if not re.fullmatch(f"[A-Za-z0-9{re.escape(ALLOWED_SPECIALS)}]*", password):
        rule = f"must have no characters but letters, digits and {ALLOWED_SPECIALS}"
        yield Problem("adminPassword", "", rule, fix)


def check_certificate(chain: str | None, key: str | None, now: datetime) -> Iterator[Problem]:
    """Yield what keeps web nodes from serving TLS with *chain* and *key* at *now*."""
    yield from check_pair(chain is not None, key is not None)
    certificates, problems = _certificates(chain) if chain is not None else ([], [])
    yield from problems
    yield from _chain_problems(certificates, now)
    private, problems = _private_key(key) if key is not None else (None, [])
    yield from problems
    if certificates and private and _spki(certificates[0]) != _spki(private):
        rule = "must be the private key of the first certificate in certificate"
        fix = "set the two files that were made together, the server's own certificate first"
        yield _problem("certificateKey", rule, fix)


def check_chain(chain: str, now: datetime) -> Iterator[Problem]:
    """Yield what is wrong with *chain* itself at *now*, where the key can't be seen."""
    certificates, problems = _certificates(chain)
    yield from problems
    yield from _chain_problems(certificates, now)


def check_pair(has_chain: bool, has_key: bool) -> Iterator[Problem]:
    """Yield the half that is missing, if one is."""
    if has_key and not has_chain:
        yield _problem("certificate", "is required with certificateKey", _ADD_CERTIFICATE)
    if has_chain and not has_key:
        yield _problem("certificateKey", "is required with certificate", _ADD_KEY)


def stored_in_plain(name: str) -> Problem:
    """Return the problem of the secret *name*, found where everyone can read it."""
    rule = "must be stored as a secret, and now lies in the stack file for all to read"
    return _problem(name, rule, f"replace it by another one: pulumi config set --secret {name}")


def _certificates(chain: str) -> tuple[list[x509.Certificate], list[Problem]]:
    """Return the certificates of *chain*, or why there are none."""
    if len(chain) > LONGEST_PEM:
        return [], [_problem("certificate", "must be at most 64 KiB", "set the chain only")]
    if "PRIVATE KEY" in chain:
        rule = "must hold no private key: this setting is not secret"
        return [], [_problem("certificate", rule, f"replace the key, then: {_ADD_CERTIFICATE}")]
    try:
        return x509.load_pem_x509_certificates(chain.encode()), []
    except ValueError:
        rule = "must be certificates in PEM form"
        fix = f"convert them with openssl x509 -inform der, then: {_ADD_CERTIFICATE}"
        return [], [_problem("certificate", rule, fix)]


def _private_key(key: str) -> tuple[ServerKey | None, list[Problem]]:
    """Return the private key in *key*, or why there is none that HAProxy can load."""
    if len(key) > LONGEST_PEM:
        return None, [_problem("certificateKey", "must be at most 64 KiB", "set the key only")]
    try:
        private = load_pem_private_key(key.encode(), password=None)
    except TypeError:
        rule = "must not be encrypted: no node could ask for its passphrase"
        fix = f"decrypt it with openssl pkey, then: {_ADD_KEY}"
        return None, [_problem("certificateKey", rule, fix)]
    except (ValueError, UnsupportedAlgorithm):
        rule = "must be one private key in PEM form"
        return None, [_problem("certificateKey", rule, _ADD_KEY)]
    if not isinstance(private, ServerKey):
        rule = "must be an RSA or elliptic-curve key, as TLS clients expect"
        return None, [_problem("certificateKey", rule, "make the certificate with such a key")]
    return private, []


def _chain_problems(certificates: list[x509.Certificate], now: datetime) -> Iterator[Problem]:
    yield from _validity(certificates, now)
    yield from _order(certificates)
    for certificate in certificates[:1]:
        yield from _strength(certificate)


def _validity(certificates: list[x509.Certificate], now: datetime) -> Iterator[Problem]:
    for number, certificate in enumerate(certificates, start=1):
        which = "" if len(certificates) == 1 else f" (number {number} of the chain)"
        begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        if now > ends:
            rule = f"expired on {ends:%Y-%m-%d}{which}"
            yield _problem("certificate", rule, "renew it, and set certificate and certificateKey")
        elif now < begins:
            rule = f"is not valid before {begins:%Y-%m-%d}{which}"
            yield _problem("certificate", rule, "wait, or set one that is valid")


def _order(certificates: list[x509.Certificate]) -> Iterator[Problem]:
    """Each certificate is signed by the one behind it, or clients can't build the chain."""
    for number, certificate in enumerate(certificates[:-1], start=1):
        if certificate.issuer != certificates[number].subject:
            rule = f"must be in order: number {number + 1} is not the issuer of number {number}"
            fix = "put the server's own certificate first, then each one's issuer"
            yield _problem("certificate", rule, fix)


def _strength(certificate: x509.Certificate) -> Iterator[Problem]:
    public = certificate.public_key()
    if isinstance(public, rsa.RSAPublicKey) and public.key_size < WEAKEST_RSA:
        rule = f"must have an RSA key of {WEAKEST_RSA} bits or more, this has {public.key_size}"
        yield _problem("certificate", rule, "make a new key and certificate")


def _spki(holder: x509.Certificate | ServerKey) -> bytes:
    """Return the public key of a certificate or private key, in a form that compares."""
    return holder.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _problem(key: str, rule: str, fix: str) -> Problem:
    return Problem(key, "", rule, fix)
