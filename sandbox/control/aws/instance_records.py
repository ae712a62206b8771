"""One instance of an Auto Scaling group, as it is kept.

Sources: Amazon EC2 Auto Scaling User Guide, "Amazon EC2 Auto Scaling instance lifecycle" (states);
Amazon EC2 User Guide, "EC2 instance hostnames and domains" (`ip-10-0-1-5`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv4Address

from sandbox.control import arns
from sandbox.control.aws import instance_notes, network_interfaces
from sandbox.control.aws.scaling_policies import GROUP
from sandbox.control.kinds import Record, Transaction, Values, World
from sandbox.control.reading import flag, number, text, texts

PENDING_WAIT = "Pending:Wait"
IN_SERVICE = "InService"
TERMINATING = "Terminating"
TERMINATING_WAIT = "Terminating:Wait"

HEALTHY, UNHEALTHY = "Healthy", "Unhealthy"
CONTINUE, ABANDON = "CONTINUE", "ABANDON"


@dataclass(frozen=True, kw_only=True, slots=True)
class Instance:
    """One instance of a group."""

    group: str
    """ARN of the group."""
    id: str
    """`i-...`; never given twice."""
    incarnation: str
    """UUID of its disk."""
    address: IPv4Address
    subnet: str
    interface: str
    """`eni-...`."""
    zone: str
    template: str
    """ARN of the launch template."""
    version: int
    """Of the launch template that it was launched from."""
    lifecycle: str
    hooks: tuple[str, ...]
    """The hooks that it waits for in this state, by name."""
    since: str
    """When it came into this state; RFC 3339, UTC."""
    health: str
    leaving: bool
    """It is to drain and go; the capacity does not count it any more."""
    created: str
    """RFC 3339, UTC."""

    @property
    def arn(self) -> str:
        """Its ARN, in the account and the region of its group."""
        group = arns.parse(self.group)
        where = f"{group.region}:{group.account}" if group else ":"
        return f"arn:aws:ec2:{where}:instance/{self.id}"

    @property
    def host(self) -> str:
        """The name that AWS gives it: made of its address."""
        return f"ip-{str(self.address).replace('.', '-')}"


def of_record(world: World, record: Record) -> tuple[Instance, ...]:
    """The instances of a group, oldest first, those that are leaving included."""
    found = [
        (each, instance_notes.one(world, each)) for each in instance_notes.listed(world, record)
    ]
    made = [_read(each, noted) for each, noted in found if noted]
    return tuple(sorted(made, key=lambda instance: (instance.created, instance.id)))


def of(world: World, group: str, region: str = "") -> tuple[Instance, ...]:
    """The instances of a group, by its ARN or name."""
    record = world.named(GROUP, group, region)
    return of_record(world, record) if record else ()


def find(world: World, instance: str) -> Instance | None:
    """One instance, by its id or ARN."""
    noted = instance_notes.one(world, instance)
    return _read(instance_notes.short(instance), noted) if noted else None


def now() -> str:
    """This moment, as records write it."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def data_of(world: World, instance: Instance) -> Values:
    """The content of the template's version that an instance was launched from."""
    found = world.note(launched_note(instance.group, instance.template, instance.version))
    return found if isinstance(found, Mapping) else {}


def launched_note(group: str, template: str, version: int) -> str:
    """Where a group keeps what it launched from: the template may go before the group."""
    return f"launched/{group}/{template}/{version}"


def free(gone: Instance, transaction: Transaction) -> None:
    """Forget an instance that has gone, and free its address."""
    network_interfaces.detach(transaction, gone.interface)
    instance_notes.put(transaction, gone.id, None)


def put(instance: Instance, transaction: Transaction) -> None:
    """Keep an instance as it is now."""
    value = {
        "group": instance.group,
        "incarnation": instance.incarnation,
        "address": str(instance.address),
        "subnet": instance.subnet,
        "interface": instance.interface,
        "zone": instance.zone,
        "template": instance.template,
        "version": instance.version,
        "lifecycle": instance.lifecycle,
        "hooks": list(instance.hooks),
        "since": instance.since,
        "health": instance.health,
        "leaving": instance.leaving,
        "created": instance.created,
    }
    instance_notes.put(transaction, instance.id, value)


def _read(own: str, noted: Mapping[str, object]) -> Instance:
    return Instance(
        group=text(noted, "group") or "",
        id=own,
        incarnation=text(noted, "incarnation") or "",
        address=IPv4Address(text(noted, "address") or ""),
        subnet=text(noted, "subnet") or "",
        interface=text(noted, "interface") or "",
        zone=text(noted, "zone") or "",
        template=text(noted, "template") or "",
        version=number(noted, "version") or 1,
        lifecycle=text(noted, "lifecycle") or IN_SERVICE,
        hooks=tuple(each for _, each in texts(noted, "hooks[*]")),
        since=text(noted, "since") or "",
        health=text(noted, "health") or HEALTHY,
        leaving=flag(noted, "leaving") or False,
        created=text(noted, "created") or "",
    )
