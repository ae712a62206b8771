"""Every instance that the records ask for, as plain values: what a fabric needs to boot it.

Instances of groups and single ones look alike here. Everything is read from the records at one
moment; nothing is kept.

Sources: Amazon EC2 Auto Scaling User Guide, "Amazon EC2 Auto Scaling lifecycle hooks", "Tag Auto
Scaling groups and instances" (`aws:autoscaling:groupName`), "Health checks for instances in an Auto
Scaling group"; Amazon EC2 User Guide, "Run commands when you launch an EC2 instance with user data
input" (what is gzip is given as it is), "EC2 instance hostnames and domains".
"""

import base64
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network

from sandbox.control import arns, settings
from sandbox.control.aws import (
    groups,
    instance_records,
    instances,
    launch_templates,
    lifecycle,
    lifecycle_hooks,
    machines,
)
from sandbox.control.aws.addresses import SUBNET
from sandbox.control.aws.ec2_instances import INSTANCE
from sandbox.control.aws.instance_types import type_of
from sandbox.control.aws.roles import PROFILE
from sandbox.control.aws.scaling_policies import GROUP
from sandbox.control.kinds import CloudError, Record, Values, World
from sandbox.control.reading import mapping, number, text, texts
from sandbox.control.store import Store
from sandbox.control.world import StoreTransaction

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Model:
    """What instances of one version of a template share, or what a single one is made from."""

    group: str
    """ARN of the record that it comes with: its group, or its own."""
    region: str
    instance_type: str
    vcpus: int
    memory: int
    """Megabytes."""
    image: str
    """Id of its image (`ami-...`)."""
    user_data: bytes = field(repr=False)
    """Decoded."""
    profile: str | None
    """ARN of its instance profile."""
    security_groups: tuple[str, ...]
    """Ids."""
    tokens_required: bool
    """Whether the metadata service wants a session token (IMDSv2)."""
    hop_limit: int
    metadata: bool
    """Whether there is a metadata service for it at all."""
    metadata_tags: bool
    """Whether the metadata service gives its tags."""
    tags: Mapping[str, str]
    target_groups: tuple[str, ...]
    """ARNs of the target groups of its group; attachments are records of their own."""
    health_type: str
    """EC2, or ELB: what the load balancer finds counts too."""
    grace_seconds: float
    """From its entry into service in which nobody looks at its health."""
    suspended: frozenset[str]
    """Processes of its group that are suspended (`ReplaceUnhealthy`)."""


@dataclass(frozen=True, kw_only=True)
class FleetInstance(Model):
    """One instance that is to run."""

    id: str
    """ARN."""
    instance_id: str
    """`i-...`."""
    hostname: str
    """`ip-10-0-1-5`."""
    incarnation: str
    """UUID of its disk; another one is an empty disk."""
    interface: str
    """Id of its network interface (`eni-...`)."""
    address: IPv4Address
    subnet: str
    """Id."""
    network: str
    """Id of the VPC."""
    zone: str
    lifecycle: str
    """`Pending:Wait`, `InService`, `Terminating:Wait` or `Terminating`."""
    hooks: tuple[str, ...]
    """Hooks that it waits for, by name."""
    since: str
    """When it came into this state; RFC 3339, UTC."""
    hold_seconds: float | None
    """While it waits at launch: the time until the hooks' default results count."""
    hold_result: str
    """That default result: ABANDON if any of the hooks has it."""
    notice_seconds: float
    """The time that it gets to drain; 0: no hook gives it any."""
    health: str
    """Healthy or Unhealthy, as SetInstanceHealth says."""
    leaving: bool
    created: str
    """RFC 3339, UTC."""


def prepare(store: Store, pool: IPv4Network | None) -> None:
    """Start with a fabric that routes *pool*, or with none: then what was leaving is gone."""
    settings.apply(store, pool)
    with store.change() as rows:
        try:
            instances.settle_all(StoreTransaction(rows, changes=rows))
        except CloudError as error:
            _LOG.warning("a group has fewer instances than its capacity: %s", error)


def machines_of(world: World) -> tuple[FleetInstance, ...]:
    """Every instance, those of groups first."""
    return (*_of_groups(world), *_single(world))


