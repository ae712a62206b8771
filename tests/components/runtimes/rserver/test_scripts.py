"""The node scripts of the R Server family, where no node is needed; the sandbox runs them all."""

import getpass
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support.pretending import Answering, serving

NODE = Path(__file__).resolve().parents[4] / "components" / "runtimes" / "rserver" / "node"
SHARED = NODE.parents[2] / "bootstrap" / "scripts"

needs_curl = pytest.mark.skipif(not shutil.which("curl"), reason="needs curl, as on a node")


class Machine:
    """A folder with the scripts as a node has them, and what stands for its system."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.address = ""
        """Where a pretended cloud is, if there is one."""
        self.programs, self.system = folder / "bin", folder / "system"
        self.replaced = {
            "/opt/operationalization/bin": str(self.programs),
            "/etc/operationalization": str(folder / "etc"),
            "/var/log/operationalization": str(folder / "log"),
            "/run/operationalization": str(folder / "run"),
            "/var/lib/operationalization": str(folder / "lib"),
        }
        for place in (self.programs, self.system, folder / "etc", folder / "run"):
            place.mkdir()
        for source in (*SHARED.glob("*.sh"), *NODE.glob("*.*"), *NODE.glob("azure/*")):
            if source.is_file():
                self.copy(source)
        self.says({})

    def copy(self, source: Path, **more: str) -> None:
        """Lay a script down, with this machine's places in place of a node's."""
        text = source.read_text()
        for old, new in {**self.replaced, **more}.items():
            text = text.replace(old, new)
        (self.programs / source.name).write_text(text)
        (self.programs / source.name).chmod(0o755)

    def says(self, document: dict[str, Any], **section: Any) -> None:
        """Write the node's JSON file."""
        text = json.dumps({"role": "web", "web": section, **document})
        (self.folder / "etc" / "node.json").write_text(text)

    def stub(self, name: str, text: str) -> None:
        """Put a program of that name first on the path."""
        (self.system / name).write_text(f"#!/bin/bash\n{text}\n")
        (self.system / name).chmod(0o755)

    def run(self, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a script of the node's."""
        # Each wait of `retry` is counted, not waited for.
        self.stub("sleep", 'echo "slept $1" >&2')
        path = f"{self.system}:{Path(sys.executable).parent}:/usr/sbin:/usr/bin:/sbin:/bin"
        return subprocess.run(
            ["bash", self.programs / script, *arguments],
            env={"PATH": path},
            capture_output=True,
            text=True,
            check=False,
        )

    def bash(self, text: str) -> subprocess.CompletedProcess[str]:
        """Run shell text with the library."""
        (self.programs / "test.sh").write_text(
            f"set -euo pipefail\n. {self.programs}/library.sh\n{text}"
        )
        return self.run("test.sh")


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (".database.host", "db.example\n"),
        (".port", "12800\n"),
        ("@.parts", "compute\nweb\n"),
        ("@.https", "true\n"),
        ("@.nothing", ""),
        (".empty", "\n"),
    ],
)
def test_scripts_read_the_nodes_file_without_jq(machine, path, found):
    machine.says(
        {"database": {"host": "db.example"}, "port": 12800, "empty": ""},
        parts=["compute", "web"],
        https=True,
        nothing=[],
    )
    answer = machine.bash(f"node {path}")

    assert (answer.returncode, answer.stdout) == (0, found)


@pytest.mark.parametrize("path", [".database.name", "@.off", ".nowhere.at.all"])
def test_what_is_not_there_or_off_is_no(machine, path):
    machine.says({"database": {"host": "x"}}, off=False)

    assert machine.bash(f"if has {path}; then echo yes; else echo no; fi").stdout == "no\n"
    assert machine.bash(f"node {path}").returncode == 1


def test_lists_of_things_are_lines_with_tabs(machine):
    machine.says({"secrets": [{"name": "a", "path": "/p q", "more": 1}]}, links=[["/f", "t", "n"]])

    assert machine.bash("rows .secrets name path").stdout == "a\t/p q\n"
    assert machine.bash("rows @.links").stdout == "/f\tt\tn\n"


