"""The site as a network of its own, and what answers in it.

It has a public address of the sandbox's, so that nodes need the way to the internet that they would
need for a real server, and TLS by the authority that the sandbox's images trust. Whoever is not
behind a public address of this sandbox, and not the user's machine, is turned away.
"""

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import BinaryIO, Protocol

import h11

from sandbox.fabric.contract import (
    PLATFORM_PROBE,
    Blueprint,
    FabricError,
    Frontend,
    Member,
    Network,
    Place,
    Port,
    Rule,
    Stage,
)
from sandbox.fabric.downloads.shelf import HOST, Shelf, address_in
from sandbox.fabric.serving.certificates import Authority, Certificates
from sandbox.fabric.serving.exchange import Answer, Request, in_json
from sandbox.fabric.serving.listening import (
    Engine,
    Limits,
    Serve,
    StreamListener,
    namespace_of,
)
from sandbox.fabric.serving.messages import MAX_HEADERS, TooLargeError, receive, refuse, send
from sandbox.fabric.serving.services import HTTPS, Networks

_LOG = logging.getLogger(__name__)

OWN = "sandbox/downloads"
"""Id of the network: no cloud's."""
_RANGE = IPv4Network("10.0.0.0/29")
_GATEWAY, _SERVER = _RANGE[1], _RANGE[4]
_LIMITS = Limits(places=512, each=256, life=3600.0)
"""All nodes of an environment come from one address, its NAT gateway's."""
_PATIENCE = 60.0
"""Seconds that a client may be silent, and that a piece of a file may take to be taken."""
_PIECE = 256 << 10
"""Bytes that are read, and in memory, at a time."""
_LOOK = 60.0
"""Seconds between looks at the certificate's age."""


Find = Callable[[Request], Path | Answer]
"""The file that a request is for, or what is answered in its place."""


class Store(Protocol):
    """What else is served at the site's address, under names of its own."""

    names: tuple[str, ...]
    """For the certificate."""

    def answers(self, host: str) -> bool:
        """Whether requests to this host are for it."""

    def find(self, request: Request) -> Path | Answer:
        """The file that is asked for, or why it is not given."""


def network(pool: IPv4Network, client: IPv4Address) -> Network:
    """The network that the site is in."""
    own = Stage(
        id="downloads: HTTPS from this sandbox",
        rules=(
            Rule(
                name="environments and the user's machine",
                allow=True,
                protocol="tcp",
                sources=(pool, IPv4Network(client)),
                destination_ports=((HTTPS, HTTPS),),
            ),
        ),
    )
    port = Port(
        id=f"{OWN}/server",
        place=Place.PLATFORM,
        owner=OWN,
        address=_SERVER,
        gateway=_GATEWAY,
        inbound=(own,),
    )
    public = Frontend(
        id=f"{OWN}/public",
        address=address_in(pool),
        port=HTTPS,
        member_port=HTTPS,
        members=(Member(port=port.id, address=_SERVER),),
    )
    return Network(
        id=OWN,
        name="downloads",
        ranges=(_RANGE,),
        ports=(port,),
        frontends=(public,),
        given=(PLATFORM_PROBE,),
    )


