"""The certificates of services: one an owner, renewed in place before they get old."""

import logging
import os
import ssl
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from cryptography import x509

_LOG = logging.getLogger(__name__)


class Authority(Protocol):
    """Who issues certificates that machines trust."""

    def issue(self, names: Sequence[str]) -> tuple[bytes, bytes]:
        """A chain and its key, both PEM."""


@dataclass(frozen=True, kw_only=True)
class _Certificate:
    """The certificate of one owner."""

    hosts: Sequence[str]
    context: ssl.SSLContext
    renew_at: float
    """Seconds since the epoch."""


class Certificates:
    """The certificates of one cloud's services. Methods may be called from any thread."""

    def __init__(self, authority: Authority) -> None:
        self._authority = authority
        self._lock = threading.Lock()
        self._known: dict[str, _Certificate] = {}

    def of(self, owner: str, hosts: Sequence[str]) -> ssl.SSLContext:
        """TLS for the service *owner*, which answers to *hosts*. Raises FabricError."""
        with self._lock:
            return self._current(owner, hosts).context

    def forget(self, owner: str) -> None:
        """The service has gone."""
        with self._lock:
            self._known.pop(owner, None)

    def renew(self) -> None:
        """Replace the old ones; connections under way keep theirs."""
        for owner, known in list(self._known.items()):
            self.of(owner, known.hosts)

    def _current(self, owner: str, hosts: Sequence[str]) -> _Certificate:
        known = self._known.get(owner)
        if known is not None and time.time() < known.renew_at:
            return known
        chain, key = self._authority.issue(hosts)
        context = known.context if known else _context(hosts)
        _load(context, chain, key)
        made = _Certificate(hosts=hosts, context=context, renew_at=_middle(chain))
        self._known[owner] = made
        return made


def _context(hosts: Sequence[str]) -> ssl.SSLContext:
    """TLS for a service; who asks for another name is refused in the handshake."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2

    def named(_: ssl.SSLObject | ssl.SSLSocket, name: str | None, __: ssl.SSLContext) -> int | None:
        if name is None or _covered(name.casefold(), hosts):
            return None
        _LOG.info("%s: a client that asks for another name was refused", hosts[0])
        return ssl.AlertDescription.ALERT_DESCRIPTION_UNRECOGNIZED_NAME

    context.sni_callback = named
    return context


def _covered(name: str, hosts: Sequence[str]) -> bool:
    """Whether a certificate for *hosts*, one of which may begin with `*.`, is for *name*."""
    return name in hosts or f"*.{name.partition('.')[2]}" in hosts


def _load(context: ssl.SSLContext, chain: bytes, key: bytes) -> None:
    """Give a context its certificate; the library reads files only, so it gets one in memory."""
    file = os.memfd_create("certificate", os.MFD_CLOEXEC)
    with os.fdopen(file, "wb") as stream:
        stream.write(key.rstrip() + b"\n" + chain)
        stream.flush()
        context.load_cert_chain(f"/proc/self/fd/{file}")


def _middle(chain: bytes) -> float:
    """The middle of a certificate's life, in seconds since the epoch."""
    first = x509.load_pem_x509_certificate(chain)
    times = (first.not_valid_before_utc.timestamp(), first.not_valid_after_utc.timestamp())
    return sum(times) / 2
