"""Checks of the certificate that web nodes serve TLS with, and of its private key.

A module of its own because few stacks bring one, and the library that reads it takes long to load.
"""

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
from components.settings.secrets import ADD_CERTIFICATE, ADD_KEY, check_pair, problem

LONGEST_PEM = 64 * 1024
"""Bytes; a chain of ten certificates is about 20 KiB."""

WEAKEST_RSA = 2048
"""Bits: CA/Browser Forum baseline requirements, section 6.1.5."""

ServerKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


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
        yield problem("certificateKey", rule, fix)


def check_key_of_windows(key: str) -> Iterator[Problem]:
    """Yield what keeps nodes on Windows from reading *key*.

    .NET Framework of their systems takes no key as a text: the node's scripts take RSA's apart.
    """
    private, _ = _private_key(key)
    if private is not None and not isinstance(private, rsa.RSAPrivateKey):
        rule = "must be an RSA key with nodes on Windows, which read no other"
        yield problem("certificateKey", rule, "set an RSA key, and the certificate made for it")


def check_chain(chain: str, now: datetime) -> Iterator[Problem]:
    """Yield what is wrong with *chain* itself at *now*, where the key can't be seen."""
    certificates, problems = _certificates(chain)
    yield from problems
    yield from _chain_problems(certificates, now)


def _certificates(chain: str) -> tuple[list[x509.Certificate], list[Problem]]:
    """Return the certificates of *chain*, or why there are none."""
    if len(chain) > LONGEST_PEM:
        return [], [problem("certificate", "must be at most 64 KiB", "set the chain only")]
    if "PRIVATE KEY" in chain:
        rule = "must hold no private key: this setting is not secret"
        return [], [problem("certificate", rule, f"replace the key, then: {ADD_CERTIFICATE}")]
    try:
        return x509.load_pem_x509_certificates(chain.encode()), []
    except ValueError:
        rule = "must be certificates in PEM form"
        fix = f"convert them with openssl x509 -inform der, then: {ADD_CERTIFICATE}"
        return [], [problem("certificate", rule, fix)]


def _private_key(key: str) -> tuple[ServerKey | None, list[Problem]]:
    """Return the private key in *key*, or why there is none that HAProxy can load."""
    if len(key) > LONGEST_PEM:
        return None, [problem("certificateKey", "must be at most 64 KiB", "set the key only")]
    try:
        private = load_pem_private_key(key.encode(), password=None)
    except TypeError:
        rule = "must not be encrypted: no node could ask for its passphrase"
        fix = f"decrypt it with openssl pkey, then: {ADD_KEY}"
        return None, [problem("certificateKey", rule, fix)]
    except (ValueError, UnsupportedAlgorithm):
        rule = "must be one private key in PEM form"
        return None, [problem("certificateKey", rule, ADD_KEY)]
    if not isinstance(private, ServerKey):
        rule = "must be an RSA or elliptic-curve key, as TLS clients expect"
        return None, [problem("certificateKey", rule, "make the certificate with such a key")]
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
            yield problem("certificate", rule, "renew it, and set certificate and certificateKey")
        elif now < begins:
            rule = f"is not valid before {begins:%Y-%m-%d}{which}"
            yield problem("certificate", rule, "wait, or set one that is valid")


def _order(certificates: list[x509.Certificate]) -> Iterator[Problem]:
    """Each certificate is signed by the one behind it, or clients can't build the chain."""
    for number, certificate in enumerate(certificates[:-1], start=1):
        if certificate.issuer != certificates[number].subject:
            rule = f"must be in order: number {number + 1} is not the issuer of number {number}"
            fix = "put the server's own certificate first, then each one's issuer"
            yield problem("certificate", rule, fix)


def _strength(certificate: x509.Certificate) -> Iterator[Problem]:
    public = certificate.public_key()
    if isinstance(public, rsa.RSAPublicKey) and public.key_size < WEAKEST_RSA:
        rule = f"must have an RSA key of {WEAKEST_RSA} bits or more, this has {public.key_size}"
        yield problem("certificate", rule, "make a new key and certificate")


def _spki(holder: x509.Certificate | ServerKey) -> bytes:
    """Return the public key of a certificate or private key, in a form that compares."""
    return holder.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
