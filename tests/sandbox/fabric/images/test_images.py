"""The checkout's images hold what they promise."""

import re
import stat
import subprocess
from pathlib import Path

import pytest

from sandbox.fabric.images import DEFAULT, Images
from sandbox.fabric.images.definitions import ALL, Image

pytestmark = pytest.mark.root

NAMES = [image.name for image in ALL]


def find(images: Images, name: str, path: str) -> Path:
    """A file as a host sees it: of the topmost layer that has it."""
    return next(tree / path for tree in images.layers(name) if (tree / path).exists())


@pytest.mark.parametrize("image", ALL, ids=NAMES)
def test_every_package_of_the_definition_is_installed(images: Images, image: Image) -> None:
    status = find(images, image.name, "var/lib/dpkg/status").read_text()
    paragraphs = status.split("\n\n")
    installed = {
        match[1]
        for paragraph in paragraphs
        if "\nStatus: install ok installed\n" in paragraph
        and (match := re.match(r"Package: (\S+)", paragraph))
    }

    assert set(image.packages) <= installed
    assert not [each for each in paragraphs if "Status: " in each and "ok installed" not in each]


@pytest.mark.parametrize("name", NAMES)
def test_the_trust_store_has_the_sandboxes_authority(images: Images, name: str) -> None:
    certificate = images.authority.certificate.read_text().strip()

    bundle = find(images, name, "etc/ssl/certs/ca-certificates.crt").read_text()
    assert certificate in bundle
    assert bundle.count("BEGIN CERTIFICATE") > 100


def test_the_name_of_the_authority_says_whose_it_is(images: Images) -> None:
    (base,) = images.layers("base")
    certificate = base / "usr/local/share/ca-certificates/operationalization-sandbox.crt"
    subject = subprocess.run(
        ["openssl", "x509", "-noout", "-subject", "-in", str(certificate)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Operationalization sandbox" in subject.stdout


@pytest.mark.parametrize("name", NAMES)
def test_nothing_of_the_build_and_no_secret_is_in_an_image(images: Images, name: str) -> None:
    key = (DEFAULT / "authority/key.pem").read_bytes().splitlines()[1]
    tree = images.layers(name)[0]
    for path in tree.rglob("*"):
        kind = path.lstat().st_mode
        assert path.name not in {"policy-rc.d", "95build", "99mmdebstrap"}, path
        if stat.S_ISREG(kind) and path.stat().st_size < 100_000:
            assert key not in path.read_bytes(), path
    for folder in ("var/lib/apt/lists", "var/cache/apt/archives"):
        assert not (tree / folder).exists() or not [
            each for each in (tree / folder).iterdir() if each.name not in {"lock", "partial"}
        ]


def test_a_host_begins_without_an_identity(images: Images) -> None:
    (base,) = images.layers("base")

    assert (base / "etc/machine-id").read_text() == ""
    assert not (base / "etc/hostname").exists()
    assert (base / "etc/resolv.conf").read_text() == "nameserver 168.63.129.16\n"
    assert not list((base / "etc").glob("ssh/ssh_host_*"))


def test_the_database_image_has_a_server_and_no_cluster(images: Images) -> None:
    tree = images.layers("postgresql")[0]

    assert (tree / "usr/lib/postgresql/15/bin/postgres").exists()
    assert not list((tree / "var/lib/postgresql").glob("15/*"))
