"""What runs on nodes: each part against real programs, and the whole over a channel to here."""

import ast
import json
import socket
import subprocess
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from operations.channel import Channel, Node, carrier
from operations.channel.instances import Instance
from operations.diagnosis import asking
from operations.diagnosis.judging import node as judging
from operations.diagnosis.node import filter as packet_filter
from operations.diagnosis.node import ground, keeping, machine, serving, store, way
from tests.server.conftest import as_role as as_role
from tests.server.conftest import database as database
from tests.server.conftest import migrated as migrated
from tests.server.conftest import server as server
from tests.support import diagnosed
from tests.support.web import Authority

GOLDEN = Path(__file__).parents[2] / "golden" / "diagnosis"
NODE = {
    "role": "web",
    "product": "plumber",
    "port": 12800,
    "firewall": {
        "inbound": [
            {"address": "168.63.129.16/32", "port": 12800},
            {"address": "203.0.113.0/24", "port": 12800},
        ],
        "outbound": [
            {"address": "10.20.32.0/27", "port": 443},
            {"address": "10.20.32.0/27", "port": 5432},
            {"address": "10.20.16.0/24", "port": 12805},
        ],
        "platform": [
            {"address": "168.63.129.16/32", "port": 80},
            {"address": "169.254.169.254/32", "port": 80},
            {"address": "168.63.129.16/32", "port": 32526},
        ],
        "internet": {
            "except": [
                "10.0.0.0/8",
                "100.64.0.0/10",
                "169.254.0.0/16",
                "172.16.0.0/12",
                "192.168.0.0/16",
            ],
            "ports": [80, 443],
        },
    },
}


def answering(monkeypatch: pytest.MonkeyPatch, answers: dict[str, tuple[int, str]]) -> None:
    """Let programs answer what was recorded."""

    def run(command: list[str], *_: Any, **__: Any) -> tuple[int, bytes, str]:
        code, text = answers.get(command[0], (127, ""))
        return code, text.encode(), text

    monkeypatch.setattr(ground, "run", run)


RULES = json.loads((GOLDEN / "nft.json").read_text())
"""What nft 1.0.6 lists on a booted node of the rules that configure-firewall.sh makes of NODE."""


def filtered(monkeypatch: pytest.MonkeyPatch, rules: Any) -> dict[str, Any]:
    answering(monkeypatch, {"nft": (0, json.dumps(rules))})
    return packet_filter.look(NODE)


def without(chain: str, port: int) -> Any:
    kept = [
        each
        for each in RULES["nftables"]
        if not (
            each.get("rule", {}).get("chain") == chain and f'"right": {port}' in json.dumps(each)
        )
    ]
    return {"nftables": kept}


def added(*matches: Any) -> Any:
    rule = {"chain": "input", "expr": [*({"match": each} for each in matches), {"accept": None}]}
    return {"nftables": [*RULES["nftables"], {"rule": rule}]}


PORT_22 = {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 22}
NEAR = {"op": "==", "left": {"payload": {"protocol": "ip", "field": "saddr"}}, "right": "10.0.0.9"}


def test_a_filter_as_it_was_rendered_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    assert filtered(monkeypatch, RULES) == {"loaded": True, "missing": [], "extra": []}


def test_a_rule_that_is_gone_or_came_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert filtered(monkeypatch, without("output", 12805))["missing"] == [
        "output ip daddr 10.20.16.0/24 tcp dport 12805 accept"
    ]
    assert filtered(monkeypatch, added(NEAR, PORT_22))["extra"] == [
        "input ip saddr 10.0.0.9 tcp dport 22 accept"
    ]
    assert filtered(monkeypatch, added(PORT_22))["extra"] == ["input tcp dport 22 accept"]
    assert filtered(monkeypatch, added())["extra"] == ["input accept"]


def test_a_rule_that_lost_a_condition_is_another_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The metadata service is root's alone: without that condition models would reach it."""
    text = json.dumps(RULES)
    root = json.dumps({"match": {"op": "==", "left": {"meta": {"key": "skuid"}}, "right": 0}})
    assert filtered(monkeypatch, json.loads(text.replace(f"{root}, ", "", 1))) == {
        "loaded": True,
        "missing": ["output skuid 0 ip daddr 168.63.129.16 tcp dport 80 accept"],
        "extra": ["output ip daddr 168.63.129.16 tcp dport 80 accept"],
    }


