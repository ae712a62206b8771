"""What nodes hold: the configuration that they were given, at every boot, and no secret."""

import json
import stat
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from components.runtimes.plumber.secrets import FOLDER, SECRETS
from operations.patience import until
from sandbox.fabric import hosts
from sandbox.home import Home
from tests.support.live import Live, live
from tests.support.places import AZURE, Place
from tests.support.searching import Search, secrets_of
from tests.support.watching import Watch, watching

pytestmark = [pytest.mark.engine, pytest.mark.root]

LIMIT = 120.0
"""Seconds in which a node must have booted, also on a machine that does ten other things."""
STATE = "/var/lib/operationalization"
CLOUD = "/opt/operationalization/bin/cloud.sh"
ENVIRONMENT_CA = Path(FOLDER[1:], "environment-ca")
"""A certificate, which everybody may know."""
API = ("operationalization_api", f"{FOLDER}/database-api")
LOADER = ("operationalization_loader", f"{FOLDER}/database-loader")
"""The nodes' database users, and where their passwords are."""
DENIED = "42501"
"""PostgreSQL, "Error Codes": insufficient_privilege."""

DATABASE = """
import json, sys, psycopg
user, password, host, options, *statements = sys.argv[1:]
place = json.load(open("/etc/operationalization/node.json"))["database"]
secret = sys.stdin.read().strip() if password == "-" else open(password).read()
try:
    connection = psycopg.connect(
        host=host or place["host"], port=place["port"], dbname=place["name"], user=user,
        password=secret, connect_timeout=30, autocommit=True, **json.loads(options))
except psycopg.OperationalError as error:
    print("refused:", " ".join(str(error).split()))
    sys.exit()
print("connected")
for statement in statements:
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(statement)
        print("done")
    except psycopg.Error as error:
        print(error.sqlstate)
"""
"""Logs in to the database as the nodes do, and tries statements without keeping their effect."""

CONTENT = """
import hashlib, json, os, sys
found = {}
for top in sys.argv[1:]:
    for folder, _, names in os.walk(top):
        for name in names:
            path = os.path.join(folder, name)
            about = os.lstat(path)
            if os.path.islink(path):
                said = os.readlink(path)
            elif os.path.isfile(path):
                said = hashlib.sha256(open(path, "rb").read()).hexdigest()
            else:
                continue
            found[path] = [oct(about.st_mode), about.st_uid, about.st_gid, said]
print(json.dumps(found))
"""
"""Prints every file below some folders, with its mode, owner and sum."""


@pytest.fixture(scope="module")
def place() -> Place:
    """The cloud that these tests are of; test_secrets_aws.py has another."""
    return AZURE


@pytest.fixture(scope="module")
def first_boots(
    place: Place, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Live, Watch]]:
    """A deployment, and what was seen of its nodes and its database until it was made."""
    folder = tmp_path_factory.mktemp("secrets")
    with ExitStack() as closing:
        with watching(Home(folder / "sandbox").prefix) as watch:
            # The platform's real timers: a node that reboots on a busy machine is not to repair.
            running = closing.enter_context(live(place.stack, folder, options=()))
        yield running, watch


@pytest.fixture(scope="module")
def dev(first_boots: tuple[Live, Watch]) -> Live:
    return first_boots[0]


@pytest.fixture(scope="module")
def web(dev: Live) -> str:
    return dev.names("web")[0]


@pytest.fixture(scope="module")
def compute(dev: Live) -> str:
    return dev.names("compute")[0]


@pytest.fixture(scope="module")
def search(dev: Live, place: Place, web: str) -> Search:
    secrets = secrets_of(dev.engine, dev.stack)
    kept = {name for name in place.names if name != "environment-ca"}
    assert {place.stored.format(stack=dev.stack, name=name) for name in kept} <= set(secrets)
    assert f"{dev.stack}-credentials-ca-key.privateKeyPem" in secrets
    return Search(secrets | place.unstated(dev, web))


# Configuration.


@pytest.mark.parametrize("role", ["web", "compute"])
def test_every_unit_of_a_node_works(dev: Live, role: str) -> None:
    for node in dev.names(role):
        said = until(
            lambda node=node: dev.on(node, "systemctl", "is-system-running", check=False).stdout,
            lambda said: said.strip() not in ("initializing", "starting"),
            LIMIT,
        )
        assert said.strip() == "running", dev.on(node, "systemctl", "--failed").stdout


@pytest.mark.parametrize("role", ["web", "compute"])
def test_a_node_received_the_user_data_that_the_engine_passed_byte_for_byte(
    dev: Live, place: Place, role: str
) -> None:
    passed = place.user_data(dev.engine.resources(dev.stack), f"{dev.stack}-{role}-nodes")

    for node in dev.names(role):
        received = dev.on(node, "base64", "-w0", "/var/lib/cloud/instance/user-data.txt").stdout
        assert received == passed


