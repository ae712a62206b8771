# ruff: noqa: E501 -- the full text of an error is one string
"""Keys and certificates: what other programs can do with them."""

import base64
import hashlib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import verification

from sandbox.control import tls
from sandbox.control.kinds import Context

KINDS = {kind.type.rpartition(":")[2]: kind for kind in tls.KINDS}


def make(kind, **inputs):
    assert problems(kind, **inputs) == []
    context = Context(type="", name="x", id="", inputs=inputs, world=None, incarnation="i")
    outputs = KINDS[kind].outputs(context)
    return KINDS[kind].make_id(context, outputs), outputs


def problems(kind, **inputs):
    return [f"{problem.path}: {problem.reason}" for problem in KINDS[kind].rules(inputs)]


ALGORITHMS = [
    {"algorithm": "RSA", "rsaBits": 1024},
    {"algorithm": "ECDSA", "ecdsaCurve": "P256"},
    {"algorithm": "ECDSA"},
    {"algorithm": "ED25519"},
]


@pytest.fixture(scope="module")
def key():
    return make("PrivateKey", algorithm="ECDSA", ecdsaCurve="P256")[1]["privateKeyPem"]


@pytest.mark.parametrize("inputs", ALGORITHMS)
def test_all_forms_of_a_key_are_the_same_key(inputs):
    target, outputs = make("PrivateKey", **inputs)
    public = serialization.load_pem_public_key(outputs["publicKeyPem"].encode())
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    for form in ("privateKeyPem", "privateKeyPemPkcs8"):
        loaded = serialization.load_pem_private_key(outputs[form].encode(), None)
        found = loaded.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        assert found == der
    assert target == hashlib.sha1(der).hexdigest()


@pytest.mark.parametrize(
    ("inputs", "header"),
    [
        (ALGORITHMS[0], "-----BEGIN RSA PRIVATE KEY-----\n"),
        (ALGORITHMS[1], "-----BEGIN EC PRIVATE KEY-----\n"),
        (ALGORITHMS[3], "-----BEGIN PRIVATE KEY-----\n"),
    ],
)
def test_a_key_has_the_format_of_its_algorithm(inputs, header):
    assert make("PrivateKey", **inputs)[1]["privateKeyPem"].startswith(header)


def test_fingerprints_are_those_of_openssh():
    _, outputs = make("PrivateKey", algorithm="ED25519")
    kind, blob = outputs["publicKeyOpenssh"].split()
    data = base64.b64decode(blob)
    assert kind == "ssh-ed25519"
    assert outputs["publicKeyOpenssh"].endswith("\n")
    digest = base64.b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
    assert outputs["publicKeyFingerprintSha256"] == f"SHA256:{digest}"
    md5 = hashlib.md5(data).digest().hex(":")
    assert outputs["publicKeyFingerprintMd5"] == md5


def test_openssh_knows_no_p224():
    _, outputs = make("PrivateKey", algorithm="ECDSA")
    assert outputs["publicKeyOpenssh"] == outputs["privateKeyOpenssh"] == ""


@pytest.mark.parametrize(
    ("kind", "inputs", "expected"),
    [
        ("PrivateKey", {"algorithm": "DSA"}, ['algorithm: must be one of RSA, ECDSA, ED25519, got "DSA"']),
        ("PrivateKey", {"algorithm": "RSA", "rsaBits": 64}, ["rsaBits: must be 1024 to 16384, got 64"]),
        ("CertRequest", {"ipAddresses": ["10.0.0"]}, ['ipAddresses[0]: must be an IP address, got "10.0.0"']),
        ("SelfSignedCert", {"validityPeriodHours": -1}, ["validityPeriodHours: must be at least 0, got -1"]),
    ],
)  # fmt: skip
def test_impossible_wishes_are_refused(kind, inputs, expected):
    assert problems(kind, **inputs) == expected


def test_a_key_that_is_none_is_refused_without_repeating_it():
    (problem,) = problems("SelfSignedCert", privateKeyPem="hunter2")
    assert problem.startswith("privateKeyPem: is not PEM of the right kind: ")
    assert "hunter2" not in problem


def test_an_unknown_use_is_refused_with_the_known_ones():
    (problem,) = problems("SelfSignedCert", allowedUses=["server"])
    assert problem.startswith("allowedUses[0]: must be one of digital_signature, ")
    assert problem.endswith('ocsp_signing, got "server"')


def authority(key):
    return make(
        "SelfSignedCert",
        privateKeyPem=key,
        subject={"commonName": "authority", "organization": "tests"},
        isCaCertificate=True,
        validityPeriodHours=24,
        allowedUses=["cert_signing", "crl_signing", "digital_signature"],
        setAuthorityKeyId=True,
    )


def test_a_self_signed_certificate_is_what_was_asked_for(key):
    target, outputs = authority(key)
    made = x509.load_pem_x509_certificate(outputs["certPem"].encode())
    assert str(made.serial_number) == target
    assert made.subject.rfc4514_string() == "O=tests,CN=authority"
    assert made.issuer == made.subject
    assert made.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    hours = (made.not_valid_after_utc - made.not_valid_before_utc).total_seconds() / 3600
    assert hours == 24
    assert outputs["keyAlgorithm"] == "ECDSA"
    assert outputs["validityStartTime"].endswith("Z")


def test_a_signed_certificate_is_accepted_by_who_trusts_the_authority(key):
    _, parent = authority(key)
    leaf = make("PrivateKey", algorithm="RSA")[1]["privateKeyPem"]
    _, request = make(
        "CertRequest",
        privateKeyPem=leaf,
        subject={"commonName": "node"},
        dnsNames=["node.example"],
        ipAddresses=["10.0.0.1"],
        uris=["spiffe://node"],
    )
    _, signed = make(
        "LocallySignedCert",
        certRequestPem=request["certRequestPem"],
        caPrivateKeyPem=key,
        caCertPem=parent["certPem"],
        validityPeriodHours=12,
        allowedUses=["digital_signature", "server_auth"],
    )
    root, made = (
        x509.load_pem_x509_certificate(each["certPem"].encode()) for each in (parent, signed)
    )
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["node.example"]
    made.verify_directly_issued_by(root)
    verifier = (
        verification.PolicyBuilder()
        .store(verification.Store([root]))
        .build_server_verifier(x509.DNSName("node.example"))
    )
    assert verifier.verify(made, [])[0] == made


def test_secret_outputs_are_declared():
    assert KINDS["PrivateKey"].secrets == (
        "privateKeyPem",
        "privateKeyPemPkcs8",
        "privateKeyOpenssh",
    )
