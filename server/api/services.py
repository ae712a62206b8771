"""`/services` and each service's own description (facts.md 13.3)."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from server.api.body import read_object
from server.api.definitions import (
    LARGEST_BODY,
    Definition,
    amend,
    check_name,
    could_exist,
    new_version,
    parse,
)
from server.api.errors import ApiError
from server.api.store import Service, Store
from server.api.swagger import swagger
from server.api.tokens import Caller, Tokens

EVERYWHERE_SECONDS = 10.0


@dataclass(frozen=True)
class Services:
    """Handlers of published services."""

    store: Store
    tokens: Tokens
    check_model: Callable[[Definition], Awaitable[None]]

    async def list_all(self, request: Request) -> Response:
        """`GET /services` and `GET /services/{name}`."""
        caller = self.tokens.caller(request)
        name = request.path_params.get("name")
        if name is not None and not could_exist(name, "1"):
            raise _unknown()
        found = await self.store.list_services(name)
        if name is not None and not found:
            raise _unknown()
        return JSONResponse([as_json(service, caller) for service in found])

    async def get(self, request: Request) -> Response:
        """`GET /services/{name}/{version}`: an array with one entry, as the product answers."""
        caller = self.tokens.caller(request)
        return JSONResponse([as_json(await self._find(request), caller)])

    async def publish(self, request: Request) -> Response:
        """`POST /services/{name}[/{version}]`."""
        caller = self.tokens.caller(request)
        caller.require("Owner", "Contributor")
        name = request.path_params["name"]
        version = request.path_params.get("version") or new_version()
        check_name(name, version)
        definition = parse(await read_object(request, LARGEST_BODY), name)
        await self.check_model(definition)
        if not await self.store.add_service(name, version, definition, caller.username):
            raise ApiError(403, f"service {name} {version} exists: PATCH it, or give a new version")
        await self.store.wait_until_everywhere(EVERYWHERE_SECONDS)
        service = await self.store.find_service(name, version)
        if service is None:
            raise _unknown()
        return JSONResponse(
            as_json(service, caller), 201, {"Location": f"/services/{name}/{version}"}
        )

    async def change(self, request: Request) -> Response:
        """`PATCH /services/{name}/{version}`."""
        caller = self.tokens.caller(request)
        service = await self._own(request, caller)
        model = await self.store.find_model(service.name, service.version)
        if model is None:
            raise _unknown()
        current = Definition(
            service.description, service.operation_id, service.inputs, service.outputs, model
        )
        changed = amend(await read_object(request, LARGEST_BODY), current, service.name)
        if (changed.model, changed.inputs) != (current.model, current.inputs):
            await self.check_model(changed)
        if not await self.store.change_service(service.name, service.version, changed):
            raise _unknown()
        await self.store.wait_until_everywhere(EVERYWHERE_SECONDS)
        return JSONResponse(as_json(await self._find(request), caller))

    async def remove(self, request: Request) -> Response:
        """`DELETE /services/{name}/{version}`."""
        caller = self.tokens.caller(request)
        service = await self._own(request, caller)
        if not await self.store.remove_service(service.name, service.version):
            raise _unknown()
        return JSONResponse({})

    async def model(self, request: Request) -> Response:
        """`GET /services/{name}/{version}/model`: our own, for an Owner who takes it elsewhere.

        The bytes are an R function in R's own format, which nothing here ever loads.
        """
        self.tokens.caller(request).require("Owner")
        service = await self._find(request)
        model = await self.store.find_model(service.name, service.version)
        if model is None:
            raise _unknown()
        return Response(model, media_type="application/octet-stream")

    async def describe(self, request: Request) -> Response:
        """`GET /api/{name}/{version}/swagger.json`."""
        self.tokens.caller(request)
        return JSONResponse(swagger(await self._find(request)))

    async def _find(self, request: Request) -> Service:
        name, version = request.path_params["name"], request.path_params["version"]
        service = None
        if could_exist(name, version):
            service = await self.store.find_service(name, version)
        if service is None:
            raise _unknown()
        return service

    async def _own(self, request: Request, caller: Caller) -> Service:
        """Return the service if *caller* may change it (facts.md 12.6)."""
        caller.require("Owner", "Contributor")
        service = await self._find(request)
        if caller.role != "Owner" and service.published_by != caller.username:
            raise ApiError(403, f"only an Owner and {service.published_by} may change this service")
        return service


def as_json(service: Service, caller: Caller) -> dict[str, Any]:
    """Return *service* in the shape of the API, as *caller* sees it.

    `modelSha256` is our own: with it a client tells whether what it has is what is published.
    """
    may_write = caller.role == "Owner" or (
        caller.role == "Contributor" and service.published_by == caller.username
    )
    return {
        "name": service.name,
        "version": service.version,
        "description": service.description,
        "operationId": service.operation_id,
        "runtimeType": "R",
        "code": None,
        "initCode": None,
        "snapshotId": None,
        "inputParameterDefinitions": [p.as_json() for p in service.inputs],
        "outputParameterDefinitions": [p.as_json() for p in service.outputs],
        "outputFileNames": [],
        "modelSha256": service.sha256,
        "versionPublishedBy": service.published_by,
        "creationTime": service.created_at.isoformat(),
        "myPermissionOnService": "read/write" if may_write else "read",
    }


def _unknown() -> ApiError:
    return ApiError(
        404, "there is no such service and version: GET /services lists what is published"
    )
