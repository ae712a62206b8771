"""Every secret of an environment, generated once and kept in its vault.

Each is a secret of its own: the vendor's templates used one password for machines, database and
product, and one token-signing key for everybody (facts.md 18.4, W1 and W5). Values are in Pulumi's
state, encrypted, and in the vault; nodes fetch theirs at boot.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_random as random
import pulumi_tls as tls

from components.parts import StoredSecret
from components.runtimes.plumber import COMPUTE_SERVER_NAME, WEB_CLIENT_NAME
from components.settings import Settings
from components.topologies.certificates import Authority, last_moment, token_signing

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
    names: Collection[str]
    """Secrets that some node reads: what nobody reads is not made."""

    compute_addresses: Sequence[str] = ()
    """Addresses by which web nodes verify compute nodes, of products that know no other name."""

    rsa: bool = False
    """Whether nodes read RSA keys only, as those on Windows do."""

    database_master: bool
    """Whether the database takes its first password from here."""


class Credentials(pulumi.ComponentResource):
    """Owns keys, certificates and passwords."""

    secrets: dict[str, StoredSecret]
    """By the names that node recipes use."""

    authority: pulumi.Output[str]
    """PEM of the environment's certificate authority; public."""

    database_master: pulumi.Output[str] | None

    def __init__(
        self, name: str, args: CredentialsArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("operationalization:topologies:Credentials", name, None, opts)
        self._name = name
        authority = Authority(name, args.stack, self, rsa=args.rsa)
        self.authority = authority.certificate
        self.database_master = self._password("database-master") if args.database_master else None
        made = self._read_by_nodes(authority, args)
        self.secrets = {key: make() for key, make in made.items() if key in args.names}
        if self.database_master:
            self.secrets["database-master"] = _stored(self.database_master, PASSWORD)
        self.register_outputs({"authority": self.authority})

    def _read_by_nodes(
        self, authority: Authority, args: CredentialsArgs
    ) -> Mapping[str, Callable[[], StoredSecret]]:
        """Return how each secret is made that nodes of some topology read."""
        return {
            "environment-ca": lambda: _stored(authority.certificate, PEM, authority.expires),
            "web-client": lambda: self._web_client(authority),
            "compute-server": lambda: self._compute_server(authority, args.compute_addresses),
            "web-server": lambda: self._web_server(authority, args),
            "admin-password": lambda: _stored(
                args.settings.admin_password or self._admin_password(), PASSWORD
            ),
            "database-api": lambda: _stored(self._password("database-api"), PASSWORD),
            "database-loader": lambda: _stored(self._password("database-loader"), PASSWORD),
            "token-signing-key": lambda: _stored(self._signing_key().private_key_pem, PEM),
            "token-signing": self._token_signing,
            "database-product": lambda: _stored(self._password("database-product"), PASSWORD),
            "admin-password-hash": lambda: _given(args.settings.admin_password_hash, PASSWORD),
            "ldap-password": lambda: _given(args.settings.ldap_password, PASSWORD),
            "aad-key": lambda: _given(args.settings.aad_key, PASSWORD),
        }

    def _web_client(self, authority: Authority) -> StoredSecret:
        client = authority.sign("web-client", WEB_CLIENT_NAME, "client_auth")
        return _stored(client.pem, PEM, client.expires)

    def _compute_server(self, authority: Authority, addresses: Sequence[str]) -> StoredSecret:
        compute = authority.sign(
            "compute-server",
            COMPUTE_SERVER_NAME,
            "server_auth",
            dns_names=[COMPUTE_SERVER_NAME],
            ip_addresses=addresses,
        )
        return _stored(compute.pem, PEM, compute.expires)

    def _signing_key(self) -> tls.PrivateKey:
        return tls.PrivateKey(
            f"{self._name}-token-signing",
            algorithm="RSA",
            rsa_bits=SIGNING_BITS,
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _token_signing(self) -> StoredSecret:
        signed = token_signing(f"{self._name}-token-signing", self._signing_key(), self)
        return _stored(signed.pem, PEM, signed.expires)

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


def _given(value: pulumi.Output[str] | None, content_type: str) -> StoredSecret:
    """Return a secret that only the user has; settings see to it that it is there.

    Raises:
        ValueError: it is not.
    """
    if value is None:
        raise ValueError("a node reads a secret that the stack's configuration does not have")
    return _stored(value, content_type)
