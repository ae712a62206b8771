"""`GET /status`: what the environment looks like from this web node (facts.md 13.4)."""

from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from server.api.store import ComputeNode, DatabaseAwayError, Store
from server.api.tokens import Tokens


@dataclass(frozen=True)
class Status:
    """Handler of `/status`."""

    store: Store
    tokens: Tokens
    database: str
    """Name of the database."""

    async def get(self, request: Request) -> Response:
        """Answer with pass, warn or fail: without compute nodes or database nothing works."""
        self.tokens.caller(request)
        try:
            nodes = await self.store.compute_nodes()
            state = "Open"
        except DatabaseAwayError:
            nodes, state = [], "Closed"
        components = {
            "backends": _component(
                "pass" if nodes else "fail", {}, {_uri(node): _backend(node) for node in nodes}
            ),
            "authentication": _component("pass", {}, {}),
            "database": _component(
                "pass" if state == "Open" else "fail",
                {"type": self.store.engine, "name": self.database, "state": state},
                None,
            ),
        }
        worst = "fail" if any(c["statusCode"] == "fail" for c in components.values()) else "pass"
        return JSONResponse({"statusCode": worst, "components": components, "details": {}})


def _component(code: str, details: dict[str, Any], components: object) -> dict[str, Any]:
    return {"statusCode": code, "details": details, "components": components}


def _uri(node: ComputeNode) -> str:
    return f"https://{node.address}:{node.port}/"


def _backend(node: ComputeNode) -> dict[str, Any]:
    details = {
        "rMaxPoolSize": node.workers,
        "rCurrentPoolSize": node.workers,
        "rCanOpenShell": "True",
        "apiVersion": "1.0",
    }
    return _component("pass", details, None)
