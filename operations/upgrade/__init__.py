"""Brings the nodes of a deployed environment to another version of their product, in place.

What a version needs is not known here: `python -m components.bootstrap.upgrade` says it, as one
archive a role, and `upgrade.sh` inside does the work on a node. Here are the order, what is written
down of it, and the way back.

Versions are never mixed (facts.md R7, 15): a compute node that has the new version is closed until
no web node of the old one serves, and the first web node of the new one starts when the last old
one has stopped, with a copy of the database made in between. So the environment serves with its old
version until the last compute node's turn, then not at all, and with its new one from the moment
that the first web node is done.
"""
