"""What AWS answers inside of VPCs: metadata, names, and services at endpoints or in public.

Each VPC has a metadata service and two resolvers; each interface endpoint has its service behind
it; the public services answer those who have a way to them; databases ask here about tokens.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from ipaddress import IPv4Address
from pathlib import Path

import dns.name
import dns.rdatatype

from sandbox.control import arns, ids
from sandbox.control.kinds import World
from sandbox.control.reading import text
from sandbox.control.store import Store
from sandbox.control.world import StoreWorld
from sandbox.fabric import contract
from sandbox.fabric.aws import database_logins, instances, names, public_services, routes
from sandbox.fabric.aws.blueprint import RESOLVER
from sandbox.fabric.aws.calls import Door, Service
from sandbox.fabric.aws.instance import Instance
from sandbox.fabric.aws.metadata import Metadata, Tokens
from sandbox.fabric.aws.object_store import ObjectStore
from sandbox.fabric.aws.scaling import Change, Scaling
from sandbox.fabric.aws.secrets_manager import SecretsManager
from sandbox.fabric.aws.security_tokens import SecurityTokens
from sandbox.fabric.aws.sessions import Sessions
from sandbox.fabric.aws.trust_store import TrustStore
from sandbox.fabric.contract import Machine, Network
from sandbox.fabric.database import RDS
from sandbox.fabric.notices import Notices
from sandbox.fabric.serving import listening, resolver, services
from sandbox.fabric.serving.certificates import Authority
from sandbox.fabric.serving.exchange import Answer, Request
from sandbox.fabric.serving.services import HTTPS, Answers, Networks, Place, everywhere

_LOGINS = RDS.logins[1]


class Services(services.Services):
    """All of AWS's services of one sandbox. Methods may be called from any thread."""

    def __init__(
        self,
        *,
        store: Store,
        networks: Networks,
        authority: Authority,
        certificate: Path,
        notices: Notices,
        sessions: Sessions,
        machines: Callable[[str, IPv4Address], Machine | None],
        change: Change,
        upstream: Callable[[], Sequence[resolver.Address]] = resolver.configured,
        published: Mapping[str, IPv4Address] = resolver.NOTHING,
    ) -> None:
        """What the services work with.

        Args:
            store: the records.
            networks: who opens sockets.
            authority: who issues certificates.
            certificate: of the databases' authority, PEM.
            notices: who is to end.
            sessions: credentials of roles.
            machines: who has an address of a network.
            change: one transaction.
            upstream: who knows all other names.
            published: names of the internet that is the sandbox's own.
        """
        super().__init__(
            store=store,
            networks=networks,
            authority=authority,
            upstream=upstream,
            published=published,
        )
        self._notices = notices
        self._sessions = sessions
        self._machines = machines
        self._change = change
        self._tokens = Tokens()
        self._trust = TrustStore(certificate)

    def places(self, network: Network) -> Iterable[Place]:
        """Metadata, names, endpoints, public services, and where databases ask."""
        yield from everywhere(network, network.given[1:])
        here = network.id
        for port in network.ports:
            if port.place is contract.Place.PLATFORM and arns.parse(port.owner):
                resource = port.owner.rpartition(":")[2]
                if resource.startswith("vpc-endpoint/"):
                    yield Place(network=here, address=port.address, port=HTTPS, owner=port.owner)
        for service in network.services:
            yield Place(network=here, address=service.address, port=HTTPS, owner=service.id)
        if any(port.place is contract.Place.DATABASE for port in network.ports):
            yield Place(network=here, address=RESOLVER, port=_LOGINS)

    def hosts(self, owner: str) -> Sequence[str]:
        """The names of a service."""
        return public_services.hosts(*self._service(owner))

    def answers(self, place: Place) -> tuple[str, Answers]:
        """A service, or the metadata service."""
        if not place.owner:
            metadata = Metadata(self._instance(place.network), self._sessions, self._tokens)
            return f"metadata {ids.name_of(place.network)}", metadata.answer
        name, region = self._service(place.owner)
        if name == public_services.TRUST:
            return name, self._trust.answer

        def answer(request: Request, world: StoreWorld) -> Answer:
            endpoint = place.owner if arns.is_arn(place.owner) else ""
            door = Door(
                service=name,
                region=region,
                endpoint=endpoint or self._gateway(world, place.network, request.source, name),
                vpc=ids.name_of(place.network),
            )
            return self._emulation(door).answer(request, world)

        return name, answer

    def protocol(self, engine: listening.Engine, place: Place) -> listening.Serve | None:
        """Databases speak LDAP."""
        if place.port != _LOGINS:
            return None

        def judge(source: IPv4Address, role: str, token: str) -> str:
            return self._judge(place.network, source, role, token)

        return database_logins.serve(engine, judge)

    def look_up(
        self, network: str, name: dns.name.Name, kind: dns.rdatatype.RdataType
    ) -> resolver.Found:
        """The VPC's instances, the region's services, databases and balancers."""
        hosts = (
            names.Host(name=machine.hostname, address=machine.address)
            for machine in self._blueprint.machines
            if machine.network == network
        )
        return names.look_up(self.world(), network, hosts, name, kind)

    def _service(self, owner: str) -> tuple[str, str]:
        """Name and region of what is behind an endpoint, or of a public service."""
        if not arns.is_arn(owner):
            name, _, region = owner.partition(".")
            return name, region
        record = self.world().find(owner)
        written = text(record.inputs, "serviceName") or "" if record else ""
        return written.rpartition(".")[2], arns.region_of(owner)

    def _gateway(self, world: World, network: str, source: IPv4Address, service: str) -> str:
        """ARN of the gateway endpoint that leads who asks to a public service, or ""."""
        machine = self._machines(network, source)
        interface = world.find(machine.port) if machine is not None else None
        subnet = world.find(text(interface.inputs, "subnetId") or "") if interface else None
        if subnet is None:
            return ""
        for target in routes.way_of(world, subnet).endpoints:
            record = world.find(target)
            name = text(record.inputs, "serviceName") or "" if record else ""
            if name.rpartition(".")[2] == service:
                return target
        return ""

    def _emulation(self, door: Door) -> Service:
        made: Mapping[str, Callable[[], Service]] = {
            "secretsmanager": lambda: SecretsManager(door, self._sessions),
            "s3": lambda: ObjectStore(door, self._sessions),
            "autoscaling": lambda: Scaling(door, self._sessions, self._notices, self._change),
            "sts": lambda: SecurityTokens(door, self._sessions),
        }
        return made[door.service]()

    def _instance(self, network: str) -> Callable[[World, Request], Instance | None]:
        def find(world: World, request: Request) -> Instance | None:
            machine = self._machines(network, request.source)
            return instances.of(world, machine, self._notices) if machine is not None else None

        return find

    def _judge(self, network: str, source: IPv4Address, role: str, token: str) -> str:
        """Why a database at *source* lets nobody in; "": it does."""
        for found in self._blueprint.networks:
            for port in found.ports if found.id == network else ():
                if port.place is contract.Place.DATABASE and port.address == source:
                    world = self.world()
                    record = world.find(port.owner)
                    if record is not None:
                        return database_logins.refusal(
                            world, record, role, token, self._sessions, source
                        )
        return "only a database is answered here"
