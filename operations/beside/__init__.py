"""Brings an environment to another version of its product without changing any of its nodes.

A second set of nodes is made beside the old one, with a database that begins with a backup of the
old one's. Publishing is frozen from the backup until the new set serves; whoever consumes a service
notices nothing: for a while both sets are behind the load balancer, then the old nodes drain. They
stay, drained, until the upgrade is finished or taken back.
"""
