"""Endpoints and deployments as a blueprint: each endpoint is a network of the service's own.

In it are the endpoint's front, which callers reach by a public address, and the instances, which
nobody but the front reaches and which reach the internet as their deployment says. They reach no
metadata service and no virtual network of anybody's.

Sources: Azure documentation, "Network isolation for managed online endpoints" (scoring over 443,
egressPublicNetworkAccess), "CLI (v2) managed online deployment YAML schema" (probes).
"""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network

from sandbox.control import ids, public_pool
from sandbox.control.azure import durations, endpoint_instances
from sandbox.control.azure.endpoint_instances import RANGE, ROUTER, Instance, machine_id
from sandbox.control.azure.online_deployments import DEFAULT_SIZE
from sandbox.control.azure.online_endpoints import ONLINE_DEPLOYMENT_KIND, ONLINE_ENDPOINT_KIND
from sandbox.control.azure.sizes import size_of
from sandbox.control.kinds import Record, World
from sandbox.control.reading import mapping, number, text
from sandbox.fabric.containers import Registry
from sandbox.fabric.contract import (
    EVERYWHERE,
    PLATFORM_PROBE,
    Blueprint,
    Container,
    Frontend,
    Machine,
    Member,
    Network,
    Place,
    Port,
    Probe,
    Protocol,
    Rule,
    Stage,
)

HTTPS = 443
_GATEWAY = RANGE[1]
_ONLY_FRONT = Stage(
    id="instances: from the endpoint alone",
    rules=(Rule(name="endpoint", allow=True, sources=(IPv4Network(PLATFORM_PROBE),)),),
)
_NO_INSTANCES = Stage(
    id="endpoint: HTTPS from callers",
    rules=(
        Rule(name="instances", allow=False, sources=(RANGE,)),
        Rule(name="callers", allow=True, protocol="tcp", destination_ports=((HTTPS, HTTPS),)),
    ),
)
_NOWHERE = Stage(id="instances: no egress", rules=())
_INTERNET = Stage(
    id="instances: the internet",
    rules=(
        Rule(name="own", allow=False, destinations=(RANGE,)),
        Rule(name="internet", allow=True, destinations=EVERYWHERE),
    ),
)


def blueprint(world: World, registry: Registry | None) -> Blueprint:
    """What should exist for all endpoints. *registry*: the images that were built here."""
    networks, machines = [], []
    for endpoint in world.of(ONLINE_ENDPOINT_KIND):
        below = [
            child for child in world.children(endpoint.id) if child.type == ONLINE_DEPLOYMENT_KIND
        ]
        own = [
            _machine(world, endpoint, deployment, instance, registry)
            for deployment in below
            for instance in endpoint_instances.of(world, deployment)
        ]
        networks.append(_network(world, endpoint, below, own))
        machines.extend(own)
    return Blueprint(networks=tuple(networks), machines=tuple(machines))


def _network(
    world: World, endpoint: Record, deployments: list[Record], machines: list[Machine]
) -> Network:
    here = ids.key(endpoint.id)
    public = _public(world, endpoint)
    egress = {ids.key(each.id): _has_egress(each) for each in deployments}
    front = Port(
        id=f"{here}/front",
        place=Place.PLATFORM,
        owner=here,
        address=ROUTER,
        gateway=_GATEWAY,
        inbound=(_NO_INSTANCES,),
    )
    frontends: tuple[Frontend, ...] = ()
    if public is not None:
        frontends = (
            Frontend(
                id=f"{here}/public",
                address=public,
                port=HTTPS,
                member_port=HTTPS,
                members=(Member(port=front.id, address=ROUTER),),
            ),
        )
    return Network(
        id=here,
        name=ids.name_of(endpoint.id),
        ranges=(RANGE,),
        ports=(front, *(_port(each, public if egress[each.group] else None) for each in machines)),
        frontends=frontends,
        given=(PLATFORM_PROBE,),
    )


