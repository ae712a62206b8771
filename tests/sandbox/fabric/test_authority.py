"""The certificates are judged by OpenSSL, as curl, libpq and R use it on the nodes."""

import ssl
import stat
import subprocess
import threading
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from sandbox.fabric import authority as module
from sandbox.fabric.authority import Authority
from sandbox.fabric.contract import FabricError

NAME = "vault.vault.azure.net"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def verified(authority: Authority, chain: bytes, tmp_path: Path, *options: str) -> str:
    leaf = tmp_path / "leaf.pem"
    leaf.write_bytes(chain)
    done = subprocess.run(
        [
            *("openssl", "verify", "-x509_strict", "-purpose", "sslserver", *options),
            *("-CAfile", str(authority.certificate), str(leaf)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    "name",
    [
        "vault.vault.azure.net",
        "server.private.postgres.database.azure.com",
        "account.blob.core.windows.net",
        "db.eu-west-1.rds.amazonaws.com",
        "downloads.sandbox.example",
    ],
)
def test_a_certificate_for_a_clouds_name_is_valid(
    authority: Authority, name: str, tmp_path: Path
) -> None:
    chain, _ = authority.issue([name])

    assert verified(authority, chain, tmp_path, "-verify_hostname", name).endswith(": OK\n")
    assert "hostname mismatch" in verified(
        authority, chain, tmp_path, "-verify_hostname", f"other.{name}"
    )


def test_a_client_connects_by_it(authority: Authority, tmp_path: Path) -> None:
    chain, key = authority.issue([NAME, "vault.vaultcore.azure.net"])
    (tmp_path / "chain").write_bytes(chain)
    (tmp_path / "key").write_bytes(key)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(tmp_path / "chain", tmp_path / "key")
    client = ssl.create_default_context(cafile=str(authority.certificate))
    ours, theirs = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = (
        server.wrap_bio(ours, theirs, server_side=True),
        client.wrap_bio(theirs, ours, server_hostname=NAME),
    )
    done = set()
    for _ in range(10):
        for side in sides:
            try:
                side.do_handshake()
                done.add(side)
            except ssl.SSLWantReadError:
                pass

    assert done == set(sides)


@pytest.mark.parametrize(
    "name", ["example.com", "azure.net.example.com", "notazure.com", "10.0.0.1"]
)
def test_no_certificate_is_issued_for_other_names(authority: Authority, name: str) -> None:
    with pytest.raises(FabricError, match="the sandbox issues no certificate for"):
        authority.issue([NAME, name])


@pytest.mark.parametrize(
    "name", [x509.DNSName("www.example.com"), x509.IPAddress(IPv4Address("10.0.0.1"))]
)
def test_whoever_has_the_key_can_forge_no_other_name(
    authority: Authority, name: x509.GeneralName, tmp_path: Path
) -> None:
    own = x509.load_pem_x509_certificate(authority.certificate.read_bytes())
    key = ec.generate_private_key(ec.SECP256R1())
    identifier = own.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    forged = (
        x509.CertificateBuilder()
        .subject_name(own.subject)
        .issuer_name(own.subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime.now(UTC) - timedelta(hours=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([name]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), False
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .sign(authority._key, hashes.SHA256())
    )

    said = verified(authority, forged.public_bytes(Encoding.PEM), tmp_path)

    assert "permitted subtree violation" in said or "excluded subtree violation" in said


def test_it_is_made_once_and_its_key_is_for_its_owner_only(tmp_path: Path) -> None:
    made: list[bytes] = []

    def use() -> None:
        made.append(Authority(tmp_path / "new").certificate.read_bytes())

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(made) == 4
    assert len(set(made)) == 1
    assert stat.S_IMODE((tmp_path / "new/key.pem").stat().st_mode) == 0o600


def test_certificates_last_ninety_days_at_most(authority: Authority) -> None:
    leaf = x509.load_pem_x509_certificate(authority.issue([NAME])[0])

    assert leaf.not_valid_after_utc - leaf.not_valid_before_utc <= timedelta(days=90)
    assert leaf.not_valid_before_utc <= datetime.now(UTC)


def test_a_damaged_authority_says_what_to_remove(tmp_path: Path) -> None:
    Authority(tmp_path)
    (tmp_path / "key.pem").write_text("nonsense")

    with pytest.raises(FabricError, match="remove the folder"):
        Authority(tmp_path)


def test_an_authority_for_other_domains_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as older:
        older.setattr(module, "DOMAINS", ("azure.net",))
        Authority(tmp_path)
        assert Authority.exists(tmp_path)

    assert not Authority.exists(tmp_path)
    chain, _ = Authority(tmp_path).issue(["downloads.sandbox.example"])
    assert verified(Authority(tmp_path), chain, tmp_path).endswith(": OK\n")
