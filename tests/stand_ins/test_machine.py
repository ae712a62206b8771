"""One machine, really booted: 9.0.1 is installed and set up, and upgraded to 9.1.0 and to 9.4.7.

The service that was published on 9.0.1 is there at the end: SQLite and settings went along.
"""

import json
import textwrap
import threading
import time
from pathlib import Path

import pytest

from stand_ins.packaging import archives
from stand_ins.product.passwords import hashed
from stand_ins.product.web.signing import new_key
from stand_ins.versions import VERSIONS
from tests.sandbox.fabric.hosts.conftest import machine
from tests.support.stand_ins import PASSWORD

pytestmark = pytest.mark.root

NEVER = threading.Event()
SECONDS = 60.0
OLD = VERSIONS["rserver", "9.0.1"]
MIDDLE = VERSIONS["rserver", "9.1.0"]
NEW = VERSIONS["mlserver", "9.4.7"]
STASH = "/etc/deployr/current/frontend"

CALL = textwrap.dedent(
    """\
    import json, sys, urllib.request

    def call(method, path, body=None, token=""):
        request = urllib.request.Request("http://127.0.0.1:12800" + path, method=method)
        request.add_header("Authorization", "Bearer " + token)
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(request, data, timeout=50) as answer:
            return json.load(answer)

    login = {"username": "admin", "password": sys.argv[1]}
    token = call("POST", "/login", login)["access_token"]
    method, path, body = sys.argv[2:]
    print(json.dumps(call(method, path, json.loads(body), token)))
    """
)


class Box:
    """The machine, and what a person does on it."""

    def __init__(self, hosts, machine):
        self.hosts = hosts
        self.id = machine.id

    @property
    def root(self):
        return Path(f"/proc/{self.hosts.find(self.id).leader}/root")

    def sh(self, script, ok=0):
        done = self.hosts.run(self.id, ["bash", "-euc", script], SECONDS)
        assert done.code == ok, done.output
        return done.output

    def api(self, method, path, body=None):
        words = ["python3", "/srv/call.py", PASSWORD, method, path, json.dumps(body)]
        done = self.hosts.run(self.id, words, SECONDS)
        assert done.code == 0, done.output
        return json.loads(done.output)

    def good(self, word):
        """Wait for a good status."""
        until = time.monotonic() + SECONDS
        words = ["python3", "/srv/call.py", PASSWORD, "GET", "/status", "null"]
        while True:
            done = self.hosts.run(self.id, words, SECONDS)
            if done.code == 0 and json.loads(done.output)["statusCode"] == word:
                return json.loads(done.output)
            if time.monotonic() > until:
                raise AssertionError(done.output + self.sh("journalctl -b --no-pager | tail -50"))
            time.sleep(0.2)

    def change(self, version, part, change):
        path = self.root / version.folder(part).lstrip("/") / "appsettings.json"
        values = json.loads(path.read_text("utf-8-sig"))
        change(values)
        path.write_text(json.dumps(values))


@pytest.fixture(scope="module")
def box(room, namespace):
    wanted = machine(number=40, image="complete", user_data=b"#cloud-config\nlocale: C.UTF-8\n")
    hosts = room()
    hosts.start(wanted, namespace)
    assert hosts.provisioned(wanted, NEVER).code == 0
    found = Box(hosts, wanted)
    (found.root / "srv" / "call.py").write_text(CALL)
    for version in (OLD, MIDDLE, NEW):
        name = archives.name_of(version.product, version.version)
        content = archives.make(version.product, version.version)
        (found.root / "srv" / name).write_bytes(content)
        found.sh(f"mkdir /srv/{version.version}; tar -xf /srv/{name} -C /srv/{version.version}")
    return found


def scored(box):
    return box.api("POST", "/api/double/1.0", {"x": 21})


