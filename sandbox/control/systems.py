"""Older operating systems, as images that an account has of its own on either cloud.

No marketplace sells them any more, so an environment that needs one names an image of its own. The
sandbox has one for each system here, under a name that anybody may write into a stack file. What
boots in their place is Debian 12, said as a caution; Windows boots nowhere here.

Sources: the products' documentation (supported platforms: Ubuntu 16.04, CentOS and RHEL 7, Windows
Server 2012 R2 and 2016); Azure documentation, "Trusted Launch for Azure virtual machines" (of
these, Windows Server 2016 alone supports it).
"""

from typing import NamedTuple


class System(NamedTuple):
    """One operating system."""

    name: str
    words: str
    """What a person calls it."""
    windows: bool = False
    trusted: bool = False
    """Whether it can have Trusted launch on Azure."""
    gibibytes: int = 30
    """Of its disk, at least."""


ALL = (
    System("ubuntu-16.04", "Ubuntu 16.04"),
    System("centos-7", "CentOS 7"),
    System("rhel-7", "RHEL 7", gibibytes=32),
    System("windows-server-2012-r2", "Windows Server 2012 R2", windows=True, gibibytes=127),
    System("windows-server-2016", "Windows Server 2016", windows=True, trusted=True, gibibytes=127),
)

SYSTEMS = {system.name: system for system in ALL}


def caution(name: str) -> str:
    """What a person must know of machines of this system here; "": they are as declared."""
    system = SYSTEMS.get(name)
    if system is None:
        return ""
    if system.windows:
        return (
            f"machines of {system.words} exist as records only: Windows can't boot in the sandbox, "
            "so nothing on them was run, nobody waits for them, and nothing answers there"
        )
    return (
        f"what boots for {system.words} is Debian 12: there is no way to have the old system here, "
        "so what depends on its own programs was not tried"
    )
