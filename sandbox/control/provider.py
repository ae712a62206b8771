"""The verbs of a Pulumi provider, on plain values: what the engine may ask of the sandbox.

Check and Diff only look; Create, Update and Delete are one transaction each; Read tells what is
there. After a transaction the fabric makes it real, outside of any transaction and lock: that may
take minutes. What exists and does not work stays noted as such until it works, so that also Read
says it. The wire is in `server.py`, the clouds' knowledge in the kinds.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from sandbox.control import (
    bridged,
    changes,
    identities,
    ids,
    lookups,
    naming,
    operations,
    outputs,
    shapes,
    wire,
)
from sandbox.control.changes import CREATE_FIRST, Comparison
from sandbox.control.fabric import Absent, Fabric, NotReadyError, Watch
from sandbox.control.kinds import Call, Kind, Problem
from sandbox.control.operations import OperationError
from sandbox.control.packages import Package
from sandbox.control.schema import Resource, UnknownTypeError
from sandbox.control.store import Changes, Rows, Store, Stored
from sandbox.control.unanswered import Unanswered, may_become
from sandbox.control.world import SUBSCRIPTION, StoreTransaction, StoreWorld

Properties = wire.Properties

_LOG = logging.getLogger(__name__)
_NOBODY = Watch()
_ABSENT = Absent()


@dataclass(frozen=True, kw_only=True, slots=True)
class Configuration:
    """How a program configured one provider."""

    location: str = ""
    """Or region."""
    subscription: str = SUBSCRIPTION
    """Or account."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """AWS: default tags."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Existing:
    """A resource as Read finds it."""

    id: str
    inputs: Properties
    outputs: Properties


class UnreadyError(Exception):
    """A resource exists and does not work."""

    def __init__(self, existing: Existing, reason: str) -> None:
        self.existing = existing
        self.reason = reason
        super().__init__(f"{existing.id} exists, but does not work: {reason}")


class InterruptedDeletionError(Exception):
    """A resource could not be brought to its end; it still exists."""


