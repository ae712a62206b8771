"""Virtual networks made of network namespaces, virtual links and routes.

One sandbox has, all named after its prefix (`op3fa2`):

    root namespace --op3fa2user-- internet --+-- router of a virtual network --+-- platform
                                             |                                 +-- machine
                                             +-- router of another one         +-- database
                                             +-- visitors
                                             +-- slirp4netns (the real internet)

Every host has its address as a /32 and sends everything to its gateway, so that each packet, also
one to a neighbour in the same subnet, passes the router's packet filter (`packet_filter`).
"""

from sandbox.fabric.network.names import hardware_address
from sandbox.fabric.network.namespaces import inside
from sandbox.fabric.network.networks import Networks
from sandbox.fabric.network.pool import choose_pool
from sandbox.fabric.network.visitors import visit

__all__ = ["Networks", "choose_pool", "hardware_address", "inside", "visit"]
