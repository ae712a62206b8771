"""A server in a namespace of the tests' own, with clients beside it."""

import dataclasses
import os
import secrets
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import jwt
import psycopg
import pytest

from sandbox.fabric.authority import Authority
from sandbox.fabric.azure.tokens import Tokens
from sandbox.fabric.contract import Database
from sandbox.fabric.database import Databases
from sandbox.fabric.images import Images
from sandbox.fabric.network.namespaces import inside

AUDIENCE = "https://ossrdbms-aad.database.windows.net"
HOST = "dev-database.postgres.database.azure.com"
PASSWORD = "Br3ak-glass's"
WEB = "id-web"
WEB_OBJECT = "71a31eae-724f-5262-ad57-ff1d999a85db"
PATIENCE = 30.0


@dataclasses.dataclass
class Lab:
    """One sandbox's databases, and one declared database."""

    home: Path
    namespace: str
    images: Images
    tokens: Tokens
    stranger: Tokens
    """Signs with another key."""
    databases: Databases
    declared: Database

    def another(self) -> Databases:
        """What the daemon's successor has."""
        found = Databases(
            self.home / "databases", Images(), Images().authority, self.tokens.public_key
        )
        found.recover()
        return found

    def settle(self, **changes: object) -> None:
        """Declare the database with these changes, and wait for it."""
        self.declared = dataclasses.replace(self.declared, **changes)
        self.databases.settle([self.declared], lambda _: self.namespace)
        self.databases.ready(self.declared.id, PATIENCE, threading.Event())

    def connect(self, user: str, password: str, database: str = "postgres", **options: object):
        """A client in the network, as nodes are clients."""
        words = {
            "host": HOST,
            "hostaddr": "127.0.0.1",
            "user": user,
            "password": password,
            "dbname": database,
            "sslmode": "verify-full",
            "sslrootcert": self.images.authority.certificate,
            "connect_timeout": 10,
            "autocommit": True,
        }
        with inside(self.namespace):
            return psycopg.connect(**(words | options))

    def token(self, audience: str = AUDIENCE, principal: str = WEB_OBJECT, **changes: object):
        """A token of the directory; with *changes* of its claims it is signed anew."""
        token, _ = self.tokens.issue(principal, "client", self.tokens.tenant, audience)
        if not changes:
            return token
        claims = jwt.decode(token, options={"verify_signature": False}) | changes
        return jwt.encode(claims, self.tokens._key, algorithm="RS256")

    def refused(self, user: str, password: str, database: str = "postgres", **options: object):
        """What the server, or libpq, says when it refuses a client."""
        with pytest.raises(psycopg.OperationalError) as refusal:
            self.connect(user, password, database, **options).close()
        return str(refusal.value)

    def processes(self) -> list[int]:
        """What runs in the namespace or is the launcher of something there, by this home."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdecimal():
                try:
                    line = (entry / "cmdline").read_bytes()
                except OSError:
                    continue
                if str(self.home).encode() in line or self.namespace.encode() in line:
                    found.append(int(entry.name))
        return found


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory):
    yield from _lab(tmp_path_factory.mktemp("database"))


@pytest.fixture
def own_lab(tmp_path: Path):
    """For tests that take everything down."""
    yield from _lab(tmp_path)


def _lab(home: Path):
    namespace = f"opdb{os.getpid()}-{secrets.token_hex(3)}"
    subprocess.run(["ip", "netns", "add", namespace], check=True)
    images = Images()
    tokens = Tokens(home)
    databases = Databases(home / "databases", images, images.authority, tokens.public_key)
    declared = Database(
        id="/subscriptions/s/flexibleservers/dev-database",
        incarnation="1",
        name="dev-database",
        host=HOST,
        version="16",
        administrator="breakglass",
        password=PASSWORD,
        databases=("operationalization",),
        principals={WEB: WEB_OBJECT},
        parameters={"require_secure_transport": "on", "connection_throttle.enable": "on"},
        tenant=tokens.tenant,
    )
    lab = Lab(home, namespace, images, tokens, Tokens(home / "other"), databases, declared)
    try:
        subprocess.run(["ip", "-n", namespace, "link", "set", "lo", "up"], check=True)
        yield lab
    finally:
        lab.databases.stop()
        lab.another().stop()
        subprocess.run(["ip", "netns", "del", namespace], check=True)


@pytest.fixture
def serving(lab: Lab):
    """The lab with its database as it was declared first; changes are undone afterwards."""
    first = lab.declared
    lab.settle()
    yield lab
    lab.declared = first
    lab.settle()


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificate of an authority that issued nothing here."""
    return Authority(tmp_path_factory.mktemp("foreign")).certificate


def by(seconds: float, condition: Callable[[], bool]) -> bool:
    """Whether *condition* holds within *seconds*."""
    moment = threading.Event()
    for _ in range(int(seconds / 0.02)):
        if condition():
            return True
        moment.wait(0.02)
    return condition()
