"""Elastic network interfaces (EC2): declared ones, and those that AWS makes for its services.

Sources: Amazon EC2 User Guide, "Elastic network interfaces", "Requester-managed network interfaces"
(of NAT gateways, interface endpoints, load balancers, databases: they go with what they serve);
Amazon EC2 API Reference, "CreateNetworkInterface"; Terraform provider aws,
`aws_network_interface`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sandbox.control import arns
from sandbox.control.aws import addresses, quotas
from sandbox.control.aws.addresses import SUBNET
from sandbox.control.aws.rules import ec2, not_emulated, standard
from sandbox.control.aws.security_groups import SECURITY_GROUP, verify_groups
from sandbox.control.kinds import Context, Kind, Outputs, Problem, Record, Transaction, Values
from sandbox.control.reading import flag, text, texts

INTERFACE = "aws:ec2/networkInterface:NetworkInterface"


def _rules(values: Values) -> Iterator[Problem]:
    if len(texts(values, "privateIps[*]")) > 1:
        yield Problem("privateIps[1]", "the sandbox does not emulate this: give one address")
    yield from not_emulated(
        values,
        dict.fromkeys(
            (
                "attachments",
                "connectionTrackingSpecification",
                "enaSrdSpecification",
                "enablePrimaryIpv6",
                "interfaceType",
                "ipv4PrefixCount",
                "ipv4Prefixes",
                "ipv6AddressCount",
                "ipv6AddressListEnabled",
                "ipv6AddressLists",
                "ipv6Addresses",
                "ipv6PrefixCount",
                "ipv6Prefixes",
                "privateIpListEnabled",
                "privateIpLists",
                "privateIpsCount",
            ),
            "leave it out",
        ),
    )


def _given(values: Values) -> str | None:
    """The address that a program chose."""
    return text(values, "privateIps[0]") or text(values, "privateIp")


def _verify(context: Context) -> Iterator[Problem]:
    subnet = context.world.find(text(context.inputs, "subnetId") or "")
    if subnet is None:
        return
    if wanted := _given(context.inputs):
        yield from addresses.verify(context, "privateIps[0]", subnet, wanted)
    yield from verify_groups(context, "securityGroups", text(subnet.outputs, "vpcId") or "")
    if not texts(context.inputs, "securityGroups[*]"):
        words = "the sandbox does not emulate the VPC's default group: give one"
        yield Problem("securityGroups", words)
    yield from quotas.verify(context, quotas.NETWORK_INTERFACES)


def _outputs(context: Context) -> Outputs:
    found = text(context.previous.outputs, "privateIp") if context.previous else None
    subnet = context.world.find(text(context.inputs, "subnetId") or "")
    if subnet is not None:
        found = _given(context.inputs) or found or addresses.next_free(context.world, subnet)
    source_checked = flag(context.inputs, "sourceDestCheck") is not False
    return {
        **_described(context.short, found or "", context.region),
        "interfaceType": "interface",
        "sourceDestCheck": source_checked,
    }


def _described(eni: str, address: str, region: str) -> Outputs:
    digits = eni.rpartition("-")[2]
    pairs = [digits[place : place + 2] for place in range(0, 10, 2)]
    zone = "ec2" if region == "us-east-1" else f"{region}.compute"
    return {
        "macAddress": ":".join(["02", *pairs]),
        "privateDnsName": f"ip-{address.replace('.', '-')}.{zone}.internal",
        "privateIp": address,
        "privateIps": [address],
        "privateIpsCount": 0,
    }


def _created(context: Context, transaction: Transaction) -> None:
    record = transaction.find(context.id)
    if record is not None:
        _hold(record, transaction)


def _updated(context: Context, transaction: Transaction) -> None:
    if context.previous is not None:
        _deleting(context.previous, transaction)
    _created(context, transaction)


def _hold(record: Record, transaction: Transaction) -> None:
    subnet = transaction.find(text(record.inputs, "subnetId") or "")
    found = text(record.outputs, "privateIp")
    if subnet is not None and found:
        addresses.take(transaction, subnet, found, record.id)


def _deleting(record: Record, transaction: Transaction) -> None:
    subnet = transaction.find(text(record.inputs, "subnetId") or "")
    found = text(record.outputs, "privateIp")
    if subnet is not None and found:
        addresses.give_back(transaction, subnet, found)


def short_of(context: Context, subnet: str) -> str:
    """The id of the interface that AWS makes for a resource in a subnet."""
    return f"eni-{context.hexadecimal(f'interface/{subnet}', 17)}"


def place(
    context: Context,
    transaction: Transaction,
    subnet: Record,
    address: str,
    groups: Sequence[str],
    *,
    kind: str,
    description: str,
) -> None:
    """Make the interface of a resource in a subnet; it goes with the resource."""
    short = short_of(context, subnet.short)
    attach(
        transaction,
        subnet,
        Attachment(
            short=short,
            address=address,
            groups=tuple(groups),
            kind=kind,
            description=description,
            parent=context.id,
            incarnation=context.identifier(short),
            created=context.created,
        ),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Attachment:
    """An interface that AWS makes."""

    short: str
    """`eni-...`."""
    address: str
    groups: tuple[str, ...]
    """Ids of security groups."""
    kind: str
    description: str
    parent: str
    """ARN of what it goes with."""
    incarnation: str
    created: str


def arn_of(subnet: str, short: str) -> str:
    """The ARN of an interface in the region and account of a subnet (an ARN)."""
    return f"{subnet.partition(':subnet/')[0]}:network-interface/{short}"


def attach(transaction: Transaction, subnet: Record, wanted: Attachment) -> None:
    """Make an interface in a subnet, or change its groups."""
    # Who changes the world now may be no provider, which alone knows its account.
    region, arn = arns.region_of(subnet.id), arn_of(subnet.id, wanted.short)
    inputs: Outputs = {
        "subnetId": subnet.short,
        "description": wanted.description,
        "region": region,
    }
    if wanted.groups:
        inputs["securityGroups"] = list(wanted.groups)
    kept = transaction.find(arn)
    record = Record(
        id=arn,
        type=INTERFACE,
        inputs=inputs,
        outputs={
            **inputs,
            **_described(wanted.short, wanted.address, region),
            "arn": arn,
            "interfaceType": wanted.kind,
            "ownerId": text(subnet.outputs, "ownerId"),
            "sourceDestCheck": False,
        },
        incarnation=kept.incarnation if kept else wanted.incarnation,
        created=wanted.created,
        short=wanted.short,
        parent=wanted.parent,
    )
    transaction.put(record)
    _hold(record, transaction)


def detach(transaction: Transaction, short: str) -> None:
    """Remove an interface that AWS made, and free its address."""
    if (record := transaction.find(short)) is not None:
        _deleting(record, transaction)
        transaction.remove(record.id)


def withdraw(context: Context, transaction: Transaction, stays: frozenset[str]) -> None:
    """Remove the interfaces of a resource but those in the subnets (ids) where it stays."""
    for each in list(transaction.children(context.id)):
        if each.type == INTERFACE and text(each.inputs, "subnetId") not in stays:
            _deleting(each, transaction)
            transaction.remove(each.id)


KINDS = (
    Kind(
        type=INTERFACE,
        identity=ec2("network-interface", "eni"),
        replace_on=("subnetId", "privateIps", "privateIp", "interfaceType"),
        references={"subnetId": (SUBNET,), "securityGroups[*]": (SECURITY_GROUP,)},
        unordered=("securityGroups",),
        rules=standard(_rules),
        verify=_verify,
        outputs=_outputs,
        created=_created,
        updated=_updated,
        deleting=_deleting,
        not_found=(
            "InvalidNetworkInterfaceID.NotFound",
            "The networkInterface ID '{id}' does not exist",
        ),
        in_use=(
            "InvalidNetworkInterface.InUse",
            "Network interface '{id}' is currently in use: {by}.",
        ),
    ),
)
