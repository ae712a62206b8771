"""The provider protocol over gRPC: Structs in, `provider.py`'s plain values, Structs out.

The engine opens one connection for each provider that a program declares, and no later request says
which provider it is for; so a configuration belongs to the connection that sent it. Every call is
answered, also a hostile one: with a refusal that says what is wrong, never with a crash.
"""

import json
import logging
from collections import OrderedDict
from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from threading import Event, Lock
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from sandbox.control import faults, lookups, naming, wire
from sandbox.control.answers import RefusalError, answered, failures_of, kind_of
from sandbox.control.changes import How
from sandbox.control.engines import Engines
from sandbox.control.fabric import Absent, Fabric, Watch
from sandbox.control.faults import Attempt, Call
from sandbox.control.packages import Package
from sandbox.control.peers import Peers
from sandbox.control.provider import Provider
from sandbox.control.store import Store

_LOG = logging.getLogger(__name__)

_THREADS = 1024
"""An operation may wait for minutes, and Cancel must find a thread then. The engine asks for four
times the processors at once by default; threads are made when they are needed."""
_ABSENT = Absent()
_MAX_CONFIGURATIONS = 1024
"""Connections whose configuration is kept; the oldest go first."""

Context = grpc.ServicerContext


class Servicer(provider_pb2_grpc.ResourceProviderServicer):
    """One package, for every program that comes."""

    def __init__(
        self,
        package: Package,
        store: Store,
        allowed: frozenset[int],
        fabric: Fabric = _ABSENT,
    ) -> None:
        self._package = package
        self._store = store
        self._provider = Provider(package, store, fabric=fabric)
        self.engines = Engines()
        self._allowed = allowed
        self._peers: Peers | None = None
        self._configured: OrderedDict[str, Provider] = OrderedDict()
        self._lock = Lock()

    def listen(self, port: int) -> None:
        """Say which port is served: from here on every peer is looked up."""
        self._peers = Peers(port, self._allowed)

    def admit(self, context: Context) -> None:
        """Raise RefusalError unless the caller is one of the sandbox's users."""
        peer = context.peer()
        if self._peers is None or not self._peers.may_call(peer):
            raise RefusalError(
                grpc.StatusCode.PERMISSION_DENIED,
                "this sandbox belongs to another user: only the one who started it, and root, "
                "may use it; start your own with scripts/sandbox start",
            )

    def _of(self, context: Context) -> Provider:
        """The provider as the engine configured it over this connection.

        A connection that was lost and made anew has no configuration: to go on with a default one
        could put a resource into another location or subscription.
        """
        with self._lock:
            found = self._configured.get(context.peer())
        if found is None:
            raise RefusalError(
                grpc.StatusCode.FAILED_PRECONDITION,
                "the connection to the sandbox was lost, and the provider's configuration with "
                "it; run the command again",
            )
        return found

    def _target(self, request: Any, context: Context) -> str:
        """The id of the resource that a call is about; of a creation the one that it will have."""
        if known := str(getattr(request, "id", "")):
            return known
        kind = self._package.kinds.get(kind_of(request))
        subscription = self._of(context).configuration.subscription
        return lookups.id_of(kind, wire.decode(request.properties), subscription)

    @contextmanager
    def _operation(self, call: Call, request: Any, context: Context) -> Iterator[Watch]:
        """One call of the cloud: it can be cancelled, and may meet a planned fault."""
        attempt = Attempt(
            call=call,
            type=kind_of(request),
            target=lambda: self._target(request, context),
            subject=request.urn,
            timeout=getattr(request, "timeout", 0.0),
        )
        refusals = None if getattr(request, "preview", False) else self._package.refusals
        with (
            self.engines.operation(context, request.urn) as watch,
            faults.around(self._store, refusals, attempt, watch),
        ):
            yield watch

    @answered
    def GetPluginInfo(  # noqa: N802 -- the protocol's name, here and below
        self, _request: empty_pb2.Empty, _context: Context
    ) -> plugin_pb2.PluginInfo:
        """The SDK's version: what the provider of a real cloud would answer."""
        return plugin_pb2.PluginInfo(version=self._package.schema.version)

    @answered
    def Attach(  # noqa: N802
        self, request: plugin_pb2.PluginAttach, context: Context
    ) -> empty_pb2.Empty:
        """Keep where the engine's log is: progress of operations goes there."""
        self.engines.attach(context.peer(), request.address)
        return empty_pb2.Empty()

    @answered
    def Cancel(self, _request: empty_pb2.Empty, context: Context) -> empty_pb2.Empty:  # noqa: N802
        """Ctrl-C: stop waiting; what was begun exists, and the engine hears that it does."""
        self.engines.cancel(context.peer())
        return empty_pb2.Empty()

    @answered
    def GetSchema(  # noqa: N802
        self, _request: provider_pb2.GetSchemaRequest, _context: Context
    ) -> provider_pb2.GetSchemaResponse:
        """Only what identifies the package: its schema is in the SDK."""
        schema = {"name": self._package.name, "version": self._package.schema.version}
        return provider_pb2.GetSchemaResponse(schema=json.dumps(schema))

    @answered
    def CheckConfig(  # noqa: N802
        self, request: provider_pb2.CheckRequest, _context: Context
    ) -> provider_pb2.CheckResponse:
        """Refuse a configuration that the cloud doesn't have (a misspelt location)."""
        problems = self._package.configuration(wire.known(wire.decode(request.news)))
        return provider_pb2.CheckResponse(inputs=request.news, failures=failures_of(list(problems)))

    @answered
    def DiffConfig(  # noqa: N802
        self, request: provider_pb2.DiffRequest, _context: Context
    ) -> provider_pb2.DiffResponse:
        """A provider's configuration never forces replacement.

        The engine configures a provider anew only if it hears that there is a difference: without
        one, new default tags would take effect an update late.
        """
        answer = provider_pb2.DiffResponse
        same = wire.decode(request.old_inputs) == wire.decode(request.news)
        return answer(changes=answer.DIFF_NONE if same else answer.DIFF_SOME)

    @answered
    def Configure(  # noqa: N802
        self, request: provider_pb2.ConfigureRequest, context: Context
    ) -> provider_pb2.ConfigureResponse:
        """Keep the configuration for the calls over this connection."""
        values = wire.known(wire.decode(request.args))
        provider = self._provider.configured(values)
        with self._lock:
            self._configured[context.peer()] = provider
            while len(self._configured) > _MAX_CONFIGURATIONS:
                self._configured.popitem(last=False)
        return provider_pb2.ConfigureResponse(
            acceptSecrets=True, supportsPreview=True, supports_autonaming_configuration=True
        )

    @answered
    def Check(  # noqa: N802
        self, request: provider_pb2.CheckRequest, context: Context
    ) -> provider_pb2.CheckResponse:
        """Fill in what azure-native fills in, and refuse what the cloud would refuse."""
        naming_options = request.autonaming
        modes = provider_pb2.CheckRequest.AutonamingOptions.Mode
        automatic = request.HasField("autonaming")
        provider = self._of(context)
        wanted = naming.Request(
            logical_name=request.name or request.urn.rpartition("::")[2],
            seed=request.randomSeed,
            old=wire.decode(request.olds),
            new=wire.decode(request.news),
            location=provider.configuration.location,
            tags=provider.configuration.tags,
            proposed=naming_options.proposed_name if automatic else "",
            named=not automatic or naming_options.mode != modes.DISABLE,
            urn=request.urn,
        )
        inputs, problems = provider.check(kind_of(request), wanted)
        return provider_pb2.CheckResponse(
            inputs=wire.encode(inputs), failures=failures_of(problems)
        )

    @answered
    def Diff(  # noqa: N802
        self, request: provider_pb2.DiffRequest, context: Context
    ) -> provider_pb2.DiffResponse:
        """What differs, property by property, and whether that replaces the resource."""
        found = self._of(context).diff(
            kind_of(request),
            wire.decode(request.old_inputs),
            wire.decode(request.news),
            list(request.ignoreChanges),
            request.id,
        )
        response = provider_pb2.DiffResponse
        return response(
            changes=response.DIFF_SOME if found.differences else response.DIFF_NONE,
            replaces=found.replaces,
            deleteBeforeReplace=found.delete_first,
            diffs=list(dict.fromkeys(str(each.path[0]) for each in found.differences)),
            detailedDiff={
                each.text: provider_pb2.PropertyDiff(
                    kind=_KINDS[each.how, each.replaces], inputDiff=True
                )
                for each in found.differences
            },
            hasDetailedDiff=True,
        )

    @answered
    def Create(  # noqa: N802
        self, request: provider_pb2.CreateRequest, context: Context
    ) -> provider_pb2.CreateResponse:
        """Create one resource; it is on disk, and works, when this returns."""
        inputs = wire.decode(request.properties)
        with self._operation(Call.CREATE, request, context) as watch:
            target, outputs = self._of(context).create(
                kind_of(request), request.urn, inputs, preview=request.preview, watch=watch
            )
        return provider_pb2.CreateResponse(id=target, properties=wire.encode(outputs))

    @answered
    def Read(  # noqa: N802
        self, request: provider_pb2.ReadRequest, context: Context
    ) -> provider_pb2.ReadResponse:
        """The resource as it is; without id when it is gone."""
        inputs, state = wire.decode(request.inputs), wire.decode(request.properties)
        with self._operation(Call.READ, request, context):
            found = self._of(context).read(kind_of(request), request.id, inputs, state)
        if found is None:
            return provider_pb2.ReadResponse()
        return provider_pb2.ReadResponse(
            id=found.id,
            properties=wire.encode(found.outputs),
            inputs=wire.encode(found.inputs),
        )

    @answered
    def Update(  # noqa: N802
        self, request: provider_pb2.UpdateRequest, context: Context
    ) -> provider_pb2.UpdateResponse:
        """Change one resource in place."""
        with self._operation(Call.UPDATE, request, context) as watch:
            outputs = self._of(context).update(
                kind_of(request),
                request.id,
                wire.decode(request.news),
                wire.decode(request.olds),
                preview=request.preview,
                watch=watch,
            )
        return provider_pb2.UpdateResponse(properties=wire.encode(outputs))

    @answered
    def Delete(  # noqa: N802
        self, request: provider_pb2.DeleteRequest, context: Context
    ) -> empty_pb2.Empty:
        """Delete one resource, or say who still needs it."""
        with self._operation(Call.DELETE, request, context) as watch:
            state = wire.decode(request.properties)
            self._of(context).delete(kind_of(request), request.id, watch, state)
        return empty_pb2.Empty()

    @answered
    def Invoke(  # noqa: N802
        self, request: provider_pb2.InvokeRequest, context: Context
    ) -> provider_pb2.InvokeResponse:
        """Run a provider function."""
        result, problems = self._of(context).invoke(request.tok, wire.decode(request.args))
        if problems:
            return provider_pb2.InvokeResponse(failures=failures_of(problems))
        response = provider_pb2.InvokeResponse()
        getattr(response, "return").CopyFrom(wire.encode(result))
        return response

    @answered
    def Handshake(  # noqa: N802
        self, _request: provider_pb2.ProviderHandshakeRequest, _context: Context
    ) -> provider_pb2.ProviderHandshakeResponse:
        """Refused: that is for plug-ins that the engine starts; it goes on with Attach."""
        raise RefusalError(grpc.StatusCode.UNIMPLEMENTED, "the sandbox is attached to, not started")

    @answered
    def Parameterize(  # noqa: N802
        self, _request: provider_pb2.ParameterizeRequest, _context: Context
    ) -> provider_pb2.ParameterizeResponse:
        """Refused: the sandbox has the installed SDKs' API versions only."""
        raise RefusalError(
            grpc.StatusCode.UNIMPLEMENTED,
            f"the sandbox serves {self._package.name} {self._package.schema.version} as it is "
            "installed, no parameterized package; use the resource types of that SDK",
        )

    @answered
    def GetMapping(  # noqa: N802
        self, _request: provider_pb2.GetMappingRequest, _context: Context
    ) -> provider_pb2.GetMappingResponse:
        """Nothing: mappings are for `pulumi convert`."""
        return provider_pb2.GetMappingResponse()

    @answered
    def GetMappings(  # noqa: N802
        self, _request: provider_pb2.GetMappingsRequest, _context: Context
    ) -> provider_pb2.GetMappingsResponse:
        """Nothing: mappings are for `pulumi convert`."""
        return provider_pb2.GetMappingsResponse()

    @answered
    def Construct(  # noqa: N802
        self, request: provider_pb2.ConstructRequest, _context: Context
    ) -> provider_pb2.ConstructResponse:
        """Refused: neither cloud's provider has component resources."""
        raise RefusalError(
            grpc.StatusCode.UNIMPLEMENTED,
            f"{request.type} is a component resource; {self._package.name} has none",
        )

    @answered
    def Call(  # noqa: N802
        self, request: provider_pb2.CallRequest, _context: Context
    ) -> provider_pb2.CallResponse:
        """Refused: methods belong to component resources."""
        raise RefusalError(
            grpc.StatusCode.UNIMPLEMENTED,
            f"{request.tok} is a method of a component resource; {self._package.name} has none",
        )


