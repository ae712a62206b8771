"""An environment of R Server or ML Server that is upgraded by scripts, as a person runs them."""

import json
import os
import signal
import subprocess
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from operations.connection import Connection
from operations.patience import until
from operations.stack import Environment
from operations.upgrade.environment import Published
from sandbox import nodes as room
from sandbox.home import Home
from tests.support import r_repository
from tests.support.deployed import ENVIRONMENT
from tests.support.engine import ROOT, on_sandbox, run_sandbox
from tests.support.family import SITE, Case
from tests.support.live import SPEED, require_nodes
from tests.support.load import sign_in

STACK = "up-rserver"
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


class Upgraded:
    """One environment, and scripts that work on it as a person runs them."""

    stack = STACK

    def __init__(self, folder: Path, variables: Mapping[str, str]) -> None:
        self.variables = {
            **os.environ,
            **variables,
            "OPERATIONALIZATION_STACKS": str(folder / "stacks"),
        }
        self.file = folder / "stacks" / f"Pulumi.{STACK}.yaml"
        self.home = Path(variables["OPERATIONALIZATION_SANDBOX_HOME"])
        self.media = folder / "media"
        self._outputs: dict[str, Any] = {}

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
        self.forget()
        return said

    def built(self, product: str, version: str) -> tuple[str, str]:
        """URL and sum of a stand-in, which the sandbox's site offers from now on."""
        command = [ROOT / "stand_ins/build", product, version, "--output", self.media]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        name = f"{product}-{version}.tar"
        assert self.offered(self.media / name)
        return f"{SITE}/{name}", done.stdout.split()[0]

    def offered(self, file: Path) -> bool:
        """Whether the sandbox's site offers *file* from now on."""
        return run_sandbox(self.variables, "offer", str(file)).returncode == 0

    def on(self, node: str, *command: str) -> str:
        done = run_sandbox(self.variables, "exec", node, "--", *command)
        assert done.returncode == 0, f"{node}: {done.stdout}{done.stderr}"
        return done.stdout

    def nodes(self, role: str) -> list[str]:
        return [node["name"] for node in self._nodes() if f"-{role}-" in node["name"]]

    def addresses(self, names: Collection[str]) -> set[str]:
        """Of nodes."""
        return {str(node["address"]) for node in self._nodes() if node["name"] in names}

    def _nodes(self) -> list[dict[str, Any]]:
        return [dict(each) for each in room.known(Home(self.home))]

    def environment(self) -> Environment:
        outputs = self.outputs()
        return Environment(
            stack=STACK,
            endpoint=outputs["endpoint"],
            addresses=tuple(outputs["loadBalancerAddresses"]),
            authority=outputs["certificateAuthority"],
            password=outputs["adminPassword"],
        )

    def forget(self) -> None:
        """A script has run: what is known of the stack may be otherwise now."""
        self._outputs = {}

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs, secrets in clear."""
        if not self._outputs:
            self._outputs = self._asked_for()
        return self._outputs

    def _asked_for(self) -> dict[str, Any]:
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

    def compute_nodes(self) -> set[str]:
        """Addresses of compute nodes, as the product's own list in its database has them."""
        found = self.asked("GET", "/computenodes", None).body["computeNodes"]
        return {str(urlsplit(uri).hostname) for uri in found}

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

    def whose(self) -> str:
        """Which product and version answers a client, by its own word."""
        with sign_in(self).client() as asking:
            return asking.get("/services").headers["X-Stand-In"]

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
        if case.packages:
            assert made.offered(r_repository.made(made.media))
        document = {"config": {ENVIRONMENT: case.environment(archive)}}
        made.file.write_text(yaml.safe_dump(document, sort_keys=False))
        made.script("up", "--no-sample")
        # On AWS nothing waits for a machine that is in no group.
        assert Published(made.environment()).published() == ()
        assert made.asked("POST", "/services/cars/1.0", SERVICE).status == 201
        assert made.scored() == {"answer": 242.5}
        yield made


def upgrade(made: Upgraded, product: str, version: str, *more: str) -> list[str]:
    url, digest = made.built(product, version)
    return ["--to", version, "--installer", url, "--sha256", digest, "--yes", *more]
