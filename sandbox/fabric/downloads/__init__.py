"""A place on the sandbox's internet that files are downloaded from, as from a vendor or a mirror.

It stands for what a user of a product without public downloads has: a server with the installers.
`scripts/sandbox offer FILE` puts a file there.
"""

from sandbox.fabric.downloads.shelf import FOLDER, HOST, Shelf, url
from sandbox.fabric.downloads.site import Site, address_in, network

__all__ = ["FOLDER", "HOST", "Shelf", "Site", "address_in", "network", "url"]
