"""The settings that we write, read by an independent reading of the documents: the stand-ins'."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from components.runtimes import recipe
from components.runtimes.rserver.node import product
from stand_ins.packaging import installed
from stand_ins.product import connection, passwords
from stand_ins.product.appsettings import Section
from stand_ins.product.certificates import Stores
from stand_ins.product.compute import node as compute_node
from stand_ins.product.web import node as web_node
from stand_ins.versions import VERSIONS
from tests.components.runtimes.rserver.test_appsettings import CASES, Case, settings
from tests.support.environments import environment

LINUX = tuple(case for case in CASES if case.family == "linux")
KEYS = {"token-signing": "rsa:2048", "web-client": "ec -pkeyopt ec_paramgen_curve:P-256"}


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """The home of the web node's account, with certificates in the store."""
    folder = tmp_path_factory.mktemp("home")
    store = folder / ".dotnet/corefx/cryptography/x509stores/root"
    store.mkdir(parents=True)
    for name, kind in KEYS.items():
        pem = folder / name
        subprocess.run(
            [
                *("openssl", "req", "-x509", "-newkey", *kind.split(), "-nodes", "-days", "9"),
                *("-subj", f"/O=operationalization/CN={name}.example"),
                *("-keyout", f"{pem}.key", "-out", pem),
            ],
            check=True,
            capture_output=True,
        )
        pem.write_text(pem.read_text() + Path(f"{pem}.key").read_text())
    return folder


SECRETS = {
    "admin-password-hash": passwords.hashed("Correct-Horse-1"),
    "aad-key": "the aad-key",
    "database-product": "the database-product",
    "ldap-password": "the ldap-password",
}


class Node(product.Node):
    """A node whose secrets are made up."""

    def __init__(self, home: Path, data: Any) -> None:
        self.section = json.loads(json.dumps(data, default=dict))
        self.document = {
            "database": {"host": "db.example", "port": 5432, "name": "operationalization"},
            "computeNodes": {"values": ["https://10.20.16.4:12805"], "ranges": []},
        }
        for name, text in SECRETS.items():
            (home / name).write_text(text)
        self._paths = {name: home / name for name in (*KEYS, *SECRETS)}


SAID: dict[tuple[str, ...], str] = {}
"""What openssl has said of the certificates: they stay the same."""


@pytest.fixture(autouse=True)
def asked_once(monkeypatch):
    real = product.certificate

    def certificate(node: product.Node, *asked: str) -> str:
        if asked not in SAID:
            SAID[asked] = real(node, *asked)
        return SAID[asked]

    monkeypatch.setattr(product, "certificate", certificate)


def stored(home: Path) -> Stores:
    """Put the certificates where our own script puts them."""
    folder = home / ".dotnet/corefx/cryptography/x509stores/root"
    node = Node(home, {})
    for name in KEYS:
        file = folder / f"{product.thumbprint(node, name)}.pfx"
        if not file.exists():
            pem = home / name
            subprocess.run(
                [
                    *("openssl", "pkcs12", "-export", "-passout", "pass:"),
                    *("-in", pem, "-inkey", pem, "-out", file),
                ],
                check=True,
            )
    return Stores(home)


def read(case: Case, part: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> Section:
    """The file as a node leaves it, over the one that packages install."""
    version = VERSIONS["rserver" if case.version < "9.2" else "mlserver", case.version]
    stores = stored(home)
    token = {"StoreName": "Root", "StoreLocation": "CurrentUser"}
    monkeypatch.setitem(
        product.EXPRESSIONS,
        "$encrypted",
        lambda node, value: stores.encrypt(
            product.text_of(node, value),
            Section({**token, "SubjectName": product.subject(node, "token-signing")}),
        ),
    )
    data = recipe.for_role(environment(settings(case)), case.role).data  # type: ignore[arg-type]
    node = Node(home, data)
    before = installed.web(version) if part == "web" else installed.compute(version)
    if part == "web" and not case.version.startswith("9.0"):
        before["Authentication"]["AdminPassword"] = passwords.hashed("Correct-Horse-1")
    overlay: Any = product.value_of(node, node.section["appsettings"][part]["overlay"])
    found = product.changed(installed.text(before), overlay)
    return Section(json.loads(found.decode("utf-8-sig")))


@pytest.mark.parametrize(
    "case", [case for case in LINUX if case.role != "compute"], ids=lambda case: case.name
)
def test_the_web_part_understands_its_settings(case, home, monkeypatch):
    version = VERSIONS["rserver" if case.version < "9.2" else "mlserver", case.version]
    root, stores = read(case, "web", home, monkeypatch), Stores(home)

    names = {"aad": "azureActiveDirectory"}
    assert web_node.way(version, root, stores).name == names.get(case.login, case.login)
    target = connection.target(version, root, Path("/"), stores)
    assert target.engine == case.engine
    if case.engine == "postgresql":
        for word in ("password='the database-product'", "sslmode=verify-full", "host=db.example"):
            assert word in target.where
    enterprise = case.role == "web"
    uris = ["https://10.20.16.4:12805"] if enterprise else ["http://localhost:{}"]
    port = root.section("Kestrel").get("Port", int, 0)
    assert port == version.ports["web"] + 1
    assert web_node.declared_uris(version, root) == [
        each.format(version.ports["compute"]) for each in uris
    ]
    assert (web_node.client_certificate(version, root, stores) is not None) == enterprise
    assert web_node.cors(root) == ["https://app.example.com"]


@pytest.mark.parametrize(
    "case", [case for case in LINUX if case.role != "web"], ids=lambda case: case.name
)
def test_the_compute_part_understands_its_settings(case, home, monkeypatch):
    version = VERSIONS["rserver" if case.version < "9.2" else "mlserver", case.version]
    root = read(case, "compute", home, monkeypatch)
    step = 0 if case.role == "one-box" else 1

    assert compute_node.kestrel(root) == version.ports["compute"] + step
    assert compute_node.https(version, root, Stores(home)) is None
    assert root.section("Pool").values == {"InitialSize": 8, "MaxSize": 40}
    assert root.text("RServePort") == "9054"
