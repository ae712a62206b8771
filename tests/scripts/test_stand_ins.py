"""Stacks whose nodes install stand-ins: which ones, and whether they are today's."""

import hashlib
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import stacks
from tests.support.engine import ROOT

SITE = "https://downloads.sandbox.example"


def loaded(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / f"scripts/lib/{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def family(file):
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts/lib/family.py"), str(file)],
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


def test_every_stack_names_the_stand_in_that_this_project_builds():
    """A stand-in has changed where this fails: run scripts/stand-ins and commit the stack files."""
    done = subprocess.run(
        [str(ROOT / "scripts/stand-ins"), "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("stack", "found"),
    [
        ("dev-rserver", ["rserver", "9.1.0", "rserver-9.1.0.tar"]),
        ("dev-mlserver-aws", ["mlserver", "9.4.7", "mlserver-9.4.7.tar"]),
        ("dev-mlserver-onebox", ["mlserver", "9.3.0", "mlserver-9.3.0.tar"]),
        ("dev", []),
        ("dev-endpoint", []),
    ],
)
def test_up_knows_which_stand_in_a_stack_installs(stack, found):
    assert family(stacks.STACKS / f"Pulumi.{stack}.yaml")[:3] == found


@pytest.mark.parametrize(
    "change",
    [
        (f"{SITE}/rserver-9.1.0.tar", "https://downloads.example.com/rserver-9.1.0.tar"),
        ('version: "9.1.0"', 'version: "9.9"'),
    ],
)
def test_who_brings_the_real_one_or_is_refused_gets_no_stand_in(tmp_path, change):
    text = (stacks.STACKS / "Pulumi.dev-rserver.yaml").read_text()
    (tmp_path / "Pulumi.dev-rserver.yaml").write_text(text.replace(*change))

    assert family(tmp_path / "Pulumi.dev-rserver.yaml") == []


def test_a_sum_is_renewed_and_nothing_else_is_written():
    old, new = "0" * 64, hashlib.sha256(b"new").hexdigest()
    text = (
        f"url: {SITE}/mlserver-9.3.0.tar  # ours\n"
        f'    sha256: "{old}"  # renewed\n'
        f"url: {SITE}/other-1.0.tar\nsha256: {old}\n"
        f"url: https://downloads.example.com/mlserver-9.3.0.tar\nsha256: {old}\n"
    )

    class Sums:
        def of(self, product, version):
            assert (product, version) == ("mlserver", "9.3.0")
            return new

    renewed = loaded("stand_ins").renewed(text, Sums())
    assert renewed == text.replace(old, new, 1)


def test_a_build_has_the_same_bytes_each_time(tmp_path):
    sums = loaded("stand_ins")
    first, second = (
        sums.Sums(tmp_path / name).of("rserver", "9.0.1") for name in ("first", "second")
    )
    assert first == second
    assert Path(tmp_path / "first/rserver-9.0.1.tar").is_file()
