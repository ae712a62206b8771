"""The bundle: what it holds, that it is the same every time, and that a node takes no other."""

import gzip
import io
import subprocess
import sys
import tarfile
from hashlib import sha256

import pytest

from components.bootstrap.bundle import bundle, pack, split
from components.bootstrap.scripts import FIRST, PROGRAMS
from components.runtimes.files import REPOSITORY
from components.runtimes.node import NodeFile
from tests.support.nodes import ROLES, recipe_of

UNPACK = REPOSITORY / "components/bootstrap/scripts/clouds/aws/unpack_bundle.py"
GOOD = NodeFile(path="/opt/operationalization/bin/role.sh", content="#!/bin/sh\n", mode="0755")


@pytest.mark.parametrize("role", ROLES)
def test_user_data_and_bundle_bring_every_file_once(role):
    carried, fetched = split(recipe_of(role, "aws"), "aws")
    everything, nothing = split(recipe_of(role), "azure")
    paths = [file.path for file in (*carried, *fetched)]

    assert nothing == ()
    assert {file.path for file in everything} <= set(paths)
    assert len(set(paths)) == len(paths)
    # What reads JSON for scripts comes with products whose systems have no jq.
    assert {file.path for file in carried} == FIRST["aws"] - {f"{PROGRAMS}/node_json.py"}


def test_azure_has_no_bundle():
    assert bundle(recipe_of("web"), "azure") is None


@pytest.mark.parametrize("role", ROLES)
def test_the_same_recipe_gives_the_same_bytes(role):
    first, second = (bundle(recipe_of(role, "aws"), "aws") for _ in range(2))

    assert first == second
    assert first.content[4:8] == b"\0\0\0\0", "gzip's header must hold no time"


def test_a_changed_file_is_another_bundle():
    assert pack([GOOD]) != pack([NodeFile(path=GOOD.path, content="#!/bin/sh\n", mode="0644")])
    assert pack([GOOD]) != pack([NodeFile(path=GOOD.path, content="#!/bin/bash\n", mode="0755")])


def test_a_file_of_another_user_is_not_packed():
    with pytest.raises(ValueError, match="daemon") as refused:
        pack([NodeFile(path=GOOD.path, content="x\n", owner="daemon:daemon")])

    assert str(refused.value) == f"{GOOD.path}: belongs to daemon:daemon, a bundle has only root's"


def test_a_file_for_a_foreign_place_is_not_packed():
    with pytest.raises(ValueError, match="/etc/passwd: is not below /opt/operationalization/"):
        pack([NodeFile(path="/etc/passwd", content="x\n")])


def unpack(folder, content, digest=None):
    """Run the node's own program on an archive."""
    archive, root = folder / "archive", folder / "root"
    archive.write_bytes(content)
    command = [sys.executable, UNPACK, archive, digest or sha256(content).hexdigest(), root]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def tree(folder):
    root = folder / "root"
    return {
        str(path.relative_to(root)): (path.stat().st_mode & 0o777, path.read_text())
        for path in root.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("role", ROLES)
def test_a_node_unpacks_what_was_packed(role, tmp_path):
    found = unpack(tmp_path, bundle(recipe_of(role, "aws"), "aws").content)
    _, fetched = split(recipe_of(role, "aws"), "aws")

    assert (found.returncode, found.stderr) == (0, "")
    assert tree(tmp_path) == {file.path[1:]: (int(file.mode, 8), file.content) for file in fetched}


def test_unpacking_again_changes_nothing(tmp_path):
    unpack(tmp_path, pack([GOOD]))
    before = tree(tmp_path)
    again = unpack(tmp_path, pack([GOOD]))

    assert (again.returncode, tree(tmp_path)) == (0, before)


def refusal(folder, content, digest=None):
    """Why the node unpacked nothing."""
    found = unpack(folder, content, digest)
    assert found.returncode == 1
    assert not (folder / "root").exists(), "a refused archive must leave nothing"
    return found.stderr.removeprefix("refused: ").rstrip("\n")


def test_another_archive_than_the_one_in_user_data_is_refused(tmp_path):
    content, expected = pack([GOOD]), "0" * 64

    assert refusal(tmp_path, content, expected) == (
        f"its sha256 is {sha256(content).hexdigest()}, not {expected}"
    )


def test_half_an_archive_is_refused(tmp_path):
    content = pack([GOOD])
    half = content[: len(content) // 2]

    assert refusal(tmp_path, half, sha256(content).hexdigest()).startswith("its sha256 is ")
    assert refusal(tmp_path, half).startswith("Compressed file ended before"), "even if it matched"


def archive_of(*entries):
    """An archive that `pack` would not make."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, changes in entries:
            entry = tarfile.TarInfo(name)
            entry.mode = 0o644
            for field, value in changes.items():
                setattr(entry, field, value)
            entry.size = 1 if entry.isreg() else 0
            archive.addfile(entry, io.BytesIO(b"x"))
    return gzip.compress(buffer.getvalue())


NAME = "opt/operationalization/bin/a.sh"


@pytest.mark.parametrize(
    "name",
    [
        "etc/passwd",
        "/opt/operationalization/bin/a.sh",
        "opt/operationalization/bin/../../../etc/passwd",
        "opt/operationalization/bin/..",
        "opt/operationalization/server/../bin/a.sh",
        "etc/systemd/system/ssh.service",
        "etc/systemd/system/operationalization-a.service.d/../../ssh.service",
        "etc/operationalization/node.json",
        "opt/operationalization/bin/a\nb",
    ],
)
def test_a_foreign_path_is_refused_and_the_good_ones_with_it(name, tmp_path):
    content = archive_of((NAME, {}), (name, {}))

    assert refusal(tmp_path, content) == f"{name} is no place for a file of a bundle"


@pytest.mark.parametrize("kind", ["SYMTYPE", "LNKTYPE", "CHRTYPE", "FIFOTYPE", "DIRTYPE"])
def test_only_plain_files_are_unpacked(kind, tmp_path):
    content = archive_of((NAME, {"type": getattr(tarfile, kind), "linkname": "/etc/passwd"}))

    assert refusal(tmp_path, content) == f"{NAME} is no plain file"


def test_a_file_that_runs_as_its_owner_is_refused(tmp_path):
    assert refusal(tmp_path, archive_of((NAME, {"mode": 0o4755}))) == f"{NAME} has mode 4755"


def test_a_second_file_of_the_same_name_is_refused(tmp_path):
    assert refusal(tmp_path, archive_of((NAME, {}), (NAME, {}))) == f"{NAME} is there twice"


def test_an_archive_that_swells_is_refused(tmp_path):
    content = gzip.compress(b"\0" * (5 * 1024 * 1024))

    assert refusal(tmp_path, content) == "it has more than 4194304 bytes"