class Site:
    """Serves what is on the shelf. Methods may be called from any thread."""

    def __init__(
        self,
        shelf: Shelf,
        networks: Networks,
        authority: Authority,
        network: Network,
        stores: Sequence[Store] = (),
    ) -> None:
        """Serve nothing yet. *stores*: who answers there beside the shelf."""
        self._shelf = shelf
        self._stores = stores
        self._networks = networks
        self._network = network
        self._certificates = Certificates(authority)
        self._engine: Engine | None = None
        self._open: StreamListener | None = None

    def added(self, blueprint: Blueprint) -> Blueprint:
        """*blueprint* with the site in it, while anything is offered."""
        if self._shelf.is_empty():
            return blueprint
        return replace(blueprint, networks=(*blueprint.networks, self._network))

    def settle(self, blueprint: Blueprint) -> None:
        """Serve if the site is in *blueprint*. Raises FabricError."""
        if self._network not in blueprint.networks:
            self.stop()
            return
        if self._open is not None and self._open.namespace != self._namespace():
            self.stop()  # its network was made anew
        if self._open is not None:
            return
        engine = self._engine = Engine("downloads")
        try:
            hosts = (HOST, *(name for store in self._stores for name in store.names))
            tls = self._certificates.of(OWN, hosts)
            bound = self._networks.open(OWN, _SERVER, HTTPS)
        except (OSError, FabricError) as error:
            self.stop()
            raise FabricError(f"{HOST} can't be served: {error}") from error
        engine.repeat(_LOOK, self._certificates.renew)

        async def listen() -> StreamListener:
            return StreamListener(bound, files(engine, self._find), tls, _LIMITS)

        self._open = engine.run(listen())

    def stop(self) -> None:
        """Serve nothing any more, and return when everything has ended."""
        engine, listener = self._engine, self._open
        self._engine = self._open = None
        if engine is not None:
            if listener is not None:
                engine.run(listener.close())
            engine.stop()
            self._certificates.forget(OWN)

    def _find(self, request: Request) -> Path | Answer:
        host = request.headers.get("host", "").partition(":")[0]
        for store in self._stores:
            if store.answers(host):
                return store.find(request)
        name = request.segments[0] if len(request.segments) == 1 else ""
        return self._shelf.find(name) or _said(HTTPStatus.NOT_FOUND)

    def _namespace(self) -> int | None:
        with self._networks.open(OWN, _SERVER, 0, socket.SOCK_DGRAM) as probe:
            return namespace_of(probe)


def files(engine: Engine, find: Find) -> Serve:
    """Serve what *find* finds, in pieces as they are taken."""
    return _Server(engine, find).serve


class _Server:
    """Serves the connections of one site."""

    def __init__(self, engine: Engine, find: Find) -> None:
        self._engine = engine
        self._find = find

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, source: IPv4Address
    ) -> None:
        """One connection, as long as its client asks for something."""
        connection = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEADERS)
        while True:
            try:
                async with asyncio.timeout(_PATIENCE):
                    request = await receive(connection, reader, writer, source)
            except h11.RemoteProtocolError as error:
                return await refuse(connection, writer, error.error_status_hint)
            except TooLargeError:
                return await refuse(connection, writer, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            if request is None:
                return None
            await self._answer(connection, writer, request)
            if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
                return None
            connection.start_next_cycle()

    async def _answer(
        self, connection: h11.Connection, writer: asyncio.StreamWriter, request: Request
    ) -> None:
        head = request.method == "HEAD"
        opened = await self._engine.work(partial(_opened, request, self._find))
        if isinstance(opened, Answer):
            _LOG.info("downloads: %s asks for %s: %s", request.source, request.path, opened.status)
            return await send(connection, writer, opened, head=head)
        _LOG.info("downloads: %s takes %s", request.source, request.path)
        with closing(opened):
            return await self._stream(connection, writer, opened, head=head)

    async def _stream(
        self,
        connection: h11.Connection,
        writer: asyncio.StreamWriter,
        file: BinaryIO,
        *,
        head: bool,
    ) -> None:
        left = os.fstat(file.fileno()).st_size
        headers = [("Content-Type", "application/octet-stream"), ("Content-Length", str(left))]
        writer.write(connection.send(h11.Response(status_code=200, headers=headers)) or b"")
        while left and not head:
            piece = await self._engine.work(partial(file.read, min(_PIECE, left)))
            if not piece:
                raise OSError("the file became shorter while it was read")
            left -= len(piece)
            writer.write(connection.send(h11.Data(data=piece)) or b"")
            async with asyncio.timeout(_PATIENCE):
                await writer.drain()
        writer.write(connection.send(h11.EndOfMessage()) or b"")
        async with asyncio.timeout(_PATIENCE):
            await writer.drain()


def _opened(request: Request, find: Find) -> BinaryIO | Answer:
    if request.method not in ("GET", "HEAD"):
        return _said(HTTPStatus.METHOD_NOT_ALLOWED)
    found = find(request)
    if isinstance(found, Answer):
        return found
    try:
        return found.open("rb")
    except OSError:
        return _said(HTTPStatus.NOT_FOUND)  # it has just been withdrawn


def _said(status: HTTPStatus) -> Answer:
    return in_json(status, {"error": status.phrase})
