"""The packet filter of the namespace that stands for the internet.

It lets the user's machine, visitors and virtual networks reach the sandbox's public addresses, and
virtual networks the visitors, which are machines of the internet, and the real internet: nothing
that is private anywhere, nothing of this machine.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network

from sandbox.fabric.network.layout import USER
from sandbox.fabric.packet_filter import UNROUTED

TAP = "slirp"
"""The way to the real internet."""

VISITORS = "v*"
"""The links of machines elsewhere on the internet (names.visitor_link)."""

_HERE = (*UNROUTED, IPv4Network("192.0.0.0/24"), IPv4Network("198.18.0.0/15"))
"""What is not asked for on the real internet: private addresses, and every sandbox's own."""


def ruleset(pool: IPv4Network, client: IPv4Address, own: Iterable[IPv4Address]) -> str:
    """Return the text for `nft -f`, which replaces the rules of before at once.

    Args:
        pool: the sandbox's public addresses.
        client: the user's machine, as environments see it.
        own: addresses of this machine, which its own services listen on.
    """
    # Overlapping elements are refused by nft: what a range has already is left out.
    mine = sorted(a for a in set(own) if not any(a in private for private in _HERE))
    blocked = ", ".join([*map(str, _HERE), *map(str, mine)])
    return f"""table inet internet
delete table inet internet
table inet internet {{
  set here {{
    type ipv4_addr; flags interval; elements = {{ {blocked} }}
  }}
  chain forwarding {{
    type filter hook forward priority filter; policy drop;
    ct state invalid counter drop comment "belongs to no connection"
    ct state established,related accept
    iifname "r*" ip saddr != {pool} counter drop comment "no public address of this sandbox"
    iifname "{USER}" ip saddr != {client} counter drop comment "not the user's machine"
    iifname "{TAP}" counter drop comment "the real internet only answers"
    oifname "{USER}" counter drop comment "the user's machine only asks"
    ip daddr {pool} accept
    iifname "r*" oifname "{VISITORS}" accept
    iifname "r*" oifname "{TAP}" ip daddr != @here accept
    counter drop comment "no way there"
  }}
  chain translating {{
    type nat hook postrouting priority srcnat; policy accept;
    oifname "{TAP}" masquerade
  }}
}}
"""
