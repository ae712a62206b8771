"""What boots for an operating system that a machine is declared with."""

from sandbox.control.systems import SYSTEMS, caution
from sandbox.fabric.images.definitions import FAMILY


def image_for(offer: str, stock: str) -> str:
    """The sandbox's image for a cloud's image; *stock*: what Debian 12 machines boot."""
    return FAMILY.name if offer in SYSTEMS else stock


def why_not(offer: str) -> str:
    """Why a machine of this offer can't run here; "": it can."""
    system = SYSTEMS.get(offer)
    return caution(offer) if system is not None and system.windows else ""
