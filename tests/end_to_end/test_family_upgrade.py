"""An R Server environment that runs comes to newer versions in place, and keeps what it has."""

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from operations.connection import Connection
from operations.patience import until
from operations.stack import Environment
from operations.upgrade.environment import Published
from operations.upgrade.journal import Journal
from tests.support.deployed import ENVIRONMENT
from tests.support.engine import ROOT, on_sandbox, run_sandbox
from tests.support.family import Case
from tests.support.live import SPEED, require_nodes

pytestmark = [pytest.mark.engine, pytest.mark.root]

STACK = "up-rserver"
SITE = "https://downloads.sandbox.example"
SERVICE = {
    "code": "answer <- hp * 2 + wt",
    "initCode": "",
    "inputParameterDefinitions": [
        {"name": "hp", "type": "numeric"},
        {"name": "wt", "type": "numeric"},
    ],
    "outputParameterDefinitions": [{"name": "answer", "type": "numeric"}],
    "runtimeType": "R",
}
OWN = "MaxNumberOfThreadsPerBatchExecution"
"""A setting that no stack file has; a person has set it on the nodes."""

SET_IT = f"""
import json, sys
path = sys.argv[1]
text = open(path, encoding="utf-8-sig").read()
found = json.loads(text)
found["{OWN}"] = 42
open(path, "w", encoding="utf-8").write(json.dumps(found, indent=2))
"""


class Upgraded:
    """One environment, and scripts that work on it as a person runs them."""

    def __init__(self, folder: Path, variables: Mapping[str, str]) -> None:
        self.variables = {
            **os.environ,
            **variables,
            "OPERATIONALIZATION_STACKS": str(folder / "stacks"),
        }
        self.file = folder / "stacks" / f"Pulumi.{STACK}.yaml"
        self.home = Path(variables["OPERATIONALIZATION_SANDBOX_HOME"])
        self.media = folder / "media"

    def start(self, name: str, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(ROOT / "scripts" / name), *arguments, "--stack", STACK],
            env=self.variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def script(self, name: str, *arguments: str) -> str:
        process = self.start(name, *arguments)
        try:
            said, _ = process.communicate(timeout=900)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        assert process.returncode == 0, said
        return said

    def built(self, product: str, version: str) -> tuple[str, str]:
        """URL and sum of a stand-in, which the sandbox's site offers from now on."""
        command = [ROOT / "stand_ins/build", product, version, "--output", self.media]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        name = f"{product}-{version}.tar"
        assert run_sandbox(self.variables, "offer", str(self.media / name)).returncode == 0
        return f"{SITE}/{name}", done.stdout.split()[0]

    def on(self, node: str, *command: str) -> str:
        done = run_sandbox(self.variables, "exec", node, "--", *command)
        assert done.returncode == 0, f"{node}: {done.stdout}{done.stderr}"
        return done.stdout

    def nodes(self, role: str) -> list[str]:
        found = json.loads(run_sandbox(self.variables, "status", "--json").stdout)["nodes"]
        return [node["name"] for node in found if f"-{role}-" in node["name"]]

    def environment(self) -> Environment:
        outputs = self.outputs()
        return Environment(
            stack=STACK,
            endpoint=outputs["endpoint"],
            addresses=tuple(outputs["loadBalancerAddresses"]),
            authority=outputs["certificateAuthority"],
            password=outputs["adminPassword"],
        )

    def outputs(self) -> dict[str, Any]:
        done = subprocess.run(
            ["pulumi", "stack", "output", "--json", "--show-secrets", "--stack", STACK],
            cwd=ROOT,
            env={**self.variables, "PULUMI_BACKEND_URL": (self.home / "stacks").as_uri(),
                 "PULUMI_CONFIG_PASSPHRASE_FILE": str(self.home / "passphrase")},
            capture_output=True,
            text=True,
            check=True,
        )  # fmt: skip
        return dict(json.loads(done.stdout))

    def asked(self, method: str, path: str, body: object) -> Any:
        """An answer of the environment, through its balancer, to the administrator."""
        environment = self.environment()
        connection = Connection(environment)
        try:
            who = {"username": environment.username, "password": environment.password}
            token = connection.send("POST", "/login", who).body["access_token"]
            return connection.send(method, path, body, token=token)
        finally:
            connection.close()

    def scored(self) -> Any:
        reply = until(
            lambda: self.asked("POST", "/api/cars/1.0", {"hp": 120, "wt": 2.5}),
            lambda reply: reply.status == 200,
            60.0,
        )
        return reply.body["outputParameters"]

    def settings(self, node: str) -> dict[str, Any]:
        """A web node's appsettings.json, wherever its version has it."""
        text = self.on(node, "bash", "-c", f"cat {SETTINGS}")
        return dict(json.loads(text.lstrip("\ufeff")))

    def version(self, node: str) -> str:
        """What the node's own file says."""
        found = json.loads(self.on(node, "cat", "/etc/operationalization/node.json"))
        return f"{found['product']} {found['version']}"


