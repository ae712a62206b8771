"""The search for secrets finds what is there in any form, and nothing else."""

import base64
import gzip
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.support.searching import Search

PASSWORD = "correct-Horse7battery:staple"
KEYS = {
    "ec": ec.generate_private_key(ec.SECP256R1()),
    "rsa": rsa.generate_private_key(65537, 2048),
    "ed25519": ed25519.Ed25519PrivateKey.generate(),
}


def written(key, encoding=Encoding.PEM, form=PrivateFormat.PKCS8):
    return key.private_bytes(encoding, form, NoEncryption())


@pytest.fixture
def search():
    keys = {name: written(key).decode() for name, key in KEYS.items()}
    return Search({"password": PASSWORD, **keys})


@pytest.mark.parametrize(
    "write",
    [
        lambda value: value,
        bytes.hex,
        lambda value: value.hex().upper(),
        base64.b64encode,
        base64.urlsafe_b64encode,
        lambda value: base64.b64encode(b"a" + value + b"b"),
        lambda value: base64.b64encode(b"ab" + value + b"c"),
        lambda value: base64.encodebytes(b"x" * 45 + value),
    ],
    ids=["plain", "hex", "HEX", "base64", "urlsafe", "shifted", "shifted twice", "in lines"],
)
def test_a_password_is_found_however_it_is_written(search, write):
    content = write(PASSWORD.encode())
    if isinstance(content, str):
        content = content.encode()

    assert search.among(b"before " + content + b" after") == {"password"}


@pytest.mark.parametrize("name", KEYS)
def test_a_key_is_found_in_any_format(search, name):
    pem, der = written(KEYS[name]), written(KEYS[name], Encoding.DER)

    assert search.among(pem) == {name}
    assert search.among(der) == {name}
    assert search.among(base64.b64encode(pem.replace(b"\n", b"\r\n"))) == set()
    assert search.among(base64.b64encode(der)) == {name}
    if name != "ed25519":
        assert search.among(written(KEYS[name], form=PrivateFormat.TraditionalOpenSSL)) == {name}


def test_other_values_are_not_found(search):
    others = (
        PASSWORD[:-1].encode(),
        written(ec.generate_private_key(ec.SECP256R1())),
        written(rsa.generate_private_key(65537, 2048)),
        KEYS["rsa"].public_key().public_numbers().n.to_bytes(256),
    )

    assert [search.among(other) for other in others] == [set()] * len(others)


def test_files_are_searched_below_a_folder_and_inside_of_gzip(search, tmp_path: Path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "binary").write_bytes(b"\0\xff" + PASSWORD.encode() + b"\0")
    (tmp_path / "packed").write_bytes(gzip.compress(b"x" * 1000 + written(KEYS["ec"])))
    (tmp_path / "other").write_text("nothing")
    (tmp_path / "broken").write_bytes(b"\x1f\x8b\x08nothing")

    assert search.below(tmp_path) == {
        tmp_path / "deep" / "binary": {"password"},
        tmp_path / "packed": {"ec"},
    }


def test_a_place_that_is_not_there_is_a_mistake(search, tmp_path: Path):
    with pytest.raises(AssertionError, match="nothing can be found where nothing is"):
        search.below(tmp_path / "absent")
