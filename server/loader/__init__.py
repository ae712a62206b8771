"""The loader of a compute node: brings published services to the workers, which have no network.

It is a process of its own user, with a database role that only reads and says "I am here". The
workers get files and no credential (design.md section 8).
"""
