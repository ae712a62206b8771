"""What a fabric is asked, and what the engine hears of it: over a real channel, scripted fabric."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent import futures
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import (
    engine_pb2,
    engine_pb2_grpc,
    plugin_pb2,
    provider_pb2,
    provider_pb2_grpc,
    status_pb2,
)

from sandbox.control import server, wire
from sandbox.control.fabric import NotReadyError, Watch
from sandbox.control.store import Store
from sandbox.home import PROJECT
from tests.support.provider import GROUP, NOTHING, SUBSCRIPTION, Client, package, serving, urn

IDENTITY = "azure-native:managedidentity:UserAssignedIdentity"
LOG = "nodes_0 did not become ready; the end of its log:\n  step 3/7 failed: exit code 100"
PATIENCE = 20.0
"""Seconds until a test gives up."""


@dataclass
class Scripted:
    """A fabric that remembers what it was asked, and answers what a test put in."""

    store: Store | None = None
    calls: list[tuple[str, str, bool]] = field(default_factory=list)
    """Verb, name, and whether the resource was there."""
    realizing: Callable[[str, Watch], None] = lambda _, __: None
    retiring: Callable[[str, Watch], None] = lambda _, __: None

    def realize(self, target: str, watch: Watch) -> None:
        self._note("realize", target)
        self.realizing(target, watch)

    def retire(self, target: str, watch: Watch) -> None:
        self._note("retire", target)
        self.retiring(target, watch)

    def _note(self, verb: str, target: str) -> None:
        assert self.store is not None
        # No transaction is open, or this one would wait for it for ever.
        done = Event()
        threading.Thread(target=self._write, args=(self.store, done), daemon=True).start()
        assert done.wait(PATIENCE)
        self.calls.append((verb, target.rpartition("/")[2], self.store.read().has(target)))

    @staticmethod
    def _write(store: Store, done: Event) -> None:
        with store.change():
            done.set()


@pytest.fixture
def fabric() -> Scripted:
    return Scripted()


@pytest.fixture
def azure(tmp_path, fabric) -> Iterator[Client]:
    with serving("azure-native", tmp_path, fabric=fabric) as client:
        fabric.store = client.store
        client.configure(location="westeurope")
        yield client


@pytest.fixture
def group(azure, fabric) -> str:
    azure.create(GROUP, "g", {"resourceGroupName": "g"})
    fabric.calls.clear()
    return f"{SUBSCRIPTION}/resourceGroups/g"


def identity(azure, urn_name="i", **more):
    inputs = {"resourceGroupName": "g", "resourceName": "nodes", **more}
    return azure.create(IDENTITY, urn_name, inputs)


def update(azure, target, *, preview=False, **news):
    inputs = {"resourceGroupName": "g", "resourceName": "nodes", "location": "westeurope", **news}
    return azure.stub.Update(
        provider_pb2.UpdateRequest(
            id=target,
            urn=urn(IDENTITY, "i"),
            type=IDENTITY,
            news=wire.encode(inputs),
            preview=preview,
        )
    )


def fails(_: str, __: Watch) -> None:
    raise NotReadyError(LOG)


def what_failed(error: grpc.RpcError) -> provider_pb2.ErrorResourceInitFailed:
    """The detail that tells the engine of a resource that exists and does not work."""
    trailers = dict(error.trailing_metadata())
    status = status_pb2.Status.FromString(trailers["grpc-status-details-bin"])
    found = provider_pb2.ErrorResourceInitFailed()
    assert status.details[0].Unpack(found)
    assert status.code == grpc.StatusCode.UNKNOWN.value[0]
    return found


def test_the_fabric_is_asked_after_each_transaction_and_before_a_deletion(azure, fabric, group):
    target, _ = identity(azure)
    update(azure, target, tags={"a": "b"})
    azure.delete(IDENTITY, target)

    assert fabric.calls == [
        ("realize", "nodes", True),
        ("realize", "nodes", True),
        ("retire", "nodes", True),
        ("realize", "nodes", False),
    ]


def test_a_preview_never_touches_it(azure, fabric, group):
    target, _ = identity(azure)
    fabric.calls.clear()
    azure.create(IDENTITY, "o", {"resourceGroupName": "g", "resourceName": "other"}, preview=True)
    update(azure, target, preview=True, tags={"a": "b"})

    assert fabric.calls == []


def test_a_refused_creation_never_touches_it(azure, fabric, group):
    identity(azure)
    fabric.calls.clear()

    with pytest.raises(grpc.RpcError, match="cannot create already existing"):
        identity(azure, "another")
    assert fabric.calls == []


def test_what_others_need_is_refused_before_anything_is_stopped(azure, fabric, group):
    inputs = {"resourceGroupName": "g", "addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}
    azure.create(
        "azure-native:network:VirtualNetwork", "v", {**inputs, "virtualNetworkName": "vnet"}
    )
    subnet, _ = azure.create(
        "azure-native:network:Subnet",
        "s",
        {
            "resourceGroupName": "g",
            "virtualNetworkName": "vnet",
            "subnetName": "s",
            "addressPrefix": "10.0.0.0/24",
        },
    )
    azure.create(
        "azure-native:network:NetworkInterface",
        "n",
        {
            "resourceGroupName": "g",
            "networkInterfaceName": "n",
            "ipConfigurations": [{"name": "main", "subnet": {"id": subnet}}],
        },
    )
    fabric.calls.clear()

    with pytest.raises(grpc.RpcError, match="in use"):
        azure.delete("azure-native:network:Subnet", subnet)
    assert fabric.calls == []
    assert azure.read("azure-native:network:Subnet", subnet).id == subnet


def test_a_kinds_own_refusal_comes_before_anything_is_stopped(azure, fabric, group):
    tenant = "5a9d0b0e-0000-4000-8000-000000000001"
    properties = {
        "tenantId": tenant,
        "sku": {"family": "A", "name": "standard"},
        "enableRbacAuthorization": True,
        "publicNetworkAccess": "Disabled",
    }
    azure.create(
        "azure-native:keyvault:Vault",
        "v",
        {"resourceGroupName": "g", "vaultName": "vault-abc123", "properties": properties},
    )
    secret, _ = azure.create(
        "azure-native:keyvault:Secret",
        "s",
        {
            "resourceGroupName": "g",
            "vaultName": "vault-abc123",
            "secretName": "s",
            "properties": {"value": "x"},
        },
    )
    fabric.calls.clear()

    with pytest.raises(grpc.RpcError, match="Forbidden"):
        azure.delete("azure-native:keyvault:Secret", secret)
    assert fabric.calls == []


def test_what_is_gone_already_is_not_retired(azure, fabric, group):
    azure.delete(IDENTITY, f"{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/no")

    assert fabric.calls == []


def test_a_resource_that_does_not_work_exists_and_says_why(azure, fabric, group):
    fabric.realizing = fails
    with pytest.raises(grpc.RpcError) as refusal:
        identity(azure, tags={"a": "b"})
    failed = what_failed(refusal.value)

    assert list(failed.reasons) == [LOG]
    assert wire.decode(failed.properties)["tags"] == {"a": "b"}
    assert wire.decode(failed.properties)["principalId"]
    assert azure.store.read().get(failed.id) is not None


def test_a_read_says_so_until_it_works(azure, fabric, group):
    target, _ = identity(azure)
    fabric.realizing = fails
    with pytest.raises(grpc.RpcError) as refusal:
        update(azure, target, tags={"a": "b"})
    assert wire.decode(what_failed(refusal.value).properties)["tags"] == {"a": "b"}

    with pytest.raises(grpc.RpcError) as refusal:
        azure.read(IDENTITY, target)
    failed = what_failed(refusal.value)
    assert (failed.id, list(failed.reasons)) == (target, [LOG])
    assert wire.decode(failed.inputs)["tags"] == {"a": "b"}
    assert wire.decode(failed.properties)["tags"] == {"a": "b"}

    fabric.realizing = lambda _, __: None
    update(azure, target, tags={"a": "b"})  # as before: the engine tries again
    assert azure.read(IDENTITY, target).id == target


def test_a_new_resource_of_the_same_name_starts_afresh(azure, fabric, group):
    fabric.realizing = fails
    with pytest.raises(grpc.RpcError):
        identity(azure)
    target = f"{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/nodes"
    fabric.realizing = lambda _, __: None
    azure.delete(IDENTITY, target)
    identity(azure)

    assert azure.read(IDENTITY, target).id == target


def test_what_the_sandbox_did_not_see_working_is_told_after_a_restart(
    tmp_path, azure, fabric, group
):
    under_way = begun(azure, fabric)
    target = f"{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/nodes"
    # What is on disk now is what a restart after kill -9 finds.
    with serving("azure-native", tmp_path, fabric=Scripted()) as after:
        after.configure(location="westeurope")
        with pytest.raises(grpc.RpcError) as refusal:
            after.read(IDENTITY, target)
    with serving("azure-native", tmp_path) as alone:
        alone.configure(location="westeurope")
        assert alone.read(IDENTITY, target).id == target  # nothing is real there
    azure.stub.Cancel(NOTHING)
    with pytest.raises(grpc.RpcError):
        under_way.result(PATIENCE)

    assert list(what_failed(refusal.value).reasons) == [
        "the sandbox or the engine ended before this was known to work; run the command again"
    ]


def test_a_fabric_that_fails_by_mistake_loses_no_resource(azure, fabric, group):
    def broken(_: str, __: Watch) -> None:
        raise KeyError("eth0")

    fabric.realizing = broken
    with pytest.raises(grpc.RpcError) as refusal:
        identity(azure)
    (reason,) = what_failed(refusal.value).reasons
    assert reason == (
        "the sandbox itself failed (KeyError: 'eth0'); its log has the trace: scripts/sandbox "
        "status shows where it is"
    )


def test_an_interrupted_deletion_leaves_the_resource(azure, fabric, group):
    target, _ = identity(azure)

    def interrupted(_: str, __: Watch) -> None:
        raise NotReadyError("i still drains")

    fabric.retiring = interrupted
    with pytest.raises(grpc.RpcError, match="i still drains") as refusal:
        azure.delete(IDENTITY, target)
    assert refusal.value.code() is grpc.StatusCode.ABORTED
    assert azure.read(IDENTITY, target).id == target


def test_what_fails_after_a_deletion_does_not_undo_it(azure, fabric, group):
    target, _ = identity(azure)
    fabric.realizing = fails
    azure.delete(IDENTITY, target)

    assert azure.read(IDENTITY, target).id == ""


def waiting(entered: Event) -> Callable[[str, Watch], None]:
    """A fabric's answer that comes when nobody waits any more."""

    def wait(_: str, watch: Watch) -> None:
        entered.set()
        assert watch.cancelled.wait(PATIENCE)
        raise NotReadyError("interrupted")

    return wait


