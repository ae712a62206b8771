"""The admin tools: what they set up, what they ask, what they refuse (facts.md 8, 15)."""

import json
from pathlib import Path

import pytest

from stand_ins.product import passwords
from stand_ins.product.web.node import server
from tests.support.stand_in_nodes import compute_node, serving
from tests.support.stand_ins import PASSWORD, free_ports

OLD_HASH = passwords.hashed("Older-Pass:2")
PASSWORDS = ("--admin-password", PASSWORD, "--confirm-password", PASSWORD)


@pytest.fixture
def machine(installed, tmp_path):
    """Makes a machine whose tools run as processes."""
    return lambda product, version: installed(tmp_path, product, version)


def stash(machine, part="frontend", **values):
    folder = machine.root / "etc/deployr/current" / part
    folder.mkdir(parents=True)
    (folder / "appsettings.json").write_text(json.dumps(values))
    return folder


def units(machine):
    return sorted(path.name for path in (machine.root / "etc/systemd/system").glob("*.service"))


def test_switches_set_nodes_up(machine):
    node = machine("mlserver", "9.2.1")
    assert node.admin("-SilentComputeNodeInstall").returncode == 0
    assert units(node) == ["computenode.service", "rserve.service"]
    assert node.read("compute")["configured"] == "configured"
    done = node.admin(
        "-silentwebnodeinstall", PASSWORD, "http://10.0.0.1:12805,http://10.0.0.2-9:1"
    )
    assert done.returncode == 0, done.stderr
    found = node.read("web")
    assert found["BackEndConfiguration"]["Uris"] == {
        "Values": ["http://10.0.0.1:12805"],
        "Ranges": ["http://10.0.0.2-9:1"],
    }
    assert passwords.matches(PASSWORD, found["Authentication"]["AdminPassword"])
    assert found["Authentication"]["JWTKey"]
    assert node.settings("web").read_bytes().startswith(b"\xef\xbb\xbf{\r\n")
    assert PASSWORD not in node.settings("web").read_text()


@pytest.mark.parametrize(
    ("version", "words", "says"),
    [
        ("9.1.0", ["-silentwebnodeinstall", PASSWORD], "BackEndConfiguration is missing URIs"),
        ("9.1.0", ["-silentwebnodeinstall", "weak"], "8 to 16 characters"),
        ("9.1.0", ["-silentwebnodeinstall", PASSWORD, "http://a:1"], "takes 1 to 1 arguments"),
        ("9.1.0", ["-silentwebnodeinstall"], "takes 1 to 1 arguments, not 0"),
        ("9.1.0", ["-changeports"], "the switch -changeports is not known"),
        ("9.0.1", ["-silentcomputenodeinstall"], "9.0.1 knows no switches, only menus"),
    ],
)  # fmt: skip
def test_switches_refuse(machine, version, words, says):
    node = machine("rserver", version)
    before = node.settings("web").read_bytes()
    done = node.admin(*words)
    assert done.returncode == 1
    assert says in done.stderr
    assert node.settings("web").read_bytes() == before
    assert PASSWORD not in done.stdout + done.stderr


def test_the_old_configuration_is_taken_over_when_y_is_answered(machine):
    node = machine("rserver", "9.1.0")
    stash(
        node,
        configured="configured",
        AdminPassword=OLD_HASH,
        MaxNumberOfThreadsPerBatchExecution=7,
        Authentication={
            "AdminPassword": OLD_HASH,
            "JWTKey": "key",
            "LDAP": {"Enabled": False, "Values": [{"Host": "h", "BindFilter": "b"}]},
        },
        BackEndConfiguration={"Uris": {"Values": ["http://10.0.0.1:12805"]}},
        Kestrel={"Port": 9443},
        Ours={"kept": True},
    )
    done = node.admin("-silentwebnodeinstall", PASSWORD, says="y\n")
    assert done.returncode == 0, done.stderr
    assert "Do you want to upgrade" in done.stdout
    found = node.read("web")
    assert found["Authentication"]["AdminPassword"] == OLD_HASH
    assert found["Authentication"]["JWTKey"] == "key"
    assert "Values" not in found["Authentication"]["LDAP"]
    assert "BindFilter" not in found["Authentication"]["LDAP"]
    assert found["Authentication"]["LDAP"]["Host"] == "h"
    assert found["Kestrel"]["Port"] == 9443
    assert found["Ours"] == {"kept": True}
    assert "AdminPassword" not in found
    # It is taken once: set-up again asks nothing.
    assert node.admin("-silentwebnodeinstall", PASSWORD).returncode == 0


def test_n_leaves_the_old_configuration_and_silence_is_no_answer(machine):
    node = machine("mlserver", "9.2.1")
    stash(node, "backend", Kestrel={"Port": 1}, configured="configured")
    silent = node.admin("-silentcomputenodeinstall")
    assert silent.returncode == 1
    assert "was not answered with y or n" in silent.stderr
    assert "configured" not in node.read("compute")
    assert node.admin("-silentcomputenodeinstall", says="n\n").returncode == 0
    assert node.read("compute")["Kestrel"]["Port"] == 12805
    assert (node.root / "etc/deployr/current/backend/appsettings.json").exists()


def test_a_one_box_asks_once(machine):
    node = machine("rserver", "9.1.0")
    stash(node, "backend", Pool={"InitialSize": 9}, configured="configured")
    folder = stash(
        node,
        Authentication={"AdminPassword": OLD_HASH},
        ConnectionStrings={"defaultDb": {"Enabled": True, "Connection": "./deployrdb_9.0.0.db"}},
    )
    (folder / "deployrdb_9.0.0.db").write_bytes(b"rows")
    done = node.admin("-silentoneboxinstall", PASSWORD, says="y\n")
    assert done.returncode == 0, done.stderr
    assert node.read("compute")["Pool"] == {"InitialSize": 9, "MaxSize": 80}
    assert node.read("web")["ConnectionStrings"]["defaultDb"]["Connection"] == "deployrdb_9.1.0.db"
    assert (node.folder("web") / "deployrdb_9.1.0.db").read_bytes() == b"rows"
    assert node.read("web")["BackEndConfiguration"]["Uris"]["Values"] == ["http://localhost:12805"]


