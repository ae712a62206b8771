"""Users of an LDAP server (facts.md 12.4): looked up with an account that may read, then bound."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from server.api.errors import ApiError
from server.api.tokens import Caller
from stand_ins.product.appsettings import ConfigurationError, Section
from stand_ins.product.certificates import Stores
from stand_ins.product.web.roles import Roles
from stand_ins.versions import Version

SECONDS = 10


@dataclass(frozen=True)
class Ldap:
    """An LDAP server, as the web node's file names it."""

    host: str
    port: int
    encrypted: bool
    verified: bool
    user: str
    password: str = field(repr=False)
    base: str
    filter: str
    identifier: str
    """Attribute that is a user's name to the product."""
    roles: Roles

    def authenticate(self, username: str, password: str) -> Caller | None:
        """Return the user, or None.

        Raises:
            ApiError: 503, the directory does not answer.
        """
        try:
            import ldap3
            from ldap3.core.exceptions import LDAPException
            from ldap3.utils.conv import escape_filter_chars
        except ImportError:
            raise ApiError(503, "LDAP needs Debian's package python3-ldap3") from None
        if not username or not password:
            # An empty password is an anonymous bind, which succeeds.
            return None
        wanted = f"({self.filter.replace('{0}', escape_filter_chars(username))})"
        try:
            with self._bound(ldap3, self.user, self.password) as looker:
                if looker is None:
                    raise ApiError(503, "the LDAP server refused QueryUserDn")
                looker.search(self.base, wanted, attributes=[self.identifier, "memberOf"])
                entries = [e for e in looker.response or [] if e.get("type") == "searchResEntry"]
            if len(entries) != 1:
                return None
            with self._bound(ldap3, entries[0]["dn"], password) as user:
                return self._caller(entries[0]["attributes"]) if user is not None else None
        except LDAPException as error:
            raise ApiError(503, f"the LDAP server failed: {type(error).__name__}") from error

    @contextmanager
    def _bound(self, ldap3: Any, user: str, password: str) -> Iterator[Any | None]:
        """A connection that *user* is bound on, or None when the password is wrong."""
        tls = ldap3.Tls(validate=ssl.CERT_REQUIRED if self.verified else ssl.CERT_NONE)
        server = ldap3.Server(
            self.host,
            self.port,
            use_ssl=self.encrypted,
            tls=tls if self.encrypted else None,
            connect_timeout=SECONDS,
            get_info=ldap3.NONE,
        )
        connection = ldap3.Connection(
            server, user, password, read_only=True, receive_timeout=SECONDS
        )
        try:
            yield connection if connection.bind() else None
            connection.unbind()
        finally:
            # The library leaves it open when the server is not trusted.
            if connection.socket is not None:
                connection.socket.close()

    def _caller(self, attributes: dict[str, Any]) -> Caller | None:
        name = _first(attributes.get(self.identifier))
        if not name:
            # 9.0.1 always uses userPrincipalName, which must not be empty.
            return None
        groups = {_common_name(dn) for dn in attributes.get("memberOf") or []}
        role = self.roles.of(groups)
        return Caller(name, role) if role is not None else None


def _first(value: object) -> str:
    if isinstance(value, list):
        value = value[0] if value else ""
    return str(value or "")


def _common_name(dn: str) -> str:
    first = dn.split(",", 1)[0]
    return first.partition("=")[2] if first[:3].upper() == "CN=" else first


def section_of(version: Version, root: Section, name: str) -> Section | None:
    """Return what is enabled of `LDAP` or `AzureActiveDirectory`, in the version's own shape.

    Raises:
        ConfigurationError: it has the shape of another version (9.3).
    """
    section = root.section("Authentication").section(name)
    if not section.flag("Enabled"):
        return None
    if not version.lists_directories:
        if "Values" in section.values:
            raise ConfigurationError(f"{section.name}Values is not known in {version.version}")
        return section
    values = section.sections("Values")
    if not values:
        raise ConfigurationError(f"{section.name}Values has no entry")
    return values[0]


def ldap(version: Version, root: Section, stores: Stores, roles: Roles) -> Ldap | None:
    """Return the LDAP server of the web node's file, if it is enabled.

    Raises:
        ConfigurationError: a key is missing or wrong.
    """
    section = section_of(version, root, "LDAP")
    if section is None:
        return None
    for key in ("Host", "SearchBase", "SearchFilter"):
        if not section.text(key):
            raise ConfigurationError(f"{section.name}{key} is missing")
    if "{0}" not in section.text("SearchFilter"):
        raise ConfigurationError(f"{section.name}SearchFilter must hold {{0}}")
    encrypted = section.flag("UseLDAPS")
    password = section.text("QueryUserPassword")
    if section.flag("QueryUserPasswordEncrypted"):
        password = stores.decrypt(password, f"{section.name}QueryUserPassword")
    early = version.order <= 2
    port = 0 if early else section.get("Port", int, 0)
    unique = "" if early else section.text("UniqueUserIdentifierAttributeName")
    return Ldap(
        host=section.text("Host"),
        port=port or (636 if encrypted else 389),
        encrypted=encrypted,
        verified=not section.flag("SkipCertificateValidation"),
        user=section.text("QueryUserDn"),
        password=password,
        base=section.text("SearchBase"),
        filter=section.text("SearchFilter"),
        identifier=unique or "userPrincipalName",
        roles=roles,
    )
