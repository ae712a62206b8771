"""Reads what a stack says of its environment: where it is, whom to trust, how to log in.

Pulumi is asked each time and nothing is kept: the password is in memory alone, never in a file, an
argument or a variable.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from operations import endpoint, product
from operations.endpoint import TOPOLOGY, Access, AzureAccess, Endpoint, SandboxAccess
from operations.errors import OperationError
from operations.product import Product

PROJECT = Path(__file__).resolve().parents[1]
ENGINE = PROJECT / ".cache" / "engine" / "bin"
ELSEWHERE = "OPERATIONALIZATION_PROJECT"
"""Variable with the folder of another project whose stacks are worked on (docs/templates.md)."""
SECONDS = 60.0
"""How long Pulumi may take; a backend in a cloud needs some seconds."""

OUTPUTS = ("endpoint", "certificateAuthority", "adminPassword")


@dataclass(frozen=True, kw_only=True)
class Environment:
    """A deployed environment, as its clients see it."""

    stack: str
    endpoint: str
    """`https://HOST:12800`."""
    addresses: tuple[str, ...] = ()
    """Fixed addresses of that host, tried in its place."""
    authority: str
    """PEM: who signed the environment's certificate, and the only one to trust."""
    certificate: str | None = None
    """PEM: the certificate that the stack's owner brought for 12800, in place of one that the
    environment signed; then this very one is trusted, whatever names it has."""
    username: str = "admin"
    password: str = field(repr=False)
    product: Product | None = None
    """R Server or ML Server; None for the open runtime."""


class Backend(Protocol):
    """Where Pulumi keeps the stack."""

    def variables(self, stack: str) -> dict[str, str]:
        """Return the variables for Pulumi. Raises OperationError when the stack is not there."""
        ...

    def deploy(self, stack: str) -> str:
        """Return the command that deploys *stack* there."""
        ...

    @property
    def access(self) -> Access:
        """How endpoints there are reached."""
        ...


@dataclass(frozen=True)
class Sandbox:
    """The sandbox of this machine, by the folder of its files (scripts/sandbox says which)."""

    home: Path

    FOREIGN = (
        "PULUMI_ACCESS_TOKEN",
        "PULUMI_API",
        "PULUMI_CONFIG_PASSPHRASE",
        "PULUMI_STACK",
    )
    """Variables that would lead Pulumi elsewhere."""

    def variables(self, stack: str) -> dict[str, str]:
        """Return the variables that `scripts/sandbox env` sets, as far as reading needs them."""
        home = self.home.absolute()
        stacks = home / "stacks"
        if not (stacks / ".pulumi" / "stacks" / project_name() / f"{stack}.json").exists():
            raise OperationError(
                f"stack '{stack}' is not on the sandbox",
                str(stacks),
                "it was not deployed there, or was taken down",
                f"scripts/up --stack {stack}, or add --cloud for the stack on your own backend",
            )
        kept = {name: value for name, value in os.environ.items() if name not in self.FOREIGN}
        return kept | {
            "PULUMI_BACKEND_URL": stacks.as_uri(),
            "PULUMI_HOME": str(home / "pulumi"),
            "PULUMI_CONFIG_PASSPHRASE_FILE": str(home / "passphrase"),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PATH": f"{ENGINE}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        }

    def deploy(self, stack: str) -> str:
        """Return the command that deploys *stack* there."""
        return f"scripts/up --stack {stack}"

    @property
    def access(self) -> Access:
        """The sandbox's own."""
        return SandboxAccess(PROJECT / "scripts" / "sandbox", self.home.absolute())


@dataclass(frozen=True)
class Cloud:
    """The backend that the user's own Pulumi is signed in to."""

    def variables(self, stack: str) -> dict[str, str]:  # noqa: ARG002 - Pulumi knows its stacks
        """Return the user's own variables; our engine serves where no Pulumi is installed."""
        path = os.environ.get("PATH", os.defpath)
        return {
            **os.environ,
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PATH": f"{path}{os.pathsep}{ENGINE}",
        }

    def deploy(self, stack: str) -> str:
        """Return the command that deploys *stack* there."""
        return f"pulumi up -s {stack}"

    @property
    def access(self) -> Access:
        """Azure's: the only cloud that has them."""
        return AzureAccess()


