"""A one-box that runs: both roles and the database on one machine, on each cloud.

Everything a client sees is as on an enterprise environment, and there is one port. What lies on the
machine's disk outlives its processes and its reboots.
"""

import json
import stat
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from components.runtimes.plumber.secrets import FOLDER, SECRETS
from model_folders import reading
from operations.client import Client
from operations.connection import Reply
from operations.patience import until
from operations.publish import definition
from operations.stack import Environment
from sandbox.fabric import hosts
from sandbox.home import Home
from tests.support.access import ALLOWED_CLIENT, CONNECT, FOREIGN_CLIENT, METADATA, PORTS, READ
from tests.support.engine import ROOT, on_sandbox
from tests.support.hostile import Hostile, connecting, hostile
from tests.support.live import Live, live, require_nodes
from tests.support.reaching import every, reached
from tests.support.searching import Search, secrets_of
from tests.support.watching import Watch, watching

pytestmark = [pytest.mark.engine, pytest.mark.root]

STACKS = ("dev-onebox", "dev-onebox-aws")
IRIS = ROOT / "models/iris"
LIMIT = 120.0
"""Seconds in which a machine must have booted, also on a host that does ten other things."""
DATABASE = "/var/lib/operationalization/database"
UNITS = (
    "operationalization-api.service",
    "operationalization-loader.service",
    "operationalization-worker@1.service",
    "operationalization-proxy.service",
)
LISTENING = "ss -Hltn 'not src 127.0.0.0/8 and not src [::1]' | awk '{ print $4 }'"
CHECKED = """
import sqlite3
with sqlite3.connect("file:/var/lib/operationalization/database/operationalization.sqlite?mode=ro",
                     uri=True) as connection:
    print(connection.execute("PRAGMA integrity_check").fetchone()[0])
"""


@dataclass(frozen=True)
class Box:
    """A one-box, and what was seen of its processes until it served."""

    live: Live
    watch: Watch

    @property
    def node(self) -> str:
        """Name of the machine."""
        (name,) = self.live.names()
        return name

    @property
    def address(self) -> str:
        """Its private address."""
        (node,) = self.live.nodes
        return str(node["address"])

    def on(self, *command: str, check: bool = True) -> str:
        """What a command of root's prints there."""
        return self.live.on(self.node, *command, check=check).stdout.strip()

    def client(self) -> Client:
        """A client that is signed in as the administrator."""
        outputs = self.live.outputs()
        return Client(
            Environment(
                stack=self.live.stack,
                endpoint=outputs["endpoint"],
                addresses=tuple(outputs["loadBalancerAddresses"]),
                authority=outputs["certificateAuthority"],
                password=outputs["adminPassword"],
            )
        )


def await_ready(running: Live) -> None:
    """Wait until it is served: on AWS nothing waits for a machine that is in no group."""
    doors = set(every(running.outputs()["loadBalancerAddresses"], [12800]))
    assert until(lambda: reached(running.here, doors), doors.__eq__, LIMIT) == doors


