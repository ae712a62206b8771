"""R packages that services use: on every node that runs R, out of the user's own repository.

The vendor's first way to have the same packages everywhere, without the internet, is a repository
made with miniCRAN that is copied to each compute node (facts.md R15, section 16).
"""

from typing import Final

from components.runtimes.node import Role
from components.runtimes.rserver.product import Product

PACKAGES_SOURCE: Final = "components/runtimes/rserver/node/packages"
"""What installs them; nodes without any do not get it."""

UNIT: Final = "operationalization-r-packages.service"


def packages(product: Product, role: Role) -> tuple[str, ...]:
    """Return the packages that a *role* node installs."""
    return () if role == "web" else product.server.packages