def _port(machine: Machine, nat: IPv4Address | None) -> Port:
    return Port(
        id=machine.port,
        place=Place.MACHINE,
        owner=machine.id,
        address=machine.address,
        gateway=_GATEWAY,
        inbound=(_ONLY_FRONT,),
        outbound=(_NOWHERE if nat is None else _INTERNET,),
        nat=nat,
    )


def _public(world: World, endpoint: Record) -> IPv4Address | None:
    """Its public address; None: it is private, or all addresses are taken."""
    if text(endpoint.outputs, "properties.publicNetworkAccess") == "Disabled":
        return None
    given = public_pool.lent(world, endpoint)
    return IPv4Address(given) if given else None


def _has_egress(deployment: Record) -> bool:
    return text(deployment.outputs, "properties.egressPublicNetworkAccess") != "Disabled"


def _machine(
    world: World,
    endpoint: Record,
    deployment: Record,
    instance: Instance,
    registry: Registry | None,
) -> Machine:
    own = machine_id(deployment.id, instance)
    known = size_of(text(deployment.outputs, "properties.instanceType") or DEFAULT_SIZE)
    name = f"{ids.name_of(deployment.id)}-{instance.number}"
    container = _container(world, deployment, instance, registry)
    return Machine(
        id=own,
        incarnation=instance.incarnation,
        group=ids.key(deployment.id),
        name=name,
        hostname=name.casefold(),
        network=ids.key(endpoint.id),
        port=f"{own}/port",
        address=IPv4Address(instance.address),
        image="",
        user_data=b"",
        vcpus=known.vcpus if known else 1,
        memory=int((known.memory if known else 1) * 1024),
        health=container.readiness,
        # Drained once its requests are answered, which takes no longer than one may take.
        notice=request_timeout(deployment) + 5.0,
        notice_unread=True,
        leaving=instance.leaving,
        container=container,
    )


def request_timeout(deployment: Record) -> float:
    """Seconds that a request may take, waiting for its turn included."""
    return _seconds(deployment, "requestSettings.requestTimeout", 5.0)


def _container(
    world: World, deployment: Record, instance: Instance, registry: Registry | None
) -> Container:
    environment = world.find(text(deployment.inputs, "properties.environmentId") or "")
    built = registry.find(instance.image) if registry and instance.image else None
    readiness = _probe(deployment, environment, "readiness")
    if built is None:
        problem = (
            f"the image {instance.image or '(none)'} is not in a registry of the sandbox: a task "
            "run has to build it there"
        )
        return Container(problem=problem, readiness=readiness, arrived=instance.ready)
    return Container(
        layers=built.layers,
        command=built.command,
        user=built.user,
        folder=built.folder,
        environment={**built.environment, **dict(_given(deployment))},
        readiness=readiness,
        liveness=_probe(deployment, environment, "liveness"),
        arrived=instance.ready,
    )


def _given(deployment: Record) -> Iterator[tuple[str, str]]:
    """What the deployment sets over the image's own variables."""
    found = mapping(deployment.inputs, "properties.environmentVariables")
    return ((name, str(value)) for name, value in found.items())


def _probe(deployment: Record, environment: Record | None, which: str) -> Probe | None:
    routes = mapping(environment.inputs if environment else {}, "properties.inferenceConfig")
    route = mapping(routes, f"{which}Route")
    port, path = number(route, "port"), text(route, "path")
    if port is None or path is None:
        return None
    settings = f"{which}Probe"
    return Probe(
        protocol=Protocol.HTTP,
        port=port,
        path=path,
        delay=_seconds(deployment, f"{settings}.initialDelay", 10.0),
        interval=_seconds(deployment, f"{settings}.period", 10.0),
        timeout=_seconds(deployment, f"{settings}.timeout", 2.0),
        failures=number(deployment.outputs, f"properties.{settings}.failureThreshold") or 30,
    )


def _seconds(deployment: Record, path: str, otherwise: float) -> float:
    written = text(deployment.outputs, f"properties.{path}")
    found = durations.parse(written) if written else None
    return found.total_seconds() if found else otherwise
