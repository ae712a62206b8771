"""The packages that the sandbox serves: one row each, loaded when it is first asked for."""

import importlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from sandbox.control import schema
from sandbox.control.faults import Refusals
from sandbox.control.kinds import Function, Kind, Problem, Transaction, Values
from sandbox.control.world import SUBSCRIPTION


def _nothing_is_builtin(_: str) -> bool:
    return False


def _nothing_to_settle(_: Transaction) -> None:
    return None


def _no_tags(_: Values) -> Mapping[str, str]:
    return {}


def _any_configuration(_: Values) -> Iterable[Problem]:
    return ()


@dataclass(frozen=True)
class Package:
    """One Pulumi package: its SDK, and the module that says what the sandbox knows of it.

    The module has `KINDS` and may have `FUNCTIONS`, `builtin(id)` (ids that the cloud provides),
    `configuration(values)` (problems of the provider's configuration), `default_tags(values)` (of
    such a configuration), `ACCOUNT` (when it names none), `settle(transaction)` (what the cloud
    does by itself after a change from outside), `REFUSALS` (how the cloud says that a call may not
    be, or not now) and `QUOTAS` (each quota's name, `<package>:...`, and the cloud's own limit).
    """

    name: str
    module: str

    @cached_property
    def schema(self) -> schema.Package:
        """The installed SDK. Raises UnknownTypeError when it is missing."""
        return schema.Package(self.name)

    @cached_property
    def kinds(self) -> Mapping[str, Kind]:
        """Emulated resource types by token."""
        kinds: tuple[Kind, ...] = importlib.import_module(self.module).KINDS
        return {kind.type: kind for kind in kinds}

    @cached_property
    def functions(self) -> Mapping[str, Function]:
        """Emulated provider functions by token."""
        module = importlib.import_module(self.module)
        functions: tuple[Function, ...] = getattr(module, "FUNCTIONS", ())
        return {function.name: function for function in functions}

    @cached_property
    def builtin(self) -> Callable[[str], bool]:
        """Whether the cloud itself provides an id."""
        module = importlib.import_module(self.module)
        found: Callable[[str], bool] = getattr(module, "builtin", _nothing_is_builtin)
        return found

    @cached_property
    def configuration(self) -> Callable[[Values], Iterable[Problem]]:
        """Problems of a provider's configuration."""
        module = importlib.import_module(self.module)
        found: Callable[[Values], Iterable[Problem]] = getattr(
            module, "configuration", _any_configuration
        )
        return found

    @cached_property
    def account(self) -> str:
        """The account or subscription of a configuration that names none."""
        account: str = getattr(importlib.import_module(self.module), "ACCOUNT", SUBSCRIPTION)
        return account

    @cached_property
    def default_tags(self) -> Callable[[Values], Mapping[str, str]]:
        """The tags that a configuration gives to everything."""
        module = importlib.import_module(self.module)
        found: Callable[[Values], Mapping[str, str]] = getattr(module, "default_tags", _no_tags)
        return found

    @cached_property
    def settle(self) -> Callable[[Transaction], None]:
        """Does what the cloud does by itself after a change from outside; raises CloudError."""
        module = importlib.import_module(self.module)
        found: Callable[[Transaction], None] = getattr(module, "settle", _nothing_to_settle)
        return found

    @cached_property
    def refusals(self) -> Refusals | None:
        """The cloud's words for a planned fault; None where there is no cloud (random, tls)."""
        found: Refusals | None = getattr(importlib.import_module(self.module), "REFUSALS", None)
        return found

    @cached_property
    def quotas(self) -> Mapping[str, int]:
        """The cloud's own limits, by name."""
        found: Mapping[str, int] = getattr(importlib.import_module(self.module), "QUOTAS", {})
        return found


PACKAGES = (
    Package("aws", "sandbox.control.aws"),
    Package("azure-native", "sandbox.control.azure"),
    Package("random", "sandbox.control.random"),
    Package("tls", "sandbox.control.tls"),
)
