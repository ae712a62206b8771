"""The node scripts themselves, where no node is needed; the sandbox runs them all."""

import getpass
import json
import shutil
import subprocess
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support.pretending import Answering, serving

SCRIPTS = Path(__file__).resolve().parents[3] / "components" / "bootstrap" / "scripts"


def bash(text, function=":", **environment):
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", f"cd {SCRIPTS}; . ./library.sh; {function}; {text}"],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **environment},
    )


def test_retry_goes_on_until_the_command_succeeds(tmp_path):
    counter = tmp_path / "counter"
    found = bash(
        "sleep() { :; }; retry 60 try",
        function='try() { echo x >>"$COUNTER"; (($(wc -l <"$COUNTER") > 2)); }',
        COUNTER=str(counter),
    )

    assert (found.returncode, counter.read_text()) == (0, "x\nx\nx\n")


def test_retry_gives_up_and_says_what_it_tried():
    found = bash("retry 0 false")

    assert found.returncode == 1
    assert found.stderr.endswith("bash: given up after 0 seconds: false\n")


def test_a_script_without_its_argument_says_how_it_is_called():
    found = bash("./state.sh")

    assert found.returncode != 0
    assert found.stderr.endswith("usage: state.sh starting|ready|draining|failed\n")


def test_an_image_that_has_everything_installs_nothing(tmp_path):
    node = tmp_path / "node.json"
    node.write_text(json.dumps({"packages": ["bash", "dpkg"], "egress": "none"}))
    found = run_with_node("install-packages.sh", node, tmp_path)

    assert found.returncode == 0
    assert found.stderr.endswith("all 2 packages are there\n")


def test_without_egress_a_missing_package_is_named(tmp_path):
    node = tmp_path / "node.json"
    node.write_text(json.dumps({"packages": ["bash", "no-such-package"], "egress": "none"}))
    found = run_with_node("install-packages.sh", node, tmp_path)

    assert found.returncode == 1
    assert found.stderr.endswith(
        "failed: the image lacks no-such-package and access.egress is none: "
        "use an image that has them\n"
    )


def run_with_node(script, node, folder, *arguments, **replaced):
    """Run *script* as it is, with *node* in place of the node's own file."""
    for name in ("library.sh", script):
        text = (SCRIPTS / name).read_text()
        text = text.replace("/etc/operationalization/node.json", str(node))
        for old, new in replaced.items():
            assert name == "library.sh" or old in text
            text = text.replace(old, new)
        (folder / Path(name).name).write_text(text)
    return subprocess.run(
        ["bash", str(folder / Path(script).name), *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


needs_jq = pytest.mark.skipif(
    not (shutil.which("jq") and shutil.which("curl")), reason="needs jq and curl, as on a node"
)


@pytest.fixture
def vault(tmp_path):
    """Fetches one secret into a folder of which the kernel is made to say what it is."""
    node, cloud, findmnt = (tmp_path / name for name in ("node.json", "cloud.sh", "findmnt"))
    use = {"name": "one", "path": str(tmp_path / "secrets" / "one"), "mode": "0400"}
    node.write_text(json.dumps({"secrets": [use | {"owner": getpass.getuser()}]}))
    cloud.write_text('#!/bin/sh\nprintf "the value of %s" "$2"\n')
    cloud.chmod(0o755)

    def fetch(kind):
        findmnt.write_text(f"#!/bin/sh\necho {kind}\n")
        findmnt.chmod(0o755)
        return run_with_node("fetch-secrets.sh", node, tmp_path, findmnt=str(findmnt))

    return fetch


@needs_jq
def test_a_secret_lands_where_only_its_reader_looks(vault, tmp_path):
    found = vault("tmpfs")

    assert (found.returncode, found.stderr) == (0, "")
    assert (tmp_path / "secrets" / "one").read_text() == "the value of one"
    assert (tmp_path / "secrets" / "one").stat().st_mode & 0o777 == 0o400
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700


@needs_jq
def test_a_secret_is_never_written_to_a_disk(vault, tmp_path):
    found = vault("ext4")

    assert found.returncode == 1
    assert found.stderr.endswith(
        f"failed: {tmp_path}/secrets/one is not on tmpfs: a secret would reach a disk\n"
    )
    assert list((tmp_path / "secrets").iterdir()) == []


class Azure(Answering):
    """The metadata service and a vault, in what the node script asks of them."""

    events: ClassVar[list[dict[str, object]]] = []

    def do_GET(self):  # noqa: N802 - the server's name
        if self.path.startswith("/metadata/") and self.headers.get("Metadata") != "true":
            self.answer(400, {})
        elif "/identity/" in self.path:
            resource = parse_qs(urlsplit(self.path).query)["resource"][0]
            self.answer(200, {"access_token": f"token for {resource}"})
        elif "/compute/name" in self.path:
            self.answer(200, "web_3")
        elif "/scheduledevents" in self.path:
            self.answer(200, {"Events": self.events})
        elif self.headers.get("Authorization") != "Bearer token for https://vault.azure.net":
            self.answer(401, {})
        elif self.path == "/secrets/known?api-version=7.4":
            self.answer(200, {"value": "line one\nline two"})
        else:
            self.answer(403, {"error": {"code": "Forbidden"}})


@pytest.fixture
def azure(tmp_path):
    """Runs the cloud script of Azure against a pretended Azure."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Azure)
    address = f"http://127.0.0.1:{server.server_port}"
    node = tmp_path / "node.json"
    node.write_text(json.dumps({"vault": {"uri": f"{address}/", "identity": "an-id"}}))

    def run(*arguments):
        return run_with_node(
            "clouds/azure.sh", node, tmp_path, *arguments, **{"http://169.254.169.254": address}
        )

    with serving(server):
        yield run


@needs_jq
def test_a_secret_comes_from_key_vault_as_it_is(azure):
    found = azure("secret", "known")

    assert (found.returncode, found.stdout) == (0, "line one\nline two")


@needs_jq
def test_a_denial_is_said_in_the_vaults_words(azure):
    found = azure("secret", "other")

    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr.endswith(
        'the vault gave no secret other: {"error": {"code": "Forbidden"}}\n'
    )


@needs_jq
def test_the_database_token_is_for_the_database(azure):
    found = azure("database-token")

    assert found.stdout == "token for https://ossrdbms-aad.database.windows.net\n"


@needs_jq
def test_only_the_end_of_this_machine_is_a_notice(azure, monkeypatch):
    events = [
        {"EventId": "mine", "EventType": "Terminate", "Resources": ["web_3"]},
        {"EventId": "spot", "EventType": "Preempt", "Resources": ["web_1", "web_3"]},
        {"EventId": "other", "EventType": "Terminate", "Resources": ["web_4"]},
        {"EventId": "freeze", "EventType": "Freeze", "Resources": ["web_3"]},
    ]
    monkeypatch.setattr(Azure, "events", events)

    assert azure("notices").stdout == "mine\nspot\n"


@needs_jq
def test_an_unknown_question_says_what_may_be_asked(azure):
    found = azure("everything")

    assert found.returncode == 1
    assert found.stderr.endswith(
        "failed: usage: cloud.sh secret NAME | database-token | notices | acknowledge EVENT\n"
    )
