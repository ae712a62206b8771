"""What Azure answers inside of virtual networks: metadata, names, vaults.

Each network has a metadata service and a resolver; each private endpoint of a vault has the vault
behind it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from ipaddress import IPv4Address

import dns.name
import dns.rdatatype

from sandbox.control import ids
from sandbox.control.store import Store
from sandbox.fabric import contract
from sandbox.fabric.azure import blobs, names, vault
from sandbox.fabric.azure.metadata import Metadata
from sandbox.fabric.azure.tokens import Tokens
from sandbox.fabric.contract import PLATFORM_PROBE, Machine, Network
from sandbox.fabric.downloads import BLOBS
from sandbox.fabric.notices import Notices
from sandbox.fabric.serving import resolver, services
from sandbox.fabric.serving.certificates import Authority
from sandbox.fabric.serving.services import HTTPS, Answers, Networks, Place, everywhere

_VAULTS = "microsoft.keyvault/vaults"


class Services(services.Services):
    """All of Azure's services of one sandbox. Methods may be called from any thread."""

    def __init__(
        self,
        *,
        store: Store,
        networks: Networks,
        authority: Authority,
        notices: Notices,
        tokens: Tokens,
        machines: Callable[[str, IPv4Address], Machine | None],
        upstream: Callable[[], Sequence[resolver.Address]] = resolver.configured,
        published: Mapping[str, IPv4Address] = resolver.NOTHING,
    ) -> None:
        """*machines*: who has an address of a network. *upstream*: who knows all other names.

        *published*: names of the internet that is the sandbox's own.
        """
        super().__init__(
            store=store,
            networks=networks,
            authority=authority,
            upstream=upstream,
            published=published,
        )
        self._notices = notices
        self._tokens = tokens
        self._machines = machines

    def places(self, network: Network) -> Iterable[Place]:
        """Metadata, names, and the vaults that have an endpoint in the network."""
        yield from everywhere(network, (PLATFORM_PROBE,))
        for port in network.ports:
            vaults = ids.type_of(ids.key(port.owner)) == _VAULTS
            if port.place is contract.Place.PLATFORM and vaults:
                yield Place(network=network.id, address=port.address, port=HTTPS, owner=port.owner)

    def hosts(self, owner: str) -> Sequence[str]:
        """The names of a vault."""
        return vault.hosts(owner)

    def answers(self, place: Place) -> tuple[str, Answers]:
        """A vault, or the metadata service."""
        if place.owner:
            return f"vault {ids.name_of(place.owner)}", vault.Vault(
                place.owner, self._tokens
            ).answer
        metadata = Metadata(place.network, self._machines, self._tokens, self._notices)
        return f"metadata {ids.name_of(place.network)}", metadata.answer

    def look_up(
        self, network: str, name: dns.name.Name, kind: dns.rdatatype.RdataType
    ) -> resolver.Found:
        """Private zones, the network's machines, and the services that have an endpoint."""
        hosts = (
            names.Host(name=machine.hostname, address=machine.address)
            for machine in self._blueprint.machines
            if machine.network == network
        )
        world = self.world()
        found = names.look_up(world, network, hosts, name, kind)
        public = next(iter(self.published.values()), None)
        host = name.to_text(omit_final_dot=True)
        if (
            not found.answers
            and public is not None
            and host.casefold().endswith(f".{BLOBS}")
            and blobs.account_of(world, host) is not None
        ):
            # What a private endpoint does not answer in the network is on the internet.
            return resolver.address_of(name, kind, public)
        return found
