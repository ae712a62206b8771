"""`/api/{name}/{version}/batch`: many inputs, answered later (facts.md 13.3; since 9.1)."""

import json
import uuid
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from server.api.errors import ApiError
from stand_ins.product.serving import Answer, Call
from stand_ins.product.web.login import Login
from stand_ins.product.web.services import Services

KEPT = 256


@dataclass
class Batch:
    """Handlers of batches; a batch lives in the web node that began it."""

    login: Login
    services: Services
    threads: int
    """`MaxNumberOfThreadsPerBatchExecution` (facts.md 9.1)."""
    _known: dict[str, tuple[str, list[Future[dict[str, Any]]]]] = field(default_factory=dict)

    def start(self, call: Call) -> Answer:
        """`POST`: a list of inputs."""
        self.login.caller(call)
        service = self.services.find(call)
        try:
            rows = json.loads(call.body)
        except ValueError:
            raise ApiError(400, "the body must be JSON") from None
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise ApiError(400, "the body must be a list of objects with inputs")
        pool = ThreadPoolExecutor(max(1, min(self.threads, len(rows))))
        futures = [pool.submit(self.services.run, service, json.dumps(r).encode()) for r in rows]
        pool.shutdown(wait=False)
        known = str(uuid.uuid4())
        if len(self._known) >= KEPT:
            self._known.pop(next(iter(self._known)))
        self._known[known] = (f"{service.name}/{service.version}", futures)
        return Answer({"batchExecutionId": known}, 202)

    def list_all(self, call: Call) -> Answer:
        """`GET`: the service's batches."""
        self.login.caller(call)
        name = f"{call.parameters['name']}/{call.parameters['version']}"
        return Answer([known for known, (of, _) in self._known.items() if of == name])

    def get(self, call: Call) -> Answer:
        """`GET .../{executionId}`: how far it is, and what is answered."""
        self.login.caller(call)
        found = self._known.get(call.parameters["execution"])
        if found is None:
            raise ApiError(404, "this web node has no such batch")
        done = [future for future in found[1] if future.done()]
        state = "complete" if len(done) == len(found[1]) else "inProgress" if done else "pending"
        return Answer(
            {
                "state": state,
                "completedItemCount": len(done),
                "totalItemCount": len(found[1]),
                "batchExecutionResults": [_result(future) for future in done],
            }
        )


def _result(future: Future[dict[str, Any]]) -> dict[str, Any]:
    error = future.exception()
    if error is None:
        return future.result()
    return {"success": False, "errorMessage": str(error), "outputParameters": {}}
