"""What a virtual network's resolver, 168.63.129.16, knows of names.

Names of private zones that are linked to the network, of the services that the sandbox has, and of
the network's machines are answered here, from the records of this moment. Everything else is for
the machine's own resolvers (`resolver.py`). Names of the services' domains never leave the sandbox:
what the sandbox doesn't have must not be found in a real cloud.

Sources: Azure documentation, "What is a private Azure DNS zone" (the longest linked zone answers,
and what it doesn't have doesn't exist), "Azure Private Endpoint private DNS zone values", "Name
resolution for resources in Azure virtual networks" (host names, reverse look-up), "What is the
autoregistration feature in Azure DNS private zones?".
"""

import base64
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address

import dns.exception
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.reversename
import dns.rrset

from sandbox.control import ids
from sandbox.control.azure.private_dns import RECORD_SET
from sandbox.control.azure.private_endpoints import DOMAINS
from sandbox.control.kinds import Record, World
from sandbox.control.reading import flag, number, text, texts
from sandbox.fabric.serving.resolver import Found

LINK = "azure-native:privatedns:VirtualNetworkLink"
ENDPOINT = "azure-native:network:PrivateEndpoint"
INTERNAL = dns.name.from_text("internal.cloudapp.net.")

_TTL = 10
"""Seconds, of what is made up here; short, so that a change holds soon."""
_CHAIN = 8
"""Aliases that are followed."""
_SOA = "azureprivatedns.net. azureprivatedns-host.microsoft.com. 1 3600 300 2419200 10"
_TYPES = ("A", "AAAA", "CNAME", "TXT")
_REVERSE = dns.name.from_text("in-addr.arpa.")


SERVICES = {
    dns.name.from_text(f"{domain}."): dns.name.from_text(f"{zone}.")
    for domain, zone in DOMAINS.items()
}
"""Domain of a service -> the zone that its private names are in."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Host:
    """A machine of the network."""

    name: str
    address: IPv4Address


def suffix(network: str) -> dns.name.Name:
    """The domain of the host names of a virtual network, as Azure makes one up."""
    digest = hashlib.sha256(ids.key(network).encode()).digest()[:16]
    label = base64.b32encode(digest).decode().rstrip("=").lower()
    return dns.name.from_text(f"{label}.ax", INTERNAL)


def look_up(
    world: World,
    network: str,
    machines: Iterable[Host],
    name: dns.name.Name,
    kind: dns.rdatatype.RdataType,
) -> Found:
    """What is known of *name*, aliases followed as far as they stay here."""
    view = _View(world, network, tuple(machines))
    found = Found()
    for _ in range(_CHAIN):
        alias = view.step(name, kind, found)
        if alias is None:
            return found
        name = alias
    found.code = dns.rcode.SERVFAIL
    return found


class _View:
    """The records, seen from one network."""

    def __init__(self, world: World, network: str, machines: tuple[Host, ...]) -> None:
        self._world = world
        self._network = ids.key(network)
        self._machines = machines
        self._suffix = suffix(network)
        self._zones: dict[dns.name.Name, str] = {}
        self._registering: set[dns.name.Name] = set()
        for link in world.of(LINK):
            if ids.key(text(link.inputs, "virtualNetwork.id") or "") == self._network:
                zone = ids.parent_of(link.id)
                origin = dns.name.from_text(ids.name_of(zone))
                self._zones[origin] = zone
                if flag(link.inputs, "registrationEnabled"):
                    self._registering.add(origin)

    def step(
        self, name: dns.name.Name, kind: dns.rdatatype.RdataType, found: Found
    ) -> dns.name.Name | None:
        """Add what is known of one name; the name that it is an alias of, when it is one."""
        origin = max(
            (each for each in self._zones if name.is_subdomain(each)),
            key=lambda each: len(each.labels),
            default=None,
        )
        if origin is not None:
            return self._from_zone(origin, name, kind, found)
        if name.is_subdomain(INTERNAL):
            self._from_hosts(self._suffix, name, kind, found)
        elif name.is_subdomain(_REVERSE):
            self._reverse(name, kind, found)
        elif any(name.is_subdomain(each) for pair in SERVICES.items() for each in pair):
            return self._service(name, found)
        else:
            found.elsewhere = name
        return None

    def _from_zone(
        self,
        origin: dns.name.Name,
        name: dns.name.Name,
        kind: dns.rdatatype.RdataType,
        found: Found,
    ) -> dns.name.Name | None:
        sets = self._record_sets(self._zones[origin], origin, name)
        if (alias := sets.get("CNAME")) is not None and kind != dns.rdatatype.CNAME:
            target = text(alias.inputs, "cnameRecord.cname") or ""
            return _alias(found, name, target, _ttl(alias))
        wanted = dns.rdatatype.to_text(kind)
        record = sets.get(wanted)
        values = list(_values(record, wanted)) if record else []
        if record and values:
            found.answers.append(dns.rrset.from_text(name, _ttl(record), "IN", kind, *values))
        elif origin in self._registering and self._from_hosts(origin, name, kind, found):
            return None
        else:
            _negative(found, origin, exists=bool(sets) or name == origin)
        return None

    def _record_sets(
        self, zone: str, origin: dns.name.Name, name: dns.name.Name
    ) -> dict[str, Record]:
        """The record sets of a name by type, or those of the wildcard that covers it."""
        labels = name.relativize(origin).labels
        written = [_text(labels)]
        # The nearest wildcard; it doesn't cover what has a name of its own.
        written += [_text((b"*", *labels[cut:])) for cut in range(1, len(labels) + 1)]
        for relative in written if labels else ["@"]:
            sets = {
                kind: record
                for kind in _TYPES
                if (record := self._world.find(f"{zone}/{kind}/{relative}")) is not None
                and record.type == RECORD_SET
            }
            if sets:
                return sets
        return {}

    def _from_hosts(
        self,
        origin: dns.name.Name,
        name: dns.name.Name,
        kind: dns.rdatatype.RdataType,
        found: Found,
    ) -> bool:
        """Answer with machines of this host name; whether there is one."""
        addresses = [
            str(host.address)
            for host in self._machines
            if (mine := _host_name(host, origin)) is not None and mine == name
        ]
        if not addresses:
            if origin == self._suffix:
                _negative(found, INTERNAL, exists=False)
            return False
        if kind == dns.rdatatype.A:
            found.answers.append(dns.rrset.from_text(name, _TTL, "IN", kind, *addresses))
        else:
            _negative(found, origin, exists=True)
        return True

    def _reverse(self, name: dns.name.Name, kind: dns.rdatatype.RdataType, found: Found) -> None:
        try:
            address = IPv4Address(dns.reversename.to_address(name))
        except (dns.exception.DNSException, ValueError):
            _negative(found, _REVERSE, exists=False)
            return
        names = [
            mine
            for host in self._machines
            if host.address == address and (mine := _host_name(host, self._suffix)) is not None
        ]
        if names and kind == dns.rdatatype.PTR:
            written = [each.to_text() for each in names]
            found.answers.append(dns.rrset.from_text(name, _TTL, "IN", kind, *written))
        elif names or address.is_private:
            _negative(found, _REVERSE, exists=bool(names))
        else:
            found.elsewhere = name

    def _service(self, name: dns.name.Name, found: Found) -> dns.name.Name | None:
        """The public name of a service: an alias into its private zone where it has an endpoint.

        Azure would then give the public address to a network without that zone; services of the
        sandbox have none, so the name ends there.
        """
        origin = next((each for each in SERVICES if name.is_subdomain(each)), None)
        if origin is not None and len(name.labels) == len(origin.labels) + 1:
            written = name.to_text(omit_final_dot=True).casefold()
            for endpoint in self._world.of(ENDPOINT):
                if (text(endpoint.outputs, "customDnsConfigs[0].fqdn") or "").casefold() == written:
                    target = dns.name.Name((name.labels[0], *SERVICES[origin].labels))
                    return _alias(found, name, target.to_text(), _TTL)
        zone = origin or next(each for each in SERVICES.values() if name.is_subdomain(each))
        _negative(found, zone, exists=False)
        return None


def _host_name(host: Host, origin: dns.name.Name) -> dns.name.Name | None:
    """The full name of a machine; None when its host name can't be one in DNS."""
    try:
        return dns.name.from_text(host.name, origin)
    except dns.exception.DNSException:
        return None


