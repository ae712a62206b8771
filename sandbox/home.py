"""The sandbox's files: where its state, its log and the engine's own files are.

Everything is below one folder, `.cache/sandbox` of the project; OPERATIONALIZATION_SANDBOX_HOME
names another one (tests).
"""

import hashlib
import json
import os
import secrets
import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from ipaddress import IPv4Network
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
VARIABLE = "OPERATIONALIZATION_SANDBOX_HOME"

_FOREIGN = (
    "PULUMI_ACCESS_TOKEN",
    "PULUMI_API",
    "PULUMI_CONFIG_PASSPHRASE",
    "PULUMI_STACK",
    "ARM_CLIENT_ID",
    "ARM_CLIENT_SECRET",
    "ARM_TENANT_ID",
    "ARM_SUBSCRIPTION_ID",
    "AWS_PROFILE",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
)
"""Variables that would lead a sandbox shell to another backend, stack or account."""


class HomeError(Exception):
    """The sandbox's folder can't be used; says why and what to do."""


@dataclass(frozen=True, kw_only=True)
class Running:
    """What a running daemon says of itself."""

    pid: int
    started: float
    """Seconds since the epoch, as the kernel has it: a pid alone may belong to another process."""
    ports: dict[str, int]
    code: str
    """Fingerprint of the program that it runs."""
    off: tuple[str, ...] = ()
    """Why nodes don't boot; empty: they do."""


class Home:
    """Paths of one sandbox."""

    def __init__(self, root: Path | None = None) -> None:
        chosen = os.environ.get(VARIABLE, "")
        self.root = (root or Path(chosen or PROJECT / ".cache" / "sandbox")).absolute()
        self.state = self.root / "cloud.sqlite"
        self.log = self.root / "daemon.log"
        self.lock = self.root / "daemon.lock"
        self.running = self.root / "daemon.json"
        self.passphrase = self.root / "passphrase"
        self.stacks = self.root / "stacks"
        self.engine = self.root / "pulumi"
        self.nodes = self.root / "nodes.json"
        self.healthy = self.root / "healthy.json"
        self.pool = self.root / "pool"
        self.project = self.root / "project"
        self.hosts = self.root / "hosts"
        self.downloads = self.root / "downloads"
        self.databases = self.root / "databases"
        self.images = PROJECT / ".cache" / "images"

    @property
    def database_folders(self) -> tuple[Path, ...]:
        """Where each cloud's managed databases are, of those that there are."""
        return tuple(sorted(self.root.glob("databases*")))

    def public_pool(self) -> IPv4Network | None:
        """The public addresses that it was given; None: its nodes never booted."""
        try:
            return IPv4Network(self.pool.read_text().strip())
        except (OSError, ValueError):
            return None

    @property
    def prefix(self) -> str:
        """Of the namespaces and links of this sandbox, which share a machine with others'."""
        return f"op{hashlib.sha256(str(self.root).encode()).hexdigest()[:4]}"

    def prepare(self) -> None:
        """Make the folders, and the passphrase once. Raises HomeError."""
        try:
            for folder in (self.root, self.stacks, self.engine):
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._make_passphrase()
        except OSError as error:
            raise self._unusable(error) from error

    def _unusable(self, error: OSError) -> HomeError:
        return HomeError(
            f"{self.root} can't be used for the sandbox: {error.strerror}; make room on that disk, "
            f"make it writable for you, or set {VARIABLE} to another folder"
        )

    def _make_passphrase(self) -> None:
        try:
            file = os.open(self.passphrase, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return
        with os.fdopen(file, "w") as stream:
            stream.write(secrets.token_urlsafe(32))

    def is_in_use(self) -> bool:
        """Whether a `pulumi` has locked a stack of the sandbox's own backend."""
        return any(self.stacks.glob(".pulumi/locks/**/*.json"))

    def announce(self, running: Running) -> None:
        """Write the state file at once: a reader finds the old one or the new one.

        Raises HomeError.
        """
        draft = self.running.with_suffix(".new")
        try:
            draft.write_text(json.dumps(asdict(running)))
            draft.replace(self.running)
        except OSError as error:
            raise self._unusable(error) from error

    def announced(self) -> Running | None:
        """What the last daemon wrote, if it is readable; it may be dead."""
        try:
            found = json.loads(self.running.read_text())
            return Running(
                pid=int(found["pid"]),
                started=float(found["started"]),
                ports={str(name): int(port) for name, port in found["ports"].items()},
                code=str(found.get("code", "")),
                off=tuple(str(reason) for reason in found.get("off", ())),
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def environment(self, ports: Mapping[str, int]) -> dict[str, str]:
        """The variables that point `pulumi` at this sandbox, beside PATH."""
        providers = ",".join(f"{name}:{port}" for name, port in sorted(ports.items()))
        return {
            "PULUMI_DEBUG_PROVIDERS": providers,
            "PULUMI_BACKEND_URL": self.stacks.as_uri(),
            "PULUMI_HOME": str(self.engine),
            "PULUMI_CONFIG_PASSPHRASE_FILE": str(self.passphrase),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        }

    def shell(self, ports: Mapping[str, int]) -> str:
        """Lines for a POSIX shell: these variables, the engine first, and what must not be set."""
        values = self.environment(ports).items()
        engine = shlex.quote(str(PROJECT / ".cache" / "engine" / "bin"))
        return "\n".join(
            [
                *(f"unset {name}" for name in _FOREIGN),
                *(f"export {name}={shlex.quote(value)}" for name, value in values),
                f'export PATH={engine}:"$PATH"',
            ]
        )
