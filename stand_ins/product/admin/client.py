"""Calls of the admin tools to a web node's API."""

import json
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stand_ins.product import appsettings
from stand_ins.product.appsettings import ConfigurationError
from stand_ins.versions import Version

SECONDS = 120
KEPT = Path(".azure") / "mls.json"
"""Below the user's home: where the command line keeps who is logged in."""


@dataclass(frozen=True)
class Client:
    """A web node, and a token for it."""

    endpoint: str
    token: str = ""

    def call(self, method: str, path: str, body: object = None) -> Any:
        """Return the answer.

        Raises:
            ConfigurationError: it refuses, or cannot be reached.
        """
        request = urllib.request.Request(  # noqa: S310
            self.endpoint + path,
            json.dumps(body).encode() if body is not None else None,
            {"Content-Type": "application/json", "Authorization": f"Bearer {self.token}"},
            method=method,
        )
        # The machine itself is asked by a name that its certificate may not have.
        context = ssl._create_unverified_context() if self._is_local() else None  # noqa: S323, SLF001
        try:
            with urllib.request.urlopen(request, timeout=SECONDS, context=context) as response:  # noqa: S310
                return json.loads(response.read())
        except urllib.error.HTTPError as error:
            raise ConfigurationError(f"{error.code}: {_message(error.read())}") from error
        except OSError as error:
            raise ConfigurationError("Cannot establish connection with the web node") from error

    def _is_local(self) -> bool:
        return self.endpoint.startswith("https://localhost:")

    def log_in(self, username: str, password: str) -> "Client":
        """Return this web node with a token."""
        answer = self.call("POST", "/login", {"username": username, "password": password})
        return Client(self.endpoint, str(answer["access_token"]))

    def keep(self, home: Path) -> None:
        """Remember this for the next commands."""
        path = home / KEPT
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(0o600)
        path.chmod(0o600)
        path.write_text(json.dumps({"endpoint": self.endpoint, "token": self.token}))


def _message(body: bytes) -> str:
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return "the web node refused"


def local(version: Version) -> str:
    """Return this machine's web node."""
    kestrel = appsettings.read(appsettings.path_of(version, "web")).root.section("Kestrel")
    scheme = "https" if kestrel.flag("HttpsEnabled") else "http"
    return f"{scheme}://localhost:{kestrel.get('Port', int, version.ports['web'])}"


def kept(home: Path) -> Client:
    """Return who is logged in.

    Raises:
        ConfigurationError: nobody is.
    """
    try:
        found = json.loads((home / KEPT).read_text())
        return Client(found["endpoint"], found["token"])
    except (OSError, ValueError, KeyError):
        raise ConfigurationError("log in first") from None
