"""scripts/setup on small copies of the project, with tools that are stand-ins or missing.

Nothing here uses the network: `python`, `pulumi` and the others on PATH are stubs that write down
how they were called.
"""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]
BASICS = "awk bash cat cp chmod cut date df dirname env find flock grep head id ln mkdir mv ps"
MORE = "printf realpath rm sed sha256sum sleep sort tail tar touch tr"

PYTHON = """#!/bin/bash
echo "python3 $*" >>"$CALLS"
case "$*" in
  "-m sandbox.fabric.images")
    [[ ! ${BUILD_FAILS:-} ]] || { echo "error: no base"; exit 1; }
    for name in base complete family postgresql; do mkdir -p ".cache/images/$name/upper"; done
    ;;
  *unavailable*) echo "${UNAVAILABLE:-}" ;;
  "-m venv "*)
    mkdir -p "$3/bin" "$3/lib"
    cp "$0" "$3/bin/python"
    ;;
  *"pip install"*) [[ ! ${PIP_FAILS:-} ]] || { echo "no matching distribution"; exit 1; } ;;
esac
"""
PULUMI = """#!/bin/bash
echo "pulumi $*" >>"$CALLS"
echo "v${PULUMI_VERSION:-3.272.0}"
"""


@dataclass
class Clone:
    """A copy of what set-up reads, and a PATH with only what a test puts there."""

    root: Path
    tools: Path
    calls: Path

    def tool(self, name: str, text: str = "#!/bin/bash\n") -> Path:
        path = self.tools / name
        path.write_text(text)
        path.chmod(0o755)
        return path

    def setup(
        self, *arguments: str, prefix: tuple[str, ...] = (), **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Run set-up, and forget what it called the time before."""
        self.calls.write_text("")
        return subprocess.run(
            [*prefix, str(self.root / "scripts/setup"), *arguments],
            env={
                "PATH": str(self.tools),
                "HOME": str(self.root),
                "CALLS": str(self.calls),
                **variables,
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    @property
    def log(self) -> list[str]:
        return self.calls.read_text().splitlines()


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    root = tmp_path / "a clone"  # a space, as people have them
    shutil.copytree(ROOT / "scripts", root / "scripts", ignore=shutil.ignore_patterns("*.pyc"))
    for name in ("requirements.txt", "requirements-dev.txt"):
        shutil.copy(ROOT / name, root / name)
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in f"{BASICS} {MORE}".split():
        found = shutil.which(name)
        assert found, name
        (tools / name).symlink_to(found)
    made = Clone(root, tools, tmp_path / "calls")
    made.tool("python3", PYTHON)
    made.tool("pulumi", PULUMI)
    made.tool("pulumi-language-python")
    return made


def test_the_first_run_makes_all_and_the_second_touches_nothing(clone: Clone) -> None:
    first = clone.setup()

    assert first.returncode == 0, first.stderr
    assert (clone.root / ".venv/bin/python").exists()
    assert any("--require-hashes --only-binary :all:" in call for call in clone.log)
    assert any("-m compileall" in call for call in clone.log)
    assert (clone.root / ".cache/engine/bin/pulumi").readlink() == clone.tools / "pulumi"
    assert f"Engine: {clone.tools}/pulumi, version 3.272.0, found on PATH\n" in first.stderr

    second = clone.setup()

    assert second.returncode == 0
    assert second.stderr == second.stdout == ""
    assert clone.log == []


def test_a_changed_lock_makes_a_new_environment_and_drops_the_old(clone: Clone) -> None:
    clone.setup()
    before = (clone.root / ".venv").resolve()
    with (clone.root / "requirements.txt").open("a") as lock:
        lock.write("another==1.0\n")

    clone.setup()

    assert (clone.root / ".venv").resolve() != before
    assert not before.exists()
    assert not any(call.startswith("pulumi") for call in clone.log)


def test_a_failed_installation_leaves_the_old_environment_in_force(clone: Clone) -> None:
    clone.setup()
    before = (clone.root / ".venv").resolve()
    with (clone.root / "requirements-dev.txt").open("a") as lock:
        lock.write("another==1.0\n")

    failed = clone.setup(PIP_FAILS="1")

    assert failed.returncode == 1
    assert "error: the Python packages could not be installed\n" in failed.stderr
    assert "  fix:   check the network (pip follows PIP_INDEX_URL" in failed.stderr
    assert "  | no matching distribution\n" in failed.stderr
    assert (clone.root / ".venv").resolve() == before
    assert clone.setup().returncode == 0
    assert (clone.root / ".venv").resolve() != before


def test_a_clone_that_was_moved_is_set_up_anew(clone: Clone) -> None:
    clone.setup()
    moved = clone.root.rename(clone.root.parent / "moved")
    clone.root = moved

    again = clone.setup()

    assert again.returncode == 0, again.stderr
    assert f"python3 -m venv {(moved / '.venv').resolve()}" in clone.log


def test_an_environment_made_by_hand_is_replaced(clone: Clone) -> None:
    (clone.root / ".venv/bin").mkdir(parents=True)
    (clone.root / ".venv/bin/python").touch(mode=0o755)

    assert clone.setup().returncode == 0
    assert (clone.root / ".venv").is_symlink()


def test_a_changed_engine_lock_brings_the_engine_anew(clone: Clone) -> None:
    clone.setup()
    with (clone.root / "scripts/engine/cli/go.sum").open("a") as lock:
        lock.write("example.org/module v1.0.0 h1:0\n")

    again = clone.setup()

    assert again.returncode == 0
    assert clone.log == ["pulumi version"]


def test_an_engine_that_was_uninstalled_is_looked_for_again(clone: Clone) -> None:
    clone.setup()
    (clone.tools / "pulumi").unlink()

    again = clone.setup("--engine", "path")

    assert again.returncode == 1
    assert again.stderr.startswith("error: no engine\n")


def test_an_engine_that_is_too_old_is_not_used(clone: Clone) -> None:
    done = clone.setup("--engine", "path", PULUMI_VERSION="3.199.9")

    assert done.returncode == 1
    assert done.stderr.endswith(
        f"error: no engine\n  where: {clone.root}/.cache/engine/bin\n"
        f"  why:   the way 'path' does not work here (the log: {clone.root}/.cache/log)\n"
        "  fix:   run scripts/setup without --engine, or install Pulumi 3.200.0 or newer\n"
    )
    log = (clone.root / ".cache/log/engine-on-path.log").read_text()
    assert log == f"{clone.tools}/pulumi is version 3.199.9; 3.200.0 or newer is needed\n"


def test_no_python_is_named_with_its_package(clone: Clone) -> None:
    (clone.tools / "python3").unlink()

    done = clone.setup()

    assert done.returncode == 1
    assert done.stderr == (
        f"error: no Python 3.11 or newer\n  where: PATH={clone.tools}\n"
        "  why:   python3 is not there\n"
        "  fix:   Debian, Ubuntu: sudo apt install python3 python3-venv\n"
    )


def test_a_python_that_is_too_old_says_its_version(clone: Clone) -> None:
    clone.tool("python3", '#!/bin/bash\n[[ $1 == --version ]] && echo "Python 3.9.2"\n')

    done = clone.setup()

    assert done.returncode == 1
    assert "  why:   Python 3.9.2 is too old\n" in done.stderr


def test_a_python_without_venv_is_named_with_its_package(clone: Clone) -> None:
    python = clone.tool("python3", '#!/bin/bash\n[[ "$*" != *ensurepip* ]] || exit 1\nexit 0\n')

    done = clone.setup()

    assert done.returncode == 1
    assert done.stderr == (
        f"error: Python cannot make a virtual environment\n  where: {python}\n"
        "  why:   its venv module is not installed\n"
        "  fix:   Debian, Ubuntu: sudo apt install python3-venv\n"
    )


def test_without_pulumi_network_and_go_the_end_says_what_to_install(clone: Clone) -> None:
    (clone.tools / "pulumi").unlink()
    clone.setup()  # no curl and no go on this PATH

    done = clone.setup(PIP_FAILS="1")

    assert done.returncode == 1
    assert "Engine: Pulumi's installer cannot be reached from here\n" in done.stderr
    assert "no Go 1.24 or newer is installed\n" in done.stderr
    assert "error: no Go to build the engine with\n" in done.stderr
    assert "  fix:   install Go (Debian 13: sudo apt install golang-go;" in done.stderr


def test_a_full_disk_is_told_before_anything_is_written(clone: Clone) -> None:
    (clone.tools / "df").unlink()
    clone.tool("df", "#!/bin/bash\necho head\necho disk 100 90 10 90% /\n")

    done = clone.setup()

    assert done.returncode == 1
    assert (
        f"error: not enough disk space for the Python packages\n  where: {clone.root}/.cache\n"
        "  why:   10 MB are free, 1200 MB are needed\n"
        "  fix:   free some space on that disk\n"
    ) in done.stderr


def test_two_at_once_take_turns_with_a_word(clone: Clone) -> None:
    (clone.root / ".cache").mkdir()
    # Held by us; the waiting run gets it when we let go.
    holder = subprocess.Popen(
        ["flock", str(clone.root / ".cache/setup.lock"), "cat"], stdin=subprocess.PIPE
    )
    waiting = subprocess.Popen(
        [str(clone.root / "scripts/setup")],
        env={"PATH": str(clone.tools), "HOME": str(clone.root), "CALLS": str(clone.calls)},
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert waiting.stderr
    assert holder.stdin
    first = waiting.stderr.readline()
    holder.stdin.close()
    rest = waiting.stderr.read()

    assert waiting.wait(30) == 0, rest
    assert holder.wait(30) == 0
    assert first == f"another setup is at work on {clone.root}; waiting for it\n"
    waiting.stderr.close()


def test_a_missing_schema_is_said_once_and_its_reason_kept(clone: Clone) -> None:
    done = clone.setup()
    reason = "this machine has no apt-get and dpkg-deb to fetch it with"

    assert f"cloud-init's schema is missing: {reason}. The tests that need it" in done.stderr
    assert (clone.root / ".cache/cloud-init/absent").read_text() == f"{reason}\n"
    assert clone.setup().stderr == ""


def nodes(clone: Clone) -> None:
    """Debian's tools, brought by a stand-in for apt-get."""
    (clone.root / "sandbox/fabric/images").mkdir(parents=True)
    shutil.copy(ROOT / "sandbox/fabric/authority.py", clone.root / "sandbox/fabric")
    clone.tool(
        "apt-get",
        f"""#!/bin/bash
echo "apt-get $*" >>"$CALLS"
[[ ! ${{APT_FAILS:-}} ]] || {{ echo "E: no network"; exit 100; }}
[[ $* != *install* ]] || for tool in buildah ip mmdebstrap nft slirp4netns systemd-nspawn; do
  printf '#!/bin/bash\\n' >"{clone.tools}/$tool" && chmod +x "{clone.tools}/$tool"
done
""",
    )


OFF = "The sandbox works without them, its resources are then records only.\n"


def test_a_machine_that_cannot_have_nodes_says_so_once_and_goes_on(clone: Clone) -> None:
    done = clone.setup()

    assert done.returncode == 0
    assert "nodes will not boot: " in done.stderr
    assert OFF in done.stderr
    assert clone.setup().stderr == ""


@pytest.mark.root
def test_without_apt_the_missing_tools_are_named(clone: Clone) -> None:
    done = clone.setup()

    assert (
        "nodes will not boot: Debian's tools are missing (buildah iproute2 mmdebstrap nftables "
        "slirp4netns systemd-container"
    ) in done.stderr
    assert not any("sandbox.fabric.images" in call for call in clone.log)


def test_nodes_can_be_left_out(clone: Clone) -> None:
    nodes(clone)

    for done in (clone.setup("--no-nodes"), clone.setup(OPERATIONALIZATION_NO_NODES="1")):
        assert done.returncode == 0, done.stderr
        assert "nodes will not" not in done.stderr
        assert "Images of" not in done.stderr
        assert not any("install" in call and "apt-get" in call for call in clone.log)
    assert "--no-nodes" in clone.setup("--help").stdout


def test_a_user_gets_no_nodes_and_no_packages(clone: Clone) -> None:
    nodes(clone)
    # Root's files look like this user's own in there.
    user = (shutil.which("unshare") or "", "--user", "--map-user=1000") if os.geteuid() == 0 else ()

    done = clone.setup(prefix=user)

    assert "nodes will not boot: they need root, and this runs as " in done.stderr
    assert not any("install" in call and "apt-get" in call for call in clone.log)


@pytest.mark.root
def test_tools_are_installed_with_a_word_and_images_built_once(clone: Clone) -> None:
    nodes(clone)

    first = clone.setup()

    assert first.returncode == 0, first.stderr
    assert (
        "installing Debian packages on this machine, to build the images of nodes and to boot "
        "them: buildah iproute2 mmdebstrap nftables slirp4netns systemd-container"
    ) in first.stderr
    assert "Images of nodes: " in first.stderr
    assert "python3 -m sandbox.fabric.images" in clone.log
    assert clone.setup().stderr == ""
    assert clone.log == []

    (clone.root / "sandbox/fabric/images/definitions.py").write_text("changed")
    assert "Images of nodes: " in clone.setup().stderr


MEET = """
meet() {
  touch "$PLACE/$1"
  for ((looks = 0; looks < 400; looks++)); do [[ ! -e $PLACE/$2 ]] || return 0; sleep 0.05; done
  echo "$1 met no $2"
  exit 1
}
"""
"""Shell: leaves a sign, and waits for another's."""


def with_step(stub: str, pattern: str, step: str) -> str:
    """A stand-in that takes a step first when it is called as *pattern* says."""
    head, rest = stub.split("\n", 1)
    return f'{head}\n{MEET}[[ "$*" != {pattern} ]] || {step}\n{rest}'


@pytest.mark.root
def test_images_are_built_while_the_engine_is(clone: Clone, tmp_path: Path) -> None:
    nodes(clone)
    clone.tool("python3", with_step(PYTHON, '"-m sandbox.fabric.images"', "meet images engine"))
    clone.tool("pulumi", with_step(PULUMI, "version", "meet engine images"))

    done = clone.setup(PLACE=str(tmp_path))

    assert done.returncode == 0, done.stderr
    assert "Images of nodes: " in done.stderr
    assert (clone.root / ".cache/engine/bin/pulumi").exists()
    assert clone.setup().stderr == ""


@pytest.mark.root
@pytest.mark.parametrize("interrupted", [False, True], ids=["engine fails", "Ctrl-C"])
def test_what_ends_the_engine_ends_what_runs_beside_it(
    clone: Clone, tmp_path: Path, interrupted: bool
) -> None:
    nodes(clone)
    forever = 'meet images engine; echo $$ >"$PLACE/number"; touch "$PLACE/goes-on"; exec sleep 600'
    clone.tool("python3", with_step(PYTHON, '"-m sandbox.fabric.images"', f"{{ {forever}; }}"))
    engine = "meet engine goes-on; " + (
        'kill -INT -- "-$MAIN"; sleep 600' if interrupted else "true"
    )
    clone.tool("pulumi", with_step(PULUMI, "version", f"{{ {engine}; }}"))
    clone.calls.write_text("")
    # `exec` keeps the number, so that the stand-in knows which group a terminal would interrupt.
    shell = 'export MAIN=$$; exec env --default-signal=INT "$@"'
    done = subprocess.run(
        ["/bin/bash", "-c", shell, "-", str(clone.root / "scripts/setup"), "--engine", "path"],
        env={
            "PATH": str(clone.tools),
            "HOME": str(clone.root),
            "CALLS": str(clone.calls),
            "PLACE": str(tmp_path),
            "PULUMI_VERSION": "1.0.0",
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        start_new_session=True,
    )

    assert done.returncode != 0
    assert interrupted or "error: no engine\n" in done.stderr
    begun = int((tmp_path / "number").read_text())
    assert not psutil.pid_exists(begun) or psutil.Process(begun).status() == psutil.STATUS_ZOMBIE


@pytest.mark.root
def test_a_removed_image_is_built_again(clone: Clone) -> None:
    nodes(clone)
    clone.setup()
    (clone.root / ".cache/images/base/upper").rmdir()

    clone.setup()

    assert "python3 -m sandbox.fabric.images" in clone.log


@pytest.mark.root
@pytest.mark.parametrize(
    ("variable", "why"),
    [
        ("APT_FAILS", "Debian packages could not be installed ("),
        ("BUILD_FAILS", "their images could not be built; scripts/setup tries again"),
        ("UNAVAILABLE", "1"),
    ],
)
def test_what_stops_nodes_stops_nothing_else_and_is_tried_again(
    clone: Clone, variable: str, why: str
) -> None:
    nodes(clone)

    done = clone.setup(**{variable: "1"})

    assert done.returncode == 0, done.stderr
    assert f"nodes will not boot: {why}" in done.stderr
    assert "Images of nodes: " in clone.setup().stderr
    assert clone.setup().stderr == ""
