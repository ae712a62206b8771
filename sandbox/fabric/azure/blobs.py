"""The data plane of Blob Storage: files of private containers are read, by who was given the role.

The accounts and containers are records; what is in a container is what somebody put there
(`scripts/sandbox offer FILE --store ACCOUNT/CONTAINER`), with no slash in its name. Nothing is
written here, and nobody reads without a token: no account has keys or anonymous access.

Sources: Azure documentation, "Get Blob" (x-ms-version, since 2017-11-09 with tokens), "Authorize
access to blobs using Microsoft Entra ID" (the audience), "Status and error codes", "Azure built-in
roles for Storage" (Storage Blob Data Reader), "Configure Azure Storage firewalls".
"""

import re
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from uuid import uuid4

from sandbox.control.azure.storage_accounts import ACCOUNT_KIND, CONTAINER_KIND
from sandbox.control.kinds import Record, World
from sandbox.control.reading import text
from sandbox.fabric.azure import permissions
from sandbox.fabric.azure.permissions import READ_BLOB
from sandbox.fabric.azure.tokens import TokenError, Tokens
from sandbox.fabric.downloads import BLOBS
from sandbox.fabric.serving.exchange import Answer, Request

AUDIENCE = "https://storage.azure.com"
OLDEST = "2017-11-09"
"""Version of the service that a request with a token names at least."""
_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}")


class _RefusedError(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        self.status = status
        self.code = code
        super().__init__(message)


def account_of(world: World, host: str) -> Record | None:
    """The storage account with this host name that the internet reaches; None: there is none."""
    name = host.casefold().removesuffix(f".{BLOBS}")
    for record in world.of(ACCOUNT_KIND):
        if record.id.rpartition("/")[2].casefold() == name:
            closed = text(record.inputs, "publicNetworkAccess") == "Disabled" or (
                text(record.inputs, "networkRuleSet.defaultAction") == "Deny"
            )
            return None if closed else record
    return None


class Blobs:
    """All containers of one sandbox."""

    names: tuple[str, ...] = (f"*.{BLOBS}",)
    """What its certificate is for."""

    def __init__(
        self, tokens: Tokens, world: Callable[[], World], find: Callable[[str, str], Path | None]
    ) -> None:
        """*find*: the file of a container (`ACCOUNT/CONTAINER`) and a name."""
        self._tokens = tokens
        self._world = world
        self._find = find

    def answers(self, host: str) -> bool:
        """Whether requests to this host are for an account."""
        return host.casefold().endswith(f".{BLOBS}")

    def find(self, request: Request) -> Path | Answer:
        """The file that is asked for, or why it is not given."""
        try:
            return self._judged(request)
        except _RefusedError as error:
            return _refusal(error)

    def _judged(self, request: Request) -> Path:
        world = self._world()
        account = account_of(world, request.headers.get("host", "").partition(":")[0])
        if account is None:
            raise _RefusedError(
                HTTPStatus.FORBIDDEN,
                "AuthorizationFailure",
                "This request is not authorized to perform this operation.",
            )
        principal = self._principal(request)
        container, *rest = request.segments
        scope = f"{account.id}/blobServices/default/containers/{container}"
        # Asked before whether there is such a blob: who may not read it learns nothing of it.
        if not permissions.allowed(world, principal, scope, READ_BLOB):
            raise _RefusedError(
                HTTPStatus.FORBIDDEN,
                "AuthorizationPermissionMismatch",
                "This request is not authorized to perform this operation using this permission.",
            )
        record = world.find(scope)
        if record is None or record.type != CONTAINER_KIND:
            raise _RefusedError(
                HTTPStatus.NOT_FOUND, "ContainerNotFound", "The specified container does not exist."
            )
        name = account.id.rpartition("/")[2]
        file = self._find(f"{name}/{container}", "/".join(rest))
        if file is None:
            raise _RefusedError(
                HTTPStatus.NOT_FOUND, "BlobNotFound", "The specified blob does not exist."
            )
        return file

    def _principal(self, request: Request) -> str:
        version = request.headers.get("x-ms-version", "")
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.casefold() != "bearer":
            raise _RefusedError(
                HTTPStatus.CONFLICT,
                "PublicAccessNotPermitted",
                "Public access is not permitted on this storage account.",
            )
        if not _VERSION.fullmatch(version) or version < OLDEST:
            raise _RefusedError(
                HTTPStatus.BAD_REQUEST,
                "InvalidHeaderValue",
                f"The value for one of the HTTP headers is not in the correct format: x-ms-version "
                f"must be {OLDEST} or later with a token.",
            )
        try:
            return str(self._tokens.verify(token.strip(), AUDIENCE)["oid"])
        except TokenError as error:
            raise _RefusedError(
                HTTPStatus.UNAUTHORIZED,
                "InvalidAuthenticationInfo",
                "Server failed to authenticate the request. Please refer to the information in the "
                "www-authenticate header.",
            ) from error


def _refusal(error: _RefusedError) -> Answer:
    identity = str(uuid4())
    body = (
        '<?xml version="1.0" encoding="utf-8"?>'
        f"<Error><Code>{error.code}</Code><Message>{error}\nRequestId:{identity}</Message></Error>"
    )
    headers = {"x-ms-error-code": error.code, "x-ms-request-id": identity}
    if error.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = f"Bearer resource_id={AUDIENCE}"
    return Answer(status=error.status, body=body.encode(), kind="application/xml", headers=headers)
