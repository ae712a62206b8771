"""Environments of R Server and ML Server that run: deployed side by side on one sandbox.

Their nodes install stand-ins (stand_ins/), which are built for the test and offered where nodes
download an installer from.
"""

import hashlib
import http.client
import json
import ssl
import subprocess
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from sandbox.control.aws.images import IMAGES, ami
from sandbox.control.azure.images import gallery_id
from sandbox.fabric import hosts
from tests.support import r_repository
from tests.support.deployed import ENVIRONMENT, stack_config, succeeded
from tests.support.engine import ROOT, Engine, on_sandbox, sandbox
from tests.support.environments import changed
from tests.support.live import SPEED, Live, require_nodes
from tests.support.web import Authority

PROGRAM = Path(__file__).with_name("store_program")
SITE = "https://downloads.sandbox.example"
DIRECTORY = "198.51.100.36"
"""Where the LDAP server of a sandbox is, for its environments a machine of the internet."""
BASE = "dc=example,dc=com"
READER, ADMINISTRATOR, USER = f"cn=reader,{BASE}", f"cn=ann,{BASE}", "ann"
PASSWORDS = {READER: "L00k-it.up", ADMINISTRATOR: "Ann-Pass:1"}
SECONDS = 60.0
SYSTEM = "ubuntu-16.04"
AT_ONCE = 3
"""Environments that are deployed at the same time: more of them than processors have no use."""
BASES = {
    ("azure", "enterprise"): "dev",
    ("aws", "enterprise"): "dev-aws",
    ("azure", "one-box"): "dev-onebox",
    ("aws", "one-box"): "dev-onebox-aws",
}
"""Stacks whose network, sizes and clients these environments have."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One environment."""

    cloud: str
    version: str
    topology: str = "enterprise"
    nodes: str = "fixed"
    compute: int = 1
    web: int | None = None
    """How many web nodes; as many as the stack that it is like, where nothing is said."""

    private: bool = False
    """Whether its nodes fetch the installer from a store that knows them."""

    packages: bool = False
    """Whether its compute nodes install R packages, out of a repository on the internet."""

    encrypted: bool = False
    """Whether secrets in the product's own files are encrypted."""

    ldap: bool = False
    """Whether its users are those of a directory, which stands on the internet."""

    @property
    def product(self) -> str:
        """What its nodes run."""
        return "rserver" if self.version.startswith(("9.0", "9.1")) else "mlserver"

    @property
    def stack(self) -> str:
        """Its name."""
        version = self.version.replace(".", "").replace("-preview", "p")
        return f"{'one' if self.topology == 'one-box' else 'r'}-{version}-{self.cloud}"

    def __str__(self) -> str:
        """What a test's name has of it."""
        return f"{self.cloud}-{self.topology}-{self.product}-{self.version}"

    def environment(self, archive: Path, store: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Its settings; *archive*: the stand-in that its nodes install, out of *store*."""
        place, owner = SITE, {}
        if self.private:
            assert store is not None, "nobody has made the store"
            place = store[self.cloud]
            owner = {"store": store["account"]} if self.cloud == "azure" else {}
        image = next(each for each in IMAGES if each.name == SYSTEM)
        settings: dict[str, Any] = {
            "runtime": {
                "product": self.product,
                "version": self.version,
                "operatingSystem": SYSTEM,
                "imageId": (
                    gallery_id(SYSTEM) if self.cloud == "azure" else ami(image, "eu-central-1")
                ),
                "server": {
                    "licenseAccepted": True,
                    "installers": {
                        "server": {"url": f"{place}/{archive.name}", "sha256": sha256(archive)},
                        **owner,
                    },
                    "pool": {"initial": 1, "maximum": 4},
                },
            }
        }
        if self.encrypted:
            settings["runtime"]["server"]["encryptSecrets"] = True
        if self.packages:
            repository = archive.with_name(r_repository.NAME)
            own = settings["runtime"]["server"]
            own["packages"] = [r_repository.PACKAGE]
            own["installers"]["packages"] = {
                "url": f"{SITE}/{repository.name}",
                "sha256": sha256(repository),
            }
        if self.ldap:
            settings["runtime"]["server"]["authentication"] = {
                "method": "ldap",
                "ldap": {
                    "host": DIRECTORY,
                    "queryUserDn": READER,
                    "searchBase": BASE,
                    "searchFilter": "uid={0}",
                    "uniqueUserIdentifierAttributeName": "uid",
                    "skipCertificateValidation": True,
                },
                "roles": {"owner": ["Administrators"]},
            }
        base = stack_config(BASES[self.cloud, self.topology])[ENVIRONMENT]
        if self.topology == "enterprise":
            kept = {key: base["compute"][key] for key in ("size", "disk")}
            settings["compute"] = {**kept, "nodes": self.nodes, "count": self.compute}
            settings["web.nodes"] = self.nodes
            if self.web:
                settings["web.count"] = self.web
            if self.cloud == "aws":
                settings["compute"]["zones"] = [1, 2]
        return changed(base, settings)


def sha256(file: Path) -> str:
    """The sum by which a node knows *file*."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def build(product: str, version: str, folder: Path) -> Path:
    """The stand-in for an installer."""
    command = [str(ROOT / "stand_ins/build"), product, version, "--output", str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    return folder / f"{product}-{version}.tar"


def hashed(password: str) -> str:
    """A password as the stand-in for R Server 9.0 keeps it."""
    command = [str(ROOT / "stand_ins/build"), "--hash"]
    done = subprocess.run(command, input=password, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@dataclass(frozen=True)
class Reply:
    """What somebody answered."""

    status: int
    headers: Mapping[str, str]
    body: Any


class Family(Live):
    """One environment among others on its sandbox."""

    PASSWORD = "Wh1ch-one.it-is"
    """The administrator's, where the environment makes none itself."""

    def __init__(
        self, case: Case, engine: Engine, archive: Path, store: Mapping[str, str] | None = None
    ) -> None:
        self.case = case
        self.stack = case.stack
        self.engine = engine
        self._config = {ENVIRONMENT: case.environment(archive, store)}

    @property
    def settings(self) -> dict[str, Any]:
        """Its environment, as the stack file has it."""
        return self._config[ENVIRONMENT]

    def deploy(self) -> None:
        """Deploy it; it must succeed."""
        secrets = {}
        if self.case.version.startswith("9.0"):
            secrets = {"adminPassword": self.PASSWORD, "adminPasswordHash": hashed(self.PASSWORD)}
        if self.case.ldap:
            secrets = {"ldapPassword": PASSWORDS[READER]}
        file = self.engine.stack_file(self.stack, self.configure({}))
        for name, value in secrets.items():
            place = ("--stack", self.stack, "--config-file", str(file))
            self.engine.pulumi("config", "set", "--secret", *place, name, value)
        succeeded(self.engine.up(self.stack))

    @cached_property
    def nodes(self) -> list[dict[str, Any]]:  # type: ignore[override]
        """Its own nodes only; they stay."""
        return [each for each in super().nodes if each["name"].startswith(f"{self.stack}-")]

    def resources(self, token: str = "") -> list[dict[str, Any]]:
        """Its own resources only, with the interfaces that AWS makes for its balancers."""
        own, balancer = f"urn:pulumi:{self.stack}::", f"ELB net/{self.stack}-"
        return [
            each
            for each in super().resources(token)
            if each["urn"].startswith(own)
            or str(each["properties"].get("description", "")).startswith(balancer)
        ]

    def is_own_network(self, namespace: str) -> bool:
        """Whether a namespace is of its own network, and of no other environment's."""
        return f"-platform-{self.stack}-" in namespace

    def on(self, node: str, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command on a node, as root: as `scripts/sandbox exec`, without its start."""
        own = next(each["id"] for each in self.nodes if each["name"] == node)
        host = next(each for each in hosts.found(self.home.hosts) if each.machine_id == own)
        done = subprocess.run(
            hosts.enter(host, command),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(f"{node}: {' '.join(command)}:\n{done.stdout}{done.stderr}")
        return done

    def within(self, namespace: str, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in a network namespace of this machine."""
        return self.here("ip", "netns", "exec", namespace, *command)

    @cached_property
    def told(self) -> dict[str, Any]:
        """Its outputs, which don't change here."""
        return self.outputs()

    @property
    def account(self) -> str:
        """The administrator."""
        return USER if self.case.ldap else str(self.told["runtime"]["account"])

    @property
    def password(self) -> str:
        """The administrator's."""
        if self.case.ldap:
            return PASSWORDS[ADMINISTRATOR]
        return str(self.told["adminPassword"])

    @property
    def port(self) -> int:
        """What clients call."""
        return int(self.told["endpoint"].rpartition(":")[2])

    def web(self) -> list[str]:
        """Its nodes that answer clients."""
        role = "one-box" if self.case.topology == "one-box" else "web"
        return sorted(self.names(role))

    def call(self, method: str, path: str, body: object = None, token: str = "") -> Reply:
        """Ask through the load balancer, from this machine."""
        context = ssl.create_default_context(cadata=self.told["certificateAuthority"])
        connection = http.client.HTTPSConnection(
            self.told["loadBalancerAddresses"][0], self.port, timeout=SECONDS, context=context
        )
        try:
            sent = None if body is None else json.dumps(body)
            connection.request(method, path, sent, _headers(token))
            answer = connection.getresponse()
            return Reply(answer.status, dict(answer.headers), _read(answer.read()))
        finally:
            connection.close()

    def call_on(
        self, node: str, method: str, path: str, body: object = None, token: str = ""
    ) -> Reply:
        """Ask one web node, from itself: nobody else may, but through the balancer."""
        given = [
            word for name, value in _headers(token).items() for word in ("-H", f"{name}: {value}")
        ]
        if body is not None:
            given += ["--data-binary", json.dumps(body)]
        done = self.on(
            node,
            *("curl", "-sk", "--noproxy", "*", "--include", "--max-time", "60", "-X", method),
            *given,
            f"https://127.0.0.1:{self.port}{path}",
        )
        head, _, content = done.stdout.replace("\r\n", "\n").partition("\n\n")
        first, *lines = head.split("\n")
        found = dict(line.split(": ", 1) for line in lines)
        return Reply(int(first.split()[1]), found, _read(content.encode()))

    def token(self, node: str = "") -> str:
        """A token for the administrator, of the node, or of whom the balancer chooses."""
        credentials = {"username": self.account, "password": self.password}
        ask = ("POST", "/login", credentials)
        reply = self.call_on(node, *ask) if node else self.call(*ask)
        assert reply.status == 200, reply
        return str(reply.body["access_token"])


def _headers(token: str) -> dict[str, str]:
    return {
        "Content-Type": "application/json",
        **({"Authorization": f"Bearer {token}"} if token else {}),
    }


def _read(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return content.decode(errors="replace")


def stored(shared: Engine, folder: Path, archives: Collection[Path]) -> dict[str, str]:
    """Private stores with *archives* in them, made by somebody else: where they are, by cloud."""
    engine = Engine(folder / "store", PROGRAM, shared.variables)
    files = json.dumps({archive.name: str(archive) for archive in sorted(archives)})
    succeeded(engine.up("store", {"store:files": files}))
    found = engine.outputs("store")
    for archive in archives:
        sandbox(shared.environment, "offer", str(archive), "--store", found["place"])
    return found


@contextmanager
def side_by_side(cases: Sequence[Case], folder: Path) -> Iterator[dict[Case, Family]]:
    """All of *cases*, deployed on one sandbox; nothing is left of it."""
    require_nodes()
    with on_sandbox(folder, options=("--speed", SPEED)) as shared:
        products = sorted({(case.product, case.version) for case in cases})
        archives = {each: build(*each, folder / "stand-ins") for each in products}
        for limit in ("elastic-addresses", "internet-gateways", "nat-gateways", "vpcs"):
            # An account has five of each in a region at first, which one environment is not beyond.
            sandbox(shared.environment, "quota", "set", f"aws:{limit}", "50")
        public = {archives[case.product, case.version] for case in cases if not case.private}
        if any(case.packages for case in cases):
            public.add(r_repository.made(folder / "stand-ins"))
        if public:
            sandbox(shared.environment, "offer", *map(str, sorted(public)))
        private = {archives[case.product, case.version] for case in cases if case.private}
        store = stored(shared, folder, private) if private else None
        # What an operation did is in a file of the engine's folder: each has its own.
        found = {
            case: Family(
                case,
                Engine(folder / case.stack, variables=shared.variables),
                archives[case.product, case.version],
                store,
            )
            for case in cases
        }
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(Family.deploy, found.values()))
        with ExitStack() as kept:
            # Nodes become ready without it; there is no internet before there is a network.
            if any(case.ldap for case in cases):
                kept.enter_context(directory(next(iter(found.values())), folder))
            yield found


@contextmanager
def directory(each: Family, folder: Path) -> Iterator[None]:
    """An LDAP server somewhere on the internet of a sandbox."""
    (folder / "directory").mkdir()
    Authority().issue(folder / "directory", DIRECTORY)
    asked = {
        "address": DIRECTORY,
        "port": 636,
        "certificate": str(folder / "directory/web-server.pem"),
        "entries": {
            READER: {"userPassword": [PASSWORDS[READER]]},
            ADMINISTRATOR: {
                "uid": [USER],
                "userPassword": [PASSWORDS[ADMINISTRATOR]],
                "memberOf": [f"CN=Administrators,{BASE}"],
            },
        },
    }
    with (
        each.visitor(DIRECTORY) as namespace,
        subprocess.Popen(
            ["ip", "netns", "exec", namespace, sys.executable, "-m", "tests.support.ldap"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as serving,
    ):
        assert serving.stdin is not None
        assert serving.stdout is not None
        try:
            serving.stdin.write(f"{json.dumps(asked)}\n")
            serving.stdin.flush()
            assert serving.stdout.readline() == "serving\n"
            yield
        finally:
            serving.stdin.close()
            serving.wait()


def together(check: Callable[[Family], None], several: Iterable[Family]) -> None:
    """Check all of *several* at once; the first failure counts, with all others shown."""
    found = list(several)
    assert found, "there is nothing to check"
    failed: dict[str, BaseException] = {}

    def one(each: Family) -> None:
        try:
            check(each)
        except (AssertionError, OSError, LookupError, ValueError) as error:
            failed[each.stack] = error

    with ThreadPoolExecutor(2 * AT_ONCE) as pool:
        list(pool.map(one, found))
    for stack, error in failed.items():
        error.add_note(f"in {stack}; all that failed: {', '.join(failed)}")
        raise error
