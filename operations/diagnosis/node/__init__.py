"""What runs on a node to find out how it is: reads, asks, and changes nothing.

The same programs for every product: Python 3.4 and its standard library, and what a node has
besides only where the node's own product brings it. No secret leaves the node: of a private key the
digest of its public half, of any other secret whether it is the one in the vault.
"""
