"""For tests of a project that deploys these components: what a stack declares, as plain values.

No engine, cloud or network is needed. It is what the first preview of a stack sees: what only a
deployment makes known is `UNKNOWN`, what is secret is `SECRET`.

    declared = Project(Path(__file__).parents[1]).declare("dev")
    assert all(rule["access"] == "Deny" for rule in declared.of_type("...:NetworkSecurityRule"))
"""

import asyncio
import gc
import json
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pulumi.runtime import config, mocks, rpc, settings

from components.settings import Environment, document, parse_file
from components.settings.topology import NAMESPACE
from operationalization.program import declare

# A program lives for seconds, tests do not.
gc.enable()

UNKNOWN: Final = "UNKNOWN"
"""In place of a value that only a deployment makes known."""

SECRET: Final = "SECRET"  # noqa: S105 -- a word in place of one
"""In place of a secret."""

ANSWERS: Final[Mapping[str, Mapping[str, Any]]] = {
    "aws:index/getCallerIdentity:getCallerIdentity": {
        "accountId": "111122223333",
        "arn": "arn:aws:iam::111122223333:user/tests",
        "userId": "tests",
    },
    "aws:autoscaling/getAmiIds:getAmiIds": {"names": [], "arns": [], "id": "tests"},
    "aws:ec2/getAmi:getAmi": {"id": "ami-0123456789abcdef0", "rootDeviceName": "/dev/xvda"},
    "azure-native:features:getSubscriptionFeatureRegistration": {
        "id": "feature",
        "name": "EncryptionAtHost",
        "type": "Microsoft.Features/featureProviders/subscriptionFeatureRegistrations",
        "systemData": {},
        "properties": {"state": "Registered"},
    },
}
"""What a cloud answers to what the program looks up before it declares anything."""


@dataclass(frozen=True, slots=True)
class Declared:
    """A resource as the program declares it."""

    type: str
    """Pulumi's token, such as `azure-native:network:NetworkSecurityGroup`."""

    name: str
    inputs: Mapping[str, Any]
    protect: bool
    """Whether the engine refuses to delete it."""


class Everything(tuple[Declared, ...]):
    """All that a stack declares, in a stable order."""

    __slots__ = ()

    def of_type(self, token: str) -> list[Declared]:
        """Return the resources of one type, which may be given by the end of its token."""
        return [each for each in self if each.type == token or each.type.endswith(f":{token}")]


@dataclass(frozen=True, slots=True)
class Project:
    """A project of yours, by the folder that Pulumi.yaml is in."""

    folder: Path

    @property
    def stacks(self) -> list[str]:
        """Names of the stacks that have a file."""
        files = (self.folder / "stacks").glob("Pulumi.*.yaml")
        return sorted(path.name.removeprefix("Pulumi.").removesuffix(".yaml") for path in files)

    def environment(self, stack: str, *, base: str | None = None) -> Environment:
        """Return the checked settings of *stack*, as its file says or over another *base*.

        Raises SettingsError with all that is wrong.
        """
        return parse_file(self._file(stack), base=base)

    def declare(self, stack: str, *, base: str | None = None) -> Everything:
        """Return what *stack* declares, as its file says or over another *base*.

        Raises SettingsError with all that is wrong.
        """
        name = document.read(self.folder / "Pulumi.yaml", stack).value["name"]
        return _declare(self.folder, str(name), stack, self._configuration(stack, base))

    def _file(self, stack: str) -> Path:
        return self.folder / "stacks" / f"Pulumi.{stack}.yaml"

    def _configuration(self, stack: str, base: str | None) -> dict[str, str]:
        """Return the configuration as the engine hands it over; what is encrypted stays away."""
        found = document.read(self._file(stack), stack).value["config"]
        over = {} if base is None else {f"{NAMESPACE}:base": base}
        return {
            key: value if isinstance(value, str) else json.dumps(value)
            for key, value in {**found, **over}.items()
            if not (isinstance(value, dict) and "secure" in value)
        }


def _declare(folder: Path, project: str, stack: str, configured: dict[str, str]) -> Everything:
    # The SDK keeps what the last program left, bound to that program's event loop.
    settings.reset_options()
    loop = asyncio.new_event_loop()
    loop.set_default_executor(_InPlace(max_workers=1))
    asyncio.set_event_loop(loop)
    config.set_all_config(configured, [])
    before = os.environ.get("PULUMI_CONFIG")
    # Where a program finds out which keys there are.
    os.environ["PULUMI_CONFIG"] = json.dumps(configured)
    monitor = _Recorder()
    mocks.set_mocks(monitor.mocks, project=project, stack=stack, preview=True, monitor=monitor)
    try:
        mocks.test(lambda: declare(folder))()  # type: ignore[no-untyped-call]
    finally:
        os.environ.pop("PULUMI_CONFIG")
        os.environ.update({} if before is None else {"PULUMI_CONFIG": before})
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.close()
        asyncio.set_event_loop(None)
    return Everything(sorted(monitor.found, key=lambda each: (each.type, each.name)))


class _InPlace(ThreadPoolExecutor):
    """Runs each call at once: a thread would bring an event loop that nobody closes."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:
            future.set_exception(error)
        return future


class _FirstPreview(mocks.Mocks):
    """A cloud in which nothing exists yet."""

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        known = {k: v for k, v in args.inputs.items() if not rpc.contains_unknowns(v)}
        return None, known

    def call(self, args: mocks.MockCallArgs) -> Any:
        if args.token not in ANSWERS:
            raise AssertionError(f"{args.token} was looked up: tests have no answer to that")
        return dict(ANSWERS[args.token])


class _Recorder(mocks.MockMonitor):
    """The SDK's stand-in for the engine, which remembers what is declared."""

    def __init__(self) -> None:
        super().__init__(_FirstPreview())
        self.found: list[Declared] = []

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 (the SDK's name)
        if request.type != "pulumi:pulumi:Stack":
            inputs = dict(_each(request.object))
            self.found.append(Declared(request.type, request.name, inputs, request.protect))
        return super().RegisterResource(request)  # type: ignore[no-untyped-call]


def _each(struct: Any) -> Iterator[tuple[str, Any]]:
    for key, value in struct.fields.items():
        yield key, _plain(value)


def _plain(value: Any) -> Any:
    match value.WhichOneof("kind"):
        case "struct_value":
            fields = value.struct_value.fields
            if rpc._special_sig_key not in fields:  # noqa: SLF001 -- the SDK has no other name
                return dict(_each(value.struct_value))
            secret = rpc._special_secret_sig  # noqa: SLF001
            if fields[rpc._special_sig_key].string_value == secret:  # noqa: SLF001
                return SECRET
            return rpc.deserialize_properties(value.struct_value)
        case "list_value":
            return [_plain(item) for item in value.list_value.values]
        case "string_value" if value.string_value == rpc.UNKNOWN:
            return UNKNOWN
        case "number_value" if value.number_value.is_integer():
            return int(value.number_value)
        case "null_value" | None:
            return None
        case kind:
            return getattr(value, kind)


__all__ = ["ANSWERS", "SECRET", "UNKNOWN", "Declared", "Everything", "Project"]
