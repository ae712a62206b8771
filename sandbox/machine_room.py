"""Whether this machine can run nodes, and the fabric that runs them."""

import os
import shutil
import sys
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from sandbox.control.fabric import Absent
from sandbox.control.fabric import Fabric as Room
from sandbox.control.store import Store
from sandbox.fabric import fabric, images, network
from sandbox.fabric.clouds import Clouds, clouds
from sandbox.home import Home

if TYPE_CHECKING:
    from sandbox.daemon import Wanted

CHOSEN = "the control plane was started alone (--no-nodes)"


def opened(home: Home, store: Store, wanted: "Wanted") -> tuple[Room, tuple[str, ...]]:
    """The fabric, or `Absent` and the reasons why. Raises FabricError when it can't start."""
    reasons = unavailable(home) if wanted.nodes else (CHOSEN,)
    if reasons:
        Clouds(clouds("")).begin(store, None)
        return Absent(), reasons
    defaults = fabric.Options()
    options = fabric.Options(
        client=IPv4Address(wanted.client) if wanted.client else defaults.client,
        speed=wanted.speed,
        image=wanted.image or defaults.image,
    )
    return fabric.Fabric(store, _place(home), options), ()


def close(room: Room) -> None:
    """Stop what the fabric runs."""
    if isinstance(room, fabric.Fabric):
        room.stop()


def clean(home: Home) -> bool:
    """Stop what a killed daemon left running; whether there was anything. Raises FabricError."""
    if sys.platform != "linux" or os.geteuid() != 0 or not shutil.which("ip"):
        return False  # no daemon here ever ran a node
    return fabric.clean(home.prefix, home.root, home.images)


def unavailable(home: Home) -> tuple[str, ...]:
    """Why this machine can't run nodes; empty: it can."""
    if reasons := images.unavailable():
        return reasons
    missing = images.Images(home.images).missing()
    if missing:
        return (f"images are missing ({', '.join(missing)}): scripts/setup builds them",)
    return ()


def _place(home: Home) -> fabric.Place:
    return fabric.Place(
        prefix=home.prefix,
        folder=home.root,
        images=home.images,
        pool=network.choose_pool(home.root, home.prefix),
    )