def _text(labels: Iterable[bytes]) -> str:
    """Labels as the name of a record set has them; what is no text is in no record's name."""
    return ".".join(label.decode("ascii", "replace") for label in labels)


def _ttl(record: Record) -> int:
    return number(record.outputs, "ttl") or number(record.inputs, "ttl") or 3600


def _alias(found: Found, name: dns.name.Name, target: str, ttl: int) -> dns.name.Name | None:
    try:
        following = dns.name.from_text(target)
    except dns.exception.DNSException:
        found.code = dns.rcode.SERVFAIL
        return None
    found.answers.append(dns.rrset.from_text(name, ttl, "IN", "CNAME", following.to_text()))
    return following


def _values(record: Record, kind: str) -> Iterator[str]:
    """What a record set holds, as a zone file would have it."""
    if kind == "CNAME":
        # Without the dot at its end, which Azure adds, the name would be one in the zone.
        for _, found in texts(record.inputs, "cnameRecord.cname"):
            yield found.rstrip(".") + "."
    elif kind == "TXT":
        for index in range(len(_listed(record.inputs.get("txtRecords")))):
            parts = [found for _, found in texts(record.inputs, f"txtRecords[{index}].value[*]")]
            yield " ".join(
                '"' + part.replace("\\", "\\\\").replace('"', '\\"') + '"' for part in parts
            )
    else:
        where = "aRecords[*].ipv4Address" if kind == "A" else "aaaaRecords[*].ipv6Address"
        yield from (found for _, found in texts(record.inputs, where))


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _negative(found: Found, origin: dns.name.Name, *, exists: bool) -> None:
    found.code = dns.rcode.NOERROR if exists else dns.rcode.NXDOMAIN
    found.authority.append(dns.rrset.from_text(origin, _TTL, "IN", "SOA", _SOA))
