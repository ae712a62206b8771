"""The files that are offered, and names that nobody may give one."""

import hashlib

import pytest

from sandbox.fabric.contract import FabricError
from sandbox.fabric.downloads import Shelf


@pytest.fixture
def shelf(tmp_path):
    return Shelf(tmp_path / "downloads")


@pytest.fixture
def installer(tmp_path):
    file = tmp_path / "installer.tar"
    file.write_bytes(b"packages")
    return file


def test_a_file_is_there_for_whoever_looks_later(shelf, installer):
    assert shelf.names() == ()

    assert shelf.add(installer) == hashlib.sha256(b"packages").hexdigest()
    installer.unlink()

    assert Shelf(shelf.folder).names() == ["installer.tar"]
    assert shelf.find("installer.tar").read_bytes() == b"packages"


def test_who_reads_the_old_one_reads_it_to_its_end(shelf, installer):
    shelf.add(installer)
    with shelf.find("installer.tar").open("rb") as reader:
        installer.write_bytes(b"others")
        shelf.add(installer)

        assert reader.read() == b"packages"
    assert shelf.find("installer.tar").read_bytes() == b"others"


@pytest.mark.parametrize("name", ["../cloud.sqlite", "a/b", ".hidden", "..", "a b", "", "x" * 201])
def test_a_name_that_is_more_than_a_name_is_neither_found_nor_removed(shelf, installer, name):
    shelf.add(installer)

    assert shelf.find(name) is None
    with pytest.raises(FabricError, match="is no name for a file that is offered"):
        shelf.remove(name)


def test_a_slash_in_a_name_is_refused(shelf, installer):
    with pytest.raises(FabricError, match="no slash, and begins with a letter or a digit"):
        shelf.add(installer, "vendor/installer.tar")
    assert shelf.names() == ()


def test_what_is_not_offered_can_not_be_withdrawn(shelf, installer):
    shelf.add(installer, "other.tar")

    with pytest.raises(FabricError, match=r"installer\.tar is not offered; offered: other\.tar"):
        shelf.remove("installer.tar")
    shelf.remove("other.tar")
    assert shelf.names() == []


def test_a_file_that_is_not_there_is_named(shelf, tmp_path):
    with pytest.raises(FabricError, match=r"absent\.tar can't be offered"):
        shelf.add(tmp_path / "absent.tar")
    assert list(shelf.folder.iterdir()) == []