def exported_state(stack: str, backend: Backend) -> str:
    """Return the engine's state of a deployed stack; secrets in it stay encrypted.

    Raises OperationError when the stack is not there or Pulumi cannot say.
    """
    variables = backend.variables(stack)
    done = subprocess.run(
        [program(variables), "stack", "export", "--non-interactive", "--stack", stack],
        cwd=project(),
        env=variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise OperationError(
            "the state of the stack cannot be read",
            f"stack '{stack}'",
            done.stderr.strip().removeprefix("error: ") or "Pulumi failed without a word",
            "pulumi stack ls shows what the backend has; pulumi login signs in to one",
        )
    return done.stdout


def project() -> Path:
    """Return the folder of the Pulumi project whose stacks are worked on: this one, unless told."""
    return Path(os.environ.get(ELSEWHERE) or PROJECT)


def project_name() -> str:
    """Return its name, as its file has it. Raises OperationError when it is no project."""
    file = project() / "Pulumi.yaml"
    try:
        found = re.search(r"^name:\s*[\"']?([\w.-]+)", file.read_text(), re.MULTILINE)
    except (OSError, ValueError):
        found = None
    if found is None:
        raise OperationError(
            "no Pulumi project", str(file), "it names none", f"correct {ELSEWHERE}, or unset it"
        )
    return found[1]


def program(variables: Mapping[str, str]) -> str:
    """Return the program. Raises OperationError when there is none."""
    found = shutil.which("pulumi", path=variables["PATH"])
    if found is None:
        raise OperationError(
            "Pulumi is not there", str(ENGINE), "the engine is not set up", "run scripts/setup"
        )
    return found


class Reading:
    """Outputs on their way: Pulumi needs a third of a second, in which others can work."""

    def __init__(self, stack: str, backend: Backend) -> None:
        self._stack, self._backend = stack, backend
        self._outputs: Mapping[str, Any] | None = None
        variables = backend.variables(stack)
        self._process = subprocess.Popen(
            [program(variables), "stack", "output", "--json", "--show-secrets", "--non-interactive",
             "--stack", stack],
            cwd=project(),
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )  # fmt: skip

    def environment(self) -> Environment:
        """Wait for Pulumi and return the environment, which must be one of nodes.

        Raises:
            OperationError: as `deployed`, or it is a managed endpoint.
        """
        found = self.deployed()
        if isinstance(found, Endpoint):
            raise self._refusal(
                "it is a managed endpoint, which has no nodes", "name the stack of an environment"
            )
        return found

    def deployed(self) -> Environment | Endpoint:
        """Wait for Pulumi and return what is deployed.

        Raises:
            OperationError: when Pulumi cannot say, or the environment is not deployed to its end.
        """
        return self._read(self.outputs())

    def outputs(self) -> Mapping[str, Any]:
        """Wait for Pulumi and return the stack's outputs, as they are.

        Raises:
            OperationError: when Pulumi cannot say.
        """
        if self._outputs is None:
            self._outputs = self._waited()
        return self._outputs

    def _waited(self) -> Mapping[str, Any]:
        try:
            output, words = self._process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
            raise self._refusal(
                f"Pulumi did not answer within {SECONDS:.0f} seconds", "try again"
            ) from None
        if self._process.returncode != 0:
            raise self._refusal(
                words.strip().removeprefix("error: ") or "Pulumi failed without a word",
                "pulumi stack ls shows what the backend has; pulumi login signs in to one",
            )
        found: dict[str, Any] = json.loads(output)
        return found

    def _read(self, outputs: Mapping[str, Any]) -> Environment | Endpoint:
        if outputs.get("topology") == TOPOLOGY:
            found = endpoint.read(self._stack, outputs)
            if found is None:
                raise self._refusal(
                    "the endpoint was not deployed to its end", self._backend.deploy(self._stack)
                )
            return found
        values = {name: outputs.get(name) for name in OUTPUTS}
        absent = [name for name, value in values.items() if not isinstance(value, str) or not value]
        if absent:
            raise self._refusal(
                f"it has no output {', '.join(absent)}: it was not deployed to its end",
                self._backend.deploy(self._stack),
            )
        found_product = product.read(outputs)
        return Environment(
            stack=self._stack,
            endpoint=str(values["endpoint"]),
            addresses=_addresses(outputs.get("loadBalancerAddresses")),
            authority=str(values["certificateAuthority"]),
            certificate=outputs.get("certificate") or None,
            username=found_product.account if found_product else "admin",
            password=str(values["adminPassword"]),
            product=found_product,
        )

    def _refusal(self, why: str, fix: str) -> OperationError:
        return OperationError(
            "the outputs of the stack cannot be read", f"stack '{self._stack}'", why, fix
        )


def _addresses(output: object) -> tuple[str, ...]:
    """Return the addresses of an output that stacks of earlier releases do not have."""
    return tuple(str(address) for address in output) if isinstance(output, list) else ()