def test_later_tools_take_over_without_a_question(machine):
    node = machine("mlserver", "9.3.0")
    stash(
        node,
        configured="configured",
        Authentication={"AdminPassword": OLD_HASH},
        BackEndConfiguration={"Uris": {"Values": ["http://10.0.0.1:12805"]}},
    )
    done = node.node("node setup --webnode", *PASSWORDS, "--uri", "http://10.0.0.2:12805")
    assert done.returncode == 0, done.stderr
    found = node.read("web")
    assert "BackEndConfiguration" not in found
    assert found["ComputeNodesConfiguration"]["Uris"]["Values"] == [
        "http://10.0.0.1:12805",
        "http://10.0.0.2:12805",
    ]
    assert found["Authentication"]["AdminPassword"] == OLD_HASH


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["node setup --webnode", "--admin-password", "weak", "--confirm-password", "weak"],
         "8 to 16 characters"),
        (["node setup --onebox", "--admin-password", PASSWORD, "--confirm-password", "x"],
         "--confirm-password is another password"),
        (["node setup --webnode", *PASSWORDS, "--uri", "http://a:1, http://b:1"], "no URI"),
        (["node setup --webnode --onebox", *PASSWORDS], "not allowed with argument"),
        (["node start"], "one of --webnode and --computenode is needed"),
        (["compute-node-uri list"], "log in first"),
        (["password set --old-password x", *PASSWORDS], "the old password is wrong"),
    ],
)  # fmt: skip
def test_the_command_line_refuses(machine, words, says):
    node = machine("mlserver", "9.4.7")
    done = node.node(*words)
    assert done.returncode != 0
    assert says in done.stderr


def test_each_version_has_its_own_command_group(machine):
    node = machine("mlserver", "9.3.0")
    assert node.node("node list").returncode == 0
    wrong = node.admin("mlserver", "admin", "node", "list")
    assert wrong.returncode == 2
    assert "invalid choice: 'mlserver'" in wrong.stderr


def test_ports_and_password_change(machine):
    node = machine("mlserver", "9.4.7")
    assert node.node("node setup --onebox", *PASSWORDS).returncode == 0
    assert node.node("port update --webnode 1 --computenode 2 --rserve 3").returncode == 0
    assert json.loads(node.node("port list").stdout) == {
        "webnode": 1,
        "computenode": 2,
        "rserve": "3",
    }
    assert node.read("compute")["RServePort"] == "3"
    new = ("--admin-password", "Newer-Pass:3", "--confirm-password", "Newer-Pass:3")
    done = node.node("password set --old-password", PASSWORD, *new)
    assert done.returncode == 0, done.stderr
    assert passwords.matches("Newer-Pass:3", node.read("web")["Authentication"]["AdminPassword"])
    node.change("web", Authentication__LDAP__Enabled=True)
    done = node.node("password set --old-password", "Newer-Pass:3", *PASSWORDS)
    assert "the local account is disabled by LDAP" in done.stderr


def test_diagnostics_and_uris_after_a_log_in(machine, tmp_path, monkeypatch):
    node = machine("mlserver", "9.4.7")
    monkeypatch.setenv("STAND_IN_ROOT", str(node.root))
    with compute_node(node.version, tmp_path / "services") as (_, port):
        uri = f"http://127.0.0.1:{port}"
        assert node.node("node setup --webnode", *PASSWORDS, "--uri", uri).returncode == 0
        node.change("web", Kestrel__Port=free_ports(1)[0])
        with serving(server(node.version)):
            login = node.admin("mlserver", "login", "--username", "admin", "--password", PASSWORD)
            assert login.returncode == 0, login.stderr
            kept = Path(node.root, "root/.azure/mls.json")
            assert kept.stat().st_mode & 0o777 == 0o600
            assert json.loads(node.node("diagnostic run").stdout)["statusCode"] == "pass"
            done = node.node("diagnostic code --runtime R --block", "x<-5;x")
            assert json.loads(done.stdout)["success"]
            assert node.node("compute-node-uri add --uri http://127.0.0.1:1").returncode == 0
            found = json.loads(node.node("compute-node-uri list").stdout)["computeNodes"]
            assert found == sorted([f"http://127.0.0.1:{port}", "http://127.0.0.1:1"])
            failed = node.node("diagnostic run")
            assert failed.returncode == 1
            assert "a diagnostic test failed" in failed.stderr
            done = node.node(f"compute-node-uri remove --uri http://127.0.0.1:{port}")
            assert done.returncode == 0
            # With the tool they leave the file, too.
            assert node.read("web")["ComputeNodesConfiguration"]["Uris"]["Values"] == []


def test_the_menus_of_90_set_a_node_up(machine):
    node = machine("rserver", "9.0-preview")
    node.change("web", BackEndConfiguration__Uris__Values=["http://10.0.0.1:9002"])
    done = node.admin(says=f"1\nB\n{PASSWORD}\n{PASSWORD}\n9\n")
    assert done.returncode == 0, done.stderr
    assert "Configure Frontend only" in done.stdout
    assert "http://localhost:9000" in done.stdout
    found = node.read("web")
    assert found["configured"] == "configured"
    assert found["AdminPassword"] == found["Authentication"]["AdminPassword"]
    assert units(node) == ["frontend.service"]