_KINDS = {
    (How.ADD, False): provider_pb2.PropertyDiff.ADD,
    (How.ADD, True): provider_pb2.PropertyDiff.ADD_REPLACE,
    (How.DELETE, False): provider_pb2.PropertyDiff.DELETE,
    (How.DELETE, True): provider_pb2.PropertyDiff.DELETE_REPLACE,
    (How.UPDATE, False): provider_pb2.PropertyDiff.UPDATE,
    (How.UPDATE, True): provider_pb2.PropertyDiff.UPDATE_REPLACE,
}


class Serving:
    """A server that runs."""

    def __init__(self, server: grpc.Server, servicer: Servicer) -> None:
        self._server = server
        self._servicer = servicer

    def stop(self, grace: float) -> Event:
        """Take no more calls, and end those that wait; set when all are over.

        *grace*: seconds after which an answer that is still under way is lost.
        """
        over = self._server.stop(grace)
        self._servicer.engines.cancel_all()
        return over


def serve(
    package: Package,
    store: Store,
    allowed: frozenset[int],
    port: int = 0,
    fabric: Fabric = _ABSENT,
) -> tuple[Serving, int]:
    """Start a server for *package* on a loopback port (0: any). Raises OSError when it is taken."""
    options = [
        ("grpc.so_reuseport", 0),  # or a second daemon would share the port unnoticed
        ("grpc.max_receive_message_length", wire.MAX_BYTES),
        ("grpc.max_send_message_length", -1),
    ]
    server = grpc.server(futures.ThreadPoolExecutor(_THREADS), options=options)
    servicer = Servicer(package, store, allowed, fabric)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    try:
        bound = server.add_insecure_port(f"127.0.0.1:{port}")
    except RuntimeError as error:
        raise OSError(f"port {port} on 127.0.0.1 is taken by another program") from error
    servicer.listen(bound)
    server.start()
    return Serving(server, servicer), bound