@pytest.fixture(scope="module", params=STACKS)
def box(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    folder = tmp_path_factory.mktemp(request.param)
    with ExitStack() as closing:
        with watching(Home(folder / "sandbox").prefix) as watch:
            # The platform's real timers: a machine that reboots is not to be repaired meanwhile.
            running = closing.enter_context(live(request.param, folder, options=()))
            await_ready(running)
        yield Box(running, watch)


def score(live: Live) -> dict[str, Any]:
    done = live.script("score", "iris", str(IRIS / "request.json"))
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def publish(live: Live) -> None:
    done = live.script("publish", str(IRIS))
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def published(box: Box) -> Box:
    publish(box.live)
    return box


@pytest.fixture(scope="module")
def model(box: Box, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hostile]:
    with hostile(box.live, tmp_path_factory.mktemp("hostile")) as made:
        yield made


@pytest.fixture(scope="module")
def search(box: Box) -> Search:
    secrets = secrets_of(box.live.engine, box.live.stack)
    for use in SECRETS["one-box"]:
        assert any(f"-secrets-{use.name}" in name for name in secrets), use.name
    return Search(secrets)


def test_it_answers_as_the_model_folder_says(published: Box) -> None:
    assert score(published.live) == json.loads((IRIS / "answer.json").read_text())


def test_diagnose_finds_nothing_where_all_is_well(published: Box) -> None:
    done = published.live.script("diagnose", "--format", "json", "--seconds", "100")

    assert json.loads(done.stdout)["findings"] == [], done.stderr
    assert done.returncode == 0


def test_the_machine_is_well(box: Box) -> None:
    said = until(
        lambda: box.on("systemctl", "is-system-running", check=False),
        lambda said: said not in ("initializing", "starting"),
        LIMIT,
    )

    assert said == "running", box.on("systemctl", "--failed")


def test_an_owner_gets_the_model_back_as_it_was_published(published: Box) -> None:
    script = (
        'ask() { curl -sk --noproxy "*" "$@"; }; at=https://localhost:12800; '
        f"""token=$(jq -Rn '{{username: "admin", password: input}}' <{FOLDER}/admin-password"""
        " | ask --json @- $at/login | jq -r .access_token); "
        'ask -H @<(echo "Authorization: Bearer $token") "$at/services/iris/1.0/model" | sha256sum'
    )

    assert published.on("bash", "-c", script).split()[0] == reading.read(IRIS).sha256


# One port.


def test_it_listens_on_one_port(box: Box) -> None:
    assert box.on("bash", "-c", LISTENING).split() == ["0.0.0.0:12800"]


def test_allowed_clients_reach_that_port_and_nobody_else_anything(box: Box) -> None:
    balancers = list(box.live.outputs()["loadBalancerAddresses"])
    places = every([*balancers, box.address], PORTS)

    allowed = reached(partial(box.live.coming_from, ALLOWED_CLIENT), places)
    foreign = reached(partial(box.live.coming_from, FOREIGN_CLIENT), places)

    assert allowed == set(every(balancers, [12800]))
    assert foreign == set()
    assert 12805 in PORTS


def test_its_own_filter_knows_the_clients_too(box: Box) -> None:
    rules = box.on("nft", "list", "chain", "inet", "operationalization", "input")
    accepted = [line.strip() for line in rules.splitlines() if "dport" in line and "ip" in line]

    assert all("tcp dport 12800 accept" in line or "udp" in line for line in accepted)
    assert any("ip saddr 203.0.113.0/24 tcp dport 12800 accept" in line for line in accepted)


# Models.


def test_a_model_reaches_no_address(box: Box, model: Hostile) -> None:
    places = [(METADATA, 80), ("127.0.0.1", 12800), (box.address, 12800)]
    code = f"c({', '.join(connecting(*place) for place in places)})"
    as_root = box.on("Rscript", "--vanilla", "-e", f"cat({code})")

    assert as_root == "TRUE TRUE TRUE"
    assert model.r(code) == "FALSE, FALSE, FALSE"


def test_a_model_reads_neither_the_database_nor_a_secret(box: Box, model: Hostile) -> None:
    kept = box.on("find", DATABASE, FOLDER, "/run/credentials", "-type", "f").split()
    paths = [*kept, "/var/lib/cloud/instance/user-data.txt", "/proc/1/environ"]

    assert {f"{FOLDER}/{use.name}" for use in SECRETS["one-box"]} <= set(kept)
    assert f"{DATABASE}/operationalization.sqlite" in kept
    assert box.on("python3", "-c", READ, *paths).split() == paths
    assert model.run("python3", "-c", READ, *paths).stdout.split() == []


def test_a_model_enters_no_socket_of_the_machine(box: Box, model: Hostile) -> None:
    paths = box.on("find", "/run/operationalization", "-type", "s").split()

    assert f"{'/run/operationalization'}/api.sock" in paths
    assert box.on("python3", "-c", CONNECT, *paths).split()
    assert model.run("python3", "-c", CONNECT, *paths).stdout.split() == []


def test_the_loaders_user_may_read_the_database_and_not_write(box: Box) -> None:
    path = f"{DATABASE}/operationalization.sqlite"
    program = (
        "import sqlite3, sys\n"
        f"found = sqlite3.connect('file:{path}?mode=' + sys.argv[1], uri=True)\n"
        "print(found.execute('SELECT count(*) > 0 FROM catalogue').fetchone()[0])\n"
        "found.execute('UPDATE catalogue SET revision = 0')\n"
    )
    loader = ("setpriv", "--reuid=operationalization-loader", "--regid=operationalization-loader")
    for mode in ("ro", "rw"):
        done = box.live.on(
            box.node, *loader, "--clear-groups", "python3", "-c", program, mode, check=False
        )
        assert done.stdout.split()[:1] == ["1"]
        assert "attempt to write a readonly database" in done.stdout + done.stderr


# What lasts.


def test_whatever_was_said_to_be_published_outlives_killed_services(published: Box) -> None:
    """Each version is published, and the moment that it is, some service is killed."""
    folder = reading.read(IRIS)
    wanted = [f"2.{number}" for number in range(len(UNITS))]
    with published.client() as client:
        body = client.dialect.body(definition(client.dialect, folder))
        for version, unit in zip(wanted, UNITS, strict=True):
            reply = until(
                lambda version=version: client.publish("iris", version, body),
                lambda reply: reply.status != 503,
                LIMIT,
            )
            assert reply.status == 201, reply
            published.on("systemctl", "kill", "--kill-whom=all", "--signal=KILL", unit)
            found = until(partial(ready, published), '"ready"'.__eq__, LIMIT)
            assert found == '"ready"', unit

    with published.client() as client:
        kept = {service.version for service in client.versions("iris")}
        for version in wanted:
            # Ready was perhaps looked up before the machine knew of the last one killed, and a
            # killed loader brings R processes the model when it is back (404 until then).
            answer = until(
                lambda version=version: client.consume("iris", version, folder.request, LIMIT),
                lambda answer: not isinstance(answer, Reply),
                LIMIT,
            )
            assert not isinstance(answer, Reply), answer
            assert answer.outputs == folder.answer, version

    assert {"1.0", *wanted} <= kept
    assert published.on("python3", "-c", CHECKED) == "ok"


def ready(box: Box) -> str:
    return box.on("curl", "-sk", "--noproxy", "*", "https://localhost:12800/ping", check=False)


@pytest.fixture(scope="module")
def rebooted(published: Box) -> tuple[Box, Watch]:
    """The same after a reboot from inside; it has been published to before."""
    boot = partial(published.on, "cat", "/proc/sys/kernel/random/boot_id", check=False)
    first = boot()
    with watching(published.live.home.prefix) as watch:
        published.on("systemctl", "reboot", check=False)
        assert until(boot, lambda now: now not in ("", first), LIMIT) not in ("", first)
        assert until(partial(ready, published), '"ready"'.__eq__, LIMIT) == '"ready"'
    return published, watch


def test_a_reboot_loses_no_service(rebooted: tuple[Box, Watch]) -> None:
    box, _ = rebooted

    # The balancer's probes need a moment to find it again.
    answer = until(
        lambda: box.live.script("score", "iris", str(IRIS / "request.json")),
        lambda done: done.returncode == 0,
        LIMIT,
    )

    assert json.loads(answer.stdout) == json.loads((IRIS / "answer.json").read_text())
    with box.client() as client:
        assert "1.0" in {service.version for service in client.versions("iris")}


# Secrets.


def test_no_secret_is_on_its_disk_in_a_log_or_in_what_anybody_is_shown(
    rebooted: tuple[Box, Watch], search: Search, tmp_path: Path
) -> None:
    box, _ = rebooted
    dev, shown = box.live, tmp_path / "shown"
    shown.mkdir()
    told = {
        "journal": box.on("journalctl", "--output=export"),
        "user-data": box.on("sh", "-c", "cloud-init query userdata || true"),
        "state": dev.engine.pulumi("stack", "export", "--stack", dev.stack).stdout,
        "outputs": dev.engine.pulumi("stack", "output", "--stack", dev.stack).stdout,
        "deployment": dev.shown,
        "resources": dev.sandbox("resources", "--json"),
    }
    for name, text in told.items():
        assert text, f"{name} is empty: nothing would be found in it"
        (shown / name).write_text(text)
    files = (dev.home.log, dev.home.nodes, dev.engine.folder / "events.jsonl")

    found = search.below(shown, dev.home.hosts, *files, dev.engine.folder / "backend")

    assert found == {}


def test_secrets_in_memory_lie_where_their_reader_looks_and_nobody_else(
    box: Box, search: Search
) -> None:
    (host,) = hosts.found(box.live.home.hosts)
    root = Path(f"/proc/{host.leader}/root")

    found = search.below(root / "run", root / "tmp", root / "dev/shm")

    places = {path.relative_to(root): path.stat() for path in found}
    own = {Path(FOLDER[1:], use.name) for use in SECRETS["one-box"]}
    assert own <= set(places)
    assert all(place.is_relative_to("run/credentials") for place in set(places) - own)
    assert {stat.S_IMODE(about.st_mode) for about in places.values()} == {0o400}


def test_no_process_of_the_booting_machine_shows_a_secret(
    rebooted: tuple[Box, Watch], search: Search
) -> None:
    box, second = rebooted
    for watch in (box.watch, second):
        seen = b"\n".join(watch.seen)

        assert b"cloud.sh\0secret\0admin-password\0" in seen, "too short a look"
        assert search.among(seen) == set()


# A managed database.


@pytest.fixture(scope="module", params=STACKS)
def with_server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Box]:
    require_nodes()
    with on_sandbox(tmp_path_factory.mktemp("server"), options=()) as engine:
        running = Live(request.param, engine)
        running.up({"database.engine": "postgresql"})
        await_ready(running)
        yield Box(running, Watch(running.home.prefix))


def test_with_a_managed_database_it_answers_the_same(with_server: Box) -> None:
    publish(with_server.live)

    assert score(with_server.live) == json.loads((IRIS / "answer.json").read_text())
    assert with_server.on("bash", "-c", LISTENING).split() == ["0.0.0.0:12800"]
    assert with_server.on("systemctl", "is-system-running", check=False) == "running"
    assert not with_server.on("find", "/var/lib/operationalization", "-name", "*.sqlite")
