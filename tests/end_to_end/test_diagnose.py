"""scripts/diagnose on stack `dev` with nodes that run: each fault is planted for real, and named.

Two kinds cannot be had in the sandbox as they come: a machine has its host's clock, so that what
is set wrong is the clock of the programs that ask; and a disk is the host's, so that a small file
system of the node's own is filled.
"""

import json
import shlex
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from tests.support.live import SECURITY_GROUP, Live, live
from tests.support.waiting import until

pytestmark = [pytest.mark.engine, pytest.mark.root, pytest.mark.timeout(900)]

BUSY = "100"
"""Seconds for a node to look at itself, where other tests take the processors."""
SECRETS = "/run/operationalization/secrets"
NODE = "/etc/operationalization/node.json"
TABLE = ("inet", "operationalization")
AS_OWNER = """
import json, subprocess, sys
import psycopg
where = json.load(open("/etc/operationalization/node.json"))["database"]
token = subprocess.check_output(["./cloud.sh", "database-token"], text=True,
                                cwd="/opt/operationalization/bin").strip()
with psycopg.connect(host=where["host"], port=where["port"], dbname=where["name"],
                     user=where["principal"], password=token, sslmode="verify-full",
                     sslrootcert="/etc/ssl/certs/ca-certificates.crt", autocommit=True) as database:
    for statement in sys.argv[1:]:
        database.execute(statement)
"""
WRONG_CLOCK = "import time\n_right = time.time\ntime.time = lambda: _right() - 600\n"

Found = dict[tuple[str, str], str]


class Sick:
    """The environment, and what is done to it for a while."""

    def __init__(self, dev: Live) -> None:
        self.dev = dev
        self.web, self.web2 = dev.names("web")[:2]
        self.compute, self.compute2 = dev.names("compute")[:2]

    def diagnose(self) -> tuple[int, Found]:
        """How scripts/diagnose ends, and what it names: words, by id and place."""
        done = self.dev.script("diagnose", "--format", "json", "--seconds", BUSY)
        assert done.returncode in (0, 2), done.stderr
        found = json.loads(done.stdout)["findings"]
        return done.returncode, {(each["id"], each["place"]): each["what"] for each in found}

    def sh(self, node: str, text: str) -> str:
        """Run a line of shell on a node."""
        return self.dev.on(node, "bash", "-c", text).stdout

    @contextmanager
    def between(self, node: str, before: str, after: str) -> Iterator[None]:
        """Run a line on a node, and another one in the end."""
        self.sh(node, before)
        try:
            yield
        finally:
            self.sh(node, after)

    def owner(self, *statements: str) -> None:
        """Run statements in the database as who migrates it."""
        self.dev.on(self.web, "python3", "-c", AS_OWNER, *statements)

    @contextmanager
    def statement(self, before: str, after: str) -> Iterator[None]:
        """Run a statement in the database, and another one in the end."""
        self.owner(before)
        try:
            yield
        finally:
            self.owner(after)

    def kept(self, node: str, path: str, text: str) -> AbstractContextManager[None]:
        """Change a file of a node by a line of shell that has its path in $F; it comes back."""
        copy = f"/run/kept{path.replace('/', '-')}"
        return self.between(
            node, f"F={path}; cp -a $F {copy}; {text}", f"F={path}; cp -a {copy} $F; rm {copy}"
        )

    @contextmanager
    def rule(self, group: str, name: str, access: str) -> Iterator[None]:
        """Another decision of one rule of a subnet's security group."""
        (found,) = [g for g in self.dev.resources(SECURITY_GROUP) if f"-{group}" in g["id"]]
        names = [rule["name"] for rule in found["properties"]["securityRules"]]
        path = f"securityRules[{names.index(name)}].access"
        self.dev.tamper(found["id"], path, json.dumps(access))
        try:
            yield
        finally:
            self.dev.tamper(found["id"], path, json.dumps("Allow"))


@dataclass(frozen=True)
class Fault:
    """Something to plant, and what must be named."""

    name: str
    plant: Callable[[Sick], AbstractContextManager[None]]
    ids: tuple[str, ...]
    where: Callable[[Sick], str]


def on(role: str, which: str) -> Callable[[Sick], str]:
    return lambda sick: f"{role} node {getattr(sick, which)}"