class Node:
    """What a node says of itself."""

    def __init__(self, dev: Live, name: str) -> None:
        self._dev, self._name = dev, name

    def _say(self, *command: str) -> str:
        # It says nothing while it reboots.
        return self._dev.on(self._name, *command, check=False).stdout.strip()

    def content(self) -> dict[str, list[object]]:
        """Every file that the product or cloud-init could change."""
        return dict(
            json.loads(self._say("python3", "-c", CONTENT, "/etc", "/opt", "/usr/local", STATE))
        )

    def boot(self) -> str:
        """A number of its own for each boot."""
        return self._say("cat", "/proc/sys/kernel/random/boot_id")

    def log(self) -> str:
        """What its configuration said, at every boot."""
        return self._say("cat", "/var/log/operationalization/configure.log")

    def ping(self) -> str:
        """What it answers itself to the question whether it is ready."""
        port = self._say("jq", ".port", "/etc/operationalization/node.json")
        return self._say("curl", "-sk", "--noproxy", "*", f"https://localhost:{port}/ping")


@dataclass(frozen=True, kw_only=True)
class SecondBoots:
    """A web and a compute node that were rebooted from inside, and what was seen meanwhile."""

    nodes: Mapping[str, Node]
    before: Mapping[str, dict[str, list[object]]]
    after: Mapping[str, dict[str, list[object]]]
    logs: Mapping[str, str]
    """What the configuration said at the second boot."""
    watch: Watch


@pytest.fixture(scope="module")
def second_boots(dev: Live, place: Place, web: str, compute: str) -> SecondBoots:
    place.leave_alone(dev)
    names = {"web": web, "compute": compute}
    nodes = {role: Node(dev, name) for role, name in names.items()}
    before = {role: node.content() for role, node in nodes.items()}
    boots = {role: node.boot() for role, node in nodes.items()}
    first = {role: node.log() for role, node in nodes.items()}
    logs = {}
    with watching(dev.home.prefix) as watch:
        for name in names.values():
            dev.on(name, "systemctl", "reboot", check=False)
        for role, node in nodes.items():
            boot = until(node.boot, lambda boot, role=role: boot not in ("", boots[role]), LIMIT)
            assert boot not in ("", boots[role]), f"{names[role]} does not reboot"
            logs[role] = until(
                lambda node=node, role=role: node.log().removeprefix(first[role]),
                lambda log: "configure.sh: ready" in log,
                LIMIT,
            )
    return SecondBoots(
        nodes=nodes,
        before=before,
        after={role: node.content() for role, node in nodes.items()},
        logs=logs,
        watch=watch,
    )


@pytest.mark.parametrize("role", ["web", "compute"])
def test_a_second_boot_changes_nothing_and_serves_again(
    second_boots: SecondBoots, role: str
) -> None:
    assert second_boots.after[role] == second_boots.before[role]
    assert "/etc/operationalization/node.json" in second_boots.after[role]
    assert until(second_boots.nodes[role].ping, '"ready"'.__eq__, LIMIT) == '"ready"'


def test_a_second_boot_asks_the_database_for_no_migration(
    dev: Live, web: str, second_boots: SecondBoots
) -> None:
    said = "the database's schema is known to be up to date"
    units = dev.on(
        web, "journalctl", "--boot", "--unit", "operationalization-migrate.service", "--output=cat"
    )

    assert said in second_boots.logs["web"]
    assert units.stdout.strip() in ("", "-- No entries --")


# The database.


def ask_database(
    dev: Live, node: str, who: tuple[str, str], *statements: str, host: str = "", **options: str
) -> list[str]:
    user, password = who
    trust = {"sslmode": "verify-full", "sslrootcert": "/etc/ssl/certs/ca-certificates.crt"}
    text = json.dumps(trust | options)
    done = dev.on(node, "python3", "-c", DATABASE, user, password, host, text, *statements)
    return done.stdout.splitlines()


def test_a_client_that_trusts_another_authority_refuses_the_database(dev: Live, web: str) -> None:
    (said,) = ask_database(dev, web, API, sslrootcert=f"{FOLDER}/environment-ca")

    assert said.startswith("refused:")
    assert "certificate verify failed" in said
    assert ask_database(dev, web, API) == ["connected"]


def test_a_client_refuses_a_database_that_proves_another_name(dev: Live, web: str) -> None:
    name = json.loads(dev.on(web, "cat", "/etc/operationalization/node.json").stdout)
    address = dev.on(web, "getent", "ahostsv4", name["database"]["host"]).stdout.split()[0]

    (said,) = ask_database(dev, web, API, host=address)

    assert said.startswith("refused:")
    assert "does not match host name" in said


