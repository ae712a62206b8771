"""What the resolver of a VPC knows of names.

Names of instances, of the region's services, of databases and balancers are answered here, from the
records of this moment. Everything else is for the machine's own resolvers. Names below AWS's own
domains never leave the sandbox: what the sandbox doesn't have must not be found in the real cloud.

Sources: Amazon VPC User Guide, "DNS attributes for your VPC" (private names of instances are made
of their addresses; `ec2.internal` in us-east-1; reverse look-up), AWS PrivateLink Guide, "Private
DNS" (the service's public name has the endpoint's private addresses, in its VPC), Elastic Load
Balancing User Guide, "Network Load Balancers" (the name has an address of each zone), Amazon RDS
User Guide, "Connecting to a DB instance" (the name has the private address).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address

import dns.exception
import dns.name
import dns.rcode
import dns.rdatatype
import dns.reversename
import dns.rrset

from sandbox.control import arns
from sandbox.control.aws.addresses import address
from sandbox.control.kinds import Record, World
from sandbox.control.reading import flag, text
from sandbox.fabric.aws import balancers, databases, public_services
from sandbox.fabric.aws.routes import ENDPOINT
from sandbox.fabric.serving.resolver import Found

_TTL = 10
"""Seconds, of all that is answered here; short, so that a change holds soon."""
_SOA = "ns-0.awsdns-00.com. awsdns-hostmaster.amazon.com. 1 7200 900 1209600 10"
_REVERSE = dns.name.from_text("in-addr.arpa.")
_OWN = tuple(
    map(dns.name.from_text, ("amazonaws.com.", "compute.internal.", "ec2.internal.", "aws."))
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Host:
    """An instance of the VPC."""

    name: str
    address: IPv4Address


def domain(region: str) -> str:
    """Where the private names of instances are."""
    return "ec2.internal" if region == "us-east-1" else f"{region}.compute.internal"


def look_up(
    world: World,
    vpc: str,
    hosts: Iterable[Host],
    name: dns.name.Name,
    kind: dns.rdatatype.RdataType,
) -> Found:
    """What is known of *name* in the VPC with this ARN."""
    return _View(world, vpc, tuple(hosts)).look_up(name, kind)


class _View:
    """The records, seen from one VPC."""

    def __init__(self, world: World, vpc: str, hosts: tuple[Host, ...]) -> None:
        self._world = world
        self._vpc = world.find(vpc)
        self._region = arns.region_of(vpc)
        self._hosts = hosts

    def look_up(self, name: dns.name.Name, kind: dns.rdatatype.RdataType) -> Found:
        found = Found()
        if name.is_subdomain(_REVERSE):
            self._reverse(name, kind, found)
        elif any(name.is_subdomain(origin) for origin in _OWN):
            written = name.to_text(omit_final_dot=True).casefold()
            several = list(dict.fromkeys(self._addresses(written)))
            if several and kind == dns.rdatatype.A:
                lines = [str(each) for each in several]
                found.answers.append(dns.rrset.from_text(name, _TTL, "IN", "A", *lines))
            else:
                _negative(found, name, exists=bool(several))
        else:
            found.elsewhere = name
        return found

    def _addresses(self, written: str) -> Iterator[IPv4Address]:
        host, _, rest = written.partition(".")
        if rest == domain(self._region):
            yield from (each.address for each in self._hosts if each.name.casefold() == host)
        elif written.endswith(".rds.amazonaws.com"):
            yield from self._of_databases(written)
            yield from self._of_services(written)
        elif written.endswith((f".elb.{self._region}.amazonaws.com", ".elb.amazonaws.com")):
            yield from self._of_balancers(written)
        else:
            yield from self._of_services(written)

    def _of_databases(self, written: str) -> Iterator[IPv4Address]:
        for record in self._world.of(databases.INSTANCE):
            if (text(record.outputs, "address") or "").casefold() == written:
                yield from self._interfaces(record)

    def _of_balancers(self, written: str) -> Iterator[IPv4Address]:
        for record in self._world.of(balancers.BALANCER):
            if (text(record.outputs, "dnsName") or "").casefold() == written:
                yield from (node.address for node in balancers.nodes(self._world, record))

    def _of_services(self, written: str) -> Iterator[IPv4Address]:
        for service, public in public_services.addresses(self._region).items():
            if not _is_of(written, public_services.hosts(service, self._region)):
                continue
            private = list(self._of_endpoints(service))
            yield from private or [public]

    def _of_endpoints(self, service: str) -> Iterator[IPv4Address]:
        """The private addresses of a service, where an endpoint of the VPC has its name."""
        for record in self._world.of(ENDPOINT):
            if (
                self._vpc is not None
                and text(record.inputs, "vpcId") == self._vpc.short
                and flag(record.inputs, "privateDnsEnabled")
                and text(record.inputs, "serviceName") == f"com.amazonaws.{self._region}.{service}"
            ):
                yield from self._interfaces(record)

    def _interfaces(self, owner: Record) -> Iterator[IPv4Address]:
        for child in self._world.children(owner.id):
            found = address(text(child.outputs, "privateIp"))
            if child.type == balancers.INTERFACE and found is not None:
                yield found

    def _reverse(self, name: dns.name.Name, kind: dns.rdatatype.RdataType, found: Found) -> None:
        try:
            asked = IPv4Address(dns.reversename.to_address(name))
        except (dns.exception.DNSException, ValueError):
            _negative(found, _REVERSE, exists=False)
            return
        names = [
            f"{each.name}.{domain(self._region)}." for each in self._hosts if each.address == asked
        ]
        if names and kind == dns.rdatatype.PTR:
            found.answers.append(dns.rrset.from_text(name, _TTL, "IN", kind, *names))
        elif names or asked.is_private:
            _negative(found, _REVERSE, exists=bool(names))
        else:
            found.elsewhere = name


def _is_of(written: str, hosts: Iterable[str]) -> bool:
    return any(
        written == host or (host.startswith("*.") and written.endswith(host[1:])) for host in hosts
    )


def _negative(found: Found, origin: dns.name.Name, *, exists: bool) -> None:
    found.code = dns.rcode.NOERROR if exists else dns.rcode.NXDOMAIN
    found.authority.append(dns.rrset.from_text(origin, _TTL, "IN", "SOA", _SOA))
