import subprocess

import pytest

from stand_ins.product.place import VARIABLE
from tests.sandbox.fabric.hosts.conftest import (  # noqa: F401 - fixtures
    images,
    namespace,
    room,
)
from tests.server.conftest import server  # noqa: F401 - a PostgreSQL
from tests.support.stand_ins import machine

SUBJECT = "/O=test/CN=signing"


@pytest.fixture(scope="session")
def installed(tmp_path_factory):
    """Makes machines with a version installed, copied from one that was unpacked once."""
    made = {}

    def make(folder, product="mlserver", version="9.4.7"):
        key = (product, version)
        if key not in made:
            made[key] = machine(tmp_path_factory.mktemp("installed"), *key)
        found = made[key]
        subprocess.run(["cp", "-a", f"{found.root}/.", folder], check=True)
        return type(found)(folder, found.version)

    return make


@pytest.fixture
def node(installed, tmp_path, monkeypatch):
    """Makes the machine that stand-ins in this process run on."""

    def make(product="mlserver", version="9.4.7"):
        monkeypatch.setenv(VARIABLE, str(tmp_path))
        return installed(tmp_path, product, version)

    return make


@pytest.fixture
def certificate(tmp_path_factory):
    """Makes a certificate with its key, as a PFX that a node's script makes; returns its text."""

    def make(subject=SUBJECT):
        folder = tmp_path_factory.mktemp("certificate")
        pem, key = folder / "certificate.pem", folder / "key.pem"
        run = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-noenc", "-days", "2"]
        subprocess.run(
            [*run, "-subj", subject, "-keyout", key, "-out", pem], check=True, capture_output=True
        )
        pfx = folder / "certificate.pfx"
        export = ["openssl", "pkcs12", "-export", "-passout", "pass:", "-in", pem, "-inkey", key]
        subprocess.run([*export, "-out", pfx], check=True, capture_output=True)
        said = subprocess.run(
            ["openssl", "x509", "-in", pem, "-noout", "-fingerprint", "-sha1"],
            check=True,
            capture_output=True,
            text=True,
        )
        return said.stdout.strip().rpartition("=")[2].replace(":", ""), pfx.read_bytes()

    return make