WEB, WEB2 = on("web", "web"), on("web", "web2")
COMPUTE = on("compute", "compute")
MAKE_EXPIRED = """
import datetime, sys
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.utcnow()
name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "old")])
made = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - datetime.timedelta(days=9))
        .not_valid_after(now - datetime.timedelta(days=1)).sign(key, hashes.SHA256()))
pem = serialization.Encoding.PEM
with open(sys.argv[1], "wb") as file:
    file.write(made.public_bytes(pem) + key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
"""
EXPIRED = f"python3 -W ignore -c {shlex.quote(MAKE_EXPIRED)} $F"
FAULTS = [
    Fault(
        "a stopped service",
        lambda s: s.between(
            s.web,
            "systemctl stop operationalization-discovery",
            "systemctl start operationalization-discovery",
        ),
        ("service-stopped",),
        WEB,
    ),
    Fault(
        "a failed unit",
        lambda s: s.between(
            s.web,
            "systemd-run --quiet --wait --unit operationalization-broken false || true",
            "systemctl reset-failed operationalization-broken",
        ),
        ("service-failed",),
        WEB,
    ),
    Fault(
        "a stopped loader",
        lambda s: s.between(
            s.compute,
            "systemctl stop operationalization-loader",
            "systemctl start operationalization-loader",
        ),
        ("service-stopped", "node-not-live"),
        COMPUTE,
    ),
    Fault(
        "an expired certificate",
        lambda s: s.kept(s.web, f"{SECRETS}/web-server", EXPIRED),
        ("certificate-expired", "secret-stale"),
        WEB,
    ),
    Fault(
        "a certificate without its key",
        lambda s: s.kept(
            s.web,
            f"{SECRETS}/web-client",
            "openssl x509 -in $F -out /run/c; openssl genrsa 2048 2>/dev/null | cat /run/c - >$F",
        ),
        ("certificate-broken", "secret-stale"),
        WEB,
    ),
    Fault(
        "the wrong certificate for tokens on one web node",
        lambda s: s.kept(
            s.web2, f"{SECRETS}/token-signing-key", "openssl genrsa -out $F 2048 2>/dev/null"
        ),
        ("token-key-differs", "secret-stale"),
        WEB2,
    ),
    Fault(
        "another password in the database",
        lambda s: s.statement(
            "ALTER ROLE operationalization_loader PASSWORD 'another'",
            f"ALTER ROLE operationalization_loader PASSWORD "
            f"'{s.sh(s.web, f'cat {SECRETS}/database-loader')}'",
        ),
        ("database-login-refused",),
        COMPUTE,
    ),
    Fault(
        "a right that was taken",
        lambda s: s.statement(
            "REVOKE SELECT ON operationalization.service FROM operationalization_loader",
            "GRANT SELECT ON operationalization.service TO operationalization_loader",
        ),
        ("database-rights",),
        COMPUTE,
    ),
    Fault(
        "a role that became powerful",
        lambda s: s.statement(
            "ALTER ROLE operationalization_api CREATEDB",
            "ALTER ROLE operationalization_api NOCREATEDB",
        ),
        ("database-role",),
        WEB,
    ),
    Fault(
        "migrations that were not run",
        lambda s: s.kept(s.web, "/var/lib/operationalization/migrated", "echo 0 >$F"),
        ("migrations-behind",),
        WEB,
    ),
    Fault(
        "a full disk",
        lambda s: s.between(
            s.compute,
            "mount -t tmpfs -o size=1m full /var/log;"
            " head -c 2M /dev/zero >/var/log/full 2>/dev/null || true",
            "umount /var/log",
        ),
        ("disk-full",),
        COMPUTE,
    ),
    Fault(
        "a disk so full that no command gets onto the node",
        lambda s: s.between(
            s.compute,
            "mount -t tmpfs -o size=1m full /tmp;"
            " head -c 2M /dev/zero >/tmp/full 2>/dev/null || true",
            "umount /tmp",
        ),
        ("disk-full",),
        COMPUTE,
    ),
    Fault(
        "a clock that is wrong",
        lambda s: s.kept(
            s.web, "/etc/python3.11/sitecustomize.py", f"printf '%b' '{WRONG_CLOCK}' >$F"
        ),
        ("clock-off",),
        WEB,
    ),
    Fault(
        "a packet rule that is missing",
        lambda s: s.rule("compute", "allow-web-to-compute-12805", "Deny"),
        ("path-blocked", "compute-down"),
        WEB,
    ),
    Fault(
        "a node's own filter that is gone",
        lambda s: s.between(
            s.compute,
            f"nft delete table {' '.join(TABLE)}",
            "systemctl restart operationalization-firewall",
        ),
        ("firewall-off",),
        COMPUTE,
    ),
    Fault(
        "a rule of a node's own filter that is missing",
        lambda s: s.between(
            s.web,
            f"nft delete rule {' '.join(TABLE)} output handle $(nft -a list chain"
            f" {' '.join(TABLE)} output | awk '/dport 12805/ {{ print $NF }}')",
            "systemctl restart operationalization-firewall",
        ),
        ("firewall-missing", "path-blocked"),
        WEB,
    ),
    Fault(
        "a rule of a node's own filter too many",
        lambda s: s.between(
            s.web,
            f"nft add rule {' '.join(TABLE)} input tcp dport 22 accept",
            "systemctl restart operationalization-firewall",
        ),
        ("firewall-extra",),
        WEB,
    ),
    Fault(
        "an old version on one node",
        lambda s: s.kept(s.compute, NODE, """sed -i 's/"version": "1.2"/"version": "1.1"/' $F"""),
        ("version-differs", "configuration-differs"),
        COMPUTE,
    ),
    Fault(
        "a changed file",
        lambda s: s.kept(s.compute, "/etc/operationalization/503.http", "echo >>$F"),
        ("files-differ",),
        COMPUTE,
    ),
    Fault(
        "a node that drains",
        lambda s: s.between(
            s.web,
            "/opt/operationalization/bin/state.sh draining",
            "/opt/operationalization/bin/state.sh ready",
        ),
        ("node-draining",),
        WEB,
    ),
    Fault(
        "a compute node that nobody has",
        lambda s: s.between(
            s.web,
            "systemctl stop operationalization-discovery; printf 'set server compute/node900 addr"
            " 10.20.16.99 port 12805; set server compute/node900 state ready\\n' |"
            " socat - UNIX-CONNECT:/run/operationalization/proxy.sock",
            "systemctl start operationalization-discovery",
        ),
        ("compute-stale", "service-stopped"),
        WEB,
    ),
    Fault(
        "a compute node that a web node does not know",
        lambda s: s.between(
            s.web,
            "systemctl stop operationalization-discovery; for i in $(seq 1 4); do printf 'set"
            " server compute/node%s state maint\\n' $i |"
            " socat - UNIX-CONNECT:/run/operationalization/proxy.sock; done",
            "systemctl start operationalization-discovery",
        ),
        ("compute-unknown", "service-stopped"),
        WEB,
    ),
    Fault(
        "workers that do not answer",
        lambda s: s.between(
            s.compute,
            "systemctl stop operationalization-worker@1; until printf 'show stat -1 4 -1\n' |"
            " socat - UNIX-CONNECT:/run/operationalization/proxy.sock |"
            " grep -q 'workers,worker1,.*,DOWN'; do sleep 0.2; done",
            "systemctl start operationalization-worker@1",
        ),
        ("workers-down",),
        COMPUTE,
    ),
]


