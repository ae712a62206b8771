"""Where the instances of Auto Scaling groups are kept: notes of the world, one an instance.

`instances/GROUP` (its ARN) has the ids that exist and the creation of the group that they belong
to; `instance/i-...` has the instance. So one instance is found, and whether it has an address, at
the same cost with two of them and with a thousand.
"""

from collections.abc import Mapping

from sandbox.control import arns
from sandbox.control.kinds import Record, Transaction, World
from sandbox.control.reading import text


def index(world: World, group: str) -> Mapping[str, object]:
    """What is noted of a group's instances: `incarnation` and `ids`; or nothing."""
    found = world.note(f"instances/{group}")
    return found if isinstance(found, Mapping) else {}


def put_index(transaction: Transaction, group: str, value: Mapping[str, object] | None) -> None:
    """Note them; None forgets them."""
    transaction.remember(f"instances/{group}", value)


def one(world: World, instance: str) -> Mapping[str, object]:
    """What is noted of one instance, or nothing."""
    found = world.note(f"instance/{short(instance)}")
    return found if isinstance(found, Mapping) else {}


def put(transaction: Transaction, instance: str, value: Mapping[str, object] | None) -> None:
    """Note one instance; None forgets it."""
    transaction.remember(f"instance/{short(instance)}", value)


def listed(world: World, record: Record) -> list[str]:
    """The ids of a group's instances, also while they leave; a group created anew has none."""
    noted = index(world, record.id)
    return ids_of(noted) if noted.get("incarnation") == record.incarnation else []


def ids_of(noted: Mapping[str, object]) -> list[str]:
    """The ids in an index."""
    found = noted.get("ids")
    return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []


def short(instance: str) -> str:
    """`i-...` of an instance's id or ARN."""
    arn = arns.parse(instance)
    return arn.resource.removeprefix("instance/") if arn else instance


def group_of(world: World, instance: str) -> str:
    """The ARN of an instance's group, or ""."""
    return text(one(world, instance), "group") or ""
