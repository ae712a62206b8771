"""`/services/{name}/{version}/pool`: R shells of a service's own (facts.md 13.3; since 9.3)."""

from dataclasses import dataclass
from typing import Any

from server.api.errors import ApiError
from stand_ins.product.serving import Answer, Call
from stand_ins.product.web.backends import Backends
from stand_ins.product.web.login import Login
from stand_ins.product.web.services import Services

LARGEST = 1000


@dataclass(frozen=True)
class Pools:
    """Handlers of pools; each compute node has its own."""

    login: Login
    services: Services
    backends: Backends

    def get(self, call: Call) -> Answer:
        """`GET`: how far each compute node is."""
        self.login.caller(call)
        return self._everywhere(call, "GET")

    def open(self, call: Call) -> Answer:
        """`POST`: with `InitialPoolSize` and `MaxPoolSize`."""
        self.login.caller(call).require("Owner", "Contributor")
        body = call.json()
        initial, most = body.get("InitialPoolSize"), body.get("MaxPoolSize")
        if not (isinstance(initial, int) and isinstance(most, int)):
            raise ApiError(400, "InitialPoolSize and MaxPoolSize must be numbers")
        if not 0 < initial <= most <= LARGEST:
            raise ApiError(400, f"InitialPoolSize must be 1 to MaxPoolSize, at most {LARGEST}")
        sizes = {"InitialPoolSize": initial, "MaxPoolSize": most}
        return self._everywhere(call, "POST", sizes)

    def close(self, call: Call) -> Answer:
        """`DELETE`."""
        self.login.caller(call).require("Owner", "Contributor")
        return self._everywhere(call, "DELETE")

    def _everywhere(self, call: Call, method: str, body: dict[str, Any] | None = None) -> Answer:
        definition = self.services.pack(self.services.find(call))
        answers = self.backends.everywhere(method, "pool", definition, body)
        return Answer(
            [
                {"ComputeNodeEndpoint": address, "Status": answer.get("status", "NotFound")}
                for address, answer in answers
            ]
        )
