"""A sandbox provider behind a real gRPC channel, for tests: what the engine would get."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from sandbox.control import server, wire
from sandbox.control.fabric import Absent, Fabric
from sandbox.control.packages import PACKAGES, Package
from sandbox.control.store import Store

SUBSCRIPTION = "/subscriptions/5a9d0b0e-0000-4000-8000-000000000002"
GROUP = "azure-native:resources:ResourceGroup"
_ABSENT = Absent()


@dataclass(frozen=True)
class Client:
    """What the engine says to a provider, in short."""

    stub: provider_pb2_grpc.ResourceProviderStub
    store: Store
    port: int
    seed: bytes = b"seed of "
    """Of names that are made up; each update of a real engine has another."""

    def configure(self, **values: object) -> Any:
        return self.stub.Configure(provider_pb2.ConfigureRequest(args=wire.encode(values)))

    def check(
        self, kind: str, name: str, news: Mapping[str, object], olds: Mapping[str, object] = {}
    ) -> Any:
        return self.stub.Check(
            provider_pb2.CheckRequest(
                urn=urn(kind, name),
                name=name,
                type=kind,
                olds=wire.encode(olds),
                news=wire.encode(news),
                randomSeed=self.seed + name.encode(),
            )
        )

    def checked(
        self, kind: str, name: str, news: Mapping[str, object], olds: Mapping[str, object] = {}
    ) -> dict[str, object]:
        """The inputs, which must be right."""
        response = self.check(kind, name, news, olds)
        assert not response.failures, response.failures
        return wire.decode(response.inputs)

    def refused(self, kind: str, news: Mapping[str, object]) -> list[str]:
        """What check has against these inputs: `path: reason`."""
        failures = self.check(kind, "x", news).failures
        return [f"{each.property}: {each.reason}" for each in failures]

    def create(
        self, kind: str, name: str, news: Mapping[str, object], *, preview: bool = False
    ) -> tuple[str, dict[str, object]]:
        inputs = wire.encode(self.checked(kind, name, news))
        request = provider_pb2.CreateRequest(
            urn=urn(kind, name), name=name, type=kind, properties=inputs, preview=preview
        )
        response = self.stub.Create(request)
        return response.id, wire.decode(response.properties)

    def read(self, kind: str, target: str) -> Any:
        """As a refresh does, which has inputs of its own."""
        request = provider_pb2.ReadRequest(id=target, urn=urn(kind, "x"), type=kind)
        request.inputs.CopyFrom(wire.encode({"refreshed": True}))
        return self.stub.Read(request)

    def look_up(self, kind: str, target: str) -> Any:
        """As an import or `.get()` does."""
        request = provider_pb2.ReadRequest(id=target, urn=urn(kind, "x"), type=kind)
        return self.stub.Read(request)

    def delete(self, kind: str, target: str) -> Any:
        request = provider_pb2.DeleteRequest(id=target, urn=urn(kind, "x"), type=kind)
        return self.stub.Delete(request)


def urn(kind: str, name: str) -> str:
    return f"urn:pulumi:test::project::{kind}::{name}"


def package(name: str) -> Package:
    return next(each for each in PACKAGES if each.name == name)


@contextmanager
def serving(
    name: str,
    folder: Path,
    allowed: frozenset[int] | None = None,
    fabric: Fabric = _ABSENT,
) -> Iterator[Client]:
    """A client of the package *name*, with a state of its own in *folder*."""
    store = Store(folder / "cloud.sqlite")
    users = frozenset({os.getuid()}) if allowed is None else allowed
    running, port = server.serve(package(name), store, users, fabric=fabric)
    try:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield Client(provider_pb2_grpc.ResourceProviderStub(channel), store, port)
    finally:
        running.stop(0).wait()
        store.close()


NOTHING = empty_pb2.Empty()
