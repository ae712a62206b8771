"""Where the machines of scale sets are kept: notes of the world, one a machine and one a scale set.

`instances/SCALE SET` has the next number, the numbers that exist and the creation of the scale set
that they belong to; `instance/SCALE SET/NUMBER` has the machine. So one machine is found, and
whether it has an address, at the same cost with two machines and with a thousand.
"""

from collections.abc import Mapping

from sandbox.control import ids
from sandbox.control.kinds import Record, Transaction, World

_SEGMENT = "/virtualmachines/"


def index(world: World, scale_set: str) -> Mapping[str, object]:
    """What is noted of a scale set's machines: `incarnation`, `next`, `numbers`; or nothing."""
    found = world.note(f"instances/{ids.key(scale_set)}")
    return found if isinstance(found, Mapping) else {}


def put_index(transaction: Transaction, scale_set: str, value: Mapping[str, object] | None) -> None:
    """Note them; None forgets them."""
    transaction.remember(f"instances/{ids.key(scale_set)}", value)


def one(world: World, scale_set: str, number: int) -> Mapping[str, object]:
    """What is noted of one machine, or nothing."""
    found = world.note(f"instance/{ids.key(scale_set)}/{number}")
    return found if isinstance(found, Mapping) else {}


def put(
    transaction: Transaction, scale_set: str, number: int, value: Mapping[str, object] | None
) -> None:
    """Note one machine; None forgets it."""
    transaction.remember(f"instance/{ids.key(scale_set)}/{number}", value)


def numbers(world: World, record: Record) -> list[int]:
    """The machines that exist, also while they leave; a scale set created anew has none of them."""
    noted = index(world, record.id)
    found = noted.get("numbers") if noted.get("incarnation") == record.incarnation else None
    return [each for each in found if isinstance(each, int)] if isinstance(found, list) else []


def split(machine: str) -> tuple[str, int] | None:
    """Scale set and number of a machine's id; None when it is no such id."""
    place = machine.casefold().rfind(_SEGMENT)
    tail = machine[place + len(_SEGMENT) :]
    return (machine[:place], int(tail)) if place > 0 and tail.isdecimal() else None


def holds(world: World, machine: str, address: str) -> bool:
    """Whether *machine* is an instance of a scale set and has the private address."""
    found = split(machine)
    if found is None or not world.exists(found[0]):
        return False
    return one(world, *found).get("address") == address
