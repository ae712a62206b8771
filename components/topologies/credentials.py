"""Every secret of an environment, generated once and kept in its vault.

Each is a secret of its own: the vendor's templates used one password for machines, database and
product, and one token-signing key for everybody (facts.md 18.4, W1 and W5). Values are in Pulumi's
state, encrypted, and in the vault; nodes fetch theirs at boot.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_random as random
import pulumi_tls as tls

from components.parts import StoredSecret
from components.runtimes.plumber import COMPUTE_SERVER_NAME, WEB_CLIENT_NAME
from components.settings import Settings
from components.topologies.certificates import Authority, last_moment

PEM: Final = "application/x-pem-file"
PASSWORD: Final = "text/plain"  # noqa: S105 - a content type

ADMIN_SPECIALS: Final = "-_+.:"
"""Of those that the product allows, the ones that no shell, file or connection string changes
(facts.md 12.1)."""

DATABASE_LENGTH: Final = 32
SIGNING_BITS: Final = 2048


@dataclass(frozen=True, kw_only=True, slots=True)
class CredentialsArgs:
    """What credentials take."""

    stack: str
    settings: Settings
    addresses: Sequence[pulumi.Output[str]]
    """Addresses of the load balancer, which clients verify, and its names."""

    host_names: Sequence[pulumi.Output[str]]
    database_master: bool
    """Whether the database takes its first password from here."""


class Credentials(pulumi.ComponentResource):
    """Owns keys, certificates and passwords."""

    secrets: Mapping[str, StoredSecret]
    """By the names that node recipes use."""

    authority: pulumi.Output[str]
    """PEM of the environment's certificate authority; public."""

    database_master: pulumi.Output[str] | None

    def __init__(
        self, name: str, args: CredentialsArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("operationalization:topologies:Credentials", name, None, opts)
        self._name = name
        authority = Authority(name, args.stack, self)
        self.authority = authority.certificate
        self.database_master = self._password("database-master") if args.database_master else None
        certificates = self._certificates(authority, args)
        passwords = {
            "admin-password": args.settings.admin_password or self._admin_password(),
            "database-api": self._password("database-api"),
            "database-loader": self._password("database-loader"),
            **({"database-master": self.database_master} if self.database_master else {}),
        }
        signing = tls.PrivateKey(
            f"{name}-token-signing",
            algorithm="RSA",
            rsa_bits=SIGNING_BITS,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.secrets = {
            **certificates,
            **{key: _stored(value, PASSWORD) for key, value in passwords.items()},
            "token-signing-key": _stored(signing.private_key_pem, PEM),
        }
        self.register_outputs({"authority": self.authority})

    def _certificates(self, authority: Authority, args: CredentialsArgs) -> dict[str, StoredSecret]:
        client = authority.sign("web-client", WEB_CLIENT_NAME, "client_auth")
        compute = authority.sign(
            "compute-server", COMPUTE_SERVER_NAME, "server_auth", dns_names=[COMPUTE_SERVER_NAME]
        )
        return {
            "environment-ca": _stored(authority.certificate, PEM, authority.expires),
            "web-client": _stored(client.pem, PEM, client.expires),
            "compute-server": _stored(compute.pem, PEM, compute.expires),
            "web-server": self._web_server(authority, args),
        }

    def _web_server(self, authority: Authority, args: CredentialsArgs) -> StoredSecret:
        """Return what clients see on 12800: the user's certificate, or one of our own."""
        chain, key = args.settings.certificate, args.settings.certificate_key
        if chain is not None and key is not None:
            pem = pulumi.Output.concat(chain.strip(), "\n", key)
            return _stored(pem, PEM, pulumi.Output.from_input(last_moment(chain)))
        server = authority.sign(
            "web-server",
            f"{args.stack} web",
            "server_auth",
            dns_names=args.host_names,
            ip_addresses=args.addresses,
        )
        return _stored(server.pem, PEM, server.expires)

    def _admin_password(self) -> pulumi.Output[str]:
        return random.RandomPassword(
            f"{self._name}-admin-password",
            length=16,
            min_upper=1,
            min_lower=1,
            min_numeric=1,
            min_special=1,
            override_special=ADMIN_SPECIALS,
            opts=pulumi.ResourceOptions(parent=self),
        ).result

    def _password(self, suffix: str) -> pulumi.Output[str]:
        return random.RandomPassword(
            f"{self._name}-{suffix}",
            length=DATABASE_LENGTH,
            special=False,
            min_upper=1,
            min_lower=1,
            min_numeric=1,
            opts=pulumi.ResourceOptions(parent=self),
        ).result


def _stored(
    value: pulumi.Output[str], content_type: str, expires: pulumi.Output[int] | None = None
) -> StoredSecret:
    # Marked here once more: the vault holds secrets only, whatever they were made from.
    return StoredSecret(
        value=pulumi.Output.secret(value), content_type=content_type, expires=expires
    )
