"""What is kept of the SDKs on disk is what they say, or nothing."""

import hashlib
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from sandbox.control import annotations, shelf
from sandbox.control.packages import PACKAGES
from sandbox.control.schema import Package, UnknownTypeError
from sandbox.control.shapes import STRING, ListOf, Object, Property
from sandbox.control.shelf import Shelf
from sandbox.home import PROJECT

NETWORK = "azure-native:network:VirtualNetwork"
PASSWORD = "random:index/randomPassword:RandomPassword"
LOOK_UP = "azure-native:network:getVirtualNetwork"


@pytest.fixture
def read(monkeypatch):
    """The tokens that were read from an SDK."""
    tokens = []

    class Noted(annotations.Sdk):
        def resource(self, token, module, name):
            tokens.append(token)
            return super().resource(token, module, name)

        def arguments(self, token, module, name):
            tokens.append(token)
            return super().arguments(token, module, name)

    monkeypatch.setattr(annotations, "Sdk", Noted)
    return tokens


def told(shape):
    """All that a shape says, with what it leads to."""
    objects = shelf._Objects()
    objects.number(shape)
    return objects.written()


def everything(resource):
    return told(resource.inputs), told(resource.state), resource.outputs, resource.api_version


@pytest.mark.parametrize("package", PACKAGES, ids=lambda each: each.name)
def test_every_type_is_kept_as_the_sdk_says_it(package, tmp_path, read):
    first, second = Package(package.name, tmp_path), Package(package.name, tmp_path)
    for token in package.kinds:
        assert everything(second.resource(token)) == everything(first.resource(token))
    for token in package.functions:
        assert told(second.arguments(token)) == told(first.arguments(token))
    assert sorted(read) == sorted({*package.kinds, *package.functions})


def test_the_sdk_is_not_imported_for_what_is_kept(tmp_path):
    Package("azure-native", tmp_path).resource(NETWORK)
    script = """
import sys
from pathlib import Path
from sandbox.control.schema import Package
found = Package("azure-native", Path(sys.argv[1])).resource(sys.argv[2])
print("addressSpace" in found.inputs.properties, "pulumi" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path), NETWORK],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "True False\n"


def cut(content):
    return content[: len(content) // 2]


def bent(content):
    return content.replace(b"length", b"lenght", 1)


def of_another(content):
    text = content.partition(b"\n")[2].replace(b"randomPassword", b"randomPasswerd")
    return hashlib.sha256(text).hexdigest().encode() + b"\n" + text


def of_other_form(content):
    text = json.dumps({"token": PASSWORD, "inputs": 7, "state": 0, "objects": []}).encode()
    return hashlib.sha256(text).hexdigest().encode() + b"\n" + text


@pytest.mark.parametrize(
    "damage", [cut, bent, of_another, of_other_form, lambda _: b"", lambda _: b"\xff\x00\n{}"]
)
def test_a_file_that_is_not_as_it_was_written_is_written_anew(damage, tmp_path, read):
    Package("random", tmp_path).resource(PASSWORD)
    (file,) = tmp_path.glob("*/*.json")
    good = file.read_bytes()
    file.write_bytes(damage(good))

    found = Package("random", tmp_path).resource(PASSWORD)

    assert "length" in found.inputs.properties
    assert read == [PASSWORD, PASSWORD]
    assert file.read_bytes() == good


def test_a_folder_that_cannot_be_written_keeps_nothing_and_all_works(tmp_path, read):
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    for _ in range(2):
        assert Package("random", in_the_way).resource(PASSWORD).outputs >= {"result"}
        assert Package("azure-native", in_the_way).arguments(LOOK_UP).properties
    assert read == [PASSWORD, LOOK_UP] * 2


def test_a_type_that_is_not_there_is_never_kept(tmp_path):
    for _ in range(2):
        with pytest.raises(UnknownTypeError, match="is not a resource type of"):
            Package("random", tmp_path).resource("random:index/randomPasswerd:RandomPasswerd")
    assert list(tmp_path.rglob("*")) == []


def test_another_reader_or_version_reads_anew_and_what_was_kept_before_goes(
    tmp_path, read, monkeypatch
):
    Package("random", tmp_path).resource(PASSWORD)
    Package("tls", tmp_path).resource("tls:index/privateKey:PrivateKey")
    monkeypatch.setattr(shelf, "_reader", lambda: "another")
    Package("random", tmp_path).resource(PASSWORD)

    assert read.count(PASSWORD) == 2
    kept = sorted(path.name.partition("-")[0] for path in tmp_path.iterdir())
    assert kept == ["pulumi_random", "pulumi_tls"]
    assert next(path.name for path in tmp_path.glob("pulumi_random-*")).endswith("-another")


def test_who_reads_while_others_write_finds_all_of_it_or_nothing(tmp_path):
    def properties():
        return {f"p{index}": Property(ListOf(STRING), required=True) for index in range(200)}

    def write():
        for _ in range(20):
            Shelf(tmp_path, "sdk-1").put_arguments("sdk::f", Object("F", properties))

    def look():
        found = [Shelf(tmp_path, "sdk-1").arguments("sdk::f") for _ in range(40)]
        return [len(each.properties) for each in found if each is not None]

    with ThreadPoolExecutor(6) as pool:
        writers = [pool.submit(write) for _ in range(3)]
        readers = [pool.submit(look) for _ in range(3)]
        for each in writers:
            each.result()
        assert {length for each in readers for length in each.result()} <= {200}
    (file,) = tmp_path.glob("*/*")
    assert file.suffix == ".json"
