"""A sandbox of AWS without the wire: create, change and delete through the real provider.

Everything that the engine would meet happens (schema, rules, references, outputs, records), on a
state in a folder of the test's own. What is refused is a `RefusedError` whose lines are
`path: reason (code)`, as in `tests.support.world`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from sandbox.control import naming, operations, wire
from sandbox.control.kinds import Kind, Problem, Record
from sandbox.control.packages import PACKAGES
from sandbox.control.provider import Provider
from sandbox.control.store import Store
from sandbox.control.world import StoreTransaction, StoreWorld
from tests.support.world import RefusedError, lines

REGION = "eu-central-1"
ACCOUNT = "500000000005"
AWS = next(each for each in PACKAGES if each.name == "aws")


def token(short: str) -> str:
    """The Pulumi type of `ec2:Vpc`, or of a whole token."""
    if short.startswith("aws:"):
        return short
    module, name = short.split(":")
    return f"aws:{module}/{name[0].lower()}{name[1:]}:{name}"


def kind_of(short: str) -> Kind:
    return AWS.kinds[token(short)]


@dataclass(frozen=True)
class Aws:
    """One account, as a provider of one region sees it."""

    provider: Provider

    @property
    def store(self) -> Store:
        return self.provider.store

    @property
    def world(self) -> StoreWorld:
        """What there is now."""
        configuration = self.provider.configuration
        rows = self.store.read()
        return StoreWorld(
            rows, configuration.subscription, AWS.builtin, region=configuration.location
        )

    def elsewhere(self, region: str) -> "Aws":
        """The same account, from another region."""
        configuration = replace(self.provider.configuration, location=region)
        return Aws(Provider(AWS, self.store, configuration))

    def checked(self, short: str, name: str, old: Mapping[str, object], /, **inputs: object):
        """The inputs as check completes them. Raises RefusedError."""
        configuration = self.provider.configuration
        request = naming.Request(
            logical_name=name,
            seed=f"seed of {name}".encode(),
            old=old,
            new=inputs,
            location=configuration.location,
            tags=configuration.tags,
        )
        completed, problems = self.provider.check(token(short), request)
        if problems:
            raise RefusedError(problems)
        return completed

    def problems(self, short: str, /, **inputs: object) -> list[str]:
        """What check says of these inputs."""
        try:
            self.checked(short, "x", {}, **inputs)
        except RefusedError as error:
            return lines(error.problems)
        return []

    def create(self, short: str, logical: str = "x", /, **inputs: object) -> Record:
        """Create a resource with the logical name *logical*. Raises RefusedError, ApiError."""
        completed = self.checked(short, logical, {}, **inputs)
        # Another resource of a program, always: one of the same URN would be taken over.
        number = sum(self.store.read().counts().values())
        urn = f"urn:pulumi:test::project::{token(short)}::{logical}-{number}"
        target, _ = _refusing(lambda: self.provider.create(token(short), urn, completed))
        found = self.world.named(token(short), target, cast("str", completed.get("region", "")))
        assert found is not None
        # What the SDK does not know as an output, no program ever sees.
        assert set(found.outputs) <= AWS.schema.resource(token(short)).outputs
        return found

    def update(self, record: Record, /, **changed: object) -> Record:
        """Change properties in place; None removes one. Raises RefusedError, ApiError."""
        inputs = {k: v for k, v in {**record.inputs, **changed}.items() if v is not None}
        inputs.pop("tagsAll", None)
        completed = self.checked(record.type, "x", record.inputs, **inputs)
        _refusing(
            lambda: self.provider.update(record.type, record.short, completed, record.outputs)
        )
        return self.again(record)

    def delete(self, record: Record) -> None:
        """Delete a resource. Raises ApiError."""
        self.provider.delete(record.type, record.short, state=record.outputs)

    def replaced_by(self, record: Record, /, **changed: object) -> list[str]:
        """The paths whose change replaces the resource."""
        inputs = {k: v for k, v in {**record.inputs, **changed}.items() if v is not None}
        return list(self.provider.diff(record.type, record.inputs, inputs).replaces)

    def again(self, record: Record) -> Record:
        """The resource as it is now."""
        found = self.world.find(record.id)
        assert found is not None
        return found

    def remember(self, key: str, value: object) -> None:
        """Keep a note."""
        with self.store.change() as rows:
            StoreTransaction(rows, changes=rows).remember(key, value)

    def call(self, name: str, /, **arguments: object) -> Mapping[str, object]:
        """The result of `ec2:getAmi`. Raises RefusedError, ApiError."""
        module, short = name.split(":")
        result, problems = self.provider.invoke(f"aws:{module}/{short}:{short}", arguments)
        if problems:
            raise RefusedError(problems)
        return wire.known(result)


def _refusing(work):
    try:
        return work()
    except operations.OperationError as error:
        raise RefusedError(list[Problem](error.problems)) from error


def account(folder: Path, **configuration: object) -> Aws:
    """An empty account, in a folder; close its store at the end."""
    store = Store(folder / "cloud.sqlite")
    return Aws(Provider(AWS, store).configured({"region": REGION, **configuration}))
