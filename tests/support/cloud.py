"""A cloud that echoes: what a program registers under Pulumi's mocks, as plain values to assert on.

`deploy` runs a program once and returns a `World`: the inputs of every resource by
`parent$type::name`, sorted, because mocks register in no stable order. Secrets are `Secret`,
values that a preview doesn't know yet are `UNKNOWN`. Each run has an event loop of its own (SDK
3.272 keeps the last root stack, bound to its loop), so `deploy` works in any fixture's scope and
in Hypothesis tests.
"""

import asyncio
import json
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi
from google.protobuf import struct_pb2
from pulumi.runtime import config as runtime_config
from pulumi.runtime import mocks, rpc, settings

from tests.support.loops import new_loop

PROJECT = "operationalization"
STACK = "test"


@dataclass(frozen=True)
class Secret:
    """An input that the engine was told is secret."""

    value: Any


class _Unknown:
    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = _Unknown()
"""An input that is not known before the resource it comes from exists."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """The resource options that reached the engine; other resources by their short URN."""

    parent: str
    protect: bool
    provider: str
    depends_on: tuple[str, ...]
    ignore_changes: tuple[str, ...]
    replace_on_changes: tuple[str, ...]
    retain_on_delete: bool
    delete_before_replace: bool
    deleted_with: str
    aliases: tuple[str, ...]
    made_of: Mapping[str, tuple[str, ...]]
    """What each property's value is made of."""


class EchoCloud(mocks.Mocks):
    """Every resource comes up with the inputs it was given; unplanned look-ups are refused.

    *outputs* adds, by type token, what the real cloud would compute (`{"ipAddress": ...}`);
    *answers* are the provider functions a test expects, by token.
    """

    def __init__(
        self,
        outputs: Mapping[str, Mapping[str, Any]] | None = None,
        answers: Mapping[str, dict[str, Any]] | None = None,
    ) -> None:
        self.outputs = outputs or {}
        self.answers = answers or {}

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        return f"{args.name}-id", {**args.inputs, **self.outputs.get(args.typ, {})}

    def call(self, args: mocks.MockCallArgs) -> Any:
        if args.token in self.answers:
            return self.answers[args.token]
        raise AssertionError(f"{args.token} was looked up: pass the value in instead")


class _Preview(mocks.Mocks):
    """A preview of resources that don't exist yet: no id, and no output beyond known inputs."""

    def __init__(self, cloud: mocks.Mocks) -> None:
        self.cloud = cloud

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        known = {k: v for k, v in args.inputs.items() if not rpc.contains_unknowns(v)}
        return None, known

    def call(self, args: mocks.MockCallArgs) -> Any:
        return self.cloud.call(args)


