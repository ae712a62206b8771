"""`/computenodes`: the list in the database, for Owners (facts.md 8.5, 13.5; since 9.2.1)."""

from dataclasses import dataclass

from server.api.errors import ApiError
from stand_ins.product import uris
from stand_ins.product.appsettings import ConfigurationError
from stand_ins.product.serving import Answer, Call
from stand_ins.product.store import Store
from stand_ins.product.web.backends import Backends
from stand_ins.product.web.login import Login


@dataclass(frozen=True)
class ComputeNodes:
    """Handlers of the list."""

    store: Store
    login: Login
    backends: Backends

    def get(self, call: Call) -> Answer:
        """`GET`: what is declared, ranges as they were entered."""
        self.login.caller(call).require("Owner")
        return Answer({"computeNodes": self.store.uris()})

    def replace(self, call: Call) -> Answer:
        """`POST`: have these alone."""
        entries = self._entries(call)
        return self._changed(self.store.change_uris(add=entries, replace=True))

    def add(self, call: Call) -> Answer:
        """`PUT`: have these besides."""
        return self._changed(self.store.change_uris(add=self._entries(call)))

    def remove(self, call: Call) -> Answer:
        """`DELETE`: have these no more."""
        return self._changed(self.store.change_uris(remove=self._entries(call)))

    def _changed(self, known: list[str]) -> Answer:
        self.backends.forget()
        return Answer({"computeNodes": known})

    def _entries(self, call: Call) -> list[str]:
        self.login.caller(call).require("Owner")
        entries = call.json().get("entries")
        if not isinstance(entries, list) or not all(isinstance(each, str) for each in entries):
            raise ApiError(400, "entries: must be a list of URIs")
        for entry in entries:
            try:
                uris.expand(entry)
            except ConfigurationError as error:
                raise ApiError(400, f"entries: {error.args[0]}") from None
        return entries
