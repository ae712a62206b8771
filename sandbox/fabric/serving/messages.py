"""HTTP/1.1 on streams: requests as they are read, answers as they are written."""

import asyncio
from contextlib import suppress
from http import HTTPStatus
from ipaddress import IPv4Address

import h11

from sandbox.fabric.serving.exchange import Answer, Request, in_json

LINGER = 1.0
"""Seconds that a refused client has to read why."""
MAX_HEADERS = 16_384
MAX_BODY = 65_536
"""Bytes."""
_CHUNK = 65_536


class TooLargeError(Exception):
    """A body that nobody needs to send."""


async def receive(
    connection: h11.Connection,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    source: IPv4Address,
    most: int = MAX_BODY,
) -> Request | None:
    """The next request, or None when the client has nothing more to say.

    Raises TooLargeError: its body has more bytes than *most*.
    """
    head: h11.Request | None = None
    body = bytearray()
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            if connection.they_are_waiting_for_100_continue:
                go_on = h11.InformationalResponse(status_code=100, headers=[])
                writer.write(connection.send(go_on) or b"")
            connection.receive_data(await reader.read(_CHUNK))
        elif isinstance(event, h11.Request):
            head = event
        elif isinstance(event, h11.Data):
            body += event.data
            if len(body) > most:
                raise TooLargeError
        elif isinstance(event, h11.EndOfMessage) and head is not None:
            return _request(head, bytes(body), source)
        else:
            return None


def _request(head: h11.Request, body: bytes, source: IPv4Address) -> Request:
    headers: dict[str, str] = {}
    for name, value in head.headers:
        key, text = name.decode("ascii"), value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return Request(
        method=head.method.decode("ascii"),
        target=head.target.decode("ascii"),
        source=source,
        headers=headers,
        body=body,
    )


async def send(
    connection: h11.Connection, writer: asyncio.StreamWriter, answer: Answer, *, head: bool = False
) -> None:
    """Write an answer; *head*: without its body."""
    headers = {
        "Content-Type": answer.kind,
        "Content-Length": str(len(answer.body)),
        **answer.headers,
    }
    response = h11.Response(status_code=answer.status, headers=list(headers.items()))
    sent = [connection.send(response) or b""]
    if not head:
        sent.append(connection.send(h11.Data(data=answer.body)) or b"")
    sent.append(connection.send(h11.EndOfMessage()) or b"")
    # Together: a second packet would wait until the client acknowledges the first, 40 ms later.
    writer.write(b"".join(sent))
    await writer.drain()


async def refuse(connection: h11.Connection, writer: asyncio.StreamWriter, status: int) -> None:
    """Say that a request could not be read, where that can still be said."""
    with suppress(h11.LocalProtocolError):
        await send(connection, writer, in_json(status, {"error": HTTPStatus(status).phrase}))


async def linger(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Let the client read why, before what it still sends makes the kernel cut it off."""
    with suppress(TimeoutError):
        async with asyncio.timeout(LINGER):
            if writer.can_write_eof():
                writer.write_eof()
            while await reader.read(_CHUNK):
                pass
