"""The DNS server of a virtual network: asks its cloud, and other resolvers for the rest.

It answers questions only, one at a time, and forwards to the resolvers of the user's machine
(/etc/resolv.conf, read anew each time), never to itself. Whatever is not a question gets the
refusal that RFC 1035 has for it, or silence.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from pathlib import Path
from types import MappingProxyType

import dns.asyncquery
import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

_LOG = logging.getLogger(__name__)

RESOLVERS = Path("/etc/resolv.conf")
_HEADER = 12
_PLAIN = 512
"""Bytes of an answer over UDP to a client that says nothing about sizes (RFC 1035)."""
_LARGEST = 1232
"""Bytes over UDP that pass everywhere ("DNS Flag Day 2020")."""
_TTL = 10
"""Seconds, of names that the sandbox has of its own."""
_PATIENCE = 2.0
"""Seconds that one resolver may take."""
_SERVERS = 3
"""Resolvers that are asked, as in resolv.conf(5)."""

NOTHING: Mapping[str, IPv4Address] = MappingProxyType({})
Address = tuple[str, int]


@dataclass(slots=True)
class Found:
    """What is known of a question here."""

    answers: list[dns.rrset.RRset] = field(default_factory=list)
    authority: list[dns.rrset.RRset] = field(default_factory=list)
    code: dns.rcode.Rcode = dns.rcode.NOERROR
    elsewhere: dns.name.Name | None = None
    """What is still to be asked of the machine's own resolvers."""


def named(hosts: Mapping[str, IPv4Address]) -> Mapping[dns.name.Name, IPv4Address]:
    """The same, under the names as a question has them, which are compared without case."""
    return {dns.name.from_text(host): address for host, address in hosts.items()}


def address_of(name: dns.name.Name, kind: dns.rdatatype.RdataType, address: IPv4Address) -> Found:
    """What is known of a name that has one address, and nothing else."""
    found = Found()
    if kind == dns.rdatatype.A:
        found.answers.append(dns.rrset.from_text(name, _TTL, "IN", "A", str(address)))
    return found


LookUp = Callable[[dns.name.Name, dns.rdatatype.RdataType], Awaitable[Found]]


def configured(file: Path = RESOLVERS) -> tuple[Address, ...]:
    """The resolvers of the user's machine; none when there is no readable configuration."""
    try:
        lines = file.read_text(errors="replace").splitlines()
    except OSError:
        return ()
    words = [line.split() for line in lines]
    found = [each[1] for each in words if len(each) > 1 and each[0] == "nameserver"]
    return tuple((address, 53) for address in found[:_SERVERS])


class Resolver:
    """Answers DNS messages."""

    def __init__(
        self, look_up: LookUp, upstream: Callable[[], Sequence[Address]] = configured
    ) -> None:
        self._look_up = look_up
        self._upstream = upstream

    async def respond(self, message: bytes, *, over_tcp: bool) -> bytes | None:
        """The answer to one message, or None when it deserves none."""
        try:
            query = dns.message.from_wire(message)
        except (dns.exception.DNSException, ValueError):
            return _malformed(message)
        if query.flags & dns.flags.QR:
            return None
        response = dns.message.make_response(query, recursion_available=True, our_payload=_LARGEST)
        code = _unanswerable(query)
        if code is None:
            await self._answer(query, response)
        else:
            response.set_rcode(code)
        size = 65_535 if over_tcp else min(max(query.payload, _PLAIN), _LARGEST)
        return response.to_wire(max_size=size, prefer_truncation=True)

    async def _answer(self, query: dns.message.Message, response: dns.message.Message) -> None:
        question = query.question[0]
        found = await self._look_up(question.name, question.rdtype)
        response.answer.extend(found.answers)
        response.authority.extend(found.authority)
        response.set_rcode(found.code)
        if found.elsewhere is not None:
            await self._forward(found.elsewhere, question.rdtype, response)

    async def _forward(
        self,
        name: dns.name.Name,
        kind: dns.rdatatype.RdataType,
        response: dns.message.Message,
    ) -> None:
        question = dns.message.make_query(name, kind, use_edns=0, payload=_LARGEST)
        for address, port in self._upstream():
            try:
                answer, _ = await dns.asyncquery.udp_with_fallback(
                    question, address, timeout=_PATIENCE, port=port
                )
            except (dns.exception.DNSException, OSError, EOFError) as error:
                _LOG.debug("resolver %s: %s", address, type(error).__name__)
                continue
            if answer.rcode() in (dns.rcode.SERVFAIL, dns.rcode.REFUSED):
                continue
            response.answer.extend(answer.answer)
            response.authority.extend(answer.authority)
            response.set_rcode(answer.rcode())
            return
        response.set_rcode(dns.rcode.SERVFAIL)


def _unanswerable(query: dns.message.Message) -> dns.rcode.Rcode | None:
    """Why a message that can be read is not a question that is answered."""
    if query.opcode() != dns.opcode.QUERY:
        return dns.rcode.NOTIMP
    if len(query.question) != 1:
        return dns.rcode.FORMERR
    question = query.question[0]
    if question.rdclass != dns.rdataclass.IN:
        return dns.rcode.REFUSED
    if dns.rdatatype.is_metatype(question.rdtype):
        # Transfers of zones, ANY (RFC 8482) and the like.
        return dns.rcode.NOTIMP
    return None


def _malformed(message: bytes) -> bytes | None:
    """FORMERR to what has at least the header of a question."""
    if len(message) < _HEADER or message[2] & 0x80:
        return None
    flags = (message[2] & 0x79) | 0x80
    return message[:2] + bytes([flags, 0x80 | dns.rcode.FORMERR]) + bytes(8)