SETTINGS = (
    "$(ls -d /usr/lib64/microsoft-deployr/*/*WebAPI /usr/lib64/microsoft-r/rserver/o16n/*/*WebNode "
    "/opt/microsoft/mlserver/*/o16n/*WebNode 2>/dev/null)/appsettings.json"
)


@contextmanager
def environment(folder: Path, case: Case) -> Iterator[Upgraded]:
    """One environment, made by scripts/up, with a service that somebody has published."""
    require_nodes()
    (folder / "stacks").mkdir()
    with on_sandbox(folder, options=("--speed", SPEED)) as engine:
        made = Upgraded(folder, engine.environment)
        made.built(case.product, case.version)
        archive = made.media / f"{case.product}-{case.version}.tar"
        document = {"config": {ENVIRONMENT: case.environment(archive)}}
        made.file.write_text(yaml.safe_dump(document, sort_keys=False))
        made.script("up", "--no-sample")
        # On AWS nothing waits for a machine that is in no group.
        assert Published(made.environment()).published() == ()
        assert made.asked("POST", "/services/cars/1.0", SERVICE).status == 201
        assert made.scored() == {"answer": 242.5}
        yield made


def killed_at(made: Upgraded, step: str, product: str, version: str) -> None:
    """Begin an upgrade, and kill it when it begins *step*."""
    with made.start("upgrade", *upgrade(made, product, version)) as process:
        assert process.stdout is not None
        said, line = "", ""
        while not re.match(rf"  \d+/\d+ {step}", line):
            line = process.stdout.readline()
            assert line, said
            said += line
        os.killpg(process.pid, signal.SIGKILL)


def upgrade(made: Upgraded, product: str, version: str, *more: str) -> list[str]:
    url, digest = made.built(product, version)
    return ["--to", version, "--installer", url, "--sha256", digest, "--yes", *more]


@pytest.mark.timeout(1800)
def test_9_0_1_comes_to_9_1_0_and_to_9_4_7_with_its_services_and_settings(tmp_path: Path) -> None:
    with environment(tmp_path, Case(cloud="azure", version="9.0.1")) as made:
        web, compute = made.nodes("web"), made.nodes("compute")
        for node in web:
            made.on(node, "bash", "-c", f"python3 -c '{SET_IT}' {SETTINGS}")

        # A run that is killed when the cut-over has begun, and gone on with.
        killed_at(made, rf"{web[0]} gets rserver 9\.1\.0", "rserver", "9.1.0")
        record = Journal(made.home / "upgrades", STACK).read()
        assert record is not None
        assert record.state == "forward"
        assert "9.0.1" in made.file.read_text()

        said = made.script("upgrade", "--resume", "--yes")

        assert [made.version(node) for node in web + compute] == ["rserver 9.1.0"] * 3
        assert f"stack '{STACK}' has rserver 9.1.0" in said
        assert "lost" not in said
        assert made.scored() == {"answer": 242.5}
        assert [made.settings(node)[OWN] for node in web] == [42, 42]
        assert re.search(r"version: 9\.1\.0\n", made.file.read_text())

        made.script("up", "--no-sample")
        assert [made.version(node) for node in web + compute] == ["rserver 9.1.0"] * 3

        # On to ML Server, and back: the database is as it was at the cut-over.
        made.script("upgrade", *upgrade(made, "mlserver", "9.4.7"))
        assert [made.version(node) for node in web + compute] == ["mlserver 9.4.7"] * 3
        assert made.scored() == {"answer": 242.5}
        assert [made.settings(node)[OWN] for node in web] == [42, 42]
        assert made.asked("POST", "/services/late/1.0", SERVICE).status == 201

        made.script("upgrade", "--take-back", "--yes")
        assert [made.version(node) for node in web + compute] == ["rserver 9.1.0"] * 3
        assert made.scored() == {"answer": 242.5}
        assert Published(made.environment()).published() == ("cars 1.0",)
        assert [made.settings(node)[OWN] for node in web] == [42, 42]
        assert "product: rserver" in made.file.read_text()


@pytest.mark.timeout(900)
def test_a_one_box_on_aws_takes_its_sqlite_file_along_there_and_back(tmp_path: Path) -> None:
    with environment(tmp_path, Case(cloud="aws", version="9.1.0", topology="one-box")) as made:
        (box,) = made.nodes("one-box")
        said = made.script("upgrade", *upgrade(made, "mlserver", "9.4.7"))

        assert made.version(box) == "mlserver 9.4.7"
        assert "lost" not in said
        assert made.scored() == {"answer": 242.5}
        # A boot fetches nothing: the files of the new version are there.
        found = json.loads(made.on(box, "cat", "/etc/operationalization/node.json"))
        there = made.on(box, "cat", "/var/lib/operationalization/bundle").strip()
        assert found["bundle"]["sha256"] == there
        assert there in found["bundle"]["uri"]

        made.script("upgrade", "--take-back", "--yes")
        assert made.version(box) == "rserver 9.1.0"
        assert made.scored() == {"answer": 242.5}
