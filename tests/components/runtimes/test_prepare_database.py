"""The script before the migrations on AWS: what it asks for, and where secrets are seen."""

import shutil
import subprocess

import pytest

from components.runtimes.files import REPOSITORY

SCRIPT = REPOSITORY / "components/runtimes/plumber/node/web/aws/prepare-database.sh"
LIBRARY = REPOSITORY / "components/bootstrap/scripts/library.sh"
LOGIN = '{"username": "master", "password": "precious $(id) \\\\"'


@pytest.fixture
def node(tmp_path):
    """Runs the script where the database answers checks with a status, and says what it heard."""
    programs, system = tmp_path / "bin", tmp_path / "system"
    for place in (programs, system, tmp_path / "run" / "secrets"):
        place.mkdir(parents=True)
    (tmp_path / "run" / "secrets" / "database-owner").write_text("the-token")
    library = LIBRARY.read_text().replace("/run/operationalization", str(tmp_path / "run"))
    (programs / "library.sh").write_text(library)
    shutil.copy(SCRIPT, programs)

    def stub(path, text):
        path.write_text(f"#!/bin/bash\n{text}\n")
        path.chmod(0o755)

    stub(
        system / "setpriv",
        f'echo "$@" >>{tmp_path}/setpriv; while [[ $1 != env ]]; do shift; done; exec "$@"',
    )

    def run(*statuses, secret=0):
        (tmp_path / "statuses").write_text("".join(f"{status}\n" for status in statuses))
        stub(
            system / "python3",
            f'echo "$@" >>{tmp_path}/arguments; env >>{tmp_path}/environment\n'
            f"cat >>{tmp_path}/heard\n"
            f"pwd >>{tmp_path}/folder; status=$(head -1 {tmp_path}/statuses)\n"
            f'sed -i 1d {tmp_path}/statuses; exit "$status"',
        )
        (tmp_path / "login").write_text(LOGIN)
        stub(
            programs / "cloud.sh",
            f"echo $1 >>{tmp_path}/asked; cat {tmp_path}/login; exit {secret}",
        )
        return subprocess.run(
            ["bash", programs / "prepare-database.sh"],
            env={"PATH": f"{system}:/usr/bin:/bin", "SECRET": "of this process"},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def text(folder, name):
    path = folder / name
    return path.read_text() if path.exists() else ""


def test_a_database_that_knows_the_role_is_left_alone(node, tmp_path):
    found = node(0)

    assert (found.returncode, text(tmp_path, "asked")) == (0, "")
    assert text(tmp_path, "arguments") == "-m server.aws.first_boot check\n"
    assert text(tmp_path, "heard") == "the-token"
    assert text(tmp_path, "folder") == f"{tmp_path}\n"


def test_a_new_database_is_given_the_user_with_its_first_login(node, tmp_path):
    found = node(3, 0)

    assert (found.returncode, text(tmp_path, "asked")) == (0, "database-bootstrap\n")
    assert text(tmp_path, "arguments").endswith("-m server.aws.first_boot create\n")
    assert text(tmp_path, "heard") == "the-token" + LOGIN


def test_no_secret_is_in_an_argument_the_environment_or_the_log(node, tmp_path):
    found = node(3, 0)
    seen = found.stdout + found.stderr
    seen += text(tmp_path, "arguments") + text(tmp_path, "environment") + text(tmp_path, "setpriv")

    assert "the-token" not in seen
    assert "precious" not in seen
    assert "of this process" not in seen, "nothing is inherited"


def test_what_speaks_to_the_database_has_no_rights(node, tmp_path):
    node(0)

    assert text(tmp_path, "setpriv").startswith(
        "--reuid 65534 --regid 65534 --clear-groups --no-new-privs --inh-caps=-all "
        "--bounding-set=-all env --ignore-environment "
    )


def test_a_database_out_of_reach_is_a_failure_without_a_look_at_the_first_login(node, tmp_path):
    found = node(1)

    assert (found.returncode, text(tmp_path, "asked")) == (1, "")
    assert found.stderr.endswith("failed: the database could not be reached\n")


def test_a_user_that_cannot_be_made_is_a_failure(node):
    found = node(3, 1)

    assert found.returncode == 1
    assert found.stderr.endswith(
        "failed: the database user of this node's role could not be made\n"
    )
