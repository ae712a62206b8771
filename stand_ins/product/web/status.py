"""`GET /status` in the words of each version (facts.md 13.4)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from server.api.store import DatabaseAwayError
from stand_ins.product.serving import Answer, Call
from stand_ins.product.store import Store
from stand_ins.product.web.backends import Backends
from stand_ins.product.web.login import Login


@dataclass(frozen=True)
class Status:
    """Handler of `/status`."""

    store: Store
    login: Login
    backends: Backends
    authentication: dict[str, Any]
    """The directory's component, for those who have one."""
    logs: str

    def get(self, call: Call) -> Answer:
        """Say how all components are.

        An address that only a range names and nobody has is shown as failed, and makes nothing
        worse while another answers: else no environment with a range would ever pass.
        """
        self.login.caller(call)
        try:
            self.store.check_version()
            state = "Open"
        except DatabaseAwayError:
            state = "Closed"
        nodes = (
            self.backends.probe()
            if state == "Open" or not self.store.version.uris_in_database
            else []
        )
        answering = [node for node in nodes if node[2] is not None]
        named_failed = any(answer is None and not ranged for _, ranged, answer in nodes)
        backends = "fail" if not answering else "warn" if named_failed else "pass"
        if any(answer and not answer["open"] for _, _, answer in nodes):
            backends = "fail"
        database = "pass" if state == "Open" else "fail"
        components = {
            "backends": self._component(
                backends,
                {},
                {f"{a}/": self._backend(answer) for a, _, answer in nodes},
            ),
            "authentication": self._component("pass", self.authentication, {}),
            "database": self._component(database, self._database(state), None),
        }
        worst = _worst([backends, database])
        return Answer(
            {
                "statusCode": self._word(worst),
                "components": components,
                "details": {
                    "logPath": self.logs,
                    "version": f"{self.store.version.version} (stand-in)",
                },
            }
        )

    def _word(self, code: str) -> str:
        return self.store.version.good if code == "pass" else code

    def _component(self, code: str, details: dict[str, Any], components: object) -> dict[str, Any]:
        return {"statusCode": self._word(code), "details": details, "components": components}

    def _database(self, state: str) -> dict[str, Any]:
        details = {"name": self.store.database.name, "state": state}
        return details if self.store.version.order <= 2 else {"type": self.store.engine} | details

    def _backend(self, answer: dict[str, Any] | None) -> dict[str, Any]:
        if answer is None:
            return self._component("fail", {}, None)
        code = "pass" if answer["open"] else "fail"
        return self._component(code, self._details(answer), None)

    def _details(self, answer: dict[str, Any]) -> dict[str, Any]:
        order = self.store.version.order
        if order <= 2:
            return {
                "can Open Shell": answer["open"],
                "can Write": True,
                "can Read": True,
                "can Zip": True,
                "max Pool Size": answer["most"],
                "active Shell Count": answer["active"],
                "current Pool Size": answer["there"],
            }
        details = {
            "rMaxPoolSize": answer["most"],
            "rActiveShellCount": answer["active"],
            "rCurrentPoolSize": answer["there"],
            "rCanOpenShell": str(answer["open"]),
            "apiVersion": "1.0",
            "logPath": answer["logPath"],
        }
        if order >= 4:
            # There is no Python in a stand-in: an empty pool that cannot open a shell.
            details |= {
                "pythonMaxPoolSize": answer["most"],
                "pythonActiveShellCount": 0,
                "pythonCurrentPoolSize": 0,
                "pythonCanOpenShell": "False",
            }
        return details


def _worst(codes: Iterable[str]) -> str:
    known = set(codes)
    return next(code for code in ("fail", "warn", "pass") if code in known)
