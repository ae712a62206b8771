"""Judges the tokens that IAM users of a database give as their passwords.

A token is a presigned URL of `rds-db:connect`, without its scheme. The database server asks here as
it asks an LDAP server (`database/guest/logins.py` has the protocol); nobody but a database is
answered.

Sources: Amazon RDS User Guide, "IAM database authentication", "Connecting to your DB instance using
IAM authentication" (15 minutes, user name and host are signed), "Creating and using an IAM policy
for IAM database access" (`arn:aws:rds-db:REGION:ACCOUNT:dbuser:RESOURCE-ID/USER`).
"""

import asyncio
import io
import logging
from collections.abc import Callable
from ipaddress import IPv4Address
from urllib.parse import parse_qsl, urlsplit

from sandbox.control import arns
from sandbox.control.kinds import Record, World
from sandbox.control.reading import flag, number, text
from sandbox.fabric.aws.calls import Door, identified
from sandbox.fabric.aws.refusals import RefusedError
from sandbox.fabric.aws.sessions import Sessions
from sandbox.fabric.database.guest import layout, logins
from sandbox.fabric.serving.exchange import Request
from sandbox.fabric.serving.listening import PATIENCE, Engine, Serve

_LOG = logging.getLogger(__name__)

CONNECT = "rds-db:connect"
_LARGEST = 1 << 16
"""Bytes of a question."""
_SUCCESS, _INVALID = 0, 49


def refusal(
    world: World, database: Record, role: str, token: str, sessions: Sessions, source: IPv4Address
) -> str:
    """Why *token* does not let anyone in as *role*; "": it does. Never has the token in it."""
    arn = arns.parse(database.id)
    if arn is None or not flag(database.inputs, "iamDatabaseAuthenticationEnabled"):
        return "IAM database authentication is not enabled"
    try:
        parts = urlsplit(f"https://{token}")
        asked = dict(parse_qsl(parts.query, errors="strict", max_num_fields=32))
    except ValueError:
        return "the password is no token"
    wanted = f"{text(database.outputs, 'address')}:{number(database.outputs, 'port')}"
    if parts.netloc.casefold() != wanted.casefold():
        return "the password is no token for this database"
    if (asked.get("Action"), asked.get("DBUser")) != ("connect", role):
        return "the token is for another user"
    request = Request(
        method="GET",
        target=f"{parts.path or '/'}?{parts.query}",
        source=source,
        headers={"host": parts.netloc},
    )
    door = Door(service="rds-db", region=arn.region)
    place = f"arn:{arn.partition}:rds-db:{arn.region}:{arn.account}"
    target = f"{place}:dbuser:{text(database.outputs, 'resourceId')}/{role}"
    try:
        identified(request, world, door, sessions).require(CONNECT, target)
    except RefusedError as error:
        return error.message
    return ""


Judge = Callable[[IPv4Address, str, str], str]
"""Source, role and token -> why it is refused; "": it is not."""


def serve(engine: Engine, judge: Judge) -> Serve:
    """Answer bind requests; *judge* is called by a worker."""

    async def conversation(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, source: IPv4Address
    ) -> None:
        while True:
            async with asyncio.timeout(PATIENCE):
                message = await _message(reader)
            try:
                request = logins.read_request(io.BytesIO(message)) if message else None
            except logins.MalformedError:
                return
            if request is None:
                return
            role = request.name.removeprefix(layout.PREFIX)
            token = request.password
            reason = await engine.work(lambda: judge(source, role, token))  # noqa: B023
            _LOG.info("login of %s from %s: %s", role[:63], source, reason or "let in")
            code = _INVALID if reason else _SUCCESS
            writer.write(logins.answer(request.number, code, reason))
            async with asyncio.timeout(PATIENCE):
                await writer.drain()

    return conversation


async def _message(reader: asyncio.StreamReader) -> bytes:
    """One message with its header; b"" at the end, or when it is none."""
    try:
        head = await reader.readexactly(2)
        more = head[1] & 0x7F if head[1] & 0x80 else 0
        if not more:
            return head + await reader.readexactly(head[1])
        if more > 4:
            return b""
        length = await reader.readexactly(more)
        size = int.from_bytes(length)
        if size > _LARGEST:
            return b""
        return head + length + await reader.readexactly(size)
    except asyncio.IncompleteReadError:
        return b""
