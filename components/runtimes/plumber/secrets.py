"""Which secret of the vault each role of the plumber runtime reads, and where it lies.

`database-master` is in no table: it is for a person who breaks the glass, never for a node.
"""

from typing import Final

from components.runtimes.node import Role, SecretUse

FOLDER: Final = "/run/operationalization/secrets"
"""On tmpfs: no secret is ever written to a disk (design.md section 8)."""


def _secret(name: str) -> SecretUse:
    """Return a use whose file only root reads: units get copies as systemd credentials."""
    return SecretUse(name=name, path=f"{FOLDER}/{name}", owner="root", mode="0400")


SECRETS: Final[dict[Role, tuple[SecretUse, ...]]] = {
    "web": (
        _secret("environment-ca"),
        _secret("web-server"),
        _secret("web-client"),
        _secret("token-signing-key"),
        _secret("admin-password"),
        _secret("database-api"),
        _secret("database-loader"),
    ),
    "compute": (
        _secret("environment-ca"),
        _secret("compute-server"),
        _secret("database-loader"),
    ),
    "one-box": (
        _secret("web-server"),
        _secret("token-signing-key"),
        _secret("admin-password"),
    ),
}
"""HAProxy reads its certificates as root before it drops to a user of its own. A web node has
`database-loader` only because its migrations set that role's password."""

DATABASE_SECRETS: Final = (_secret("database-api"), _secret("database-loader"))
"""What a one-box reads besides, when its database is a server."""