class Provider:
    """One package of the sandbox, as one configuration sees it."""

    def __init__(
        self,
        package: Package,
        store: Store,
        configuration: Configuration | None = None,
        fabric: Fabric = _ABSENT,
        unanswered: Unanswered | None = None,
    ) -> None:
        self.package = package
        self.store = store
        self.configuration = configuration or Configuration(subscription=package.account)
        self.fabric = fabric
        self._unanswered = unanswered or Unanswered()

    def configured(self, values: Mapping[str, object]) -> "Provider":
        """This provider with a program's configuration. Raises OperationError for a bad one."""
        if problems := list(self.package.configuration(wire.known(values))):
            raise OperationError(problems)
        chosen = {
            "location": values.get("location") or values.get("region"),
            "subscription": values.get("subscriptionId") or self.package.account,
        }
        given = {key: text for key, text in chosen.items() if isinstance(text, str) and text}
        tags = self.package.default_tags(wire.known(values))
        chosen_so = Configuration(**given, tags=tags)
        return Provider(self.package, self.store, chosen_so, self.fabric, self._unanswered)

    def check(self, kind_token: str, request: naming.Request) -> tuple[Properties, list[Problem]]:
        """The inputs with defaults filled in, and everything that is wrong with them."""
        try:
            resource = self.package.schema.resource(kind_token)
        except UnknownTypeError as error:
            return dict(request.new), [Problem("", str(error))]
        kind = self.package.kinds.get(kind_token)
        if kind is None:
            return dict(request.new), [Problem("", self._not_emulated(kind_token))]
        if left := self._unanswered.left(self.store.read(), kind_token, request.urn):
            request = replace(request, left=left.record.inputs)
        inputs = naming.complete(kind, resource, request, self._world(self.store.read()))
        given = {key: value for key, value in inputs.items() if key not in _UNDECLARED}
        plain = wire.reveal(given)
        found = dict.fromkeys(resource.inputs.problems(plain, ()))
        for problem in naming.problems(kind, inputs):
            found.setdefault(problem)
        if not found:
            # Rules may rely on what the schema says.
            found = dict.fromkeys(kind.rules(wire.known(_given(inputs))))
        return inputs, list(found)[: shapes.MAX_PROBLEMS]

    def diff(
        self,
        kind_token: str,
        old: Mapping[str, object],
        new: Mapping[str, object],
        ignored: Sequence[str] = (),
        target: str = "",
    ) -> Comparison:
        """What differs between two sets of inputs, and what that means."""
        kind, _ = self._known(kind_token)
        self._heard(self._key(kind, target, old))
        return changes.compare(kind, old, new, ignored)

    def create(
        self,
        kind_token: str,
        urn: str,
        inputs: Mapping[str, object],
        *,
        preview: bool = False,
        watch: Watch = _NOBODY,
    ) -> tuple[str, Properties]:
        """The new resource's id and outputs. Raises OperationError, CloudError, UnreadyError."""
        kind, resource = self._known(kind_token)
        given = _given(inputs)
        if preview:
            return "", outputs.preview(kind, resource, given)
        request = operations.Request(kind=kind, resource=resource, urn=urn, inputs=given)
        if not kind.kept:
            return operations.make(request, self._world(self.store.read()))
        left = self._left(request, watch)
        with self.store.change() as rows:
            world = self._transaction(rows)
            if left is not None:
                key, target = left.record.id, left.record.short or left.record.id
                made = operations.update(request, key, world)
            else:
                key, target, made = operations.create(request, world)
            if (found := rows.get(key)) is not None:
                self._unanswered.created(rows, found.record)
            self._doubt(rows, key)
        self._realize(key, Existing(id=target, inputs=given, outputs=made), watch)
        return target, made

    def _left(self, request: operations.Request, watch: Watch) -> Stored | None:
        """What an earlier creation, whose answer was lost, made of the very same resource."""
        token = request.kind.type
        left = self._unanswered.left(self.store.read(), token, request.urn)
        if left is not None and not may_become(left, request, watch):
            self.delete(token, left.record.id, watch)
            return None
        return left

    def _heard(self, key: str) -> None:
        """The engine named a resource: it has it in its state."""
        rows = self.store.read()
        if key and (found := rows.get(key)) is not None:
            self._unanswered.heard(rows, found.record)

    def read(
        self, kind_token: str, target: str, inputs: Properties, state: Properties
    ) -> Existing | None:
        """The resource as it is now, or None when it is gone.

        Without *inputs* it is looked up, by an import or `.get()`. Raises UnreadyError, CloudError.
        """
        kind, resource = self._known(kind_token)
        if not kind.kept:
            return Existing(id=target, inputs=inputs, outputs=state) if inputs else None
        found = self.store.read().get(self._key(kind, target, inputs or state))
        if found is None or found.record.type != kind_token:
            if not inputs:
                raise lookups.not_found(kind, target, self._world(self.store.read()))
            return None
        record = found.record
        self._unanswered.heard(self.store.read(), record)
        # What check filled in and the cloud never sees is in the engine's inputs only.
        own = {key: value for key, value in inputs.items() if key in _FILLED_IN}
        now = {**found.inputs, **own} if inputs else lookups.inputs(kind, resource, found.inputs)
        existing = Existing(id=record.short or record.id, inputs=now, outputs=found.outputs)
        if isinstance(reason := self.store.read().note(_unready(record.id)), str) and self._is_real:
            raise UnreadyError(existing, reason)
        return existing

    def update(
        self,
        kind_token: str,
        target: str,
        inputs: Mapping[str, object],
        state: Mapping[str, object],
        *,
        preview: bool = False,
        watch: Watch = _NOBODY,
    ) -> Properties:
        """The outputs after an update in place. Raises OperationError, CloudError, UnreadyError."""
        kind, resource = self._known(kind_token)
        given = _given(inputs)
        if preview and wire.has_unknown(given):
            return outputs.preview(kind, resource, given)
        request = operations.Request(kind=kind, resource=resource, urn="", inputs=given)
        if not kind.kept:
            return operations.remake(request, target, state, self._world(self.store.read()))
        key = self._key(kind, target, state)
        self._heard(key)
        if preview:
            return operations.foresee(request, key, self._world(self.store.read()))
        with self.store.change() as rows:
            made = operations.update(request, key, self._transaction(rows))
            self._doubt(rows, key)
        self._realize(key, Existing(id=target, inputs=given, outputs=made), watch)
        return made

    def delete(
        self,
        kind_token: str,
        target: str,
        watch: Watch = _NOBODY,
        state: Mapping[str, object] = MappingProxyType({}),
    ) -> None:
        """Delete a resource; one that is gone already is no error.

        What others need is refused before anything that runs is touched.

        Raises:
            CloudError: it can't go now.
            InterruptedDeletionError: what runs for it did not come to its end.
        """
        kind = self.package.kinds.get(kind_token)
        if kind is None or not kind.kept:
            return
        target = self._key(kind, target, state)
        found = self.store.read().get(target)
        if found is None or found.record.type != kind_token:
            return
        self._heard(target)
        if self._is_real:
            self._rehearse_deletion(kind, target)
            try:
                self.fabric.retire(target, watch)
            except NotReadyError as error:
                raise InterruptedDeletionError(str(error)) from error
        with self.store.change() as rows:
            operations.delete(kind, target, self._transaction(rows), self.package.kinds.get)
            rows.remember(_unready(target), None)
        try:
            self.fabric.realize(target, watch)
        except NotReadyError as error:
            # The record is gone, and the fabric goes on by itself: there is nothing to try again.
            _LOG.warning("after the deletion of %s: %s", target, error)

    def _rehearse_deletion(self, kind: Kind, target: str) -> None:
        """Raise CloudError when the deletion would be refused."""
        with self.store.trial() as rows:
            operations.delete(kind, target, self._transaction(rows), self.package.kinds.get)

    @property
    def _is_real(self) -> bool:
        return not isinstance(self.fabric, Absent)

    def _doubt(self, rows: Changes, target: str) -> None:
        """Note that a resource is not known to work, in the transaction that wrote it."""
        if self._is_real:
            rows.remember(_unready(target), _INTERRUPTED)

    def _key(self, kind: Kind, target: str, values: Mapping[str, object]) -> str:
        """The key of what the engine calls *target*; its region is in *values*, if it has one."""
        if kind.identity is None:
            return target
        region, world = wire.reveal(values.get("region")), self._world(self.store.read())
        record = identities.meant(kind, target, region, world)
        return record.id if record else target

    def _realize(self, key: str, existing: Existing, watch: Watch) -> None:
        """Have the fabric make it real. Raises UnreadyError, and keeps why for Read."""
        if not self._is_real:
            return
        reason: str | None = None
        try:
            self.fabric.realize(key, watch)
        except NotReadyError as error:
            reason = str(error)
        except Exception as error:
            # The resource exists whatever failed: the engine must hear its id, or loses it.
            _LOG.exception("the fabric failed for %s", existing.id)
            reason = (
                f"the sandbox itself failed ({type(error).__name__}: {error}); its log has the "
                "trace: scripts/sandbox status shows where it is"
            )
        with self.store.change() as rows:
            rows.remember(_unready(key), reason)
        if reason is not None:
            raise UnreadyError(existing, reason)

    def invoke(self, name: str, arguments: Properties) -> tuple[Properties, list[Problem]]:
        """The result of a provider function, or what is wrong with its arguments."""
        function = self.package.functions.get(name)
        try:
            shape = self.package.schema.arguments(name)
        except UnknownTypeError as error:
            return {}, [Problem("", str(error))]
        if function is None:
            return {}, [Problem("", self._not_emulated(name))]
        if problems := list(shape.problems(wire.reveal(arguments), ())):
            return {}, problems
        world = self._world(self.store.read())
        call = Call(
            name=name,
            arguments=wire.known(arguments),
            world=world,
            location=self.configuration.location,
        )
        result = function.run(call)
        return {
            key: wire.Secret(value) if key in function.secrets else value
            for key, value in result.items()
        }, []

    def _not_emulated(self, token: str) -> str:
        return (
            f"{token} is not emulated by the sandbox, so nothing was created. "
            f"The sandbox knows {len(self.package.kinds)} types of {self.package.name}: "
            "scripts/sandbox types lists them. Deploy this one to the real cloud, "
            f"or describe it in {self.package.module.replace('.', '/')}"
        )

    def _known(self, token: str) -> tuple[Kind, Resource]:
        kind = self.package.kinds.get(token)
        if kind is None:
            raise OperationError([Problem("", self._not_emulated(token))])
        return kind, self.package.schema.resource(token)

    def _world(self, rows: Rows) -> StoreWorld:
        subscription, builtin = self.configuration.subscription, self.package.builtin
        return StoreWorld(rows, subscription, builtin, region=self.configuration.location)

    def _transaction(self, rows: Changes) -> StoreTransaction:
        lookup: Callable[[str], Kind | None] = self.package.kinds.get
        subscription, builtin = self.configuration.subscription, self.package.builtin
        region = self.configuration.location
        return StoreTransaction(
            rows, subscription, builtin, region=region, changes=rows, kinds=lookup
        )


_INTERRUPTED = (
    "the sandbox or the engine ended before this was known to work; run the command again"
)


def _unready(target: str) -> str:
    """The note of why a resource is not known to work."""
    return f"unready/{ids.key(target)}"


_FILLED_IN = frozenset({CREATE_FIRST, bridged.DEFAULTS, "azureApiVersion"})
"""Inputs that check adds for the engine's eyes; the cloud has no such properties."""
_UNDECLARED = _FILLED_IN | {bridged.TAGS_ALL}
"""Inputs that check adds and the SDK does not know as such."""


def _given(inputs: Mapping[str, object]) -> Properties:
    return {key: value for key, value in inputs.items() if key not in _FILLED_IN}