def _of_groups(world: World) -> Iterator[FleetInstance]:
    for record in world.of(GROUP):
        hooks = lifecycle_hooks.of(world, record)
        by_name = {hook.name: hook for hook in hooks}
        leaving = [h for h in hooks if h.transition == lifecycle_hooks.TERMINATING]
        notice = max((float(hook.timeout) for hook in leaving), default=0.0)
        models: dict[tuple[str, int], Model] = {}
        for each in instance_records.of_record(world, record):
            place = (each.template, each.version)
            if place not in models:
                models[place] = _group_model(world, record, instance_records.data_of(world, each))
            waits = [by_name[name] for name in each.hooks if name in by_name]
            pending = each.lifecycle == instance_records.PENDING_WAIT and waits
            abandons = any(hook.result == instance_records.ABANDON for hook in waits)
            yield FleetInstance(
                **vars(models[place]),
                id=each.arn,
                instance_id=each.id,
                hostname=each.host,
                incarnation=each.incarnation,
                interface=each.interface,
                address=each.address,
                subnet=each.subnet,
                network=_network(world, each.subnet),
                zone=each.zone,
                lifecycle=each.lifecycle,
                hooks=each.hooks,
                since=each.since,
                hold_seconds=min(float(hook.timeout) for hook in waits) if pending else None,
                hold_result=instance_records.ABANDON if abandons else instance_records.CONTINUE,
                notice_seconds=notice,
                health=each.health,
                leaving=each.leaving,
                created=each.created,
            )


def _group_model(world: World, record: Record, data: Values) -> Model:
    profile = text(data, "iamInstanceProfile.arn") or text(data, "iamInstanceProfile.name")
    tags = {
        **machines.tags_for(data, "instance"),
        **groups.tags_of(record, launched=True),
        "aws:autoscaling:groupName": record.short,
    }
    return _model(
        world,
        record,
        data,
        instance_type=text(data, "instanceType") or "",
        image=text(data, "imageId") or "",
        user_data=base64.b64decode(text(data, "userData") or ""),
        profile=profile,
        security_groups=launch_templates.security_groups(data),
        tags=tags,
        target_groups=tuple(g for _, g in texts(record.inputs, "targetGroupArns[*]")),
        health_type=text(record.outputs, "healthCheckType") or "EC2",
        grace_seconds=lifecycle.grace_of(record),
        suspended=frozenset(lifecycle.suspended(record)),
    )


def _single(world: World) -> Iterator[FleetInstance]:
    for record in world.of(INSTANCE):
        address, subnet = text(record.outputs, "privateIp"), text(record.inputs, "subnetId") or ""
        if not address or world.named(SUBNET, subnet) is None:
            continue  # its subnet was deleted by hand: there is nothing to boot it on
        encoded = text(record.inputs, "userDataBase64")
        plain = (text(record.inputs, "userData") or "").encode()
        model = _model(
            world,
            record,
            record.inputs,
            instance_type=text(record.inputs, "instanceType") or "",
            image=text(record.inputs, "ami") or "",
            user_data=base64.b64decode(encoded) if encoded is not None else plain,
            profile=text(record.inputs, "iamInstanceProfile"),
            security_groups=tuple(g for _, g in texts(record.inputs, "vpcSecurityGroupIds[*]")),
            tags={str(k): str(v) for k, v in mapping(record.outputs, "tagsAll").items()},
            target_groups=(),
            health_type="EC2",
            grace_seconds=0.0,
            suspended=frozenset(),
        )
        yield FleetInstance(
            **vars(model),
            id=record.id,
            instance_id=record.short,
            hostname=f"ip-{address.replace('.', '-')}",
            incarnation=record.incarnation,
            interface=text(record.outputs, "primaryNetworkInterfaceId") or "",
            address=IPv4Address(address),
            subnet=subnet,
            network=_network(world, subnet),
            zone=text(record.outputs, "availabilityZone") or "",
            lifecycle=instance_records.IN_SERVICE,
            hooks=(),
            since=record.created,
            hold_seconds=None,
            hold_result=instance_records.CONTINUE,
            notice_seconds=0.0,
            health=instance_records.HEALTHY,
            leaving=False,
            created=record.created,
        )


def _model(
    world: World,
    record: Record,
    data: Values,
    *,
    instance_type: str,
    image: str,
    user_data: bytes,
    profile: str | None,
    security_groups: tuple[str, ...],
    tags: Mapping[str, str],
    target_groups: tuple[str, ...],
    health_type: str,
    grace_seconds: float,
    suspended: frozenset[str],
) -> Model:
    """What both kinds of instances have."""
    known = type_of(instance_type)
    found = world.named(PROFILE, profile) if profile else None
    limit = number(data, "metadataOptions.httpPutResponseHopLimit")
    return Model(
        group=record.id,
        region=arns.region_of(record.id),
        instance_type=instance_type,
        vcpus=known.vcpus if known else 1,
        memory=int((known.memory if known else 1) * 1024),
        image=image,
        user_data=user_data,
        profile=found.id if found else None,
        security_groups=security_groups,
        tokens_required=text(data, "metadataOptions.httpTokens") == "required",
        hop_limit=1 if limit is None else limit,
        metadata=text(data, "metadataOptions.httpEndpoint") != "disabled",
        metadata_tags=machines.shows_tags(data),
        tags=tags,
        target_groups=target_groups,
        health_type=health_type,
        grace_seconds=grace_seconds,
        suspended=suspended,
    )


def _network(world: World, subnet: str) -> str:
    record = world.named(SUBNET, subnet)
    return (text(record.inputs, "vpcId") if record else None) or ""