@dataclass
class _Recorder(mocks.MockMonitor):
    """The mock monitor, which also remembers what each request said."""

    mocks: mocks.Mocks
    inputs: dict[str, dict[str, Any]] = field(default_factory=dict)
    options: dict[str, Options] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__(self.mocks)

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 (the SDK's name)
        urn = short(self.make_urn(request.parent, request.type, request.name))
        if request.type != "pulumi:pulumi:Stack":
            if urn in self.inputs:
                raise AssertionError(f"{urn} is registered twice: the engine refuses that")
            self.inputs[urn] = {k: _read(v) for k, v in request.object.fields.items()}
            self.options[urn] = _options(request)
        response = super().RegisterResource(request)
        for key in set(request.additionalSecretOutputs) & set(response.object.fields):
            _mark_secret(response.object.fields[key])
        return response


def _mark_secret(value: struct_pb2.Value) -> None:
    """Make *value* a secret, unless it is one already: inputs come back as they were sent."""
    if value.HasField("struct_value") and _signed(value.struct_value):
        return
    plain = struct_pb2.Value()
    plain.CopyFrom(value)
    value.struct_value.Clear()
    value.struct_value.fields[rpc._special_sig_key].string_value = rpc._special_secret_sig
    value.struct_value.fields["value"].CopyFrom(plain)


def _options(request: Any) -> Options:
    return Options(
        parent=short(request.parent),
        protect=request.protect,
        provider=short(request.provider.rpartition("::")[0]),
        depends_on=tuple(sorted(short(urn) for urn in request.dependencies)),
        ignore_changes=tuple(request.ignoreChanges),
        replace_on_changes=tuple(request.replaceOnChanges),
        retain_on_delete=request.retainOnDelete,
        delete_before_replace=request.deleteBeforeReplace,
        deleted_with=short(request.deletedWith),
        aliases=tuple(alias.urn or alias.spec.name for alias in request.aliases),
        made_of={
            path: tuple(map(short, each.urns))
            for path, each in request.propertyDependencies.items()
        },
    )


def short(urn: str) -> str:
    """`parent$type::name`, without the stack's prefix."""
    return urn.removeprefix(f"urn:pulumi:{STACK}::{PROJECT}::").removeprefix("pulumi:pulumi:Stack$")


def _read(value: struct_pb2.Value) -> Any:
    """A wire value as Python, secrets where they are (the SDK's own reader moves them up)."""
    match value.WhichOneof("kind"):
        case "struct_value":
            return _read_struct(value.struct_value)
        case "list_value":
            return [_read(item) for item in value.list_value.values]
        case "string_value" if value.string_value == rpc.UNKNOWN:
            return UNKNOWN
        case "null_value" | None:
            return None
        case kind:
            return getattr(value, kind)


def _read_struct(struct: struct_pb2.Struct) -> Any:
    signature = struct.fields[rpc._special_sig_key].string_value if _signed(struct) else ""
    if signature == rpc._special_secret_sig:
        return Secret(_read(struct.fields["value"]))
    if signature:
        return rpc.deserialize_properties(struct)
    return {key: _read(item) for key, item in struct.fields.items()}


def _signed(struct: struct_pb2.Struct) -> bool:
    return rpc._special_sig_key in struct.fields


class World(dict[str, dict[str, Any]]):
    """Inputs by short URN, in sorted order."""

    def __init__(self, monitor: _Recorder, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(sorted(monitor.inputs.items()))
        self.options = monitor.options
        self.result: Any = None
        """What the program returned, usually the component under test."""
        self._loop = loop
        self._close = weakref.finalize(self, loop.close)

    def of_type(self, token: str) -> dict[str, dict[str, Any]]:
        """The resources of one type, by name: `azure-native:network:Subnet`."""
        return {
            urn.partition("::")[2]: inputs
            for urn, inputs in self.items()
            if urn.partition("::")[0].rpartition("$")[2] == token
        }

    def only(self, token: str) -> dict[str, Any]:
        """The inputs of the one resource of this type."""
        found = self.of_type(token)
        assert len(found) == 1, f"expected one {token}, found {sorted(found)}"
        return next(iter(found.values()))

    def options_of(self, token: str) -> dict[str, Options]:
        """The options of one type's resources, by name."""
        return {
            urn.partition("::")[2]: options
            for urn, options in sorted(self.options.items())
            if urn.partition("::")[0].rpartition("$")[2] == token
        }

    def value(self, output: pulumi.Output[Any]) -> Any:
        """What an output came to: its value, `UNKNOWN`, or a `Secret` of either."""

        async def settled() -> Any:
            known, secret = await output.is_known(), await output.is_secret()
            found = await output.future() if known else UNKNOWN
            return Secret(found) if secret else found

        asyncio.set_event_loop(self._loop)
        return self._loop.run_until_complete(settled())


def deploy(
    build: Callable[[], object],
    *,
    cloud: mocks.Mocks | None = None,
    config: Mapping[str, Any] | None = None,
    secrets: Mapping[str, str] | None = None,
    unknowns: bool = False,
) -> World:
    """Run *build* as a program and return what it registered.

    *config* and *secrets* are the stack's configuration (objects become JSON, as in the engine).
    With *unknowns* it is the first preview: ids and computed outputs are not known to anybody.
    What *build* raises is raised here.
    """
    loop = new_loop()
    asyncio.set_event_loop(loop)
    settings.reset_options()
    values = {**(config or {}), **(secrets or {})}
    texts = {k: v if isinstance(v, str) else json.dumps(v) for k, v in values.items()}
    runtime_config.set_all_config(texts, list(secrets or {}))
    answers = cloud or EchoCloud()
    monitor = _Recorder(_Preview(answers) if unknowns else answers)
    mocks.set_mocks(monitor.mocks, project=PROJECT, stack=STACK, preview=unknowns, monitor=monitor)
    made: list[object] = []
    try:
        mocks.test(lambda: made.append(build()))()
    except BaseException:
        _abandon(loop)
        raise
    world = World(monitor, loop)
    world.result = made[0]
    return world


def _abandon(loop: asyncio.AbstractEventLoop) -> None:
    """End what a failed program left under way, so that the next test hears nothing of it."""
    # A task that ends lets others begin, which are cancelled in turn.
    while tasks := asyncio.all_tasks(loop):
        for task in tasks:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
    loop.close()
    asyncio.set_event_loop(None)