def test_another_version_of_nft_may_name_what_one_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    text = json.dumps(RULES).replace('{"set": [6, 17]}', '{"set": ["tcp", "udp"]}')
    text = text.replace('{"key": "skuid"}}, "right": 0', '{"key": "skuid"}}, "right": "root"')
    found = filtered(monkeypatch, json.loads(text))
    assert found == {"loaded": True, "missing": [], "extra": []}


def test_a_filter_that_drops_nothing_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    text = json.dumps(RULES).replace('"policy": "drop"', '"policy": "accept"', 1)
    assert not filtered(monkeypatch, json.loads(text))["loaded"]
    answering(monkeypatch, {"nft": (1, "No such file or directory")})
    assert packet_filter.look(NODE) == {"loaded": False, "words": "No such file or directory"}


IPTABLES = """-P INPUT DROP
-P FORWARD DROP
-P OUTPUT DROP
-N INTERNET
-A INPUT -i lo -j ACCEPT
-A INPUT -s 168.63.129.16/32 -p tcp -m tcp --dport 12800 -j ACCEPT
-A INPUT -s 203.0.113.0/24 -p tcp -m tcp --dport 12800 -j ACCEPT
-A OUTPUT -p tcp -m tcp --dport 53 -j ACCEPT
-A OUTPUT -d 168.63.129.16/32 -p tcp -m owner --uid-owner 0 -m tcp --dport 80 -j ACCEPT
-A OUTPUT -d 169.254.169.254/32 -p tcp -m owner --uid-owner 0 -m tcp --dport 80 -j ACCEPT
-A OUTPUT -d 168.63.129.16/32 -p tcp -m owner --uid-owner 0 -m tcp --dport 32526 -j ACCEPT
-A OUTPUT -d 10.20.32.0/27 -p tcp -m tcp --dport 443 -j ACCEPT
-A OUTPUT -d 10.20.32.0/27 -p tcp -m tcp --dport 5432 -j ACCEPT
-A OUTPUT -d 10.20.16.0/24 -p tcp -m tcp --dport 12805 -j ACCEPT
"""


def test_the_familys_filter_is_read_as_iptables_lists_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    rendered = tmp_path / "firewall.rules"
    rendered.write_text(IPTABLES)
    monkeypatch.setattr(packet_filter, "RENDERED", str(rendered))
    answering(monkeypatch, {"iptables": (0, IPTABLES)})
    assert packet_filter.look(NODE) == {"loaded": True, "missing": [], "extra": []}

    spoilt = IPTABLES.replace("10.20.16.0/24", "10.20.0.0/16") + "-A INPUT -p udp -j ACCEPT\n"
    answering(monkeypatch, {"iptables": (0, spoilt)})
    assert packet_filter.look(NODE) == {
        "loaded": True,
        "missing": ["output 10.20.16.0/24 12805"],
        "extra": ["output 10.20.0.0/16 12805", "-A INPUT -p udp -j ACCEPT"],
    }


@pytest.mark.parametrize("role", ["operationalization_api", "operationalization_loader"])
def test_a_migrated_database_has_what_each_role_needs(as_role: Any, role: str) -> None:
    """The tables and rights that are judged are those of the migrations, asked as that role."""
    found = {"login": role, **store._content(as_role(role))}

    assert list(judging._database({"database": found})) == []
    assert abs(found["ahead"]) < 5
    assert ("nodes" in found) == (role == "operationalization_api")


def test_a_right_that_was_taken_is_seen(as_role: Any, server: Any, migrated: str) -> None:
    right = "SELECT ON operationalization.service {} operationalization_loader"
    with psycopg.connect(server.conninfo("master", migrated), autocommit=True) as master:
        master.execute(f"REVOKE {right.format('FROM')}")
        try:
            found = store._content(as_role("operationalization_loader"))
        finally:
            master.execute(f"GRANT {right.format('TO')}")

    found["login"] = "operationalization_loader"
    assert list(judging._database({"database": found})) == [
        ("database-rights", "operationalization_loader may not read service")
    ]


@pytest.mark.parametrize(
    ("words", "state"),
    [
        ('FATAL:  password authentication failed for user "operationalization_api"', "login"),
        ('FATAL:  role "operationalization_api" does not exist', "login"),
        ("SSL error: certificate verify failed", "untrusted"),
        ("connection timeout expired", "unreachable"),
        ("server closed the connection unexpectedly", "refused"),
    ],
)
def test_what_libpq_says_is_told_apart(words: str, state: str) -> None:
    assert store.refusal(words)["state"] == state


