"""An LDAP server made of a few entries: simple binds and searches by equality, nothing else.

As a program, `python -m tests.support.ldap`, it reads a line of JSON, `{address, port, certificate,
entries}`, says that it serves, over TLS, and ends with its input.
"""

import json
import socketserver
import ssl
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ldap3.protocol import rfc4511
from pyasn1.codec.ber import decoder, encoder

Entries = Mapping[str, Mapping[str, list[str]]]
PASSWORD = "userPassword"


@dataclass
class Directory:
    """What it knows, and what it was asked."""

    entries: Entries
    binds: list[str] = field(default_factory=list)
    searches: list[str] = field(default_factory=list)
    port: int = 0

    def bind(self, name: str, password: str) -> bool:
        """Return whether the password is right; an empty one is an anonymous bind, which works."""
        self.binds.append(name)
        return not password or password in self.entries.get(name, {}).get(PASSWORD, [])

    def search(self, base: str, attribute: str, value: str) -> list[str]:
        """Return the names of entries below *base* that have the value."""
        self.searches.append(f"{attribute}={value}")
        return [
            name
            for name, found in self.entries.items()
            if name.endswith(base) and value in found.get(attribute, [])
        ]


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        buffer = b""
        while True:
            try:
                chunk = self.request.recv(64 * 1024)
            except (OSError, ssl.SSLError):
                return
            if not chunk:
                return
            buffer += chunk
            while buffer:
                try:
                    message, buffer = decoder.decode(buffer, asn1Spec=rfc4511.LDAPMessage())
                except Exception:
                    break
                if not self._answer(message):
                    return

    def _answer(self, message: Any) -> bool:
        directory: Directory = self.server.directory  # type: ignore[attr-defined]
        operation = message["protocolOp"]
        kind, number = operation.getName(), message["messageID"]
        request = operation.getComponent()
        if kind == "unbindRequest":
            return False
        if kind == "bindRequest":
            name = str(request["name"])
            password = bytes(request["authentication"]["simple"]).decode()
            code = 0 if directory.bind(name, password) else 49
            self._send(number, "bindResponse", _result(rfc4511.BindResponse(), code))
            return True
        if kind != "searchRequest":
            return False
        equal = request["filter"]["equalityMatch"]
        found = directory.search(
            str(request["baseObject"]),
            str(equal["attributeDesc"]),
            bytes(equal["assertionValue"]).decode(),
        )
        wanted = {str(name).lower() for name in request["attributes"]}
        for name in found:
            self._send(number, "searchResEntry", _entry(name, directory.entries[name], wanted))
        self._send(number, "searchResDone", _result(rfc4511.SearchResultDone(), 0))
        return True

    def _send(self, number: Any, kind: str, answer: Any) -> None:
        message = rfc4511.LDAPMessage()
        message["messageID"] = number
        operation = rfc4511.ProtocolOp()
        operation[kind] = answer
        message["protocolOp"] = operation
        self.request.sendall(encoder.encode(message))


def _result(answer: Any, code: int) -> Any:
    answer["resultCode"] = code
    answer["matchedDN"] = ""
    answer["diagnosticMessage"] = ""
    return answer


def _entry(name: str, values: Mapping[str, list[str]], wanted: set[str]) -> Any:
    entry = rfc4511.SearchResultEntry()
    entry["object"] = name
    attributes = rfc4511.PartialAttributeList()
    kept = [key for key in values if key != PASSWORD and key.lower() in wanted]
    for at, key in enumerate(kept):
        attribute = rfc4511.PartialAttribute()
        attribute["type"] = key
        vals = rfc4511.Vals()
        for index, value in enumerate(values[key]):
            vals[index] = value
        attribute["vals"] = vals
        attributes[at] = attribute
    entry["attributes"] = attributes
    return entry


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    context: ssl.SSLContext | None = None

    def get_request(self) -> tuple[Any, Any]:
        connection, address = super().get_request()
        if self.context is not None:
            return self.context.wrap_socket(connection, server_side=True), address
        return connection, address


@contextmanager
def serving(
    entries: Entries,
    context: ssl.SSLContext | None = None,
    place: tuple[str, int] = ("127.0.0.1", 0),
) -> Iterator[Directory]:
    """Serve on this machine, over TLS with a *context*."""
    directory = Directory(entries)
    server = _Server(place, _Handler)
    server.directory = directory  # type: ignore[attr-defined]
    server.context = context
    directory.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield directory
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def main() -> None:
    """Serve until the input ends."""
    asked = json.loads(sys.stdin.readline())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(asked["certificate"])
    with serving(asked["entries"], context, (asked["address"], asked["port"])):
        print("serving", flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
