"""What scripts of Windows nodes do, as `tests/support/powershell` reads them.

That is no PowerShell: these tests find slips in the scripts' own thinking, not in how Windows
understands them.
"""

import json
import re
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from components.runtimes.rserver.node import product as linux
from tests.support.powershell import Thrown
from tests.support.powershell.nodes import CERTIFICATES, MARK, OWN, SECRETS, document, scripts
from tests.support.powershell.values import Table


def json_scripts() -> Any:
    made = scripts()
    made.load(OWN / "json.ps1")
    return made


KEYS = st.sampled_from(["Kestrel", "Port", "a", "B", "$x", "a b", "c:d", "item", "type", "Name"])
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | TEXTS | st.just(" "),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=5)
THINKING = json_scripts()


@given(value=OBJECTS)
@settings(max_examples=60, deadline=None)
def test_any_json_is_written_as_it_was_read(value: dict[str, Any]) -> None:
    text = json.dumps(value, ensure_ascii=False)
    written = THINKING.call("Write-Json", element=THINKING.call("Read-Json", text=text))
    pairs = {"object_pairs_hook": list}
    assert json.loads(written, **pairs) == json.loads(text, **pairs)


@given(installed=OBJECTS, overlay=OBJECTS)
@settings(max_examples=60, deadline=None)
def test_settings_are_merged_as_on_linux(
    installed: dict[str, Any], overlay: dict[str, Any]
) -> None:
    into = THINKING.call("Read-Json", text=json.dumps(installed))
    THINKING.call(
        "Merge-Json", into=into, overlay=THINKING.call("Read-Json", text=json.dumps(overlay))
    )
    expected = linux.merged(OrderedDict(installed), OrderedDict(overlay))
    pairs = {"object_pairs_hook": list}
    found = json.loads(THINKING.call("Write-Json", element=into), **pairs)
    assert found == json.loads(json.dumps(expected), **pairs)


def test_a_key_with_alternatives_takes_what_the_file_has() -> None:
    for has, wanted in (("B", "B"), ("b", "b"), ("C", "A")):
        into = THINKING.call("Read-Json", text=json.dumps({has: {"old": 1}}))
        overlay = THINKING.call("Read-Json", text='{"A|B": {"new": [2]}}')
        THINKING.call("Merge-Json", into=into, overlay=overlay)
        assert json.loads(THINKING.call("Write-Json", element=into))[wanted]["new"] == [2]


INSTALLED = """\
{
  "Kestrel": { "Port": 1, "Host": "localhost", "Unknown": 1.50 },
  "ComputeNodesConfiguration": { "ConnectionTimeout": "01:00:00", "Uris": { "Values": [] } },
  "ConnectionStrings": { "defaultDb": { "Enabled": true, "Connection": "./file.db" } },
  "Ours": [ "none" ]
}
"""


def with_settings(tmp_path: Path, case: str = "azure-9.4.7-web", **cmdlets: Any) -> Any:
    made = scripts(case, tmp_path, **cmdlets)
    for name in ("product", "json", "settings"):
        made.load(OWN / f"{name}.ps1")
    made.run(
        b"function Get-NodeSecret {\nparam([string]$Name)\nreturn Read-Secret -Name $Name\n}\n"
    )
    made.cmdlets["Read-Secret"] = lambda name: SECRETS[name]
    made.cmdlets["Test-Path"] = lambda literalpath, pathtype="": Path(literalpath).exists()
    return made


@pytest.mark.parametrize("mark", [MARK, b""])
@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_the_installed_file_keeps_what_is_not_ours(tmp_path: Path, mark: bytes, end: str) -> None:
    made = with_settings(tmp_path)
    file = tmp_path / "appsettings.json"
    file.write_bytes(mark + INSTALLED.replace("\n", end).encode())
    made.run(
        f"function Get-PartFolder {{\nparam([string]$Part)\nreturn '{tmp_path}'\n}}\n".encode()
    )

    assert made.call("Merge-Settings", part="web", which="overlay") is True
    content = file.read_bytes()
    assert content.startswith(MARK) == bool(mark)
    text = content.decode("utf-8-sig")
    assert text.count("\r\n") == (text.count("\n") if end == "\r\n" else 0)
    assert text.endswith("}" + end)
    found = json.loads(text)
    assert list(found)[:4] == ["Kestrel", "ComputeNodesConfiguration", "ConnectionStrings", "Ours"]
    assert found["Kestrel"] == {
        "Port": 12800,
        "Host": "localhost",
        "Unknown": 1.5,
        "HttpsEnabled": False,
    }
    assert '"Unknown": 1.50' in text
    assert found["ComputeNodesConfiguration"]["ConnectionTimeout"] == "01:00:00"
    assert found["Ours"] == ["none"]
    assert "BackEndConfiguration" not in found
    assert (tmp_path / "appsettings.json.before").read_bytes().startswith(mark + b"{")

    assert made.call("Merge-Settings", part="web", which="overlay") is False, (
        "it is as it should be"
    )


CASES = ["azure-9.1.0-web", "aws-9.1.0-compute", "azure-9.2.1-web", "aws-9.4.7-web"]


