"""The data plane of a key vault: secrets are read, by whoever was given the role for it.

Writing is not emulated: the sandbox's secrets come from the stack, through the control plane, and
only the current version of each is kept.

Sources: Azure documentation, "Get Secret - Get Secret", "Get Secrets", "Key Vault REST API
authentication, requests and responses" (401 with a challenge), "Azure Key Vault REST API error
codes", "About Azure Key Vault secrets" (a disabled secret can't be read; one that is expired or not
yet valid can), "Azure Key Vault recovery management" (recovery levels).
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.control import ids
from sandbox.control.azure.key_vaults import SECRET_KIND, VAULT_KIND
from sandbox.control.kinds import Record, World
from sandbox.control.reading import flag, mapping, number, text
from sandbox.fabric.azure import permissions
from sandbox.fabric.azure.permissions import GET_SECRET, READ_METADATA
from sandbox.fabric.azure.tokens import TokenAudienceError, TokenError, TokenExpiredError, Tokens
from sandbox.fabric.serving.exchange import Answer, BadQueryError, Request, in_json

AUDIENCE = "https://vault.azure.net"
VERSIONS = ("2015-06-01", "2016-10-01", "7.0", "7.1", "7.2", "7.3", "7.4", "7.5", "7.6")
_DOMAINS = ("vault.azure.net", "vaultcore.azure.net")
_NAME = re.compile(r"[0-9A-Za-z-]{1,127}")
_PAGE = 25
"""Secrets in one answer of the list, at most."""
_RETENTION = 90
"""Days a deleted secret is kept, when the vault says nothing else."""


class RefusedError(Exception):
    """What the vault doesn't do, in its own words."""

    def __init__(
        self, status: int, code: str, message: str, inner: str = "", challenge: str = ""
    ) -> None:
        self.status = status
        self.code = code
        self.message = message
        self.inner = inner
        self.challenge = challenge
        super().__init__(message)

    def answer(self) -> Answer:
        """The error as Key Vault writes it."""
        error: dict[str, object] = {"code": self.code, "message": self.message}
        if self.inner:
            error["innererror"] = {"code": self.inner}
        headers = {"WWW-Authenticate": self.challenge} if self.challenge else {}
        return in_json(self.status, {"error": error}, headers)


def hosts(vault_id: str) -> tuple[str, ...]:
    """The names that a vault answers to, and its certificate is for."""
    name = ids.name_of(vault_id).casefold()
    return tuple(f"{name}.{domain}" for domain in _DOMAINS)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Caller:
    principal: str
    application: str
    issuer: str


class Vault:
    """The data plane of one vault, at one private endpoint."""

    def __init__(self, vault_id: str, tokens: Tokens) -> None:
        self.id = vault_id
        self._tokens = tokens

    def answer(self, request: Request, world: World) -> Answer:
        """What the vault says to *request*."""
        try:
            return self._answer(request, world)
        except RefusedError as error:
            return error.answer()

    def _answer(self, request: Request, world: World) -> Answer:
        host = request.headers.get("host", "").partition(":")[0].casefold()
        vault = world.find(self.id)
        if host not in hosts(self.id):
            words = "Bad Request - Invalid Hostname: this endpoint is of another vault"
            raise RefusedError(400, "BadRequest", words)
        if vault is None or vault.type != VAULT_KIND:
            raise RefusedError(404, "VaultNotFound", f"There is no vault {host}.")
        caller = self._caller(request, vault)
        parameters = _parameters(request)
        if request.segments[0].casefold() != "secrets":
            words = "the sandbox emulates secrets of a vault, and neither keys nor certificates"
            raise RefusedError(404, "NotFound", words)
        if request.method != "GET":
            words = (
                "the sandbox's vaults are read only: secrets come from the stack. Declare it as "
                "azure-native:keyvault:Secret"
            )
            raise RefusedError(405, "MethodNotAllowed", words)
        return _read(world, vault, caller, request.segments[1:], parameters)

    def _caller(self, request: Request, vault: Record) -> _Caller:
        tenant = text(vault.inputs, "properties.tenantId") or self._tokens.tenant
        challenge = (
            f'Bearer authorization="https://login.windows.net/{tenant}", resource="{AUDIENCE}"'
        )
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        try:
            if scheme.casefold() != "bearer" or not token.strip():
                raise _unauthorized(
                    "AKV10000: Request is missing a Bearer or PoP token.", challenge
                )
            claims = self._tokens.verify(token.strip(), AUDIENCE)
        except TokenAudienceError as error:
            words = f"AKV10022: Invalid audience. Expected {AUDIENCE}, found: {error.found}."
            raise _unauthorized(words, challenge) from error
        except TokenExpiredError as error:
            words = "[TokenExpired] Error validating token: 'S2S12086'."
            raise _unauthorized(words, challenge) from error
        except TokenError as error:
            words = "[BearerReadAccessTokenFailed] Error validating token: 'S2S12005'."
            raise _unauthorized(words, challenge) from error
        return _known(claims)