def test_the_database_refuses_clients_without_tls(dev: Live, web: str) -> None:
    (said,) = ask_database(dev, web, API, sslmode="disable")

    assert said.startswith("refused:")
    assert "no encryption" in said


def test_a_web_node_changes_services_and_no_table(dev: Live, web: str) -> None:
    may = [
        ADD_SERVICE,
        "UPDATE operationalization.service SET description = ''",
        "DELETE FROM operationalization.service",
        "SELECT * FROM operationalization.refresh_token",
        "SELECT * FROM operationalization.serving_node",
    ]
    may_not = [
        "TRUNCATE operationalization.service",
        "DROP TABLE operationalization.service",
        "ALTER TABLE operationalization.service DISABLE TRIGGER ALL",
        "UPDATE operationalization.catalogue SET revision = 0",
        "SELECT operationalization.heartbeat('10.0.0.1', 12805, 1, 1)",
        "INSERT INTO operationalization.compute_node VALUES ('10.0.0.1', 1, 1, 1, now())",
        *FOR_NOBODY,
    ]

    said = ask_database(dev, web, API, *may, *may_not)

    assert dict(zip(may, said[1:], strict=False)) == dict.fromkeys(may, "done")
    assert dict(zip(may_not, said[1 + len(may) :], strict=True)) == dict.fromkeys(may_not, DENIED)


def test_a_compute_node_reads_services_and_writes_none(dev: Live, compute: str) -> None:
    may = [
        "SELECT * FROM operationalization.service",
        "SELECT * FROM operationalization.catalogue",
        "SELECT operationalization.heartbeat('10.0.0.1', 12805, 1, 1)",
        "SELECT operationalization.farewell('10.0.0.1')",
    ]
    may_not = [
        ADD_SERVICE,
        "UPDATE operationalization.service SET description = ''",
        "DELETE FROM operationalization.service",
        "UPDATE operationalization.catalogue SET revision = 0",
        "SELECT * FROM operationalization.refresh_token",
        "INSERT INTO operationalization.refresh_token VALUES ('', 'a', 'Owner', now(), now())",
        "SELECT * FROM operationalization.compute_node",
        "DELETE FROM operationalization.compute_node",
        "SET ROLE operationalization_api",
        *FOR_NOBODY,
    ]

    said = ask_database(dev, compute, LOADER, *may, *may_not)

    assert dict(zip(may, said[1:], strict=False)) == dict.fromkeys(may, "done")
    assert dict(zip(may_not, said[1 + len(may) :], strict=True)) == dict.fromkeys(may_not, DENIED)


ADD_SERVICE = (
    "INSERT INTO operationalization.service VALUES ('s', '1', '', 's', '[]', '[]', '', '', 'test')"
)
FOR_NOBODY = (
    "CREATE TABLE operationalization.mine (x int)",
    "CREATE TABLE public.mine (x int)",
    "CREATE SCHEMA mine",
    "CREATE ROLE mine",
    "SET ROLE operationalization_owner",
    "ALTER ROLE breakglass PASSWORD 'x'",
    "SELECT * FROM pg_authid",
    "SELECT pg_read_file('postgresql.conf')",
    "COPY (SELECT 1) TO PROGRAM 'true'",
)
"""What no node's own role may do."""


def test_only_the_web_nodes_identity_owns_the_database(dev: Live, web: str, compute: str) -> None:
    node = json.loads(dev.on(web, "cat", "/etc/operationalization/node.json").stdout)
    log_in = f'"$0" database-token | python3 -c "$1" "{node["database"]["principal"]}" - "" "$2"'
    trust = {"sslmode": "verify-full", "sslrootcert": "/etc/ssl/certs/ca-certificates.crt"}
    command = ["bash", "-c", log_in, CLOUD, DATABASE, json.dumps(trust)]

    assert dev.on(web, *command).stdout == "connected\n"
    assert dev.on(compute, *command).stdout.startswith("refused:")


# The vault.


@pytest.mark.parametrize("role", ["web", "compute"])
def test_a_node_fetches_its_own_secrets_and_no_others(dev: Live, place: Place, role: str) -> None:
    each = 'for name in "$@"; do "$0" secret "$name" >/dev/null 2>&1 && echo "$name"; done; true'

    found = dev.on(dev.names(role)[0], "bash", "-c", each, CLOUD, *place.names).stdout.split()

    assert set(found) == {use.name for use in SECRETS[role]}
    assert set(found) < set(place.names)


def test_a_node_cannot_speak_with_another_roles_identity(dev: Live, web: str, compute: str) -> None:
    identity = json.loads(dev.on(web, "cat", "/etc/operationalization/node.json").stdout)["vault"][
        "identity"
    ]
    url = (
        "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01"
        f"&resource=https://vault.azure.net&client_id={identity}"
    )
    ask = ("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-H", "Metadata:true", url)

    assert dev.on(web, *ask).stdout == "200"
    assert dev.on(compute, *ask).stdout == "400"