@pytest.mark.parametrize("case", [*CASES, "azure-9.4.7-one-box"])
def test_expressions_mean_what_they_mean_on_linux(
    tmp_path: Path, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = with_settings(tmp_path, case)
    node = document(case)
    role = node["role"]

    class Node(linux.Node):  # type: ignore[misc]
        def __init__(self) -> None:
            self.document = node
            self.section = node[role]

        def secret(self, name: str) -> str:
            return SECRETS[name]

    expressions = {
        **linux.EXPRESSIONS,
        "$secret": Node.secret,
        "$thumbprint": lambda _, name: CERTIFICATES[name].values["Thumbprint"],
        "$subject": lambda _, name: CERTIFICATES[name].values["Subject"],
    }
    monkeypatch.setattr(linux, "EXPRESSIONS", expressions)
    for part, overlays in node[role]["appsettings"].items():
        for which, overlay in overlays.items():
            made.run(
                f"$overlay = (Get-JsonAt -Element $NodeRoot -Keys '{role}', 'appsettings', "
                f"'{part}', '{which}').CloneNode($true)\n".encode()
            )
            made.run(b"Resolve-Json -Element $overlay\n")
            [written] = made.run(b"Write-Json -Element $overlay\n")
            assert json.loads(written) == linux.value_of(Node(), overlay)


def test_an_encrypted_text_is_made_once(tmp_path: Path) -> None:
    asked: list[str] = []

    def encrypt(text: str, subject: str) -> str:
        asked.append(f"{subject}: {text}")
        return f"encrypted-{len(asked)}"

    made = with_settings(tmp_path, "azure-9.1.0-web-directory")
    made.cmdlets |= {"Invoke-Encryption": encrypt, "Protect-Folder": lambda folder: []}
    made.cmdlets["Write-Text"] = lambda path, text: Path(path).write_text(text) and []
    made.functions.pop("write-text")
    made.functions.pop("protect-folder")
    tmp_path.with_name(f"{tmp_path.name}\\encrypted").mkdir()
    assert made.call("Protect-Text", text="lookup") == "encrypted-1"
    assert made.call("Protect-Text", text="lookup") == "encrypted-1"
    assert made.call("Protect-Text", text="other") == "encrypted-2"
    assert asked == ["CN=token-signing: lookup", "CN=token-signing: other"]


# Keys.


def keys() -> Any:
    made = scripts()
    made.load(OWN / "certificates.ps1")
    return made


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
@pytest.mark.parametrize("bits", [2048, 3072])
def test_an_rsa_key_is_taken_apart(form: PrivateFormat, bits: int) -> None:
    key = rsa.generate_private_key(65537, bits)
    pem = key.private_bytes(Encoding.PEM, form, NoEncryption()).decode()
    found = keys().call("Read-RsaKey", pem=f"a certificate\n{pem}").values

    numbers = key.private_numbers()
    expected = {
        "Modulus": (numbers.public_numbers.n, bits // 8),
        "Exponent": (numbers.public_numbers.e, 3),
        "D": (numbers.d, bits // 8),
        "P": (numbers.p, bits // 16),
        "Q": (numbers.q, bits // 16),
        "DP": (numbers.dmp1, bits // 16),
        "DQ": (numbers.dmq1, bits // 16),
        "InverseQ": (numbers.iqmp, bits // 16),
    }
    for name, (value, length) in expected.items():
        assert (int.from_bytes(found[name]), len(found[name])) == (value, length), name


def test_another_key_is_refused() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    with pytest.raises(Thrown, match="is not one of RSA"):
        keys().call("Read-RsaKey", pem=pem)
    with pytest.raises(Thrown, match="comes with one private key"):
        keys().call("Read-RsaKey", pem="nothing")


# Arguments.


def taken_apart(line: str) -> list[str]:
    """What Microsoft's C runtime makes of a command line ("Parsing C Command-Line Arguments")."""
    found, at = [], 0
    while at < len(line):
        if line[at] == " ":
            at += 1
            continue
        word, quoted = "", False
        while at < len(line) and (quoted or line[at] != " "):
            slashes = re.match(r"\\*", line[at:])
            count = len(slashes[0]) if slashes else 0
            at += count
            if at < len(line) and line[at] == '"':
                word += "\\" * (count // 2)
                if count % 2:
                    word += '"'
                else:
                    quoted = not quoted
                at += 1
                continue
            word += "\\" * count
            if count == 0:
                word += line[at]
                at += 1
        found.append(word)
    return found


@given(words=st.lists(st.text(st.sampled_from('ab \\"&|%^<>'), max_size=8), max_size=4))
@settings(max_examples=150, deadline=None)
def test_any_argument_reaches_the_program_as_it_is(words: list[str]) -> None:
    line = " ".join(THINKING.call("ConvertTo-Argument", text=word) for word in words)
    assert taken_apart(line) == words


def test_a_log_shows_no_secret(tmp_path: Path) -> None:
    made = scripts()
    made.top.names["logfile"] = str(tmp_path / "log")
    made.top.names["secrets"] = Table({"one": "hidden", "two": "also"})
    made.call("Write-Log", text="hidden and also this")
    assert (tmp_path / "log").read_text() == "2026-11-30T12:00:00Z *** and *** this\n"


def test_the_reader_is_strict_too() -> None:
    with pytest.raises(Thrown, match="has not been set"):
        scripts().run(b"$nobody\n")
    with pytest.raises(Thrown, match="'Get-Nothing' is not recognized"):
        scripts().run(b"Get-Nothing\n")
    with pytest.raises(Thrown, match="Read-Json does not take"):
        THINKING.call("Read-Json", wrong="x")
