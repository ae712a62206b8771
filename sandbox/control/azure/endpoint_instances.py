"""The instances of managed online deployments, and how they are replaced by others.

They are notes of the world, one a deployment (`online-instances/DEPLOYMENT`), kept in the
transaction that changes them. There are some only where machines are real.

Sources: Azure documentation, "Deploy and score a machine learning model by using an online
endpoint" (an update of a deployment rolls: new instances come first, then old ones go), "Manage and
increase quotas and limits" (20 % more cores than a deployment uses, for upgrades).
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from ipaddress import IPv4Address, IPv4Network
from typing import cast
from uuid import uuid4

from sandbox.control import ids, public_pool, settings
from sandbox.control.azure.online_endpoints import ONLINE_DEPLOYMENT_KIND, ONLINE_ENDPOINT_KIND
from sandbox.control.kinds import Record, Transaction, World
from sandbox.control.reading import mapping, number, text

RANGE = IPv4Network("10.0.0.0/20")
"""Of the service's own network of one endpoint; nobody else's packets get there."""
ROUTER = RANGE[4]
"""Where the endpoint itself answers in it."""
SURGE = 0.2
"""How many more instances there may be while a deployment is updated."""

_INDEX = "online-instances"
_SEGMENT = "/instances/"


@dataclass(frozen=True, kw_only=True, slots=True)
class Instance:
    """One instance of a deployment."""

    number: int
    """Never given twice in a deployment."""
    incarnation: str
    content: str
    """Digest of what it runs."""
    image: str
    """What it was made from, also when its deployment names another one by now."""
    address: str
    ready: bool = False
    """Whether it was ready once."""
    leaving: bool = False
    """It is to drain and go."""


def of(world: World, record: Record) -> tuple[Instance, ...]:
    """The instances of a deployment by number, those that are leaving included."""
    return _read(world, record.id, record.incarnation)


def machine_id(deployment: str, instance: Instance) -> str:
    """What the machine of an instance is called."""
    return f"{ids.key(deployment)}{_SEGMENT}{instance.number}"


def unsettled(world: World) -> bool:
    """Whether there are others than the records ask for."""
    if not settings.is_real(world):
        return bool(_known(world))
    records = {ids.key(record.id): record for record in world.of(ONLINE_DEPLOYMENT_KIND)}
    if any(public_pool.lent(world, each) is None for each in _public(world)):
        return True
    return bool(set(_known(world)) - records.keys()) or any(
        _planned(world, record, found) != found
        for record, found in ((record, of(world, record)) for record in records.values())
    )


def settle_all(transaction: Transaction) -> None:
    """Give each deployment as many instances of its present content as its capacity says.

    And each public endpoint an address.
    """
    real = settings.is_real(transaction)
    for endpoint in _public(transaction) if real else ():
        public_pool.lend(transaction, endpoint)
    records = (
        {ids.key(record.id): record for record in transaction.of(ONLINE_DEPLOYMENT_KIND)}
        if real
        else {}
    )
    for gone in set(_known(transaction)) - records.keys():
        _note(transaction, gone, None)
    for record in records.values():
        found = of(transaction, record)
        planned = _planned(transaction, record, found)
        if planned != found:
            _write(transaction, record, planned)
    if set(_known(transaction)) != records.keys():
        transaction.remember(_INDEX, sorted(records) or None)


def arrived(transaction: Transaction, machine: str) -> None:
    """An instance is ready for the first time: it counts from now on."""
    _change(transaction, machine, lambda each: replace(each, ready=True))


def forget(transaction: Transaction, machine: str) -> None:
    """An instance has gone; one that is unknown is no error."""
    _change(transaction, machine, lambda _: None)


def is_one(machine: str) -> bool:
    """Whether a machine is an instance of a deployment."""
    return "/onlineendpoints/" in machine.casefold() and _SEGMENT in machine.casefold()


def content_of(world: World, record: Record) -> str:
    """Digest of what an instance of a deployment is made from: a change of it replaces them all."""
    properties = mapping(record.inputs, "properties")
    made_of = [
        text(properties, "instanceType"),
        text(properties, "model"),
        text(properties, "modelMountPath"),
        text(properties, "egressPublicNetworkAccess"),
        sorted(mapping(properties, "environmentVariables").items()),
        sorted(mapping(properties, "codeConfiguration").items()),
        image_of(world, record),
    ]
    return sha256(repr(made_of).encode()).hexdigest()[:16]


def image_of(world: World, record: Record) -> str:
    """The image that a deployment's environment names, or ""."""
    environment = world.find(text(record.inputs, "properties.environmentId") or "")
    return text(environment.inputs, "properties.image") or "" if environment else ""