@contextmanager
def second(azure: Client) -> Iterator[provider_pb2_grpc.ResourceProviderStub]:
    """Another engine on the same sandbox: a connection of its own."""
    options = [("grpc.use_local_subchannel_pool", 1)]
    with grpc.insecure_channel(f"127.0.0.1:{azure.port}", options=options) as channel:
        yield provider_pb2_grpc.ResourceProviderStub(channel)


def begun(azure: Client, fabric: Scripted) -> grpc.Future:
    """A creation that waits for its machine."""
    entered = Event()
    fabric.realizing = waiting(entered)
    inputs = azure.checked(IDENTITY, "i", {"resourceGroupName": "g", "resourceName": "nodes"})
    request = provider_pb2.CreateRequest(
        urn=urn(IDENTITY, "i"), name="i", type=IDENTITY, properties=wire.encode(inputs)
    )
    under_way = azure.stub.Create.future(request)
    assert entered.wait(PATIENCE)
    return under_way


def test_cancel_ends_what_this_engine_waits_for(azure, fabric, group):
    under_way = begun(azure, fabric)
    azure.stub.Cancel(NOTHING)

    with pytest.raises(grpc.RpcError) as refusal:
        under_way.result(PATIENCE)
    assert list(what_failed(refusal.value).reasons) == ["interrupted"]


