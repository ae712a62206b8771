"""The node script that asks Azure (clouds/azure.sh), run by bash and curl against the services."""

import json
import shutil
import socket
import subprocess

import pytest

from sandbox.fabric.azure.services import Services
from sandbox.fabric.network import inside
from sandbox.home import PROJECT
from tests.sandbox.fabric.azure.conftest import VALUE, VAULT_ADDRESS
from tests.sandbox.fabric.azure.test_services import network_namespaces

SCRIPTS = PROJECT / "components" / "bootstrap" / "scripts"
PLATFORM = ("169.254.169.254", "168.63.129.16", str(VAULT_ADDRESS))

pytestmark = pytest.mark.root


class Real:
    """The platform's own addresses and ports, in one namespace."""

    def __init__(self, namespace):
        self.namespace = namespace

    def open(self, _, address, port, kind=socket.SOCK_STREAM):
        with inside(self.namespace):
            made = socket.socket(socket.AF_INET, kind)
        made.bind((str(address), port))
        if kind == socket.SOCK_STREAM:
            made.listen(64)
        return made


@pytest.fixture
def namespace():
    with network_namespaces(1) as (name,):
        for address in PLATFORM:
            command = ["ip", "-n", name, "address", "add", f"{address}/32", "dev", "lo"]
            subprocess.run(command, check=True)
        yield name


@pytest.fixture
def azure(running, namespace, tmp_path):
    """`azure.sh` as the web node runs it."""
    site, vault = running.site, "models-abc123.vault.azure.net"
    services = Services(
        store=site.cloud.store,
        networks=Real(namespace),
        authority=running.authority,
        notices=running.notices,
        tokens=running.tokens,
        machines=lambda *_: site.web,
    )
    services.settle(site.blueprint)
    node = tmp_path / "node.json"
    client = site.web_identity.outputs["clientId"]
    node.write_text(json.dumps({"vault": {"identity": client, "uri": f"https://{vault}/"}}))
    library = (SCRIPTS / "library.sh").read_text()
    (tmp_path / "library.sh").write_text(
        library.replace("/etc/operationalization/node.json", str(node))
    )
    shutil.copy(SCRIPTS / "clouds" / "azure.sh", tmp_path / "cloud.sh")
    (tmp_path / ".curlrc").write_text(
        f'resolve = "{vault}:443:{VAULT_ADDRESS}"\ncacert = "{running.authority.certificate}"\n'
    )

    def run(*arguments):
        return subprocess.run(
            ["ip", "netns", "exec", namespace, "bash", tmp_path / "cloud.sh", *arguments],
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )

    yield run
    services.stop()


def test_a_node_reads_what_it_may_and_says_why_it_may_not(running, azure):
    secret = running.site.cloud.secret("admin")
    denied = azure("secret", "admin")
    running.site.cloud.assign(secret.id, running.site.web_identity.outputs["principalId"])
    given = azure("secret", "admin")

    assert denied.returncode != 0
    assert "ForbiddenByRbac" in denied.stderr
    assert (given.stdout, given.stderr, given.returncode) == (VALUE, "", 0)


def test_a_node_logs_in_to_the_database_as_its_identity(running, azure):
    token = azure("database-token").stdout.strip()
    claims = running.tokens.verify(token, "https://ossrdbms-aad.database.windows.net")

    assert claims["oid"] == running.site.web_identity.outputs["principalId"]


def test_a_node_hears_of_its_end_and_agrees_to_it(running, azure):
    assert azure("notices").stdout == ""
    notice = running.notices.post(running.site.web, 300)

    assert azure("notices").stdout == f"{notice.id}\n"
    assert azure("acknowledge", notice.id).returncode == 0
    assert notice.is_acknowledged
