"""R packages of services: on every node that runs R, from the user's repository, once a version."""

import hashlib
import subprocess
from pathlib import Path
from typing import Any

import pytest

from components.bootstrap.bundle import split
from components.runtimes import recipe
from tests.components.runtimes.rserver.test_scripts import NODE, Machine
from tests.support.environments import (
    AWS,
    AZURE,
    ONE_BOX,
    changed,
    environment,
    of_family,
)
from tests.support.powershell import Thrown
from tests.support.powershell.nodes import OWN, scripts
from tests.support.powershell.values import of_json

SUM = "ab" * 32
NAMES = ("forecast", "data.table")
UNIT = "operationalization-r-packages.service"


def recipes(
    base: dict[str, Any], version: str = "9.4.7", system: str = "ubuntu-16.04", **more: Any
) -> Any:
    end = "zip" if system.startswith("windows") else "tar.gz"
    archive = {"url": f"https://downloads.example.com/packages.{end}", "sha256": SUM}
    named = {"runtime.server.packages": NAMES, "runtime.server.installers.packages": archive}
    made = environment(changed(of_family(base, version, system), named | more))
    return {role: recipe.for_role(made, role) for role in made.groups}


@pytest.mark.parametrize("system", ["ubuntu-16.04", "windows-server-2016"])
def test_nodes_that_run_r_know_what_they_install_and_web_nodes_nothing_of_it(system: str) -> None:
    made = recipes(AZURE, system=system)
    plain = environment(of_family(AZURE, "9.4.7", system))

    install = made["compute"].data["install"]
    assert install["packages"] == NAMES
    assert install["files"]["packages"]["sha256"] == SUM
    web = recipe.for_role(plain, "web")
    assert (made["web"].data, made["web"].files) == (web.data, web.files)
    before = {each.path for each in recipe.for_role(plain, "compute").files}
    come = {each.path for each in made["compute"].files} - before
    assert any(path.endswith("install-packages.R") for path in come)


def test_on_linux_they_are_there_before_r_shells_start() -> None:
    box = recipes(ONE_BOX, "9.3.0")["one-box"]

    assert box.services[0] == UNIT
    paths = {each.path: each.mode for each in box.files}
    assert paths[f"/etc/systemd/system/{UNIT}"] == "0644"
    assert paths["/opt/operationalization/bin/install-r-packages.sh"] == "0755"


def test_on_aws_what_installs_them_comes_with_the_bundle() -> None:
    _, fetched = split(recipes(AWS)["compute"], "aws")

    assert "/opt/operationalization/bin/install-packages.R" in {each.path for each in fetched}


# The script on Linux.


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    made = Machine(tmp_path)
    for source in (NODE / "packages").glob("*.*"):
        made.copy(source)
    (tmp_path / "lib").mkdir()
    (tmp_path / "repository/src/contrib").mkdir(parents=True)
    (tmp_path / "repository/src/contrib/PACKAGES").write_text("Package: forecast\n")
    archive = tmp_path / "a.tar"
    subprocess.run(["tar", "-C", tmp_path, "-cf", archive, "repository"], check=True)
    made.stub("curl", f'cp {archive} "${{@: -2:1}}"')
    # R is asked for what it would be given, and whether it could read what is there.
    made.stub(
        "Revo64",
        f'echo "${{@: -2}}" >>{tmp_path}/asked; [[ -d ${{@: -3:1}}/repository/src ]] || exit 7; '
        f"[[ ! -e {tmp_path}/broken ]]",
    )
    says(made, archive)
    return made


def says(made: Machine, archive: Path, version: str = "9.4.7") -> None:
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    file = {"url": "https://downloads.example/a.tar", "sha256": digest}
    install = {"packages": NAMES, "files": {"packages": file}, "private": False}
    made.says({"product": "mlserver", "version": version}, install=install)


def asked(made: Machine) -> list[str]:
    return (made.folder / "asked").read_text().splitlines()


def test_packages_are_installed_once_and_anew_for_another_version(machine: Machine) -> None:
    for _ in range(2):
        done = machine.run("install-r-packages.sh")
        assert done.returncode == 0, done.stderr
    assert asked(machine) == ["forecast data.table"]
    says(machine, machine.folder / "a.tar", "9.3.0")
    assert machine.run("install-r-packages.sh").returncode == 0
    assert asked(machine) == ["forecast data.table"] * 2


def test_what_r_could_not_install_is_tried_again(machine: Machine) -> None:
    (machine.folder / "broken").touch()
    done = machine.run("install-r-packages.sh")
    assert done.returncode == 1
    assert done.stderr.endswith(
        "failed: R could not install forecast data.table; its own words are above\n"
    )
    (machine.folder / "broken").unlink()
    assert machine.run("install-r-packages.sh").returncode == 0
    assert len(asked(machine)) == 2


# On Windows.

PROGRAM = "Rscript.exe"


def windows(folder: Path, calls: list[Any], **node: Any) -> Any:
    made = scripts(
        "azure-9.4.7-compute",
        folder,
        **{
            "Save-Artifact": lambda name, path: calls.append(f"fetch {name}") or [],
            "Invoke-Native": lambda program, arguments, **_: (
                calls.append([Path(program.replace("\\", "/")).name, *arguments]) or []
            ),
            "Remove-Item": lambda **_: [],
            "Get-Home": lambda: str(folder / "R_SERVER" / "o16n"),
            "Split-Path": lambda path, parent: str(Path(path).parent),
            "Join-Path": lambda path, childpath: f"{path}/{childpath}",
            "Test-Path": lambda literalpath, **_: (
                (literalpath.endswith(PROGRAM) and "x64" in literalpath)
                or Path(literalpath).exists()
            ),
            "Write-Text": lambda path, text: Path(path).write_text(text) and [],
        },
    )
    for name in ("save-artifact", "invoke-native", "write-text"):
        made.functions.pop(name, None)
    made.statics["IO.Compression.ZipFile::ExtractToDirectory"] = lambda *_: None
    made.top.names |= {"mediafolder": "M:", "programfolder": "P:"}
    for name in ("product", "packages"):
        made.load(OWN / f"{name}.ps1")
    made.functions.pop("get-home")
    install = made.top.names["node"].values["compute"].values["install"].values
    install |= node
    return made


def test_on_windows_the_same_is_done(tmp_path: Path) -> None:
    calls: list[Any] = []
    files = {"packages": {"url": "https://downloads.example/packages.zip", "sha256": SUM}}
    made = windows(tmp_path, calls, packages=list(NAMES), files=of_json(files))

    made.call("Install-Packages")
    made.call("Install-Packages")

    script = ["--no-save", "--no-restore", "--no-init-file", "P:\\install-packages.R"]
    assert calls == ["fetch packages", [PROGRAM, *script, "M:\\packages", *NAMES]]
    assert (tmp_path.parent / f"{tmp_path.name}\\packages").read_text() == (
        f"mlserver 9.4.7 {SUM} {' '.join(NAMES)}"
    )


def test_on_windows_nodes_without_any_do_nothing(tmp_path: Path) -> None:
    calls: list[Any] = []
    windows(tmp_path, calls).call("Install-Packages")
    assert calls == []


def test_on_windows_a_product_without_r_is_said(tmp_path: Path) -> None:
    made = windows(tmp_path, [])
    made.cmdlets["Test-Path"] = lambda literalpath, **_: False
    with pytest.raises(Thrown, match=r"there is no bin\\x64\\Rscript.exe in "):
        made.call("Get-RProgram")
