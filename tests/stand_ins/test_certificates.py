"""Certificates in .NET's store: found as the documents say, and what is not so is refused."""

import ssl
from contextlib import ExitStack

import httpx
import pytest

from server.api.errors import ApiError
from server.api.tokens import Caller
from stand_ins.product.admin import utility
from stand_ins.product.appsettings import ConfigurationError, Section
from stand_ins.product.certificates import FOLDER, Stores
from stand_ins.product.compute import clients
from stand_ins.product.serving import Call
from stand_ins.product.web.signing import tokens
from stand_ins.versions import VERSIONS
from tests.stand_ins.test_web import prepare
from tests.support.stand_in_nodes import web_node

V = {version: each for (_, version), each in VERSIONS.items()}


def named(**changes):
    values = {
        "Enabled": True,
        "StoreName": "Root",
        "StoreLocation": "CurrentUser",
        "SubjectName": "CN=signing, O=test",
    }
    return Section(values | changes, "JWTSigningCertificate.")


@pytest.fixture
def stores(tmp_path, certificate):
    """A store with one certificate."""
    thumbprint, pfx = certificate()
    folder = tmp_path / FOLDER / "root"
    folder.mkdir(parents=True)
    (folder / f"{thumbprint}.pfx").write_bytes(pfx)
    return Stores(tmp_path)


def test_a_certificate_is_found_by_subject_and_thumbprint(stores):
    known = stores.find(named(), thumbprints=True).thumbprint
    for changes in ({"SubjectName": "O=test,CN=SIGNING"}, {"Thumbprint": known.lower()}):
        assert stores.find(named(**changes), thumbprints=True).thumbprint == known
    # Versions without thumbprints do not read them.
    assert stores.find(named(Thumbprint="00"), thumbprints=False).thumbprint == known


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"SubjectName": "CN=other"}, "no certificate of subject 'CN=other'"),
        ({"Thumbprint": "00"}, "no certificate of subject"),
        ({"StoreName": "My"}, "on Linux only the stores Root and CertificateAuthority"),
        ({"StoreLocation": "LocalMachine"}, "on Linux only the stores"),
        ({"StoreName": "CertificateAuthority"}, "no certificate of subject"),
    ],
)
def test_another_certificate_is_refused(stores, changes, words):
    with pytest.raises(ConfigurationError, match=words):
        stores.find(named(**changes), thumbprints=True)


def test_a_file_bears_its_thumbprints_name_and_no_password(stores, tmp_path):
    [path] = (tmp_path / FOLDER / "root").iterdir()
    other = path.with_name("signing.pfx")
    path.rename(other)
    with pytest.raises(ConfigurationError, match=f"must be named {path.name}"):
        stores.find(named(), thumbprints=True)
    other.write_bytes(b"none")
    with pytest.raises(ConfigurationError, match="is no PFX without a password"):
        stores.find(named(), thumbprints=True)


def test_two_of_one_subject_need_a_thumbprint(stores, tmp_path, certificate):
    thumbprint, pfx = certificate()
    (tmp_path / FOLDER / "root" / f"{thumbprint}.pfx").write_bytes(pfx)
    with pytest.raises(ConfigurationError, match="2 certificates of subject"):
        stores.find(named(), thumbprints=True)
    assert stores.find(named(Thumbprint=thumbprint), thumbprints=True).thumbprint == thumbprint


def test_tokens_of_another_certificate_are_refused(stores, tmp_path_factory, certificate):
    root = Section({"Authentication": {"JWTSigningCertificate": named().values}})
    mine = tokens(V["9.4.7"], root, stores)
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    with pytest.raises(ConfigurationError, match="no certificate"):
        tokens(V["9.4.7"], root, Stores(elsewhere))
    thumbprint, pfx = certificate()
    folder = elsewhere / FOLDER / "root"
    folder.mkdir(parents=True)
    (folder / f"{thumbprint}.pfx").write_bytes(pfx)
    other = tokens(V["9.4.7"], root, Stores(elsewhere))
    token, _ = other.issue(Caller("admin", "Owner"))
    assert other.verify(token).username == "admin"
    with pytest.raises(ApiError):
        mine.verify(token)


def test_a_secret_is_encrypted_for_machines_with_the_certificate(stores, tmp_path_factory):
    secret = "User ID=u;Password=" + "p" * 300
    sealed = stores.encrypt(secret, named())
    assert secret not in sealed
    assert not set(sealed) & set(" \n\"'")
    assert stores.decrypt(sealed, "Connection") == secret
    with pytest.raises(ConfigurationError, match="is not on this machine"):
        Stores(tmp_path_factory.mktemp("other")).decrypt(sealed, "Connection")
    with pytest.raises(ConfigurationError, match="marked as encrypted and is not"):
        stores.decrypt("plain", "Connection")


def test_the_tools_print_what_they_encrypt(node, stores, tmp_path, capsys):
    machine = node("rserver", "9.1.0")
    home = machine.root / "root"
    home.mkdir(exist_ok=True)
    (stores.home / ".dotnet").rename(home / ".dotnet")
    done = utility.main(
        machine.version, ["-encryptsecret", "geheim", "Root", "CurrentUser", "CN=signing,O=test"]
    )
    assert done == 0
    assert Stores(home).decrypt(capsys.readouterr().out.strip(), "Key") == "geheim"


def test_a_web_node_ends_tls_itself_where_its_file_says_so(node, tmp_path, certificate):
    machine = prepare(node(), "http://127.0.0.1:1")
    thumbprint, pfx = certificate("/CN=localhost")
    folder = machine.root / "home/webnode_usr" / FOLDER / "root"
    folder.mkdir(parents=True)
    (folder / f"{thumbprint}.pfx").write_bytes(pfx)
    prepare(
        machine,
        Kestrel__HttpsEnabled=True,
        Kestrel__HttpsCertificate=named(SubjectName="CN=localhost").values,
    )
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with ExitStack() as stack:
        port = stack.enter_context(web_node(machine.version))
        client = stack.enter_context(httpx.Client(verify=context))
        assert client.get(f"https://127.0.0.1:{port}/status").status_code == 401


def required(tmp_path, **section):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    found = clients.required(Section({"ClientCertificate": {"Enabled": True, **section}}), context)
    return found, context


def peer(issuer, subject):
    parts = {"issuer": ((("commonName", issuer),),), "subject": ((("commonName", subject),),)}
    return Call("GET", "/", {}, peer=parts)


def test_one_field_of_a_client_certificate_is_silently_ignored(tmp_path):
    for section in ({"Issuer": "CN=a"}, {"Subject": "CN=b"}):
        found, context = required(tmp_path, **section)
        assert (found, context.verify_mode) == (None, ssl.CERT_NONE)
    with pytest.raises(ConfigurationError, match="needs Kestrel"):
        clients.required(
            Section({"ClientCertificate": {"Enabled": True, "Issuer": "a", "Subject": "b"}}), None
        )


def test_both_fields_let_that_client_in_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", lambda *_args: None)
    check, context = required(tmp_path, Issuer="CN=a", Subject="CN=b")
    assert context.verify_mode == ssl.CERT_REQUIRED
    check(peer("a", "b"))
    for issuer, subject in (("a", "c"), ("c", "b")):
        with pytest.raises(ApiError, match="another issuer or subject"):
            check(peer(issuer, subject))
