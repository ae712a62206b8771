"""A place on the sandbox's internet that files are downloaded from, as from a vendor or a mirror.

It stands for what a user of a product without public downloads has: a server with the installers.
`scripts/sandbox offer FILE` puts a file there.
"""

from sandbox.fabric.downloads.shelf import BLOBS, FOLDER, HOST, Shelf, address_in

__all__ = ["BLOBS", "FOLDER", "HOST", "Shelf", "address_in"]