def test_what_begins_after_cancel_does_not_wait(azure, fabric, group):
    azure.stub.Cancel(NOTHING)
    with pytest.raises(grpc.RpcError) as refusal:
        begun(azure, fabric).result(PATIENCE)
    assert list(what_failed(refusal.value).reasons) == ["interrupted"]


def test_cancel_of_another_engine_ends_nothing_here(azure, fabric, group):
    under_way = begun(azure, fabric)
    with second(azure) as other:
        other.Cancel(NOTHING)

    assert not under_way.done()
    azure.stub.Cancel(NOTHING)
    with pytest.raises(grpc.RpcError):
        under_way.result(PATIENCE)


def test_cancel_finds_a_thread_when_very_many_wait(azure, fabric, group):
    fabric.realizing = waiting(Event())
    requests = []
    for number in range(100):
        inputs = azure.checked(IDENTITY, f"i{number}", {"resourceGroupName": "g"})
        request = provider_pb2.CreateRequest(
            urn=urn(IDENTITY, f"i{number}"), type=IDENTITY, properties=wire.encode(inputs)
        )
        requests.append(azure.stub.Create.future(request))
    azure.stub.Cancel(NOTHING, timeout=PATIENCE)

    assert all(request.exception(PATIENCE) is not None for request in requests)


