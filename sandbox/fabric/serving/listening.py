"""Servers on sockets that are given: HTTP, with and without TLS, and DNS.

All of them share one thread that waits, so that a client that is slow, in its handshake too, costs
a place and nobody's time; what an answer needs of the store is done by a few workers. A client has
a limited number of places, of bytes and of seconds.

`Engine.run` is the only way into that thread.
"""

import asyncio
import logging
import socket
import ssl
import sys
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address
from typing import Any, TypeVar, cast

import h11

from sandbox.fabric.serving.exchange import Answer, Request, in_json
from sandbox.fabric.serving.messages import MAX_HEADERS as MAX_HEADERS
from sandbox.fabric.serving.messages import TooLargeError, linger, receive, refuse, send

_LOG = logging.getLogger(__name__)

WORKERS = 8
PLACES = 256
"""Connections that a listener serves at once."""
PLACES_EACH = 32
"""Connections from one address."""
HANDSHAKE = 5.0
"""Seconds."""
PATIENCE = 10.0
"""Seconds for a client to finish a request, and to begin the next one."""
LIFE = 60.0
"""Seconds that a connection lasts."""
QUESTIONS = 256
"""Datagrams that are answered at once; more are dropped, as a full network does."""
_CHUNK = 65_536
_NETNS_COOKIE = 71
"""SO_NETNS_COOKIE of Linux, which Python 3.11 does not name."""

T = TypeVar("T")

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter, IPv4Address], Awaitable[None]]
"""Serves one connection of a client at an address."""


class Engine:
    """The thread that waits, and the workers."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._workers = ThreadPoolExecutor(WORKERS, thread_name_prefix=name)
        self._repeated: list[Future[None]] = []
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        finally:
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()

    def run(self, what: Coroutine[Any, Any, T]) -> T:
        """Do something in the thread that waits, and wait for it."""
        return asyncio.run_coroutine_threadsafe(what, self._loop).result()

    async def work(self, what: Callable[[], T]) -> T:
        """Have a worker do something; called in the thread that waits."""
        return await asyncio.get_running_loop().run_in_executor(self._workers, what)

    def repeat(self, pause: float, what: Callable[[], None]) -> None:
        """Have a worker do something every *pause* seconds, until the end."""

        async def again() -> None:
            while True:
                await asyncio.sleep(pause)
                try:
                    await self.work(what)
                except Exception:
                    # It is tried again; what it did before stays in force meanwhile.
                    _LOG.exception("%s failed", what.__name__)

        self._repeated.append(asyncio.run_coroutine_threadsafe(again(), self._loop))

    def stop(self) -> None:
        """End the thread and the workers; listeners are closed before."""
        for task in self._repeated:
            task.cancel()
        self.run(asyncio.sleep(0))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._workers.shutdown(cancel_futures=True)


def namespace_of(made: socket.socket) -> int | None:
    """The cookie of a socket's network namespace, unique while the machine runs.

    None where the kernel (before 5.14) has none.
    """
    try:
        return int.from_bytes(made.getsockopt(socket.SOL_SOCKET, _NETNS_COOKIE, 8), sys.byteorder)
    except OSError:
        return None


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """What clients of one listener may take."""

    places: int
    each: int
    life: float


class StreamListener:
    """Serves the connections of one listening socket."""

    def __init__(
        self,
        listening: socket.socket,
        serve: Serve,
        tls: ssl.SSLContext | None = None,
        limits: Limits | None = None,
    ) -> None:
        """Must be called in the engine's thread; the socket is closed with the listener.

        *limits*: None takes the module's own.
        """
        self._limits = limits
        self.namespace = namespace_of(listening)
        self._socket = listening
        self._socket.setblocking(False)
        self._serve = serve
        self._tls = tls
        self._clients: Counter[IPv4Address] = Counter()
        self._places = asyncio.Semaphore(limits.places if limits else PLACES)
        self._tasks: set[asyncio.Task[None]] = set()
        self._accepting = asyncio.create_task(self._accept())

    async def close(self) -> None:
        """Accept nobody any more, and let go of those who are there."""
        tasks = [self._accepting, *self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._socket.close()

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._places.acquire()
            try:
                connection, (host, _) = await loop.sock_accept(self._socket)
            except OSError as error:
                # The client has gone again, or the process has no file left: neither lasts.
                self._places.release()
                _LOG.warning("a connection could not be accepted: %s", error)
                await asyncio.sleep(0.1)
                continue
            except BaseException:
                self._places.release()
                raise
            source = IPv4Address(host)
            if self._clients[source] >= (self._limits.each if self._limits else PLACES_EACH):
                connection.close()
                self._places.release()
                continue
            self._clients[source] += 1
            task = asyncio.create_task(self._connected(connection, source))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _connected(self, connection: socket.socket, source: IPv4Address) -> None:
        try:
            async with asyncio.timeout(self._limits.life if self._limits else LIFE):
                await self._converse(connection, source)
        except (OSError, EOFError):
            # Includes time-outs and failed handshakes: what the client does to itself.
            _LOG.debug("connection of %s ended early", source, exc_info=True)
        finally:
            self._places.release()
            self._clients[source] -= 1
            if not self._clients[source]:
                del self._clients[source]

    async def _converse(self, connection: socket.socket, source: IPv4Address) -> None:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=_CHUNK)
        protocol = asyncio.StreamReaderProtocol(reader)
        try:
            transport, _ = await loop.connect_accepted_socket(
                lambda: protocol,
                connection,
                ssl=self._tls,
                ssl_handshake_timeout=HANDSHAKE if self._tls else None,
                ssl_shutdown_timeout=1.0 if self._tls else None,
            )
        except BaseException:
            connection.close()
            raise
        writer = asyncio.StreamWriter(transport, protocol, reader, loop)
        try:
            await self._serve(reader, writer, source)
        except BaseException:
            transport.abort()
            raise
        writer.close()
        try:
            async with asyncio.timeout(PATIENCE):
                await writer.wait_closed()
        except BaseException:
            transport.abort()
            raise


def http(name: str, engine: Engine, answer: Callable[[Request], Answer]) -> Serve:
    """Serve HTTP/1.1; *answer* is called by a worker, *name* is for the log."""

    async def serve(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, source: IPv4Address
    ) -> None:
        connection = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEADERS)
        while True:
            async with asyncio.timeout(PATIENCE):
                try:
                    request = await receive(connection, reader, writer, source)
                except h11.RemoteProtocolError as error:
                    await refuse(connection, writer, error.error_status_hint)
                    await linger(reader, writer)
                    return
                except TooLargeError:
                    await refuse(connection, writer, 413)
                    await linger(reader, writer)
                    return
            if request is None:
                return
            given = await engine.work(partial(_answered, name, answer, request))
            _limit(writer, given.hops)
            async with asyncio.timeout(PATIENCE):
                await send(connection, writer, given, head=request.method == "HEAD")
            if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
                return
            connection.start_next_cycle()

    return serve


def _limit(writer: asyncio.StreamWriter, hops: int | None) -> None:
    """Let what is sent from now on pass so many routers behind the network's own."""
    if hops is not None:
        made = writer.get_extra_info("socket")
        made.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, min(hops + 1, 255))


