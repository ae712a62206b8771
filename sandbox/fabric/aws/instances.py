"""The instance that a machine is, as its metadata service knows it, from the records.

Source: Amazon EC2 Auto Scaling User Guide, "Retrieve the target lifecycle state through instance
metadata" (InService while it is launched and while it serves, Terminated once it is to end).
"""

from sandbox.control import arns
from sandbox.control.aws import fleet, roles
from sandbox.control.aws.addresses import block
from sandbox.control.kinds import Record, World
from sandbox.control.reading import text
from sandbox.fabric.aws.instance import Instance, Profile
from sandbox.fabric.aws.names import domain
from sandbox.fabric.aws.sessions import Session
from sandbox.fabric.contract import Machine
from sandbox.fabric.network import hardware_address
from sandbox.fabric.notices import Notices

IN_SERVICE, TERMINATED = "InService", "Terminated"


def of(world: World, machine: Machine, notices: Notices) -> Instance | None:
    """The instance; None when its record, or its subnet, has gone."""
    found = next((each for each in fleet.machines_of(world) if each.id == machine.id), None)
    subnet = world.find(found.subnet) if found else None
    vpc = world.find(found.network) if found else None
    if found is None or subnet is None or vpc is None:
        return None
    region = found.region
    return Instance(
        id=found.instance_id,
        image=found.image,
        type=found.instance_type,
        account=world.subscription if not (arn := arns.parse(found.id)) else arn.account,
        region=region,
        zone=found.zone,
        hostname=f"{found.hostname}.{domain(region)}",
        address=found.address,
        mac=hardware_address(machine.port),
        interface=found.interface,
        subnet=found.subnet,
        subnet_range=block(subnet),
        vpc=found.network,
        vpc_range=block(vpc),
        security_groups={
            group: text(record.outputs, "name") or group
            for group in found.security_groups
            if (record := world.find(group)) is not None
        },
        user_data=found.user_data,
        launched=found.created,
        lifecycle=_lifecycle(found, notices) if found.group != found.id else None,
        profile=_profile(world, found),
        tags=found.tags if found.metadata_tags else None,
        enabled=found.metadata,
        tokens_required=found.tokens_required,
        hops=found.hop_limit,
    )


def _lifecycle(found: fleet.FleetInstance, notices: Notices) -> str:
    ends = found.leaving or bool(notices.pending(found.id))
    return TERMINATED if ends else IN_SERVICE


def _profile(world: World, found: fleet.FleetInstance) -> Profile | None:
    record = world.find(found.profile) if found.profile else None
    role = roles.role_of_profile(world, found.profile) if found.profile else None
    arn = arns.parse(role.id) if role else None
    if record is None or role is None or arn is None:
        return None
    return Profile(
        arn=record.id,
        id=text(record.outputs, "uniqueId") or "",
        role=Session(
            account=arn.account,
            partition=arn.partition,
            role=_name(role),
            role_id=text(role.outputs, "uniqueId") or "",
            name=found.instance_id,
            expires=0,
        ),
    )


def _name(role: Record) -> str:
    return text(role.outputs, "name") or role.short
