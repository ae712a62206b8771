"""The instances of Auto Scaling groups.

Each has an id, an interface with an address, a zone and a version of the launch template that last
as long as it does, and a state of its life. They are kept in the transaction that changes their
group, so that whatever happens afterwards, the sandbox knows which instances there are to be.

Source: Amazon EC2 Auto Scaling User Guide, "Work with Amazon EC2 Auto Scaling termination policies"
(Default: balance over zones, the oldest launch template, the oldest instance).
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from ipaddress import IPv4Address
from uuid import uuid4

from sandbox.control import arns, settings
from sandbox.control.aws import (
    addresses,
    instance_notes,
    launch_templates,
    lifecycle_hooks,
    network_interfaces,
)
from sandbox.control.aws.instance_records import (
    HEALTHY,
    IN_SERVICE,
    PENDING_WAIT,
    TERMINATING,
    TERMINATING_WAIT,
    Instance,
    find,
    free,
    launched_note,
    now,
    of_record,
    put,
)
from sandbox.control.aws.scaling_policies import GROUP
from sandbox.control.kinds import ApiError, CloudError, Context, Record, Transaction, Values, World
from sandbox.control.reading import mapping, number, text, texts
from sandbox.control.spreading import emptiest, leavers


def capacity_of(record: Record) -> int:
    """How many instances a group is to have."""
    return number(record.outputs, "desiredCapacity") or 0


def settle(record: Record, transaction: Transaction) -> None:
    """Make a group's instances as many as its capacity. Raises ApiError."""
    if instance_notes.index(transaction, record.id).get("incarnation") != record.incarnation:
        _drop(record.id, transaction)
    found = of_record(transaction, record)
    if not settings.is_real(transaction):
        for each in found:
            if each.leaving:
                _forget(each, transaction)
            elif each.lifecycle != IN_SERVICE:
                enter(replace(each, hooks=()), IN_SERVICE, transaction)
    staying = [each for each in found if not each.leaving]
    capacity = capacity_of(record)
    if len(staying) < capacity:
        _grow(record, staying, capacity - len(staying), transaction)
    going = leavers(staying, len(staying) - capacity, _zone, _rank(record))
    for each in list(going):
        let_go(each, record, transaction)


def settle_all(transaction: Transaction) -> None:
    """Bring every group's instances in line, after a change from outside.

    Raises:
        CloudError: one finds no room in its subnets; the others are in line.
    """
    refusals: list[CloudError] = []
    for record in list(transaction.of(GROUP)):
        try:
            settle(record, transaction)
        except CloudError as error:
            refusals.append(error)
    for refusal in refusals:
        raise refusal


def unsettled(world: World) -> bool:
    """Whether some group has another number of instances than its capacity."""
    return any(
        sum(not each.leaving for each in of_record(world, record)) != capacity_of(record)
        for record in world.of(GROUP)
    )


def forget(transaction: Transaction, instance: str) -> None:
    """Remove an instance that has gone, and free its address; one that is unknown is no error."""
    if (found := find(transaction, instance)) is not None:
        _forget(found, transaction)


def renew(transaction: Transaction, instance: str) -> Instance | None:
    """Replace an instance that is no more, and return the one that takes its place.

    None when it was leaving anyway, or unknown. Raises ApiError when the new one finds no address.
    """
    found = find(transaction, instance)
    record = transaction.find(found.group) if found else None
    if found is None or record is None:
        return None
    _forget(found, transaction)
    before = {each.id for each in of_record(transaction, record)}
    settle(record, transaction)
    after = of_record(transaction, record)
    return next((each for each in after if each.id not in before), None)


def kept_up(context: Context, transaction: Transaction) -> None:
    """Hook: a group was created or changed."""
    record = transaction.find(context.id)
    if record is not None:
        settle(record, transaction)


def release(record: Record, transaction: Transaction) -> None:
    """Hook: a group goes, and its instances with it."""
    _drop(record.id, transaction)


def _zone(instance: Instance) -> str:
    return instance.zone


def _rank(record: Record) -> Callable[[Instance], tuple[float, ...]]:
    """Which of a zone's instances goes first, by the group's termination policy."""
    chosen = next((each for _, each in texts(record.inputs, "terminationPolicies[*]")), "Default")

    def rank(instance: Instance) -> tuple[float, ...]:
        age = -datetime.fromisoformat(instance.created).timestamp()
        if chosen == "OldestInstance":
            return (age,)
        if chosen == "NewestInstance":
            return (-age,)
        return (-instance.version, age)

    return rank


def let_go(found: Instance, record: Record, transaction: Transaction) -> None:
    """It is to drain and go; without a fabric it is gone."""
    if found.leaving:
        return
    if not settings.is_real(transaction):
        _forget(found, transaction)
        return
    hooks = _waits(transaction, record, lifecycle_hooks.TERMINATING)
    state = TERMINATING_WAIT if hooks else TERMINATING
    enter(replace(found, leaving=True, hooks=hooks), state, transaction)