def _answered(name: str, answer: Callable[[Request], Answer], request: Request) -> Answer:
    try:
        given = answer(request)
    except Exception:
        # A mistake of ours must show here, and neither to the client nor to other clients.
        _LOG.exception("%s: %s failed", name, request.method)
        given = in_json(500, {"error": "the sandbox itself failed; see its log"})
    level = logging.DEBUG if given.quiet else logging.INFO
    method, path = request.method[:16], request.path[:200]
    _LOG.log(level, "%s: %s %s %s: %s", name, request.source, method, path, given.status)
    return given


Respond = Callable[[bytes, bool], Awaitable[bytes | None]]
"""Answers one DNS message; True: it came over TCP."""


def dns_stream(respond: Respond) -> Serve:
    """Serve DNS over TCP (RFC 7766): each message has its length before it."""

    async def serve(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _: IPv4Address
    ) -> None:
        while True:
            async with asyncio.timeout(PATIENCE):
                try:
                    size = int.from_bytes(await reader.readexactly(2))
                    message = await reader.readexactly(size)
                except asyncio.IncompleteReadError:
                    return
            answer = await respond(message, True)
            if answer is None:
                return
            writer.write(len(answer).to_bytes(2) + answer)
            async with asyncio.timeout(PATIENCE):
                await writer.drain()

    return serve


class DatagramListener(asyncio.DatagramProtocol):
    """Serves DNS over UDP on one bound socket."""

    def __init__(self, bound: socket.socket, respond: Respond) -> None:
        self.namespace = namespace_of(bound)
        self._respond = respond
        self._tasks: set[asyncio.Task[None]] = set()
        self._transport: asyncio.DatagramTransport | None = None

    @classmethod
    async def on(cls, bound: socket.socket, respond: Respond) -> "DatagramListener":
        """Serve *bound*, which is closed with the listener."""
        bound.setblocking(False)
        loop = asyncio.get_running_loop()
        _, listener = await loop.create_datagram_endpoint(lambda: cls(bound, respond), sock=bound)
        return listener

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what answers go out through."""
        # Python 3.11's own datagram transport does not derive from the class for them.
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        """Answer one message, when there is room for it."""
        if len(self._tasks) < QUESTIONS:
            task = asyncio.create_task(self._answer(data, addr))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def error_received(self, exc: Exception) -> None:
        """Somebody who asked has gone: nothing is lost."""
        _LOG.debug("a datagram could not be sent: %s", exc)

    async def close(self) -> None:
        """Answer nobody any more."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._transport is not None:
            self._transport.close()

    async def _answer(self, message: bytes, client: tuple[str | Any, int]) -> None:
        answer = await self._respond(message, False)
        if answer is not None and self._transport is not None:
            self._transport.sendto(answer, client)