# Values, wherever they could lie.


def test_no_secret_is_on_a_disk_in_a_log_or_in_what_anybody_is_shown(
    dev: Live, place: Place, search: Search, second_boots: SecondBoots, tmp_path: Path
) -> None:
    shown = tmp_path / "shown"
    shown.mkdir()
    for node in dev.names():
        write(shown / f"{node}-journal", dev.on(node, "journalctl", "--output=export").stdout)
        write(shown / f"{node}-metadata", dev.on(node, "bash", "-c", place.metadata).stdout)
    write(shown / "state", dev.engine.pulumi("stack", "export", "--stack", dev.stack).stdout)
    write(shown / "outputs", dev.engine.pulumi("stack", "output", "--stack", dev.stack).stdout)
    write(shown / "deployment", dev.shown)
    write(shown / "resources", dev.sandbox("resources", "--json"))
    write(shown / "status", dev.sandbox("status", "--json"))
    home = dev.home

    found = search.below(
        shown,
        home.hosts,
        home.root / place.databases,
        home.log,
        home.nodes,
        dev.engine.folder / "events.jsonl",
        dev.engine.folder / "backend",
        *since(home.images, home.lock),
    )

    assert found == {}


@pytest.mark.parametrize("role", ["web", "compute"])
def test_in_memory_secrets_lie_where_their_reader_looks_and_nobody_else(
    dev: Live, search: Search, role: str
) -> None:
    for host in hosts.found(dev.home.hosts):
        if host.name not in dev.names(role):
            continue
        root = Path(f"/proc/{host.leader}/root")

        found = search.below(root / "run", root / "tmp", root / "dev/shm")

        places = {path.relative_to(root): path.stat() for path in found}
        own = {Path(FOLDER[1:], use.name) for use in SECRETS[role]} - {ENVIRONMENT_CA}
        assert own <= set(places)
        for place in set(places) - own:
            assert place.is_relative_to("run/credentials"), place
        assert {stat.S_IMODE(about.st_mode) for about in places.values()} == {0o400}


def write(path: Path, text: str) -> None:
    assert text, f"{path.name} is empty: nothing would be found in it"
    path.write_text(text)


def since(folder: Path, file: Path) -> list[Path]:
    """Files of *folder* that changed after *file*: older ones can't hold what is newer."""
    command = ["find", str(folder), "-type", "f", "-cnewer", str(file), "-print0"]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [Path(path) for path in found.split("\0") if path]


def test_no_token_is_on_a_disk_or_in_a_log(dev: Live, place: Place) -> None:
    places = [path for path in (dev.home.log, *dev.home.hosts.rglob("*")) if path.is_file()]

    found = [path for path in places if place.token.search(path.read_bytes())]

    assert found == []


def test_no_process_of_a_booting_node_shows_a_secret(
    place: Place, search: Search, first_boots: tuple[Live, Watch], second_boots: SecondBoots
) -> None:
    for watch in (first_boots[1], second_boots.watch):
        seen = b"\n".join(watch.seen)

        assert b"cloud.sh\0secret\0admin-password\0" in seen, "too short a look"
        assert b"cloud.sh\0secret\0compute-server\0" in seen, "too short a look"
        assert search.among(seen) == set()
        assert not place.token.search(seen)


def test_the_search_finds_what_is_there(
    dev: Live, search: Search, web: str, tmp_path: Path
) -> None:
    """Every form that the search knows, on a node's disk, beside where the secret belongs."""
    folder = "/var/tmp/found"
    written = {
        "as-it-is": f"cat {FOLDER}/token-signing-key",
        "der": f"openssl pkey -in {FOLDER}/token-signing-key -outform DER",
        "pkcs8": f"openssl pkcs8 -topk8 -nocrypt -in {FOLDER}/token-signing-key",
        "hex": f"od -An -vtx1 {FOLDER}/database-loader | tr -d ' \\n'",
        "twice": f"(printf x; cat {FOLDER}/database-api) | base64",
        "packed": f"gzip -c {FOLDER}/admin-password",
    }
    lines = "; ".join(f"{command} > {folder}/{name}" for name, command in written.items())
    dev.on(web, "bash", "-c", f"mkdir {folder} && {{ {lines}; }}")
    try:
        found = {path.name: names for path, names in search.below(dev.home.hosts).items()}
        assert set(found) == set(written)
        process = ["bash", "-c", f'exec -a "$(cat {FOLDER}/admin-password)" sleep 5 & wait']
        with watching(dev.home.prefix) as watch:
            dev.on(web, *process)
        assert any(search.among(seen) for seen in watch.seen)
    finally:
        dev.on(web, "rm", "-r", folder)
