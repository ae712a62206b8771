"""AWS in what a node asks of it: the metadata service, and endpoints that verify each signature.

Signatures are computed again with botocore's own signer, from what arrived.
"""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from botocore.auth import S3SigV4Auth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

REGION = "eu-central-1"
GROUP = "test-compute-1a2b3c4d"
INSTANCE = "i-0123456789abcdef0"
ROLE = "test-web"
KEY, SECRET_KEY, SESSION = "ASIATESTTESTTEST", "secret-key-of-the-role", "session-token-of-the-role"
TOKEN = "metadata-token"
DENIED = (
    "User: arn:aws:sts::123456789012:assumed-role/test-web/i-0123456789abcdef0 is not authorized "
    "to perform: {action} because no identity-based policy allows the {action} action"
)


@dataclass
class Account:
    """What the services have, and what was asked of them."""

    metadata: dict[str, str] = field(
        default_factory=lambda: {
            "instance-id": INSTANCE,
            "tags/instance/aws:autoscaling:groupName": GROUP,
            "autoscaling/target-lifecycle-state": "InService",
            "iam/security-credentials/": ROLE,
            f"iam/security-credentials/{ROLE}": json.dumps(
                {
                    "Code": "Success",
                    "Type": "AWS-HMAC",
                    "AccessKeyId": KEY,
                    "SecretAccessKey": SECRET_KEY,
                    "Token": SESSION,
                    "LastUpdated": "2026-01-01T00:00:00Z",
                    "Expiration": "2099-01-01T00:00:00Z",
                }
            ),
        }
    )
    secrets: dict[str, str] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)
    cut_short: bool = False
    """Objects end in the middle, as when a connection breaks."""

    hooks: set[str] = field(default_factory=set)
    """Lifecycle hooks that hold the machine."""

    denied: set[str] = field(default_factory=set)
    denials: int | None = None
    """How many there are until a fresh permission has arrived; None: it never does."""

    public: dict[str, bytes] = field(default_factory=dict)
    """What anybody gets, by path."""

    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    """Signed calls: operation and arguments."""

    unsigned: list[str] = field(default_factory=list)
    """Why a call was refused before anybody looked at it."""

    def denies(self, action: str) -> bool:
        """Return whether the role may not do this now."""
        if action not in self.denied or self.denials == 0:
            return False
        if self.denials is not None:
            self.denials -= 1
        return True


def wrong(request: AWSRequest, service: str, region: str = REGION) -> str:
    """Return what is wrong with the request's signature; empty when nothing is."""
    given = dict(
        part.strip().split("=", 1)
        for part in request.headers["Authorization"].removeprefix("AWS4-HMAC-SHA256").split(",")
    )
    scope = f"{KEY}/{request.headers['X-Amz-Date'][:8]}/{region}/{service}/aws4_request"
    if given["Credential"] != scope:
        return f"scope {given['Credential']} is not {scope}"
    signed = AWSRequest(request.method, request.url, data=request.data)
    for name in given["SignedHeaders"].split(";"):
        signed.headers[name] = request.headers[name]
    signed.context["timestamp"] = request.headers["X-Amz-Date"]
    kind = S3SigV4Auth if service == "s3" else SigV4Auth
    signer = kind(Credentials(KEY, SECRET_KEY, SESSION), service, region)
    text = signer.string_to_sign(signed, signer.canonical_request(signed))
    return "" if signer.signature(text, signed) == given["Signature"] else "another signature"


def presigned_by_role(url: str, service: str) -> bool:
    """Return whether *url* carries the role's signature for *service*."""
    head, _, signature = url.partition("&X-Amz-Signature=")
    query = dict(parse_qsl(urlsplit(head).query))
    request = AWSRequest("GET", head)
    request.headers["host"] = urlsplit(head).netloc
    request.context["timestamp"] = query["X-Amz-Date"]
    expires = int(query["X-Amz-Expires"])
    signer = SigV4QueryAuth(Credentials(KEY, SECRET_KEY, SESSION), service, REGION, expires=expires)
    text = signer.string_to_sign(request, signer.canonical_request(request))
    return bool(signer.signature(text, request) == signature)