def plan(
    found: Sequence[Instance], capacity: int, content: str
) -> tuple[tuple[Instance, ...], int]:
    """What becomes of the instances that there are, and how many more are needed.

    An old one goes when a new one is ready in its place; one that never was ready goes at once.
    """
    current = [each for each in found if not each.leaving and each.content == content]
    old = [each for each in found if not each.leaving and each.content != content]
    ready = sum(each.ready for each in current)
    proven = sorted((each for each in old if each.ready), key=lambda each: each.number)
    kept = proven[: max(0, capacity - ready)]
    going = {each.number for each in old} - {each.number for each in kept}
    # The newest, and of these first who never served.
    surplus = sorted(current, key=lambda each: (each.ready, -each.number))
    going |= {each.number for each in surplus[: max(0, len(current) - capacity)]}
    room = capacity + (math.ceil(capacity * SURGE) if kept else 0)
    wanted = min(capacity, room - len(kept))
    after = tuple(replace(each, leaving=True) if each.number in going else each for each in found)
    return after, max(0, wanted - len(current))


def _planned(world: World, record: Record, found: tuple[Instance, ...]) -> tuple[Instance, ...]:
    capacity = number(record.inputs, "sku.capacity")
    content = content_of(world, record)
    after, more = plan(found, 1 if capacity is None else capacity, content)
    if not more:
        return after
    following = _following(world, record)
    taken = {each.address for each in _neighbours(world, record)} | {e.address for e in found}
    free = (str(a) for a in _addresses() if str(a) not in taken)
    made = (
        Instance(
            number=following + offset,
            incarnation=str(uuid4()),
            content=content,
            image=image_of(world, record),
            address=next(free),
        )
        for offset in range(more)
    )
    return (*after, *made)


def _addresses() -> Iterable[IPv4Address]:
    return (each for each in RANGE.hosts() if each > ROUTER)


def _neighbours(world: World, record: Record) -> Iterable[Instance]:
    """Of the other deployments of the same endpoint."""
    parent = ids.key(ids.parent_of(record.id))
    for other in _known(world):
        if ids.parent_of(other) == parent and other != ids.key(record.id):
            yield from _read(world, other, None)


def _change(
    transaction: Transaction, machine: str, become: Callable[[Instance], Instance | None]
) -> None:
    deployment, _, tail = machine.rpartition(_SEGMENT)
    record = transaction.find(deployment)
    if record is None or not tail.isdecimal():
        return
    found = of(transaction, record)
    changed = [become(each) if each.number == int(tail) else each for each in found]
    after = tuple(each for each in changed if each is not None)
    if after != found:
        _write(transaction, record, after)


def _public(world: World) -> list[Record]:
    """Endpoints that the internet may reach."""
    where = "properties.publicNetworkAccess"
    return [r for r in world.of(ONLINE_ENDPOINT_KIND) if text(r.outputs, where) != "Disabled"]


def _known(world: World) -> list[str]:
    noted = world.note(_INDEX)
    return [each for each in noted if isinstance(each, str)] if isinstance(noted, list) else []


def _noted(world: World, deployment: str) -> Mapping[str, object]:
    found = world.note(f"{_INDEX}/{ids.key(deployment)}")
    return found if isinstance(found, Mapping) else {}


def _note(transaction: Transaction, deployment: str, value: object) -> None:
    transaction.remember(f"{_INDEX}/{ids.key(deployment)}", value)


def _read(world: World, deployment: str, incarnation: str | None) -> tuple[Instance, ...]:
    noted = _noted(world, deployment)
    if incarnation is not None and noted.get("incarnation") != incarnation:
        return ()
    found = cast("list[dict[str, object]]", noted.get("instances") or [])
    return tuple(Instance(**each) for each in found)  # type: ignore[arg-type]


def _following(world: World, record: Record) -> int:
    noted = _noted(world, record.id)
    found = noted.get("next") if noted.get("incarnation") == record.incarnation else None
    return found if isinstance(found, int) else 0


def _write(transaction: Transaction, record: Record, instances: Sequence[Instance]) -> None:
    following = max((_following(transaction, record), *(e.number + 1 for e in instances)))
    value = {
        "incarnation": record.incarnation,
        "next": following,
        "instances": [asdict(each) for each in instances],
    }
    _note(transaction, record.id, value)
    known = {*_known(transaction), ids.key(record.id)}
    transaction.remember(_INDEX, sorted(known))
