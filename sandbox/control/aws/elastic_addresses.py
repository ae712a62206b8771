"""Elastic IP addresses (EC2).

Sources: Amazon EC2 User Guide, "Elastic IP addresses" (5 a region), Amazon EC2 API Reference,
"AllocateAddress", "ReleaseAddress"; Terraform provider aws, `aws_eip`. Its public addresses come
from the one pool of the sandbox (`public_pool.py`).
"""

from collections.abc import Iterator

from sandbox.control import public_pool
from sandbox.control.aws import quotas
from sandbox.control.aws.rules import ec2, not_emulated, one_of, standard
from sandbox.control.kinds import (
    ApiError,
    Context,
    Kind,
    Outputs,
    Problem,
    Record,
    Transaction,
    Values,
    World,
)
from sandbox.control.reading import text

ELASTIC_ADDRESS = "aws:ec2/eip:Eip"


def _rules(values: Values) -> Iterator[Problem]:
    yield from one_of(values, "domain", ("vpc",))
    yield from not_emulated(
        values,
        {
            "address": "AWS chooses the address",
            "associateWithPrivateIp": "leave it out",
            "customerOwnedIpv4Pool": "leave it out",
            "instance": "give it to a NAT gateway or a load balancer",
            "ipamPoolId": "AWS chooses the address",
            "networkBorderGroup": "leave it out",
            "networkInterface": "give it to a NAT gateway or a load balancer",
            "publicIpv4Pool": "AWS chooses the address",
        },
    )


def _verify(context: Context) -> Iterator[Problem]:
    yield from quotas.verify(context, quotas.ELASTIC_ADDRESSES)


def _address(context: Context) -> str:
    if context.previous is not None and (kept := text(context.previous.outputs, "publicIp")):
        return kept
    if found := public_pool.choose(context):
        return found
    raise ApiError(
        "InsufficientAddressCapacity",
        "Not enough available addresses to satisfy your request: all of "
        f"{public_pool.pool(context.world)} are in use.",
    )


def _outputs(context: Context) -> Outputs:
    found = _address(context)
    return {
        "allocationId": context.short,
        "domain": "vpc",
        "networkBorderGroup": context.region,
        "publicIp": found,
        "publicDns": public_name(found, context.region),
        "publicIpv4Pool": "amazon",
    }


def public_name(address: str, region: str) -> str:
    """The DNS name of a public address; us-east-1 has a form of its own."""
    zone = "compute-1" if region == "us-east-1" else f"{region}.compute"
    return f"ec2-{address.replace('.', '-')}.{zone}.amazonaws.com"


def _created(context: Context, transaction: Transaction) -> None:
    record = transaction.find(context.id)
    if record is not None:
        public_pool.take(transaction, text(record.outputs, "publicIp"), context.id)


def _deleting(record: Record, transaction: Transaction) -> None:
    public_pool.give_back(transaction, text(record.outputs, "publicIp"))


def user_of(world: World, allocation: str, besides: str = "") -> Record | None:
    """What an address is associated with: a NAT gateway or a load balancer."""
    users = (user for user, _ in world.referrers(allocation) if user.id != besides)
    return next(users, None)


KINDS = (
    Kind(
        type=ELASTIC_ADDRESS,
        identity=ec2("elastic-ip", "eipalloc"),
        replace_on=("domain", "networkBorderGroup", "publicIpv4Pool"),
        rules=standard(_rules),
        verify=_verify,
        outputs=_outputs,
        created=_created,
        deleting=_deleting,
        not_found=("InvalidAllocationID.NotFound", "The allocation ID '{id}' does not exist"),
        in_use=(
            "InvalidIPAddress.InUse",
            "Address with allocation id [{id}] cannot be released because it is in use: {by}.",
        ),
    ),
)
