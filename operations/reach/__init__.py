"""Who may talk to whom in a deployment, by the rules of its firewalls.

It says `may`: a path is there when one address of the source gets one packet through to one address
of the destination, whether or not anything listens. Where the internet may come in by the rules and
no public address leads there, the path says so. What only a deployment makes known is in `doubts`,
never guessed.

Not worked out, and named where a deployment has one: application security groups, and resources of
networks of any kind that the program does not use (`unread`), such as network ACLs, peerings and
gateways. Not looked at: routes, firewalls on the machines, and what the platform does by itself
(metadata, DNS, time).
"""

from operations.export.state import Deployment
from operations.reach.answer import Path, Reach, merged, read
from operations.reach.changes import Changes, between, changes
from operations.reach.places import MANAGED, Kind, Place

__all__ = [
    "MANAGED",
    "Changes",
    "Kind",
    "Path",
    "Place",
    "Reach",
    "between",
    "changes",
    "merged",
    "paths",
    "read",
]


def paths(deployment: Deployment) -> tuple[Path, ...]:
    """Return who may talk to whom in *deployment*, the internet first."""
    return merged(read(deployment).paths)