def test_an_engine_that_was_killed_is_not_waited_for(azure, fabric, group):
    entered, over = Event(), Event()

    def wait(_: str, watch: Watch) -> None:
        entered.set()
        if watch.cancelled.wait(PATIENCE):
            over.set()
        raise NotReadyError("interrupted")

    fabric.realizing = wait
    engine = f"""
import sys
import grpc
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc
from sandbox.control import wire
stub = provider_pb2_grpc.ResourceProviderStub(grpc.insecure_channel("127.0.0.1:{azure.port}"))
stub.Configure(provider_pb2.ConfigureRequest(args=wire.encode({{"location": "westeurope"}})))
inputs = {{"resourceGroupName": "g", "resourceName": "nodes", "location": "westeurope"}}
urn, kind = {urn(IDENTITY, "i")!r}, {IDENTITY!r}
stub.Create(provider_pb2.CreateRequest(urn=urn, type=kind, properties=wire.encode(inputs)))
"""
    process = subprocess.Popen([sys.executable, "-c", engine], cwd=PROJECT)
    try:
        assert entered.wait(PATIENCE)
    finally:
        process.kill()
        process.wait()

    assert over.wait(PATIENCE)


def test_a_server_that_stops_lets_the_engine_keep_what_exists(tmp_path, fabric):
    store = Store(tmp_path / "cloud.sqlite")
    fabric.store = store
    users = frozenset({os.getuid()})
    running, port = server.serve(package("azure-native"), store, users, fabric=fabric)
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        client = Client(provider_pb2_grpc.ResourceProviderStub(channel), store, port)
        client.configure(location="westeurope")
        client.create(GROUP, "g", {"resourceGroupName": "g"})
        under_way = begun(client, fabric)
        running.stop(PATIENCE).wait()
        with pytest.raises(grpc.RpcError) as refusal:
            under_way.result(PATIENCE)
    assert list(what_failed(refusal.value).reasons) == ["interrupted"]
    store.close()


class Log(engine_pb2_grpc.EngineServicer):
    """The log of an engine."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, bool, str]] = []

    def Log(self, request, _context):  # noqa: N802 -- the protocol's name
        severity = engine_pb2.LogSeverity.Name(request.severity)
        self.lines.append((severity, request.message, request.ephemeral, request.urn))
        return empty_pb2.Empty()


@contextmanager
def listening(log: Log) -> Iterator[str]:
    server = grpc.server(futures.ThreadPoolExecutor(4))
    engine_pb2_grpc.add_EngineServicer_to_server(log, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(0).wait()


def speaking(texts: Sequence[str], warnings: Sequence[str] = ()) -> Callable[[str, Watch], None]:
    def speak(_: str, watch: Watch) -> None:
        for text in texts:
            watch.report(text)
        for text in warnings:
            watch.warn(text)

    return speak


def test_progress_and_warnings_go_to_the_engines_log(azure, fabric, group):
    log = Log()
    fabric.realizing = speaking(["i: booting", "i: ready"], ["no SQL Server here"])
    with listening(log) as address:
        azure.stub.Attach(plugin_pb2.PluginAttach(address=address))
        identity(azure)

    assert log.lines == [
        ("INFO", "i: booting", True, urn(IDENTITY, "i")),
        ("INFO", "i: ready", True, urn(IDENTITY, "i")),
        ("WARNING", "no SQL Server here", False, urn(IDENTITY, "i")),
    ]


def test_each_engine_hears_of_its_own_operations_only(azure, fabric, group):
    mine, other = Log(), Log()
    fabric.realizing = speaking(["i: booting"])
    with listening(mine) as here, listening(other) as there, second(azure) as stub:
        azure.stub.Attach(plugin_pb2.PluginAttach(address=here))
        stub.Attach(plugin_pb2.PluginAttach(address=there))
        identity(azure)

    assert len(mine.lines) == 1
    assert other.lines == []


@pytest.mark.parametrize("address", ["127.0.0.1:1", "192.0.2.1:5000", "nonsense", ""])
def test_an_engine_that_can_not_be_reached_disturbs_nothing(azure, fabric, group, address):
    fabric.realizing = speaking(["i: booting", "i: ready"], ["beware"])
    azure.stub.Attach(plugin_pb2.PluginAttach(address=address))
    target, _ = identity(azure)

    assert azure.read(IDENTITY, target).id == target
