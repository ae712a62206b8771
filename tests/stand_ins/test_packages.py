"""The archives: their content by name, and that the same version is the same bytes."""

import io
import subprocess
import tarfile
from pathlib import Path

import pytest

from stand_ins.packaging import archives
from stand_ins.product import passwords
from stand_ins.versions import VERSIONS
from tests.support.r import ROOT
from tests.support.stand_ins import PASSWORD

BUILD = ROOT / "stand_ins" / "build"


def build(*words, **options):
    return subprocess.run([BUILD, *words], capture_output=True, text=True, check=False, **options)


def names(content):
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        return {entry.name for entry in tar.getmembers() if entry.isfile()}


@pytest.mark.parametrize("key", [("rserver", "9.1.0"), ("mlserver", "9.3.0")], ids=" ".join)
def test_a_version_is_the_same_bytes_whoever_builds_it(key, tmp_path):
    here = archives.sha256(archives.make(*key))

    # A relative folder, another zone and another mask.
    done = build(
        *key, "--output", "out", cwd=tmp_path, env={"PATH": "/usr/bin:/bin", "TZ": "Asia/Tokyo"},
        preexec_fn=lambda: __import__("os").umask(0o077),
    )  # fmt: skip

    name = archives.name_of(*key)
    assert done.stdout == f"{here}  out/{name}\n", done.stderr
    assert archives.sha256((tmp_path / "out" / name).read_bytes()) == here


def test_packages_have_the_documented_names():
    v = "9.4.7"
    assert names(archives.make("mlserver", v)) >= {
        f"{name}.deb"
        for name in (
            f"microsoft-mlserver-packages-r-{v}",
            f"microsoft-mlserver-python-{v}",
            f"microsoft-mlserver-packages-py-{v}",
            f"microsoft-mlserver-adminutil-{v}",
            f"microsoft-mlserver-computenode-{v}",
            f"microsoft-mlserver-config-rserve-{v}",
            f"microsoft-mlserver-webnode-{v}",
            "microsoft-r-open-mro-3.5.2",
            "microsoft-r-open-mkl-3.5.2",
            "microsoft-r-open-foreachiterators-3.5.2",
            "dotnet-host-2.0.0",
            "dotnet-hostfxr-2.0.0",
            "dotnet-runtime-2.0.0",
            "azure-cli",
        )
    }
    assert names(archives.make("rserver", "9.1.0")) >= {
        "MRS91Linux/install.sh",
        *(
            f"MRS91Linux/DEB/microsoft-r-server-{name}-9.1.deb"
            for name in ("packages", "adminutil", "webnode", "computenode", "config-rserve")
        ),
    }
    assert "MRS90LINUX/install.sh" in names(archives.make("rserver", "9.0-preview"))


def test_what_there_is_no_stand_in_for_is_refused_by_name(tmp_path):
    done = build("rserver", "8.0.5", "--output", str(tmp_path))

    known = ", ".join(" ".join(key) for key in VERSIONS)
    assert done.stderr == f"there is no stand-in for rserver 8.0.5; there are {known}\n"
    assert (done.returncode, list(tmp_path.iterdir())) == (1, [])


def test_the_hash_of_a_password_is_one_that_90_takes():
    made = build("--hash", input=f"{PASSWORD}\n").stdout.strip()

    assert passwords.matches(PASSWORD, made)
    assert not passwords.matches("Other-Pass:1", made)
    assert PASSWORD not in made


def test_a_weak_password_has_no_hash():
    done = build("--hash", input="weak\n")

    assert (done.returncode, done.stdout) == (1, "")
    assert "8 to 16 characters" in done.stderr


def test_nothing_of_a_node_knows_the_program_that_configures_it():
    packed = [Path(each) for each in archives.content.CODE]
    assert {path.parts[0] for path in packed} == {"server", "stand_ins"}
