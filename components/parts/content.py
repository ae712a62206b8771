"""What machines were made from, remembered in Pulumi's own state.

A machine whose content changes where it runs (`scripts/upgrade`) must not be replaced because what
the program renders has changed, so that its user data is under `ignore_changes`. What it was made
from is then nowhere to be read: clouds don't give user data back. Hence a resource of Pulumi's own
state beside each machine, which is made anew when the machine is, and at no other time.

`ignore_changes` names whole properties here and never a part of one: of a machine that is replaced
for another reason, the engine (3.200, `processIgnoreChanges`) takes whole ones from the program and
leaves parts as they were.
"""

from collections.abc import Sequence

import pulumi
import pulumi_random as random


def remember(
    name: str,
    machine: pulumi.Output[str],
    digest: pulumi.Output[str],
    parent: pulumi.Resource,
) -> pulumi.Output[str]:
    """Return the digest that the *machine* with this id was made from: *digest*, when it is new."""
    made = random.RandomId(
        f"{name}-made-from",
        byte_length=1,
        keepers={"machine": machine},
        prefix=digest,
        opts=pulumi.ResourceOptions(parent=parent, ignore_changes=["prefix"]),
    )
    return made.prefix.apply(lambda prefix: prefix or "")


class VersionError(pulumi.RunError):
    """Another version of a product whose versions must not be mixed."""


def hold(
    name: str, version: str, user_data: pulumi.Output[str], parent: pulumi.Resource
) -> pulumi.Output[str]:
    """Return *user_data* for the group *name*, as long as its product has the same *version*.

    A new group starts beside the old one, in the same network and on the same database, where the
    nodes of each version would use the other's (facts.md R7).
    """
    made = random.RandomId(
        f"{name}-version",
        byte_length=1,
        prefix=version,
        opts=pulumi.ResourceOptions(parent=parent, ignore_changes=["prefix"]),
    )

    def same(found: Sequence[str]) -> str:
        content, before = found
        if before != version:
            raise VersionError(
                f"{name}: has {before}, and machines that come and go cannot be brought to "
                f"{version}: both versions would serve at once, with one database\n"
                "  fix: make an environment of the new version beside this one, with a stack of "
                "its own, and move the services; or write the version as it was"
            )
        return content

    return pulumi.Output.all(user_data, made.prefix).apply(same)