def certificate(path: Path, days: int, *, key: Any = None, other: Any = None) -> None:
    """Write a key and a certificate for itself, or for another key."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, path.stem)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key((other or key).public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=900))
        .not_valid_after(now + timedelta(days=days))
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    pem = serialization.Encoding.PEM
    path.write_bytes(made.public_bytes(pem) + key.private_bytes(pem, form, plain))


def test_certificates_are_told_by_their_ends_and_never_by_their_keys(tmp_path: Path) -> None:
    good, old, mixed = (tmp_path / each for each in ("good", "old", "mixed"))
    certificate(good, 30)
    certificate(old, -2)
    certificate(mixed, 30, other=ec.generate_private_key(ec.SECP256R1()))
    password = tmp_path / "password"
    password.write_text("hush")
    places = [good, old, mixed, password, tmp_path / "absent"]
    node = {"secrets": [{"name": each.name, "path": str(each)} for each in places]}

    found = keeping.certificates(node)

    assert sorted(found) == ["good", "mixed", "old"]
    assert [found[each]["pair"] for each in ("good", "old", "mixed")] == [True, True, False]
    now = datetime.now(UTC).timestamp()
    assert found["old"]["until"] < now < found["good"]["until"]
    assert "PRIVATE" not in json.dumps(found)


def test_a_certificate_of_the_environment_is_told_from_one_of_somebody_else(
    tmp_path: Path,
) -> None:
    authority = Authority()
    (tmp_path / "environment-ca").write_text(authority.pem)
    authority.issue(tmp_path)
    certificate(tmp_path / "web-client", 30)
    places = [("web-server", "web-server.pem"), ("web-client",) * 2, ("environment-ca",) * 2]
    node = {"secrets": [{"name": name, "path": str(tmp_path / file)} for name, file in places]}

    found = keeping.certificates(node)

    assert [found[name].get("ours") for name, _ in places] == [True, False, None]
    assert found["web-server"]["pair"]


def test_of_a_range_what_differs_is_told_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """A range has hundreds of addresses, most of which nobody has; not all of them can be told."""
    words = {f"http://10.0.0.{index}:12805/": "fail" for index in range(256)}
    words |= {f"http://10.0.0.{index}:12805/": "pass" for index in (77, 200)}
    parts = {uri: {"statusCode": word} for uri, word in words.items()}
    answers = {
        "/login": {"access_token": "t"},
        "/status": {"components": {"backends": {"statusCode": "pass", "components": parts}}},
    }
    monkeypatch.setattr(
        way, "call", lambda _port, _verb, path, *_: (200, json.dumps(answers[path]))
    )
    monkeypatch.setattr(ground, "secret_of", lambda *_: "secret")

    found = serving.status({"role": "web", "product": "plumber", "port": 12800})["backends"]

    assert len(found) == serving.MOST
    assert [uri for uri, word in found.items() if word == "pass"] == [
        "http://10.0.0.200:12805/",
        "http://10.0.0.77:12805/",
    ]


def test_the_store_of_the_product_is_held_to_the_certificates_of_the_node(tmp_path: Path) -> None:
    """As store-certificates.sh makes it: PFX files without a password, named by thumbprint."""
    store = tmp_path / keeping.STORE
    store.mkdir(parents=True)
    certificate(tmp_path / "token-signing", 30)
    certificate(tmp_path / "token-signing.another", 30)
    certificate(tmp_path / "web-client", 30)
    node = {
        "product": "mlserver",
        "role": "web",
        "web": {"product": {"webHome": str(tmp_path)}, "certificates": ["token-signing"]},
        "secrets": [{"name": "token-signing", "path": str(tmp_path / "token-signing")}],
    }

    def put(name: str, mark: str = "") -> Path:
        pem = tmp_path / name
        path = store / f"{mark or keeping._print(pem.read_bytes())}.pfx"
        command = ["openssl", "pkcs12", "-export", "-passout", "pass:", "-in", pem, "-inkey", pem]
        subprocess.run([*command, "-out", path], check=True)
        return path

    def found() -> Any:
        return keeping.stored(node)["token-signing"]

    assert found() == "absent"
    right = put("token-signing")
    assert found() == "same"
    put("web-client")
    assert found() == "same"
    other = put("token-signing.another")
    assert found() == "twice"
    right.unlink()
    assert found() == "replaced"
    other.unlink()
    put("token-signing.another", right.stem)
    assert found() == "other"
    right.write_text("no PFX")
    assert found() == "other"
    assert keeping.stored({**node, "product": "plumber"}) == {}


def test_secrets_are_compared_on_the_node_and_stay_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "cloud.sh"
    program.write_text(
        '#!/bin/sh\ncase $2 in denied) echo "403 Forbidden" >&2; exit 1 ;; slow) exec sleep 30 ;;\n'
        'lost) [ -e "$0.tried" ] || { touch "$0.tried"; exit 1; } ;; esac\n'
        'printf %s "$2-value"\n'
    )
    program.chmod(0o755)
    monkeypatch.setattr(ground, "PROGRAMS", str(tmp_path))
    monkeypatch.setattr(keeping, "PAUSE", 0.0)
    monkeypatch.setitem(ground.LONGEST, "seconds", 1.0)
    secrets = []
    held = {"same": "same-value", "other": "old", "denied": "", "absent": None}
    for name, text in {**held, "lost": "lost-value", "slow": "slow-value"}.items():
        path = tmp_path / name
        if text is not None:
            path.write_text(text)
        secrets.append({"name": name, "path": str(path)})

    found = keeping.vault({"secrets": secrets}, 5.0)

    assert found == {
        "same": "same",
        "other": "other",
        "denied": "refused: 403 Forbidden",
        "absent": "absent",
        "lost": "same",
        "slow": "late",
    }
    assert "value" not in json.dumps(found)


def test_files_are_compared_by_their_digests(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_text("as rendered\n")
    digest = ground.short(b"as rendered\n")
    wanted = {str(file): digest, str(tmp_path / "b"): digest}

    assert keeping.files(wanted) == {"differ": [], "missing": [str(tmp_path / "b")]}
    file.write_text("changed\n")
    assert keeping.files(wanted)["differ"] == [str(file)]


STATISTICS = """# pxname,svname,qcur,status,addr,check_status,
web,FRONTEND,,OPEN,,,
compute,node1,0,UP,10.20.16.4:12805,L7OK,
compute,node2,0,DOWN,10.20.16.5:12805,L6RSP,
compute,node3,0,MAINT,127.0.0.1:1,,
compute,BACKEND,0,UP,,,
workers,worker1,0,UP,,L4OK,
workers,worker2,0,DOWN,,L4CON,
"""


def test_the_proxys_statistics_say_which_compute_nodes_it_knows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "proxy.sock"
    monkeypatch.setattr(serving, "PROXY", str(place))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(place))
        listener.listen()

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(100)
                connection.sendall(STATISTICS.encode())

        thread = threading.Thread(target=answer)
        thread.start()
        found = serving.workers({"role": "web", "product": "plumber"})
        thread.join()

    assert found == {
        "known": {"10.20.16.4:12805": "", "10.20.16.5:12805": "DOWN L6RSP"},
        "up": 1,
        "down": ["worker2"],
    }


def test_settings_of_the_product_are_compared_without_their_secrets(tmp_path: Path) -> None:
    (tmp_path / "web").mkdir()
    file = tmp_path / "web" / "appsettings.json"
    actual = {
        "kestrel": {"Port": 12801},
        "ConnectionStrings": {"postgresql": {"Connection": "Password=hush"}},
        "BackEndConfiguration": {"Uris": {"Values": ["https://10.20.16.4:12805"]}},
    }
    file.write_text("\ufeff" + json.dumps(actual))
    rendered = {
        "Kestrel": {"Port": 12801},
        "ConnectionStrings": {"postgresql": {"Connection": {"$secret": "database-product"}}},
    }
    uris = {"Uris": {"Values": {"$node": "computeNodes.values"}}}
    node: dict[str, Any] = {
        "role": "web",
        "product": "rserver",
        "computeNodes": {"values": ["https://10.20.16.4:12805"], "ranges": []},
        "web": {
            "product": {"homes": [str(tmp_path)], "folders": {"web": "web"}},
            "appsettings": {
                "web": {
                    "overlay": rendered,
                    "first": {"ComputeNodesConfiguration|BackEndConfiguration": uris},
                }
            },
        },
    }

    assert serving.settings(node) == {"differ": []}
    file.write_text(json.dumps({**actual, "kestrel": {"Port": 1}}))
    assert serving.settings(node) == {"differ": ["web.kestrel.Port"]}
    node["computeNodes"]["values"] = ["https://10.20.16.9:12805"]
    assert serving.settings(node)["differ"] == [
        "web.BackEndConfiguration.Uris.Values",
        "web.kestrel.Port",
    ]


def test_ways_that_are_refused_are_ways_all_the_same() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        assert way.passed([["127.0.0.1", port], ["127.0.0.1", 1]]) == [0, 1]


def test_this_machine_has_disks_and_memory() -> None:
    assert machine.disks()["/"]
    assert machine.memory()["total"] > 0
    assert machine.clock()["time"] > 1_700_000_000


class Here:
    """Runs texts on this machine."""

    def carry(self, node: Node, text: str, seconds: float) -> str:
        assert len(text) < 24 * 1024, "Azure's Run Command and others have their limits"
        done = subprocess.run(
            ["sh"], input=text, capture_output=True, text=True, timeout=60, check=False
        )
        return done.stdout


def test_the_probe_arrives_and_says_what_it_cannot_find_out_where_there_is_no_node() -> None:
    node = Node(name="web-4", id="i-4", role="web", address="10.20.0.4")
    instance = Instance(node=node, state="running", running=True)

    (told,) = asking.every(Channel(Here()), [instance], diagnosed.intended(), 30.0)

    assert told.why == ""
    assert told.facts["unknown"]["node"].startswith("/etc/operationalization/node.json cannot be")
    assert told.asked < told.answered


def test_a_machine_that_does_not_run_is_not_asked() -> None:
    node = Node(name="web-4", id="i-4", role="web")
    down = Instance(node=node, state="stopped", running=False)

    class Nobody:
        def carry(self, node: Node, text: str, seconds: float) -> str:
            raise AssertionError("it was asked")

    (told,) = asking.every(Channel(Nobody()), [down], diagnosed.intended(), 30.0)
    assert (told.facts, told.why) == ({}, "")


def test_a_machine_that_hangs_holds_up_nobody() -> None:
    hung, well = (
        Instance(
            node=Node(name=name, id=name, role="web", address=""), state="running", running=True
        )
        for name in ("hung", "well")
    )
    end = threading.Event()

    class Hanging(Here):
        def carry(self, node: Node, text: str, seconds: float) -> str:
            if node.name == "hung":
                end.wait(60)
            return super().carry(node, text, seconds)

    try:
        told = asking.every(Channel(Hanging()), [hung, well], diagnosed.intended(), 3.0)
    finally:
        end.set()

    assert [each.why for each in told] == ["no answer came within 3 seconds", ""]


WRITES = {"remove", "unlink", "rename", "replace", "makedirs", "mkdir", "rmdir", "chmod", "chown"}


@pytest.mark.parametrize("file", sorted((asking.HERE / "node").glob("*.py")), ids=lambda f: f.stem)
def test_the_probe_changes_nothing(file: Path) -> None:
    """It opens files to read them, and of modules that change files it calls nothing that does."""
    for found in ast.walk(ast.parse(file.read_text())):
        if not isinstance(found, ast.Call):
            continue
        if isinstance(found.func, ast.Name) and found.func.id == "open":
            modes = [each for each in found.args[1:2] if isinstance(each, ast.Constant)]
            assert all(each.value in ("r", "rb") for each in modes), ast.unparse(found)
        if isinstance(found.func, ast.Attribute) and found.func.attr in WRITES:
            assert ast.unparse(found.func.value) not in ("os", "shutil", "Path"), ast.unparse(found)


@pytest.mark.parametrize("role", ["web", "compute"])
def test_a_whole_answer_fits_into_what_azure_gives_back(role: str) -> None:
    """Of 4096 bytes carry.sh takes 3600; what does not fit would lose its beginning."""
    facts = json.dumps(diagnosed.facts(role), separators=(",", ":"), sort_keys=True)
    script = f"cat <<'END'\n{facts}\nEND"
    said = Here().carry(Node(name="", id="", role=role), carrier.packed(script, "", 10), 10)
    answer = carrier.unpacked(said)

    assert answer is not None
    assert json.loads(answer.stdout) == json.loads(facts)
    assert len(said) < 3000, "room for what is not well"
