"""The engines at the other end: what each waits for, and how it hears of progress.

An engine opens one connection for each provider of a program, says on it where its own log is
(Attach), and sends Cancel on it when a person presses Ctrl-C. So everything here belongs to a
connection. A line to the log is a call of the engine's own gRPC service; its channel lives as long
as operations of that connection do.
"""

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address
from threading import Event, Lock

import grpc
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc
from pulumi.runtime.proto.engine_pb2 import LogSeverity

from sandbox.control.fabric import Watch

_LOG = logging.getLogger(__name__)

_MOST = 1024
"""Connections that are remembered; the oldest go first, unless something is under way."""
_PATIENCE = 5.0
"""Seconds that an engine may take to accept a line."""

_INFO = LogSeverity.INFO
_WARNING = LogSeverity.WARNING


class _Journal:
    """The log of one engine: a channel from the first line to the last operation's end."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._lock = Lock()
        self._channel: grpc.Channel | None = None
        self._gone = not _is_here(address)
        if self._gone and address:
            _LOG.warning("the engine's log is at %r, not on this machine: it gets none", address)

    def write(self, severity: LogSeverity.ValueType, urn: str, text: str, *, last: bool) -> None:
        """Add a line for a resource; *last*: it stays, else the next one takes its place."""
        request = engine_pb2.LogRequest(
            severity=severity, urn=urn, message=text, streamId=0, ephemeral=not last
        )
        with self._lock:
            if self._gone:
                return
            if self._channel is None:
                self._channel = grpc.insecure_channel(self._address)
            # The stubs know a request and an answer by Any.
            log = engine_pb2_grpc.EngineStub(self._channel).Log
            try:
                log(request, timeout=_PATIENCE)
            except grpc.RpcError as error:
                self._gone = True  # or each further line would wait for it again
                _LOG.info("the engine at %s takes no more lines: %s", self._address, error)

    def close(self) -> None:
        """Let the channel go; a later line opens another."""
        with self._lock:
            if self._channel is not None:
                self._channel.close()
                self._channel = None


def _is_here(address: str) -> bool:
    """Whether an engine's address is on this machine: where else could who may call us run?"""
    host, _, port = address.rpartition(":")
    if host == "localhost":
        return port.isdecimal()
    try:
        return port.isdecimal() and ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


@dataclass
class _Engine:
    """One connection."""

    journal: _Journal
    cancelled: bool = False
    waiting: set[Event] = field(default_factory=set)
    """One for each operation under way."""


class Engines:
    """The connections to one server, by gRPC's name of the peer."""

    def __init__(self) -> None:
        self._engines: OrderedDict[str, _Engine] = OrderedDict()
        self._lock = Lock()

    def attach(self, peer: str, address: str) -> None:
        """A new connection: where its engine's log is."""
        with self._lock:
            old = self._engines.pop(peer, None)
            self._engines[peer] = _Engine(_Journal(address))
            idle = [each for each, engine in self._engines.items() if not engine.waiting]
            for each in idle[: max(0, len(self._engines) - _MOST)]:
                del self._engines[each]
        if old is not None:
            old.journal.close()

    def cancel(self, peer: str) -> None:
        """End all that is under way over this connection, and what still begins on it."""
        with self._lock:
            engine = self._engine(peer)
            engine.cancelled = True
            for event in engine.waiting:
                event.set()

    def cancel_all(self) -> None:
        """End everything: the server stops."""
        with self._lock:
            for engine in self._engines.values():
                engine.cancelled = True
                for event in engine.waiting:
                    event.set()

    @contextmanager
    def operation(self, context: grpc.ServicerContext, urn: str) -> Iterator[Watch]:
        """One operation for a resource, until it ends, is cancelled, or its engine is gone."""
        event = Event()
        with self._lock:
            engine = self._engine(context.peer())
            engine.waiting.add(event)
            if engine.cancelled:
                event.set()
        if not context.add_callback(event.set):
            event.set()  # it is over already
        try:
            yield Watch(
                report=_writer(engine.journal, _INFO, urn, last=False),
                warn=_writer(engine.journal, _WARNING, urn, last=True),
                cancelled=event,
            )
        finally:
            with self._lock:
                engine.waiting.discard(event)
                idle = not engine.waiting
            if idle:
                engine.journal.close()

    def _engine(self, peer: str) -> _Engine:
        return self._engines.setdefault(peer, _Engine(_Journal("")))


def _writer(
    journal: _Journal, severity: LogSeverity.ValueType, urn: str, *, last: bool
) -> Callable[[str], None]:
    def write(text: str) -> None:
        journal.write(severity, urn, text, last=last)

    return write