def _known(claims: Mapping[str, Any]) -> _Caller:
    return _Caller(
        principal=str(claims["oid"]),
        application=str(claims.get("appid", "")),
        issuer=str(claims["iss"]),
    )


def _unauthorized(words: str, challenge: str) -> RefusedError:
    return RefusedError(401, "Unauthorized", words, challenge=challenge)


def _parameters(request: Request) -> Mapping[str, str]:
    try:
        parameters = request.parameters()
    except BadQueryError as error:
        raise RefusedError(
            400, "BadParameter", f"The request URI is not valid: {error}."
        ) from error
    version = parameters.get("api-version", "")
    if not version:
        words = "api-version must be specified"
        raise RefusedError(400, "BadParameter", words)
    if version not in VERSIONS and version.removesuffix("-preview.1") not in VERSIONS:
        words = f"The specified version ({version[:40]}) is not recognized. Consider using the "
        raise RefusedError(
            400, "BadParameter", words + f"latest supported version ({VERSIONS[-1]})."
        )
    return parameters


def _read(
    world: World,
    vault: Record,
    caller: _Caller,
    steps: tuple[str, ...],
    parameters: Mapping[str, str],
) -> Answer:
    if not steps:
        _require(world, vault, caller, vault.id, READ_METADATA)
        return _list(world, vault, parameters)
    name, *rest = steps
    if not _NAME.fullmatch(name):
        words = f"The request URI contains an invalid name: {name[:127]}"
        raise RefusedError(400, "BadParameter", words)
    target = f"{vault.id}/secrets/{name}"
    if [step.casefold() for step in rest] == ["versions"]:
        _require(world, vault, caller, target, READ_METADATA)
        found = _secret(world, target, "")
        return in_json(200, {"value": [_item(found, vault, _version(found))], "nextLink": None})
    if len(rest) > 1:
        raise RefusedError(404, "NotFound", "There is nothing at this path.")
    # Asked before whether there is such a secret: who may not read it learns nothing of it.
    _require(world, vault, caller, target, GET_SECRET)
    found = _secret(world, target, rest[0] if rest else "")
    if flag(found.outputs, "properties.attributes.enabled") is False:
        words = "Operation get is not allowed on a disabled secret."
        raise RefusedError(403, "Forbidden", words, "SecretDisabled")
    value = text(found.inputs, "properties.value") or ""
    bundle = {"value": value, **_item(found, vault, _version(found))}
    return in_json(200, bundle, {"Cache-Control": "no-cache"})


def _require(world: World, vault: Record, caller: _Caller, scope: str, action: str) -> None:
    if flag(vault.inputs, "properties.enableRbacAuthorization"):
        if permissions.allowed(world, caller.principal, scope, action):
            return
        words = (
            "Caller is not authorized to perform action on resource.\r\n"
            "If role assignments, deny assignments or role definitions were changed recently, "
            "please observe propagation time.\r\n"
            f"Caller: appid={caller.application};oid={caller.principal};iss={caller.issuer}\r\n"
            f"Action: '{action}'\r\n"
            f"Resource: '{scope.casefold()}'\r\n"
            "Assignment: (not found)\r\n"
            "DenyAssignmentId: null\r\n"
            "DecisionReason: 'DeniedWithNoValidRBAC' \r\n"
            f"Vault: {ids.name_of(vault.id)};location={text(vault.inputs, 'location')}\r\n"
        )
        raise RefusedError(403, "Forbidden", words, "ForbiddenByRbac")
    if permissions.allowed_by_policy(vault, caller.principal, action):
        return
    verb = "get" if action == GET_SECRET else "list"
    words = (
        f"The user, group or application 'appid={caller.application};oid={caller.principal};"
        f"iss={caller.issuer}' does not have secrets {verb} permission on key vault "
        f"'{ids.name_of(vault.id)};location={text(vault.inputs, 'location')}'."
    )
    raise RefusedError(403, "Forbidden", words, "ForbiddenByPolicy")