@pytest.fixture(scope="module")
def sick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sick]:
    with live("dev", tmp_path_factory.mktemp("diagnose"), options=()) as dev:
        yield Sick(dev)


def test_an_environment_that_is_well_has_no_finding(sick: Sick) -> None:
    code, found = sick.diagnose()

    assert found == {}
    assert code == 0


@pytest.mark.parametrize("fault", FAULTS, ids=[each.name for each in FAULTS])
def test_a_planted_fault_is_named_with_its_place(sick: Sick, fault: Fault) -> None:
    last: dict[str, Any] = {}

    def named() -> bool:
        last["code"], last["found"] = sick.diagnose()
        print(last)  # for whoever sees it fail
        return all((each, fault.where(sick)) in last["found"] for each in fault.ids)

    # The proxies see another node go with their next checks only.
    with fault.plant(sick):
        until(named, f"{', '.join(fault.ids)} of {fault.where(sick)} is not named")

    assert last["code"] == 2


def test_it_is_well_again_when_all_are_mended(sick: Sick) -> None:
    last: dict[str, Any] = {}

    def well() -> bool:
        code, last["found"] = sick.diagnose()
        return code == 0

    until(well, "it is not well again")


def test_who_may_not_read_a_secret_is_named_and_a_deployment_mends_it(sick: Sick) -> None:
    token = "azure-native:authorization:RoleAssignment"
    outputs = sick.dev.outputs()
    identity = outputs["groups"]["compute"]["identity"]["principalId"]
    for each in sick.dev.resources(token):
        if each["properties"]["principalId"] == identity:
            sick.dev.sandbox("delete", each["id"])

    _, found = sick.diagnose()
    assert ("vault-refused", f"compute node {sick.compute}") in found

    sick.dev.up()
    until(lambda: sick.diagnose()[0] == 0, "it is not well again")
