"""What a machine was made from, remembered beside a machine that keeps it.

A machine whose content changes where it runs (`scripts/upgrade`) must not be replaced because what
the program renders has changed, so that its user data is under `ignore_changes`. What it was made
from is then nowhere to be read: clouds don't give user data back. Hence a resource of Pulumi's own
state beside each machine, which is made anew when the machine is, and at no other time.

`ignore_changes` names whole properties here and never a part of one: of a machine that is replaced
for another reason, the engine (3.200, `processIgnoreChanges`) takes whole ones from the program and
leaves parts as they were.
"""

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
