"""`/services` and `/api`: publish, describe and consume (facts.md 13.3)."""

import base64
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from server.api import store as open_store
from server.api.definitions import check_name, new_version
from server.api.errors import ApiError
from server.api.swagger import swagger
from server.api.tokens import Caller
from stand_ins.product.serving import Answer, Call
from stand_ins.product.store import Service, Store
from stand_ins.product.web.backends import Backends
from stand_ins.product.web.definitions import amend, parameters, parse
from stand_ins.product.web.login import Login

CACHED = 64


@dataclass
class Services:
    """Handlers of services."""

    store: Store
    login: Login
    backends: Backends
    _packed: dict[tuple[str, str, str], bytes] = field(default_factory=dict)

    def list_all(self, call: Call) -> Answer:
        """`GET /services` and `GET /services/{name}`."""
        caller = self.login.caller(call)
        name = call.parameters.get("name")
        found = self.store.services(name)
        if name is not None and not found:
            raise _unknown()
        return Answer([self._shown(service, caller) for service in found])

    def get(self, call: Call) -> Answer:
        """`GET /services/{name}/{version}`: an array with one entry."""
        caller = self.login.caller(call)
        return Answer([self._shown(self.find(call), caller)])

    def publish(self, call: Call) -> Answer:
        """`POST /services/{name}[/{version}]`: 201, or 403 when the version exists."""
        caller = self.login.caller(call)
        caller.require("Owner", "Contributor")
        name = call.parameters["name"]
        version = call.parameters.get("version") or new_version()
        check_name(name, version)
        definition = parse(self.store.version, call.json(), name)
        self._check_snapshot(definition)
        now = datetime.now(UTC).isoformat()
        service = Service(name, version, definition, caller.username, now)
        if not self.store.add_service(service):
            raise ApiError(403, f"service {name} {version} exists already")
        headers = {"Location": f"/services/{name}/{version}"}
        return Answer(self._shown(service, caller), 201, headers)

    def change(self, call: Call) -> Answer:
        """`PATCH /services/{name}/{version}`."""
        caller = self.login.caller(call)
        service = self._own(call, caller)
        definition = amend(self.store.version, call.json(), service.definition)
        self._check_snapshot(definition)
        if not self.store.change_service(service.name, service.version, definition):
            raise _unknown()
        return Answer(self._shown(self.find(call), caller))

    def remove(self, call: Call) -> Answer:
        """`DELETE /services/{name}/{version}`."""
        service = self._own(call, self.login.caller(call))
        if not self.store.remove_service(service.name, service.version):
            raise _unknown()
        return Answer({})

    def describe(self, call: Call) -> Answer:
        """`GET /api/{name}/{version}/swagger.json`."""
        self.login.caller(call)
        service = self.find(call)
        d = service.definition
        described = open_store.Service(
            service.name,
            service.version,
            d["description"],
            d["operationId"],
            parameters(d, "inputParameterDefinitions"),
            parameters(d, "outputParameterDefinitions"),
            "",
            service.published_by,
            datetime.fromisoformat(service.created_at),
        )
        return Answer(swagger(described))

    def consume(self, call: Call) -> Answer:
        """`POST /api/{name}/{version}`."""
        self.login.caller(call)
        call.json()
        return Answer(self.run(self.find(call), call.body))

    def run(self, service: Service, inputs: bytes) -> dict[str, Any]:
        """Run *service* once, and return what a consumer gets."""
        answer = self.backends.consume(self.pack(service), inputs or b"{}")
        return {
            "success": answer["success"],
            "errorMessage": answer["errorMessage"],
            "outputParameters": answer["value"] or {},
            "consoleOutput": answer["consoleOutput"],
            "changedFiles": answer["changedFiles"],
        }

    def find(self, call: Call) -> Service:
        """Return the service that the path names.

        Raises:
            ApiError: 404.
        """
        found = self.store.service(call.parameters["name"], call.parameters["version"])
        if found is None:
            raise _unknown()
        return found

    def pack(self, service: Service) -> bytes:
        """Return what a compute node needs of *service*, with its snapshot."""
        key = (service.name, service.version, json.dumps(service.definition, sort_keys=True))
        packed = self._packed.get(key)
        if packed is None:
            d = service.definition
            found = self.store.snapshot(d["snapshotId"]) if d["snapshotId"] else None
            packed = json.dumps(
                {
                    "code": d["code"],
                    "initCode": d["initCode"],
                    "snapshot": base64.b64encode(found[1]).decode() if found else "",
                    "inputs": d["inputParameterDefinitions"],
                    "outputs": d["outputParameterDefinitions"],
                },
                sort_keys=True,
            ).encode()
            if len(self._packed) >= CACHED:
                self._packed.clear()
            self._packed[key] = packed
        return packed

    def _check_snapshot(self, definition: dict[str, Any]) -> None:
        known = definition["snapshotId"]
        if known and self.store.snapshot(known) is None:
            raise ApiError(400, "snapshotId: there is no such snapshot")

    def _own(self, call: Call, caller: Caller) -> Service:
        caller.require("Owner", "Contributor")
        service = self.find(call)
        if caller.role != "Owner" and service.published_by != caller.username:
            raise ApiError(403, f"only an Owner and {service.published_by} may change this service")
        return service

    def _shown(self, service: Service, caller: Caller) -> dict[str, Any]:
        mine = caller.role == "Owner" or (
            caller.role == "Contributor" and service.published_by == caller.username
        )
        return {
            "name": service.name,
            "version": service.version,
            **service.definition,
            "versionPublishedBy": service.published_by,
            "creationTime": service.created_at,
            "myPermissionOnService": "read/write" if mine else "read",
        }


def _unknown() -> ApiError:
    return ApiError(404, "there is no such service and version")