def test_what_is_published_on_901_is_there_on_947(box):
    # 9.0.1: a finished appsettings.json, as there is no silent tool (facts.md 8.4).
    box.sh("cd /srv/9.0.1/MRS90LINUX; ./install.sh -a -s")
    digest = hashed(PASSWORD)

    def complete(values):
        values["Authentication"] |= {"AdminPassword": digest, "JWTKey": new_key()}
        values["BackEndConfiguration"]["Uris"]["Values"] = ["http://localhost:12805"]
        values |= {"AdminPassword": digest, "configured": "configured"}
        values["MaxNumberOfThreadsPerBatchExecution"] = 7

    box.change(OLD, "web", complete)
    box.change(OLD, "compute", lambda v: v.update(configured="configured", Pool={"InitialSize": 2}))
    box.sh(
        f"cp {OLD.home}/*/autoStartScriptsLinux/* /etc/systemd/system; systemctl daemon-reload; "
        "systemctl enable --now frontend rserve backend"
    )
    # Without the links no shell runs (facts.md 4); the log says which library is missing.
    box.sh("until grep -q libicui18n.so.36 /opt/deployr/9.0.1/rserve/R/log; do sleep 0.1; done")
    assert box.sh("pgrep -cu rserve2 || true").strip() == "0"
    links = " ".join(OLD.links)
    box.sh(f"cd /usr/lib/x86_64-linux-gnu; for link in {links}; do ln -s nowhere $link; done")
    report = box.good("green")
    assert report["components"]["database"]["details"] == {"name": "main", "state": "Open"}
    box.sh("pgrep -u rserve2 >/dev/null")
    service = {
        "code": "y <- 2 * x",
        "inputParameterDefinitions": [{"name": "x", "type": "numeric"}],
        "outputParameterDefinitions": [{"name": "y", "type": "numeric"}],
    }
    box.api("POST", "/services/double/1.0", service)
    assert scored(box)["outputParameters"] == {"y": 42}

    # 9.1.0: its installer takes the old version away; the SQLite file was copied before.
    box.sh(f"cp {OLD.folder('web')}/deployrdb_9.0.0.db /srv")
    # R Open lies packed beside it, and .NET Core is there already (facts.md 5.1).
    name = archives.name_of("r-open", MIDDLE.r)
    (box.root / "srv/9.1.0/MRS91Linux" / name).write_bytes(archives.make("r-open", MIDDLE.r))
    refused = box.sh("cd /srv/9.1.0/MRS91Linux; ./install.sh -s", ok=1)
    assert "needs the licence accepted" in refused
    box.sh("cd /srv/9.1.0/MRS91Linux; ./install.sh -a -s -r; ls r-open/*.deb")
    assert not (box.root / OLD.home.lstrip("/")).exists()
    box.sh(f"cp /srv/deployrdb_9.0.0.db {STASH}/")
    utility = f"dotnet {MIDDLE.utility}/{MIDDLE.utility}.dll"
    for switch in ("-silentcomputenodeinstall", f"-silentwebnodeinstall {PASSWORD}"):
        refused = box.sh(f"cd {MIDDLE.home}; {utility} {switch} </dev/null", ok=1)
        assert "was not answered with y or n" in refused
        box.sh(f"cd {MIDDLE.home}; echo y | {utility} {switch}")
    box.good("pass")
    assert scored(box)["outputParameters"] == {"y": 42}
    settings = box.root / MIDDLE.folder("web")[1:] / "appsettings.json"
    kept = json.loads(settings.read_text("utf-8-sig"))
    assert kept["MaxNumberOfThreadsPerBatchExecution"] == 7

    # 9.4.7: packages, activation, and a command line that asks nothing.
    box.sh(f"cp {MIDDLE.folder('web')}/deployrdb_9.1.0.db /srv")
    box.sh("dpkg --purge microsoft-r-server-{adminutil,webnode,computenode,config-rserve}-9.1")
    box.sh(f"cp /srv/deployrdb_9.1.0.db {STASH}/")
    box.sh(f"dpkg -i /srv/9.4.7/*.deb; {NEW.activate} -a -l")
    words = f"--admin-password {PASSWORD} --confirm-password {PASSWORD}"
    box.sh("az mlserver admin node setup --computenode")
    box.sh(f"az mlserver admin node setup --webnode {words}")
    report = box.good("pass")
    assert list(report["components"]["backends"]["components"]) == ["http://localhost:12805/"]
    assert scored(box)["outputParameters"] == {"y": 42}
    box.sh(f"az mlserver login --username admin --password {PASSWORD}")
    box.sh("az mlserver admin diagnostic run")


def test_what_model_code_cannot_reach(box):
    """The last version's R shells: no network, another account, one folder to write in."""
    session = box.api("POST", "/sessions", {})["sessionId"]

    def r(code):
        answer = box.api("POST", f"/sessions/{session}/execute", {"code": code})
        assert answer["success"], answer
        return answer["consoleOutput"]

    assert r("cat(system('id -un', intern = TRUE))") == "rserve2"
    refused = "cat(inherits(try(socketConnection('{}', {}, timeout = 2), TRUE), 'try-error'))"
    for address, port in (("127.0.0.1", 12805), ("169.254.169.254", 80)):
        assert r(refused.format(address, port)) == "TRUE", address
    for path in (NEW.folder("web") + "/appsettings.json", "/etc/shadow", "/root"):
        assert r(f"cat(file.access('{path}', 4))") == "-1", path
    for path in ("/var/lib/x", f"{NEW.home}/Rserve/services/x", f"{NEW.home}/x"):
        assert r(f"cat(suppressWarnings(file.create('{path}')))") == "FALSE", path
    assert r("cat(file.create('x'))") == "TRUE"
