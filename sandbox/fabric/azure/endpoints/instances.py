"""The front's side of instances: connections that are kept, requests that wait for their turn."""

import asyncio
import socket
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus

import h11

from sandbox.fabric.contract import FabricError, Machine
from sandbox.fabric.serving.exchange import Answer, Request

_CHUNK = 65_536
_IDLE = 16
"""Connections to an instance that are kept open."""
_OWN = frozenset({"connection", "content-length", "host", "keep-alive", "te", "transfer-encoding"})
"""Headers of one connection, not of what it carries."""
_CREDENTIALS = frozenset({"authorization", "cookie"})
"""A model's code has no use for what lets callers in."""
MAX_ANSWER = 64 << 20
"""Bytes."""


class InstanceError(Exception):
    """An instance gave no answer; *sent*: although it may have had the request."""

    def __init__(self, why: str, *, sent: bool) -> None:
        self.sent = sent
        super().__init__(why)


@dataclass
class _Connection:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    state: h11.Connection = field(default_factory=lambda: h11.Connection(h11.CLIENT))
    used: bool = False

    def close(self) -> None:
        self.writer.transport.abort()


class Instances:
    """All instances of a sandbox, as far as requests are under way at them.

    Everything happens in the engine's thread.
    """

    def __init__(self, connect: Callable[[Machine], socket.socket]) -> None:
        """*connect*: a socket that may connect to the machine. Raises OSError, FabricError."""
        self._socket = connect
        self._busy: defaultdict[str, int] = defaultdict(int)
        self._idle: defaultdict[str, list[_Connection]] = defaultdict(list)
        self._freed = asyncio.Condition()

    def busy(self, machine: Machine) -> int:
        """Requests that an instance answers now."""
        return self._busy[_key(machine)]

    async def turn(self, ready: Callable[[], Sequence[Machine]], concurrent: int) -> Machine:
        """Wait until an instance has room, and take a place there; `leave` gives it back."""
        async with self._freed:
            while True:
                free = [each for each in ready() if self.busy(each) < concurrent]
                if free:
                    chosen = min(free, key=self.busy)
                    self._busy[_key(chosen)] += 1
                    return chosen
                # Instances come without a word.
                with suppress(TimeoutError):
                    async with asyncio.timeout(0.1):
                        await self._freed.wait()

    async def leave(self, machine: Machine) -> None:
        """The request that had a place is answered."""
        async with self._freed:
            key = _key(machine)
            self._busy[key] -= 1
            if self._busy[key] <= 0:
                del self._busy[key]
            self._freed.notify_all()

    async def ask(self, machine: Machine, port: int, request: Request) -> Answer:
        """An instance's answer. Raises InstanceError."""
        while True:
            connection = await self._connection(machine, port)
            reused = connection.used
            try:
                answer = await _exchange(connection, machine, request)
            except (OSError, EOFError, h11.ProtocolError) as error:
                connection.close()
                if reused and isinstance(error, _ClosedError):
                    continue  # it was closed while nobody used it
                raise InstanceError(f"{machine.name}: {error}", sent=True) from error
            except BaseException:
                connection.close()
                raise
            self._keep(machine, connection)
            return answer

    def prune(self, machines: Sequence[Machine]) -> None:
        """Close the connections to all others than these."""
        kept = {_key(each) for each in machines}
        for gone in self._idle.keys() - kept:
            for connection in self._idle.pop(gone):
                connection.close()

    def close(self) -> None:
        """Close all connections."""
        self.prune(())

    async def _connection(self, machine: Machine, port: int) -> _Connection:
        idle = self._idle[_key(machine)]
        while idle:
            found = idle.pop()
            if not (found.writer.is_closing() or found.reader.at_eof()):
                return found
            found.close()
        try:
            made = self._socket(machine)
            try:
                # asyncio does so only where a socket names its protocol: a body would wait for the
                # delayed acknowledgement of its head, 40 ms.
                made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                await asyncio.get_running_loop().sock_connect(made, (str(machine.address), port))
                reader, writer = await asyncio.open_connection(sock=made)
            except BaseException:
                made.close()
                raise
        except (OSError, FabricError) as error:
            raise InstanceError(f"{machine.name}: {error}", sent=False) from error
        return _Connection(reader, writer)

    def _keep(self, machine: Machine, connection: _Connection) -> None:
        state = connection.state
        idle = self._idle[_key(machine)]
        if state.our_state is h11.DONE and state.their_state is h11.DONE and len(idle) < _IDLE:
            state.start_next_cycle()
            connection.used = True
            idle.append(connection)
        else:
            connection.close()


class _ClosedError(EOFError):
    """The instance closed the connection before it answered anything."""


async def _exchange(connection: _Connection, machine: Machine, request: Request) -> Answer:
    state, writer = connection.state, connection.writer
    headers = [
        (name, value)
        for name, value in request.headers.items()
        if name not in _OWN and name not in _CREDENTIALS
    ]
    headers += [("host", str(machine.address)), ("content-length", str(len(request.body)))]
    head = h11.Request(method=request.method, target=request.target, headers=headers)
    events = (head, h11.Data(data=request.body), h11.EndOfMessage())
    writer.write(b"".join(state.send(event) or b"" for event in events))
    try:
        await writer.drain()
        _acknowledge_at_once(writer)
    except ConnectionError as error:
        raise _ClosedError(str(error)) from error
    return await _answer(connection)


def _acknowledge_at_once(writer: asyncio.StreamWriter) -> None:
    """Have the kernel not delay its next acknowledgements, 40 ms (tcp(7)): it forgets that soon.

    R's web server writes the head of an answer and its body apart, and the second waits until
    the first has been acknowledged.
    """
    if hasattr(socket, "TCP_QUICKACK"):
        end = writer.get_extra_info("socket")
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


async def _answer(connection: _Connection) -> Answer:
    state = connection.state
    found: h11.Response | None = None
    body = bytearray()
    while True:
        event = state.next_event()
        if event is h11.NEED_DATA:
            try:
                data = await connection.reader.read(_CHUNK)
            except ConnectionError as error:
                raise (_ClosedError if found is None else EOFError)(str(error)) from error
            if not data and found is None:
                raise _ClosedError("it closed the connection without an answer")
            state.receive_data(data)
        elif isinstance(event, h11.Response):
            found = event
        elif isinstance(event, h11.Data):
            body += event.data
            if len(body) > MAX_ANSWER:
                raise EOFError("its answer is too long")
        elif isinstance(event, h11.EndOfMessage) and found is not None:
            return _plain(found, bytes(body))
        elif not isinstance(event, h11.InformationalResponse):
            raise EOFError("it ended its answer early")


def _plain(found: h11.Response, body: bytes) -> Answer:
    headers = {
        name.decode("ascii"): value.decode("latin-1")
        for name, value in found.headers
        if name.decode("ascii") not in (*_OWN, "date", "server", "content-type")
    }
    kind = next((v.decode("latin-1") for n, v in found.headers if n == b"content-type"), "")
    status = found.status_code
    return Answer(status=status or HTTPStatus.BAD_GATEWAY, body=body, kind=kind, headers=headers)


def _key(machine: Machine) -> str:
    return f"{machine.id} {machine.incarnation}"