def test_a_node_that_is_not_ready_any_more_says_so_at_once(machine):
    health = machine.folder / "run" / "health"
    health.mkdir(parents=True)
    (health / "ping").write_text("ready")

    assert machine.run("state.sh", "ready").returncode == 0
    assert (health / "ping").exists()
    assert machine.run("state.sh", "draining").returncode == 0
    assert not (health / "ping").exists()
    assert (machine.folder / "run" / "state.map").read_text() == "state draining\n"


FIREWALL = {
    "inbound": [{"port": 12800, "address": "203.0.113.0/24"}],
    "outbound": [{"port": 5432, "address": "10.20.32.0/27"}],
    "internet": {"ports": [80, 443], "except": ["10.0.0.0/8", "169.254.0.0/16"]},
    "platform": [{"port": 80, "address": "169.254.169.254/32"}],
}


def test_the_hosts_firewall_says_what_the_nodes_file_says(machine):
    machine.says({"firewall": FIREWALL})
    machine.stub("iptables-restore", "cat >/dev/null")
    machine.stub("systemctl", "[[ $1 != is-active ]]")
    found = machine.run("configure-firewall.sh")
    rules = (machine.folder / "etc" / "firewall.rules").read_text().splitlines()

    assert (found.returncode, found.stderr) == (0, "")
    for rule in (
        ":INPUT DROP [0:0]",
        "-A INPUT -s 203.0.113.0/24 -p tcp -m tcp --dport 12800 -j ACCEPT",
        "-A OUTPUT -d 10.20.32.0/27 -p tcp -m tcp --dport 5432 -j ACCEPT",
        "-A OUTPUT -d 169.254.169.254/32 -p tcp -m owner --uid-owner 0 -m tcp --dport 80 -j ACCEPT",
        "-A OUTPUT -d 169.254.169.254/32 -j DROP",
        "-A INTERNET -d 10.0.0.0/8 -j RETURN",
        "-A INTERNET -p tcp -m multiport --dports 80,443 -j ACCEPT",
    ):
        assert rule in rules
    assert not [rule for rule in rules if "12801" in rule], "the product's own port is nobody's"


@pytest.mark.parametrize("scheme", ["https", "http"])
def test_who_waits_for_a_node_asks_where_it_says_so_once_it_knows_where(machine, scheme):
    document = {"port": 12800, "health": {"ready": "/health/ready"}}
    section = {"parts": ["compute", "web"], "listen": {"web": {"https": scheme == "https"}}}
    machine.says({})
    later = machine.folder / "later.json"
    later.write_text(json.dumps({"role": "web", "web": section, **document}))
    asked, count = machine.folder / "asked", machine.folder / "count"
    machine.stub("systemctl", f"cp {later} {machine.folder}/etc/node.json; exit 3")
    machine.stub("curl", f'echo "${{@: -1}}" >>{asked}; [[ $(wc -l <{asked}) -ge 3 ]]')
    machine.stub("python3", f'echo >>{count}; exec {sys.executable} "$@"')

    found = machine.run("wait-until-ready.sh", "60")

    assert (found.returncode, found.stdout) == (0, "ready\n")
    assert asked.read_text().split() == [f"{scheme}://localhost:12800/health/ready"] * 3
    assert len(count.read_text().splitlines()) < 10, "the file is read again and again"


@pytest.mark.parametrize(
    ("state", "ago", "sleeps"),
    [("ready", 60, range(15, 16)), ("draining", 5, range(9, 12)), ("draining", 60, range(1)),
     ("draining", -60, range(15, 16))],
)  # fmt: skip
def test_a_node_that_left_already_is_not_waited_for_again(machine, state, ago, sleeps):
    machine.says({"health": {"window": 15}})
    said = machine.folder / "run" / "state.map"
    said.write_text(f"state {state}\n")
    os.utime(said, (time.time() - ago,) * 2)
    found = machine.run("drain.sh")

    assert (found.returncode, said.read_text()) == (0, "state draining\n")
    slept = [int(line.split()[1]) for line in found.stderr.splitlines() if line.startswith("slept")]
    assert slept[0] in sleeps


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("iptables-restore"), reason="needs root")
@pytest.mark.parametrize("internet", [True, False])
def test_the_kernel_takes_these_rules(machine, internet):
    ports = FIREWALL["internet"] if internet else {"ports": [], "except": []}
    machine.says({"firewall": {**FIREWALL, "internet": ports}})
    machine.stub("systemctl", "[[ $1 != is-active ]]")
    loaded = f"""
    cd {machine.programs} && PATH={machine.system}:$PATH ./configure-firewall.sh &&
    ./load-firewall.sh && iptables-save"""
    found = subprocess.run(
        ["unshare", "--net", "bash", "-c", loaded], capture_output=True, text=True, check=False
    )

    assert found.returncode == 0, found.stderr
    assert "-A INPUT -s 203.0.113.0/24 -p tcp -m tcp --dport 12800 -j ACCEPT" in found.stdout