class Handler(BaseHTTPRequestHandler):
    """One request to any of the services."""

    account: Account

    def do_PUT(self) -> None:
        """The metadata service's token."""
        if self.path != "/latest/api/token" or not self.headers.get(
            "X-aws-ec2-metadata-token-ttl-seconds"
        ):
            return self.answer(400, b"")
        return self.answer(200, TOKEN.encode())

    def do_GET(self) -> None:
        """Metadata, or an object."""
        if self.path.startswith("/latest/"):
            return self.metadata(self.path.removeprefix("/latest/meta-data/"))
        if self.path in self.account.public:
            return self.answer(200, self.account.public[self.path])
        if self.refused("s3", b""):
            return None
        uri = self.path.removeprefix("/")
        self.account.asked.append(("GetObject", {"uri": uri}))
        if self.account.denies("GetObject"):
            return self.answer(403, _xml("AccessDenied", "Access Denied"))
        if uri not in self.account.objects:
            return self.answer(404, _xml("NoSuchKey", "The specified key does not exist."))
        return self.answer(200, self.account.objects[uri], cut=self.account.cut_short)

    def metadata(self, path: str) -> None:
        """Version 2 only: without a token there is nothing."""
        if self.headers.get("X-aws-ec2-metadata-token") != TOKEN:
            self.account.unsigned.append(path)
            return self.answer(401, b"")
        value = self.account.metadata.get(path)
        return self.answer(404, b"") if value is None else self.answer(200, value.encode())

    def do_POST(self) -> None:
        """Secrets Manager, or Auto Scaling."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if target := self.headers.get("X-Amz-Target"):
            if not self.refused("secretsmanager", body):
                self.secret(target, json.loads(body))
        elif not self.refused("autoscaling", body):
            self.scaling(dict(parse_qsl(body.decode())))

    def refused(self, service: str, body: bytes) -> bool:
        """Answer a call that is not signed by the role; return whether it was."""
        request = AWSRequest(
            self.command, f"http://{self.headers['Host']}{self.path}", data=body or None
        )
        for name, value in self.headers.items():
            request.headers[name] = value
        reason = wrong(request, service) or (
            "" if self.headers["X-Amz-Security-Token"] == SESSION else "no session token"
        )
        if reason:
            self.account.unsigned.append(reason)
            self.answer(403, _xml("SignatureDoesNotMatch", reason))
        return bool(reason)

    def secret(self, target: str, asked: Mapping[str, str]) -> None:
        """GetSecretValue."""
        self.account.asked.append((target.removeprefix("secretsmanager."), dict(asked)))
        name = asked["SecretId"]
        if self.account.denies("GetSecretValue"):
            message = DENIED.format(action="secretsmanager:GetSecretValue")
            found: tuple[int, object] = (
                400,
                {"__type": "AccessDeniedException", "Message": message},
            )
        elif name not in self.account.secrets:
            message = "Secrets Manager can't find the specified secret."
            found = (400, {"__type": "ResourceNotFoundException", "Message": message})
        else:
            found = (200, {"Name": name, "SecretString": self.account.secrets[name]})
        self.answer(found[0], json.dumps(found[1]).encode(), kind="application/x-amz-json-1.1")

    def scaling(self, asked: Mapping[str, str]) -> None:
        """CompleteLifecycleAction and SetInstanceHealth."""
        action = asked["Action"]
        self.account.asked.append((action, dict(asked)))
        if self.account.denies(action):
            message = DENIED.format(action=f"autoscaling:{action}")
            self.answer(403, _query_error("AccessDenied", message))
        elif action == "CompleteLifecycleAction" and (
            asked["LifecycleHookName"] not in self.account.hooks
        ):
            message = f"No active Lifecycle Action found with instance ID {INSTANCE}"
            self.answer(400, _query_error("ValidationError", message))
        else:
            self.account.hooks.discard(asked.get("LifecycleHookName", ""))
            self.answer(200, f"<{action}Response><{action}Result/></{action}Response>".encode())

    def answer(
        self, status: int, body: bytes, *, cut: bool = False, kind: str = "text/xml"
    ) -> None:
        """Send *body*, or with *cut* half of it."""
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if cut else body)

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


def _xml(code: str, message: str) -> bytes:
    return f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()


def _query_error(code: str, message: str) -> bytes:
    inner = f"<Type>Sender</Type><Code>{code}</Code><Message>{message}</Message>"
    return f"<ErrorResponse><Error>{inner}</Error></ErrorResponse>".encode()


@contextmanager
def serving() -> Iterator[tuple[str, Account]]:
    """Serve all of it at one address; yields that and what there is."""
    account = Account()
    kind = type("AccountHandler", (Handler,), {"account": account})
    server = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", account
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
