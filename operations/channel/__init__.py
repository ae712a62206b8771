"""Runs a script of ours on a node as root: the cloud's own way there, no open port, no login.

A node of an environment has no public address and no SSH. Azure's Run Command and AWS's Systems
Manager reach it through the agent that it has anyway, and the sandbox enters the machine. All of
them take one text and give back the end of what it said, each in another way and with another
limit; so the text is always the same carrier (`carry.sh`, on Windows `carry.ps1`) around what is
to be run, and its answer says the same everywhere: exit code, standard output, standard error.
"""

from operations.channel.carrier import Answer, Channel, Node, Transport
from operations.channel.choice import choose

__all__ = ["Answer", "Channel", "Node", "Transport", "choose"]