def test_an_image_that_has_everything_installs_nothing(machine):
    machine.says({"packages": ["bash", "dpkg"], "egress": "none"})
    found = machine.run("install-packages.sh")

    assert found.returncode == 0
    assert found.stderr.endswith("all 2 packages are there\n")


def test_without_egress_a_missing_package_is_named(machine):
    machine.says({"packages": ["bash", "no-such-package"], "egress": "none"})
    found = machine.run("install-packages.sh")

    assert found.returncode == 1
    assert found.stderr.endswith(
        "failed: the image lacks no-such-package and access.egress is none: "
        "use an image that has them\n"
    )


def test_yum_installs_a_repositorys_package_first(machine):
    machine.says({"packages": ["epel-release", "nginx", "openssl"], "egress": "packages"})
    machine.stub("dpkg-query", "exit 1")
    library = (machine.programs / "install-packages.sh").read_text()
    # A machine of this kind has no dpkg.
    text = library.replace("type -P dpkg-query", "type -P no-dpkg-query")
    (machine.programs / "install-packages.sh").write_text(text)
    machine.stub("rpm", 'echo "package nginx is not installed"; echo openssl')
    machine.stub("yum", f'echo "$@" >>{machine.folder}/yum')
    found = machine.run("install-packages.sh")

    assert found.returncode == 0, found.stderr
    assert (machine.folder / "yum").read_text() == (
        "--assumeyes --quiet install epel-release\n--assumeyes --quiet install epel-release nginx\n"
    )


ARCHIVE = b"the vendor's archive"
SUM = hashlib.sha256(ARCHIVE).hexdigest()


def installer(machine: Machine, url: str, sha256: str = SUM, *, private: bool = False) -> None:
    files = {"server": {"url": url, "sha256": sha256}}
    machine.says({}, install={"files": files, "private": private})


def test_an_installer_is_fetched_once_and_verified(machine):
    installer(machine, "https://downloads.example/a.tar")
    machine.stub(
        "curl", f'echo x >>{machine.folder}/asked; printf "the vendor\'s archive" >"${{@: -2:1}}"'
    )
    first, second = (machine.run("download.sh", "server") for _ in range(2))

    place = f"{machine.folder}/lib/installers/{SUM}/a.tar\n"
    assert (first.returncode, first.stdout, second.stdout) == (0, place, place)
    assert (machine.folder / "asked").read_text() == "x\n"


def test_another_file_than_the_one_of_the_settings_is_refused(machine):
    installer(machine, "https://downloads.example/a.tar")
    machine.stub("curl", 'printf "something else" >"${@: -2:1}"')
    found = machine.run("download.sh", "server")

    other = hashlib.sha256(b"something else").hexdigest()
    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr.endswith(
        "failed: https://downloads.example/a.tar is not the file of "
        f"runtime.server.installers.server: its sha256 is {other}, not {SUM}\n"
    )


@pytest.mark.parametrize(
    ("url", "private"),
    [("s3://bucket/a.tar", False), ("https://store.blob.core.windows.net/x/a.tar", True)],
)
def test_a_private_store_is_asked_with_the_nodes_identity(machine, url, private):
    installer(machine, url, private=private)
    (machine.programs / "fetch-private.sh").write_text(
        f'#!/bin/bash\necho "$1" >{machine.folder}/asked\nprintf "the vendor\'s archive"\n'
    )
    machine.stub("curl", "exit 9")

    assert machine.run("download.sh", "server").returncode == 0
    assert (machine.folder / "asked").read_text() == f"{url}\n"


