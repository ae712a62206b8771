"""User data is unpacked as cloud-init does it, and whatever is in it is only read."""

import base64
import gzip
import io
import lzma
import tarfile
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.rules.user_data import SECRETS
from policies.unpacking import texts

SCRIPT = "#!/bin/sh\nlogin --password=Qx7pLm2vTt\n"
PEM = "-----BEGIN EC PRIVATE KEY-----\n" + "MHcCAQEEIIrYSSNQFaA2Hwf1duRSxKtLYX5CB04f\n" * 3
TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhZG1pbiJ9.c2lnbmF0dXJlLW9mLWl0"
AZURE_KEY = "AccountKey=" + "Zm9vYmFy" * 8 + "=="


def tar(content: str) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        member = tarfile.TarInfo("etc/script")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content.encode()))
    return made.getvalue()


def parts(content: str) -> str:
    message = MIMEMultipart()
    message.attach(MIMEText("packages: [curl]\n", "cloud-config"))
    message.attach(MIMEText(content, "x-shellscript", "utf-8"))
    return message.as_string()


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def file_in(data: bytes, width: int) -> str:
    """A cloud-config whose `write_files` has *data* in lines of *width*."""
    encoded = text(data)
    lines = [encoded[i : i + width] for i in range(0, len(encoded), width)]
    body = "".join(f"      {line}\n" for line in lines)
    return (
        f"#cloud-config\nwrite_files:\n  - path: /x\n    encoding: gz+b64\n    content: |\n{body}"
    )


LONG = SCRIPT + "# " + "all work and no play makes a dull script\n" * 9


PACKED = {
    "as it is": SCRIPT,
    "base64": text(SCRIPT.encode()),
    "gzip": text(gzip.compress(SCRIPT.encode())),
    "parts": parts(SCRIPT),
    "parts in gzip": text(gzip.compress(parts(SCRIPT).encode())),
    "a file in gzip": text(gzip.compress(file_in(gzip.compress(LONG.encode()), 76).encode())),
    "an archive in gzip": text(gzip.compress(file_in(lzma.compress(tar(LONG)), 10_000).encode())),
    "a file in base64": file_in(LONG.encode(), 64),
}


@pytest.mark.parametrize("data", PACKED.values(), ids=PACKED)
def test_a_script_is_found_in_what_it_is_packed_in(data: str) -> None:
    assert any("--password=Qx7pLm2vTt" in each for each in texts(data))


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("a private key", PEM),
        ("an access key of AWS", "key: AKIAIOSFODNN7EXAMPLE"),
        ("a token", f"Authorization: Bearer {TOKEN}"),
        ("a key of a storage account", AZURE_KEY),
        ("a shared access signature", f"https://x.blob.core.windows.net/?sig={'aB3%2F' * 8}"),
        ("a password in an address", "postgres://owner:hunter22@database/models"),
        ("a password", 'adminPassword: "Qx7pLm2vTt"'),
        ("a password", "API_KEY=0123456789abcdef"),
        ("a password", '{"secret":"Qx7pLm2vTt"}'),
    ],
)
def test_a_secret_is_known_by_its_form(kind: str, content: str) -> None:
    assert [name for name, look in SECRETS.items() if look.search(content)] == [kind]


@pytest.mark.parametrize(
    "content",
    [
        "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUQ2\n",
        "grep -q 'BEGIN PRIVATE KEY' \"$file\"",
        'password=$(fetch "$name")',
        "password: ${PASSWORD1}",
        "Password = Read-Secret 'database1'",
        "arn:aws:secretsmanager:eu-central-1:500000000005:secret:rds!db-5d457b94-c69e",
        "postgres://owner@database/models",
        "password=changeme",
        "secret: database-loader",
    ],
)
def test_what_only_speaks_of_a_secret_is_none(content: str) -> None:
    assert [name for name, look in SECRETS.items() if look.search(content)] == []


@given(st.text() | st.binary().map(text) | st.binary().map(lambda data: text(b"\x1f\x8b" + data)))
def test_whatever_is_there_is_read_without_an_error(data: str) -> None:
    assert isinstance(texts(data), tuple)


def test_a_bomb_is_read_to_a_limit() -> None:
    (found,) = texts(text(gzip.compress(b"\0" * 50_000_000)))

    assert len(found) == 8 * 1024 * 1024
