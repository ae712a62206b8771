"""`/sessions` and `/snapshots`: R shells that live, and what is kept of them (facts.md 13.3)."""

import base64
import json
import uuid
from dataclasses import dataclass
from typing import Any

from server.api.errors import ApiError
from server.api.tokens import Caller
from stand_ins.product.serving import Answer, Call
from stand_ins.product.store import Store
from stand_ins.product.web.backends import Backends
from stand_ins.product.web.login import Login


@dataclass(frozen=True)
class Sessions:
    """Handlers of sessions and snapshots; both belong to the user who made them."""

    store: Store
    login: Login
    backends: Backends

    def list_all(self, call: Call) -> Answer:
        """`GET /sessions`."""
        caller = self.login.caller(call)
        shown = ("id", "name", "creationTime")
        found = self.store.sessions(caller.username)
        return Answer([{key: session[key] for key in shown} for session in found])

    def open(self, call: Call) -> Answer:
        """`POST /sessions`."""
        caller = self.login.caller(call)
        body = call.json()
        if body.get("runtimeType", "R") != "R":
            raise ApiError(400, "runtimeType: must be R")
        name, handle = str(body.get("name") or "session"), str(uuid.uuid4())
        snapshot = str(body.get("snapshotId") or "")
        data = self._snapshot(snapshot, caller) if snapshot else b""
        node = self.backends.open_session(handle)
        known = self.store.add_session(name, node, handle, caller.username)
        if data:
            self._load(node, handle, data)
        return Answer({"sessionId": known}, 201)

    def execute(self, call: Call) -> Answer:
        """`POST /sessions/{id}/execute`."""
        session = self._find(call, self.login.caller(call))
        body = call.json()
        code, outputs = body.get("code", ""), body.get("outputParameters") or []
        inputs = body.get("inputParameters") or []
        if (
            not isinstance(code, str)
            or not isinstance(outputs, list)
            or not isinstance(inputs, list)
        ):
            raise ApiError(400, "code, inputParameters or outputParameters have a wrong type")
        request = {
            "code": code,
            "inputs": [_input(each) for each in inputs],
            "outputs": [str(each["name"] if isinstance(each, dict) else each) for each in outputs],
        }
        answer = self._ask(session, "execute", request)
        return Answer(
            {
                "success": answer["success"],
                "errorMessage": answer["errorMessage"],
                "outputParameters": answer["value"] or [],
                "consoleOutput": answer["consoleOutput"],
                "changedFiles": answer["changedFiles"],
            }
        )

    def objects(self, call: Call) -> Answer:
        """`GET /sessions/{id}/workspace`."""
        session = self._find(call, self.login.caller(call))
        return Answer(self._ask(session, "objects", {})["value"])

    def object(self, call: Call) -> Answer:
        """`GET /sessions/{id}/workspace/{objectName}`."""
        session = self._find(call, self.login.caller(call))
        return Answer(self._value(session, "object", {"name": call.parameters["name"]}))

    def files(self, call: Call) -> Answer:
        """`GET /sessions/{id}/files`."""
        session = self._find(call, self.login.caller(call))
        return Answer(self._value(session, "files", {}))

    def file(self, call: Call) -> Answer:
        """`GET /sessions/{id}/files/{fileName}`."""
        session = self._find(call, self.login.caller(call))
        return Answer(
            base64.b64decode(self._value(session, "file", {"name": call.parameters["name"]}))
        )

    def history(self, call: Call) -> Answer:
        """`GET /sessions/{id}/history`."""
        return Answer(self._said(call)["history"])

    def console_output(self, call: Call) -> Answer:
        """`GET /sessions/{id}/console-output`."""
        return Answer(self._said(call)["console"])

    def cancel(self, call: Call) -> Answer:
        """`POST /sessions/{id}/cancel`."""
        session = self._find(call, self.login.caller(call))
        self.backends.session(session["node"], "POST", f"/sessions/{session['handle']}/cancel")
        return Answer({})

    def _said(self, call: Call) -> dict[str, Any]:
        session = self._find(call, self.login.caller(call))
        path = f"/sessions/{session['handle']}/said"
        return self.backends.session(session["node"], "GET", path)

    def _value(self, session: dict[str, Any], operation: str, body: dict[str, Any]) -> Any:
        answer = self._ask(session, operation, body)
        if not answer["success"]:
            raise ApiError(404, str(answer["errorMessage"]))
        return answer["value"]

    def snapshot(self, call: Call) -> Answer:
        """`POST /sessions/{id}/snapshot`."""
        caller = self.login.caller(call)
        session = self._find(call, caller)
        name = str(call.json().get("name") or session["name"])
        data = base64.b64decode(self._ask(session, "snapshot", {})["value"])
        known = self.store.add_snapshot(name, caller.username, data)
        return Answer({"snapshotId": known}, 201)

    def load(self, call: Call) -> Answer:
        """`POST /sessions/{id}/loadsnapshot/{snapshotId}`."""
        caller = self.login.caller(call)
        session = self._find(call, caller)
        data = self._snapshot(call.parameters["snapshot"], caller)
        self._load(session["node"], session["handle"], data)
        return Answer({})

    def end(self, call: Call) -> Answer:
        """`DELETE /sessions/{id}[/force]`: forced, a session whose node is gone goes, too."""
        session = self._find(call, self.login.caller(call))
        try:
            self.backends.session(session["node"], "DELETE", f"/sessions/{session['handle']}")
        except ApiError as error:
            if error.status != 404:
                raise
        self.store.remove_session(session["id"])
        return Answer({})

    def list_snapshots(self, call: Call) -> Answer:
        """`GET /snapshots`."""
        return Answer(self.store.snapshots(self.login.caller(call).username))

    def get_snapshot(self, call: Call) -> Answer:
        """`GET /snapshots/{id}`: what is in it, in R's own format."""
        return Answer(self._snapshot(call.parameters["snapshot"], self.login.caller(call)))

    def remove_snapshot(self, call: Call) -> Answer:
        """`DELETE /snapshots/{id}`."""
        caller = self.login.caller(call)
        if not self.store.remove_snapshot(call.parameters["snapshot"], caller.username):
            raise ApiError(404, "there is no such snapshot")
        return Answer({})

    def _find(self, call: Call, caller: Caller) -> dict[str, Any]:
        for session in self.store.sessions(caller.username):
            if session["id"] == call.parameters["session"]:
                return session
        raise ApiError(404, "there is no such session")

    def _ask(self, session: dict[str, Any], operation: str, body: dict[str, Any]) -> dict[str, Any]:
        path = f"/sessions/{session['handle']}/{operation}"
        return self.backends.session(session["node"], "POST", path, body)

    def _load(self, node: str, handle: str, data: bytes) -> None:
        body = {"data": base64.b64encode(data).decode()}
        answer = self.backends.session(node, "POST", f"/sessions/{handle}/load", body)
        if not answer["success"]:
            raise ApiError(400, f"the snapshot cannot be loaded: {answer['errorMessage']}")

    def _snapshot(self, known: str, caller: Caller) -> bytes:
        found = self.store.snapshot(known)
        if found is None or found[0] != caller.username:
            raise ApiError(404, "there is no such snapshot")
        return found[1]


def _input(each: object) -> dict[str, str]:
    if not isinstance(each, dict) or not isinstance(each.get("name"), str):
        raise ApiError(400, "inputParameters: must be objects with name and value")
    return {"name": each["name"], "value": json.dumps(each.get("value"))}