def test_a_machine_with_another_product_is_left_to_the_upgrade(machine):
    installer(machine, "https://downloads.example/a.tar")
    (machine.folder / "lib").mkdir()
    (machine.folder / "lib" / "installed").write_text("another\n")
    found = machine.run("install-product.sh")

    assert found.returncode == 1
    assert found.stderr.endswith(
        "failed: this machine has another installer's product: change it with scripts/upgrade\n"
    )


def test_what_was_installed_from_is_gone_and_its_sum_stays(machine, tmp_path):
    media = tmp_path / "media" / "MRS90LINUX"
    media.mkdir(parents=True)
    (media / "install.sh").write_text(f"mkdir -p {tmp_path}/home/web\n")
    archive = tmp_path / "a.tar"
    subprocess.run(["tar", "-C", media.parent, "-cf", archive, media.name], check=True)
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    machine.copy(NODE / "install-product.sh", **{"/usr/sbin/policy-rc.d": f"{tmp_path}/policy"})
    machine.stub("curl", f'cp {archive} "${{@: -2:1}}"; echo x >>{tmp_path}/asked')
    machine.says(
        {"product": "rserver", "version": "9.0.1", "secrets": []},
        parts=["web"],
        product={"homes": [f"{tmp_path}/home"], "folders": {"web": "web"}},
        install={
            "files": {"server": {"url": "https://downloads.example/a.tar", "sha256": digest}},
            "kind": "script",
            "folder": media.name,
            "options": [],
            "links": [],
            "activate": [],
            "private": False,
        },
    )
    other = tmp_path / "lib" / "installers" / "another"
    other.mkdir(parents=True)
    for _ in range(2):
        found = machine.run("install-product.sh")
        assert found.returncode == 0, found.stderr

    assert (tmp_path / "asked").read_text() == "x\n"
    assert (tmp_path / "lib" / "installed").read_text() == f"{digest}\n"
    # What an upgrade keeps for its way back is another version's.
    assert list((tmp_path / "lib" / "installers").iterdir()) == [other]


class Azure(Answering):
    """The metadata service, a vault and a store, in what the node script asks of them."""

    events: ClassVar[list[dict[str, object]]] = []

    def do_GET(self):  # noqa: N802 - the server's name
        bearer = self.headers.get("Authorization")
        if self.path.startswith("/metadata/") and self.headers.get("Metadata") != "true":
            self.answer(400, {})
        elif "/identity/" in self.path:
            resource = parse_qs(urlsplit(self.path).query)["resource"][0]
            self.answer(200, {"access_token": f"token for {resource}"})
        elif "/compute/name" in self.path:
            self.answer(200, "web_3")
        elif "/scheduledevents" in self.path:
            self.answer(200, {"Events": self.events})
        elif self.path == "/secrets/known?api-version=7.4":
            known = bearer == "Bearer token for https://vault.azure.net"
            self.answer(200 if known else 401, {"value": "line one\nline two\n"} if known else {})
        elif self.path == "/media/server.tar":
            wanted = "Bearer token for https://storage.azure.com/"
            known = bearer == wanted and self.headers.get("x-ms-version", "") >= "2017-11-09"
            self.answer(200 if known else 403, "the vendor's archive")
        else:
            self.answer(403, {"error": {"code": "Forbidden"}})


