"""Password and certificate: what is refused, and that no problem repeats a secret."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from components.settings.certificates import ServerKey, check_certificate, check_chain
from components.settings.secrets import ALLOWED_SPECIALS, check_password

NOW = datetime(2026, 11, 21, tzinfo=UTC)
KEY = ec.generate_private_key(ec.SECP256R1())
OTHER = ec.generate_private_key(ec.SECP256R1())


def name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def certificate(
    key: ServerKey = KEY,
    begins: datetime = NOW - timedelta(days=1),
    days: int = 90,
    subject: str = "web",
    issuer: str = "web",
) -> str:
    made = (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(name(issuer))
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(begins)
        .not_valid_after(begins + timedelta(days=days))
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(Encoding.PEM).decode()


def pem(key: ServerKey | ed25519.Ed25519PrivateKey = KEY, password: bytes | None = None) -> str:
    hidden = BestAvailableEncryption(password) if password else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, hidden).decode()


def told(chain: str | None, key: str | None) -> list[tuple[str, str]]:
    problems = list(check_certificate(chain, key, NOW))
    assert all(problem.value == "" and problem.fix for problem in problems)
    return [(problem.key, problem.rule) for problem in problems]


def test_nothing_and_a_matching_pair_are_fine() -> None:
    assert told(None, None) == []
    assert told(certificate(), pem()) == []
    assert (
        told(certificate(subject="web", issuer="ca") + certificate(OTHER, subject="ca"), pem())
        == []
    )


@pytest.mark.parametrize(
    ("chain", "key", "expected"),
    [
        (certificate(), None, ("certificateKey", "is required with certificate")),
        (None, pem(), ("certificate", "is required with certificateKey")),
        ("x", pem(), ("certificate", "must be certificates in PEM form")),
        (
            certificate() + pem(),
            pem(),
            ("certificate", "must hold no private key: this setting is not secret"),
        ),
        (certificate(), "x", ("certificateKey", "must be one private key in PEM form")),
        (
            certificate(),
            pem(password=b"x"),
            (
                "certificateKey",
                "must not be encrypted: no node could ask for its passphrase",
            ),
        ),
        (
            certificate(),
            pem(ed25519.Ed25519PrivateKey.generate()),
            ("certificateKey", "must be an RSA or elliptic-curve key, as TLS clients expect"),
        ),
        (
            certificate(),
            pem(OTHER),
            ("certificateKey", "must be the private key of the first certificate in certificate"),
        ),
        (certificate(days=0), pem(), ("certificate", "expired on 2026-11-20")),
        (
            certificate(begins=NOW + timedelta(days=2)),
            pem(),
            ("certificate", "is not valid before 2026-11-23"),
        ),
        (
            certificate() + certificate(OTHER, subject="ca"),
            pem(),
            ("certificate", "must be in order: number 2 is not the issuer of number 1"),
        ),
        (
            certificate(issuer="ca") + certificate(OTHER, subject="ca", days=0),
            pem(),
            ("certificate", "expired on 2026-11-20 (number 2 of the chain)"),
        ),
        ("x" * 70_000, pem(), ("certificate", "must be at most 64 KiB")),
        (certificate(), "x" * 70_000, ("certificateKey", "must be at most 64 KiB")),
    ],
)
def test_a_pair_that_no_web_node_could_serve_with(
    chain: str | None, key: str | None, expected: tuple[str, str]
) -> None:
    assert told(chain, key) == [expected]


def test_a_weak_key_is_refused() -> None:
    weak = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    assert told(certificate(weak), pem(weak)) == [
        ("certificate", "must have an RSA key of 2048 bits or more, this has 1024")
    ]


@given(st.text(max_size=200))
def test_no_text_is_more_than_a_problem(text: str) -> None:
    assert told(text, text)
    assert list(check_chain(text, NOW))


@pytest.mark.parametrize("password", ["Abcdef1!", "Abcdefghijklmn1~", "xY9" + ALLOWED_SPECIALS[:9]])
def test_a_password_that_the_product_takes(password: str) -> None:
    assert list(check_password(password)) == []


@pytest.mark.parametrize(
    ("password", "rules"),
    [
        ("Abcde1!", ["must be 8 to 16 characters long"]),
        ("Abcdefghijklmno1!", ["must be 8 to 16 characters long"]),
        ("abcdefg1!", ["must have an upper-case letter"]),
        ("ABCDEFG1!", ["must have a lower-case letter"]),
        ("Abcdefgh!", ["must have a digit"]),
        ("Abcdefg1", [f"must have one of {ALLOWED_SPECIALS}"]),
        (
            "Abcdef1! *",
            [f"must have no characters but letters, digits and {ALLOWED_SPECIALS}"],
        ),
        (
            "",
            [
                "must be 8 to 16 characters long",
                "must have an upper-case letter and a lower-case letter and a digit and one of "
                + ALLOWED_SPECIALS,
            ],
        ),
    ],
)
def test_a_password_that_the_product_refuses(password: str, rules: list[str]) -> None:
    problems = list(check_password(password))
    assert [problem.rule for problem in problems] == rules
    assert {(p.key, p.value, p.fix) for p in problems} == {
        ("adminPassword", "", "choose another one, or remove it and one is generated")
    }
