"""A place on the sandbox's internet that files are downloaded from, as from a vendor or a mirror.

It stands for what a user of a product without public downloads has: a server with the installers.
`scripts/sandbox offer FILE` puts a file there.
"""

from sandbox.fabric.downloads.shelf import FOLDER, HOST, Shelf, address_in, url

__all__ = ["FOLDER", "HOST", "Shelf", "address_in", "url"]