@pytest.fixture
def azure(machine):
    """Runs the cloud script of Azure against a pretended Azure."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Azure)
    address = f"http://127.0.0.1:{server.server_port}"
    machine.says({"vault": {"uri": f"{address}/", "identity": "an-id"}})
    machine.copy(
        NODE / "azure" / "cloud.sh",
        # The pretended store has no TLS.
        **{"http://169.254.169.254": address, "--proto '=https'": ""},
    )
    machine.address = address
    with serving(server):
        yield lambda *arguments: machine.run("cloud.sh", *arguments)


@needs_curl
def test_a_secret_comes_from_key_vault_as_it_is(azure):
    found = azure("secret", "known")

    assert (found.returncode, found.stdout) == (0, "line one\nline two\n")


@needs_curl
def test_a_denial_is_said_in_the_vaults_words(azure):
    found = azure("secret", "other")

    assert (found.returncode, found.stdout) == (1, "")
    assert '403: {"error": {"code": "Forbidden"}}\n' in found.stderr
    assert found.stderr.endswith("cloud.sh: the vault gave no secret other\n")


@needs_curl
def test_a_file_of_a_private_store_comes_with_a_token_for_storage(azure, machine):
    found = azure("file", f"{machine.address}/media/server.tar")
    assert (found.returncode, found.stdout) == (0, "the vendor's archive")

    refused = azure("file", f"{machine.address}/media/other.tar")
    assert (refused.returncode, refused.stdout) == (22, "")
    assert "403" in refused.stderr


@needs_curl
def test_the_database_token_is_for_the_database(azure):
    assert azure("database-token").stdout == "token for https://ossrdbms-aad.database.windows.net"


@needs_curl
def test_only_the_end_of_this_machine_is_a_notice(azure, monkeypatch):
    events = [
        {"EventId": "mine", "EventType": "Terminate", "Resources": ["web_3"]},
        {"EventId": "spot", "EventType": "Preempt", "Resources": ["web_1", "web_3"]},
        {"EventId": "other", "EventType": "Terminate", "Resources": ["web_4"]},
        {"EventId": "freeze", "EventType": "Freeze", "Resources": ["web_3"]},
    ]
    monkeypatch.setattr(Azure, "events", events)

    assert azure("notices").stdout == "mine\nspot\n"
    monkeypatch.setattr(Azure, "events", [])
    assert azure("notices").stdout == ""


def make_certificate(pem: Path) -> str:
    """Write a certificate and its key; return its thumbprint."""
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-keyout", f"{pem}.key", "-out", pem, "-days", "9", "-subj", "/CN=x"),
        ],
        check=True,
        capture_output=True,
    )
    pem.write_text(pem.read_text() + Path(f"{pem}.key").read_text())
    found = subprocess.run(
        ["openssl", "x509", "-in", pem, "-noout", "-fingerprint", "-sha1"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return found.strip().partition("=")[2].replace(":", "")


@pytest.fixture
def store(machine):
    """Stores the certificate of tokens; returns what the store has then."""
    (machine.folder / "run" / "secrets").mkdir()
    home = machine.folder / "home"
    machine.says(
        {},
        certificates=["token-signing"],
        product={"webUser": getpass.getuser(), "webHome": str(home)},
    )

    def run() -> list[Path]:
        found = machine.run("store-certificates.sh")
        assert found.returncode == 0, found.stderr
        return list((home / ".dotnet/corefx/cryptography/x509stores/root").iterdir())

    return run


def test_a_certificate_lands_in_the_store_by_its_thumbprint(machine, store):
    thumbprint = make_certificate(machine.folder / "run" / "secrets" / "token-signing")
    [file] = store()

    assert file.name == f"{thumbprint}.pfx"
    assert file.stat().st_mode & 0o777 == 0o600
    before = file.stat().st_mtime_ns
    [again] = store()
    assert again.stat().st_mtime_ns == before, "at a later boot nothing changes"


def test_a_certificate_takes_the_place_of_the_one_before_and_of_no_other(machine, store):
    make_certificate(machine.folder / "run" / "secrets" / "token-signing")
    [first] = store()
    first.with_name("OTHER.pfx").write_text("somebody else's")
    thumbprint = make_certificate(machine.folder / "run" / "secrets" / "token-signing")

    assert sorted(path.name for path in store()) == sorted([f"{thumbprint}.pfx", "OTHER.pfx"])


def test_a_secret_without_a_certificate_is_refused(machine, store):
    (machine.folder / "run" / "secrets" / "token-signing").write_text("no certificate")
    found = machine.run("store-certificates.sh")

    assert found.returncode == 1
    assert found.stderr.endswith(
        "store-certificates.sh: failed: secret token-signing does not begin with a certificate\n"
    )