def _secret(world: World, target: str, version: str) -> Record:
    """The current version of a secret; *version*: the one that is asked for, or ""."""
    found = world.find(target)
    if (
        found is None
        or found.type != SECRET_KIND
        or version.casefold() not in ("", _version(found))
    ):
        name = ids.name_of(target) + (f"/{version}" if version else "")
        words = (
            f"A secret with (name/id) {name} was not found in this key vault. If you recently "
            "deleted this secret you may be able to recover it using the correct recovery command. "
            "For help resolving this issue, please see "
            "https://go.microsoft.com/fwlink/?linkid=2125182"
        )
        raise RefusedError(404, "SecretNotFound", words)
    return found


def _list(world: World, vault: Record, parameters: Mapping[str, str]) -> Answer:
    written = parameters.get("maxresults", str(_PAGE))
    if not (written.isascii() and written.isdecimal() and 1 <= int(written[:6]) <= _PAGE):
        words = f"The query parameter maxresults must be a number between 1 and {_PAGE}."
        raise RefusedError(400, "BadParameter", words)
    size, after = int(written), _read_skip(parameters.get("$skiptoken", ""))
    secrets = sorted(
        (child for child in world.children(vault.id) if child.type == SECRET_KIND),
        key=lambda secret: ids.key(secret.id),
    )
    rest = [secret for secret in secrets if ids.name_of(secret.id).casefold() > after]
    page = rest[:size]
    following = None
    if len(rest) > size:
        last = ids.name_of(page[-1].id).casefold().encode()
        following = (
            f"https://{hosts(vault.id)[0]}/secrets?api-version={parameters['api-version']}"
            f"&$skiptoken={base64.urlsafe_b64encode(last).decode()}&maxresults={size}"
        )
    return in_json(200, {"value": [_item(secret, vault) for secret in page], "nextLink": following})


def _read_skip(written: str) -> str:
    try:
        return base64.b64decode(written.encode(), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise RefusedError(
            400, "BadParameter", "The query parameter $skiptoken is not valid."
        ) from error


def _version(secret: Record) -> str:
    return ids.name_of(text(secret.outputs, "properties.secretUriWithVersion") or "").casefold()


def _item(secret: Record, vault: Record, version: str = "") -> dict[str, object]:
    """What is told of a secret beside its value."""
    uri = text(secret.outputs, "properties.secretUri") or ""
    item: dict[str, object] = {
        "id": f"{uri}/{version}" if version else uri,
        "attributes": _attributes(secret, vault),
        "tags": dict(mapping(secret.inputs, "tags")),
    }
    if content := text(secret.outputs, "properties.contentType"):
        item["contentType"] = content
    return item


def _attributes(secret: Record, vault: Record) -> dict[str, object]:
    known = mapping(secret.outputs, "properties.attributes")
    days = number(vault.outputs, "properties.softDeleteRetentionInDays") or _RETENTION
    level = "Recoverable" if days == _RETENTION else "CustomizedRecoverable"
    if not flag(vault.outputs, "properties.enablePurgeProtection"):
        level += "+Purgeable"
    times = {"nbf": number(known, "notBefore"), "exp": number(known, "expires")}
    return {
        "enabled": flag(known, "enabled") is not False,
        **{name: moment for name, moment in times.items() if moment is not None},
        "created": number(known, "created"),
        "updated": number(known, "updated"),
        "recoveryLevel": level,
        "recoverableDays": days,
    }