def _waits(world: World, record: Record, transition: str) -> tuple[str, ...]:
    found = lifecycle_hooks.of(world, record)
    return tuple(hook.name for hook in found if hook.transition == transition)


def enter(found: Instance, state: str, transaction: Transaction) -> None:
    """Bring an instance into another state."""
    put(replace(found, lifecycle=state, since=now()), transaction)


def _grow(
    record: Record, staying: Sequence[Instance], count: int, transaction: Transaction
) -> None:
    reference = mapping(record.inputs, "launchTemplate")
    region = arns.region_of(record.id)
    template = launch_templates.find(transaction, reference, region)
    version = launch_templates.number_of(template, text(reference, "version")) if template else None
    if template is None or version is None:
        raise ApiError("ValidationError", "The specified launch template does not exist.")
    data = launch_templates.version(transaction, template, version) or {}
    transaction.remember(launched_note(record.id, template.id, version), data)
    subnets = subnets_of(transaction, record)
    loads = Counter(each.zone for each in staying)
    held = Counter(each.subnet for each in staying)
    real = settings.is_real(transaction)
    hooks = _waits(transaction, record, lifecycle_hooks.LAUNCHING) if real else ()
    known = instance_notes.listed(transaction, record)
    for _ in range(count):
        subnet, address = _place(subnets, loads, held, transaction)
        loads[zone_of(subnet)] += 1
        held[subnet.short] += 1
        incarnation, moment = str(uuid4()), now()
        made = Instance(
            group=record.id,
            id=f"i-{incarnation.replace('-', '')[:17]}",
            incarnation=incarnation,
            address=address,
            subnet=subnet.short,
            interface=f"eni-{uuid4().hex[:17]}",
            zone=zone_of(subnet),
            template=template.id,
            version=version,
            lifecycle=PENDING_WAIT if hooks else IN_SERVICE,
            hooks=hooks,
            since=moment,
            health=HEALTHY,
            leaving=False,
            created=moment,
        )
        put(made, transaction)
        _attach(made, data, transaction)
        known.append(made.id)
    _note(transaction, record, known)


def _attach(made: Instance, data: Values, transaction: Transaction) -> None:
    """Give an instance its interface, which holds the subnet and the security groups."""
    subnet = transaction.find(made.subnet)
    if subnet is not None:
        network_interfaces.attach(
            transaction,
            subnet,
            network_interfaces.Attachment(
                short=made.interface,
                address=str(made.address),
                groups=launch_templates.security_groups(data),
                kind="interface",
                description="",
                parent=made.group,
                incarnation=str(uuid4()),
                created=made.created,
            ),
        )


def subnets_of(world: World, record: Record) -> tuple[Record, ...]:
    """The subnets of a group that exist."""
    region = arns.region_of(record.id)
    found = (
        world.named(addresses.SUBNET, target, region)
        for _, target in texts(record.inputs, "vpcZoneIdentifiers[*]")
    )
    return tuple(each for each in found if each is not None)


def zone_of(subnet: Record) -> str:
    """The zone that a subnet lies in."""
    return text(subnet.outputs, "availabilityZone") or ""


def _place(
    subnets: Sequence[Record],
    loads: Counter[str],
    held: Counter[str],
    transaction: Transaction,
) -> tuple[Record, IPv4Address]:
    """A subnet of the emptiest zone that has room, with an address."""
    left = list(subnets)
    while left:
        zone = emptiest(list(dict.fromkeys(map(zone_of, left))), loads)
        inside = [subnet for subnet in left if zone_of(subnet) == zone]
        chosen = min(inside, key=lambda subnet: (held[subnet.short], inside.index(subnet)))
        try:
            return chosen, IPv4Address(addresses.next_free(transaction, chosen))
        except ApiError:
            left.remove(chosen)
    if subnets:
        raise addresses.full(subnets[0])
    raise ApiError("ValidationError", "At least one Availability Zone or VPC Subnet is required.")


def _drop(group: str, transaction: Transaction) -> None:
    """Forget every instance of a group, also of one that was deleted without its hooks."""
    for each in instance_notes.ids_of(instance_notes.index(transaction, group)):
        if (found := find(transaction, each)) is not None:
            free(found, transaction)
            transaction.remember(launched_note(group, found.template, found.version), None)
    instance_notes.put_index(transaction, group, None)


def _forget(gone: Instance, transaction: Transaction) -> None:
    free(gone, transaction)
    noted = dict(instance_notes.index(transaction, gone.group))
    noted["ids"] = [each for each in instance_notes.ids_of(noted) if each != gone.id]
    instance_notes.put_index(transaction, gone.group, noted)


def _note(transaction: Transaction, record: Record, known: list[str]) -> None:
    value = {"incarnation": record.incarnation, "ids": known}
    instance_notes.put_index(transaction, record.id, value)
