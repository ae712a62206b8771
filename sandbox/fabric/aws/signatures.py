"""Checks who signed a call: AWS Signature Version 4, in the headers or in the query.

Sources: AWS Identity and Access Management User Guide, "Create a signed AWS API request" (canonical
request, string to sign, signing key), "Elements of an AWS API request signature", "Troubleshoot
AWS Signature Version 4" (a request is good for five minutes; codes and words); Amazon S3 API
Reference, "Authenticating Requests" (paths are encoded once, the payload's hash is a header, 15
minutes).
"""

import hashlib
import hmac
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NoReturn
from urllib.parse import parse_qsl, quote, unquote

from sandbox.fabric.aws.refusals import RefusedError
from sandbox.fabric.aws.sessions import Session, SessionError, SessionExpiredError, Sessions
from sandbox.fabric.serving.exchange import MAX_PARAMETERS, Request

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED = "UNSIGNED-PAYLOAD"
_SKEW = {"s3": 900}
_USUAL_SKEW = 300
"""Seconds that a clock may be wrong, and that a request is good for."""
_LONGEST = 7 * 86_400
"""Seconds that a presigned URL may be valid."""
_TIME = "%Y%m%dT%H%M%SZ"
_UNRESERVED = "-_.~"
_BLANKS = re.compile(r" +")


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What a signature must be for."""

    service: str
    region: str


@dataclass(frozen=True, kw_only=True, slots=True)
class _Signature:
    """A signature as it came."""

    access_key: str
    scope: tuple[str, ...]
    signed: tuple[str, ...]
    """Names of headers."""
    value: str
    moment: datetime
    token: str
    expires: int | None
    """Seconds; None: it is in the headers."""


def caller(request: Request, wanted: Wanted, sessions: Sessions) -> Session:
    """Who calls. Raises RefusedError in the words of AWS."""
    found = _read(request)
    _verify_scope(found, wanted)
    try:
        session, secret = sessions.find(found.access_key, found.token)
    except SessionExpiredError as error:
        raise RefusedError(
            code="ExpiredToken",
            json_code="ExpiredTokenException",
            message=str(error),
            status=400 if wanted.service == "s3" else 403,
        ) from error
    except SessionError as error:
        raise RefusedError(
            code="InvalidAccessKeyId" if wanted.service == "s3" else "InvalidClientTokenId",
            json_code="UnrecognizedClientException",
            message=str(error),
            status=403,
        ) from error
    if not hmac.compare_digest(found.value, _sign(request, found, wanted, secret)):
        raise RefusedError(
            code="SignatureDoesNotMatch",
            json_code="InvalidSignatureException",
            message=(
                "The request signature we calculated does not match the signature you provided. "
                "Check your AWS Secret Access Key and signing method. Consult the service "
                "documentation for details."
            ),
            status=403,
        )
    _verify_moment(found, wanted.service)
    return session


def _read(request: Request) -> _Signature:
    try:
        pairs = _pairs(request)
    except ValueError:
        _incomplete("The query string can't be read.")
    query = dict(pairs)
    if len(query) < len(pairs):
        _incomplete("A query parameter is there twice.")
    written = request.headers.get("authorization", "")
    if written and "X-Amz-Signature" in query:
        _incomplete("A request is signed in its headers or in its query, not in both.")
    if written:
        return _from_headers(request, written)
    if "X-Amz-Signature" in query:
        return _from_query(query)
    raise RefusedError(
        code="MissingAuthenticationToken",
        json_code="MissingAuthenticationTokenException",
        message="Request is missing Authentication Token",
        status=403,
    )


def _from_headers(request: Request, written: str) -> _Signature:
    algorithm, _, rest = written.partition(" ")
    if algorithm != ALGORITHM:
        _incomplete(f"Unsupported AWS 'algorithm': '{algorithm[:40]}'.")
    fields = {
        name.strip(): value.strip()
        for name, _, value in (part.partition("=") for part in rest.split(","))
    }
    for name in ("Credential", "SignedHeaders", "Signature"):
        if not fields.get(name):
            _incomplete(f"Authorization header requires '{name}' parameter.")
    moment = request.headers.get("x-amz-date", "")
    access_key, *scope = fields["Credential"].split("/")
    signed = tuple(fields["SignedHeaders"].split(";"))
    token = request.headers.get("x-amz-security-token", "")
    needed = {"host", *(name for name in request.headers if name.startswith("x-amz-"))}
    if missing := sorted(needed.difference(signed)):
        _incomplete(f"These headers must be signed: {', '.join(missing)[:200]}.")
    return _Signature(
        access_key=access_key,
        scope=tuple(scope),
        signed=signed,
        value=fields["Signature"],
        moment=_moment(moment),
        token=token,
        expires=None,
    )


def _from_query(query: Mapping[str, str]) -> _Signature:
    for name in ("Algorithm", "Credential", "Date", "SignedHeaders", "Expires"):
        if not query.get(f"X-Amz-{name}"):
            _incomplete(f"AWS query-string parameters must include 'X-Amz-{name}'.")
    if query["X-Amz-Algorithm"] != ALGORITHM:
        _incomplete("X-Amz-Algorithm only supports AWS4-HMAC-SHA256.")
    expires = query["X-Amz-Expires"]
    if not (expires.isascii() and expires.isdecimal() and 0 < int(expires[:7]) <= _LONGEST):
        _incomplete(f"X-Amz-Expires must be a number between 1 and {_LONGEST}.")
    access_key, *scope = query["X-Amz-Credential"].split("/")
    signed = tuple(query["X-Amz-SignedHeaders"].split(";"))
    if "host" not in signed:
        _incomplete("These headers must be signed: host.")
    return _Signature(
        access_key=access_key,
        scope=tuple(scope),
        signed=signed,
        value=query["X-Amz-Signature"],
        moment=_moment(query["X-Amz-Date"]),
        token=query.get("X-Amz-Security-Token", ""),
        expires=int(expires),
    )


def _incomplete(words: str) -> NoReturn:
    raise RefusedError(
        code="IncompleteSignature",
        json_code="IncompleteSignatureException",
        message=words,
        status=400,
    )


def _moment(written: str) -> datetime:
    try:
        return datetime.strptime(written, _TIME).replace(tzinfo=UTC)
    except ValueError:
        _incomplete(f"Date must be in ISO-8601 'basic format'. Got '{written[:40]}'.")


def _verify_scope(found: _Signature, wanted: Wanted) -> None:
    day, region, service, end = (*found.scope, "", "", "", "")[:4]
    words = ""
    if len(found.scope) != 4 or end != "aws4_request":
        words = "Credential must have exactly 5 slash-delimited elements, the last: aws4_request."
    elif day != f"{found.moment:%Y%m%d}":
        words = "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date."
    elif region != wanted.region:
        words = "Credential should be scoped to a valid region. "
    elif service != wanted.service:
        words = f"Credential should be scoped to correct service: '{wanted.service}'. "
    if words:
        raise RefusedError(
            code="SignatureDoesNotMatch",
            json_code="InvalidSignatureException",
            message=words,
            status=403,
        )


def _verify_moment(found: _Signature, service: str) -> None:
    now, moment = time.time(), found.moment.timestamp()
    skew = _SKEW.get(service, _USUAL_SKEW)
    late = moment + (skew if found.expires is None else found.expires) < now
    if not late and moment - skew <= now:
        return
    if service == "s3":
        code = "RequestTimeTooSkewed" if found.expires is None else "AccessDenied"
        words = (
            "The difference between the request time and the current time is too large."
            if found.expires is None
            else "Request has expired"
        )
        raise RefusedError(code=code, message=words, status=403)
    written = f"{found.moment:{_TIME}}"
    current = f"{datetime.now(UTC):{_TIME}}"
    words = (
        f"Signature expired: {written} is now earlier than {current}"
        if late
        else f"Signature not yet current: {written} is still later than {current}"
    )
    raise RefusedError(
        code="SignatureDoesNotMatch",
        json_code="InvalidSignatureException",
        message=f"{words} ({skew // 60} min. of difference are allowed)",
        status=403,
    )


def _pairs(request: Request) -> list[tuple[str, str]]:
    query = request.target.partition("?")[2]
    return parse_qsl(
        query.replace("+", "%2B"),
        keep_blank_values=True,
        max_num_fields=MAX_PARAMETERS,
        errors="strict",
    )


def _sign(request: Request, found: _Signature, wanted: Wanted, secret: str) -> str:
    """The signature that the request should have."""
    canonical = "\n".join(
        (
            request.method,
            _canonical_path(request.path, wanted.service),
            _canonical_query(_pairs(request)),
            *(f"{name}:{_header(request, name)}" for name in found.signed),
            "",
            ";".join(found.signed),
            _payload(request, found, wanted.service),
        )
    )
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = "\n".join((ALGORITHM, f"{found.moment:{_TIME}}", "/".join(found.scope), digest))
    key = f"AWS4{secret}".encode()
    for part in found.scope:
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def _canonical_path(path: str, service: str) -> str:
    if service == "s3":
        return quote(unquote(path, errors="strict"), safe=f"/{_UNRESERVED}") or "/"
    return quote(_normal(path), safe=f"/{_UNRESERVED}")


def _normal(path: str) -> str:
    """The path without empty, `.` and `..` segments (RFC 3986, section 6.2.2.3)."""
    found: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del found[-1:]
        elif segment not in ("", "."):
            found.append(segment)
    end = "/" if found and path.endswith("/") else ""
    return f"/{'/'.join(found)}{end}"


def _canonical_query(pairs: Sequence[tuple[str, str]]) -> str:
    encoded = sorted(
        (quote(name, safe=_UNRESERVED), quote(value, safe=_UNRESERVED))
        for name, value in pairs
        if name != "X-Amz-Signature"
    )
    return "&".join(f"{name}={value}" for name, value in encoded)


def _header(request: Request, name: str) -> str:
    return _BLANKS.sub(" ", request.headers.get(name, "").strip())


def _payload(request: Request, found: _Signature, service: str) -> str:
    """Hash of the body, checked against what the caller says that it is."""
    digest = hashlib.sha256(request.body).hexdigest()
    said = request.headers.get("x-amz-content-sha256", "")
    if service != "s3":
        return digest
    if found.expires is not None:
        return UNSIGNED
    if said not in (UNSIGNED, digest):
        raise RefusedError(
            code="XAmzContentSHA256Mismatch",
            message="The provided 'x-amz-content-sha256' header does not match what was computed.",
            status=400,
        )
    return said
