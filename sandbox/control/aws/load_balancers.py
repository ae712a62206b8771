"""Network Load Balancers (Elastic Load Balancing).

Sources: Elastic Load Balancing, "Network Load Balancers" (one subnet a zone; an Elastic IP address
or a private address of one's own for each; security groups only from creation on), "Create a
Network Load Balancer"; Elastic Load Balancing API Reference, "CreateLoadBalancer"; Terraform
provider aws, `aws_lb` (subnets can be added, not taken away; security groups neither all taken away
nor added to a balancer without any).

A balancer has an interface in each of its subnets, in a record of its own; their private addresses
are in `subnetMappings` of the outputs. A public one without Elastic IP addresses is refused: its
addresses would be AWS's choice, and no output has them.
"""

from collections.abc import Iterator

from sandbox.control.aws import addresses, quotas
from sandbox.control.aws.addresses import SUBNET
from sandbox.control.aws.elastic_addresses import ELASTIC_ADDRESS, user_of
from sandbox.control.aws.elb_names import HOSTED_ZONES, NAME, short_prefix, unique
from sandbox.control.aws.internet_gateways import gateway_of
from sandbox.control.aws.network_interfaces import place, withdraw
from sandbox.control.aws.rules import not_emulated, one_of, standard, together
from sandbox.control.aws.security_groups import SECURITY_GROUP
from sandbox.control.kinds import (
    ApiError,
    Context,
    Identity,
    Kind,
    Outputs,
    Problem,
    Record,
    Transaction,
    Values,
    World,
)
from sandbox.control.reading import elements, flag, present, text, texts

BALANCER = "aws:lb/loadBalancer:LoadBalancer"

_INVALID = "InvalidConfigurationRequest"
_OF_APPLICATIONS = (
    "clientKeepAlive",
    "connectionLogs",
    "desyncMitigationMode",
    "dropInvalidHeaderFields",
    "enableHttp2",
    "enableTlsVersionAndCipherSuiteHeaders",
    "enableWafFailOpen",
    "enableXffClientPort",
    "idleTimeout",
    "preserveHostHeader",
    "xffHeaderProcessingMode",
)


def _rules(values: Values) -> Iterator[Problem]:
    yield from short_prefix(values)
    if text(values, "loadBalancerType") not in (None, "network"):
        yield Problem(
            "loadBalancerType", "the sandbox emulates Network Load Balancers: use network"
        )
    yield from one_of(values, "ipAddressType", ("ipv4",))
    yield from one_of(
        values,
        "dnsRecordClientRoutingPolicy",
        (
            "any_availability_zone",
            "availability_zone_affinity",
            "partial_availability_zone_affinity",
        ),
    )
    on_off = ("on", "off")
    yield from one_of(values, "enforceSecurityGroupInboundRulesOnPrivateLinkTraffic", on_off)
    yield from together(values, "subnets", "subnetMappings")
    internal = flag(values, "internal")
    for path, mapping in elements(values, "subnetMappings"):
        if internal and "allocationId" in mapping:
            words = "an internal load balancer has no Elastic IP address"
            yield Problem(f"{path}.allocationId", words, _INVALID)
        if not internal and "internal" in values and "privateIpv4Address" in mapping:
            words = "only an internal load balancer has private addresses of your own"
            yield Problem(f"{path}.privateIpv4Address", words, _INVALID)
    yield from not_emulated(
        values,
        {
            **dict.fromkeys(_OF_APPLICATIONS, "it belongs to Application Load Balancers"),
            "customerOwnedIpv4Pool": "leave it out",
            "enablePrefixForIpv6SourceNat": "the sandbox knows IPv4 only",
            "healthCheckLogs": "leave it out",
            "ipamPools": "give each subnet mapping an Elastic IP address",
            "minimumLoadBalancerCapacity": "leave it out",
            "secondaryIpsAutoAssignedPerSubnet": "leave it out",
            "subnetMappings[*].ipv6Address": "the sandbox knows IPv4 only",
        },
    )


def mappings(values: Values) -> list[tuple[str, Values]]:
    """Each subnet that a program names, with its addresses, and where it says so."""
    given = elements(values, "subnetMappings")
    return given or [(path, {"subnetId": found}) for path, found in texts(values, "subnets[*]")]


def _vpc(context: Context) -> str:
    for _, mapping in mappings(context.inputs):
        subnet = context.world.find(text(mapping, "subnetId") or "")
        if subnet is not None:
            return text(subnet.outputs, "vpcId") or ""
    return ""


def _verify(context: Context) -> Iterator[Problem]:
    values, world = context.inputs, context.world
    if not text(values, "loadBalancerType"):
        yield Problem(
            "loadBalancerType", "the sandbox emulates Network Load Balancers: use network"
        )
    yield from unique(context, "DuplicateLoadBalancerName", "load balancer")
    if not mappings(values):
        words = "At least one subnet must be specified"
        yield Problem("subnetMappings", words, "ValidationError")
    vpc = _vpc(context)
    if vpc and not flag(values, "internal") and gateway_of(world, vpc) is None:
        yield Problem("", f"VPC {vpc} has no internet gateway", "InvalidSubnet")
    zones: dict[str, str] = {}
    for path, mapping in mappings(values):
        yield from _verify_mapping(context, path, mapping, vpc, zones)
    for path, group in texts(values, "securityGroups[*]"):
        record = world.find(group)
        if record is not None and text(record.outputs, "vpcId") != vpc:
            words = f"Security group '{group}' does not belong to VPC '{vpc}'"
            yield Problem(path, words, "InvalidSecurityGroup")
    yield from quotas.verify(context, quotas.BALANCERS)


def _verify_mapping(
    context: Context, path: str, mapping: Values, vpc: str, zones: dict[str, str]
) -> Iterator[Problem]:
    subnet = context.world.find(text(mapping, "subnetId") or "")
    if subnet is None:
        return
    if text(subnet.outputs, "vpcId") != vpc:
        words = f"Subnet '{subnet.short}' is in another VPC than the load balancer's other subnets"
        yield Problem(path, words, "InvalidSubnet")
    zone = text(subnet.outputs, "availabilityZone") or ""
    if zones.setdefault(zone, subnet.short) != subnet.short:
        yield Problem(
            path,
            "A load balancer cannot be attached to multiple subnets in the same Availability Zone",
            _INVALID,
        )
    if wanted := text(mapping, "privateIpv4Address"):
        where = f"{path}.privateIpv4Address"
        yield from addresses.verify(context, where, subnet, wanted)
    allocation = text(mapping, "allocationId")
    if allocation and user_of(context.world, allocation, context.id):
        words = f"The allocation ID '{allocation}' is already in use"
        yield Problem(f"{path}.allocationId", words, "ResourceInUse")
    if not allocation and not flag(context.inputs, "internal"):
        yield Problem(
            path,
            "the sandbox does not emulate public addresses of AWS's choice: give subnetMappings "
            "with an allocationId each",
        )


def _replaces(old: Values, new: Values) -> Iterator[str]:
    """What a Network Load Balancer can't change in place."""
    before = {text(each, "subnetId"): each for _, each in mappings(old)}
    after = {text(each, "subnetId"): each for _, each in mappings(new)}
    name = "subnetMappings" if present(new, "subnetMappings") else "subnets"
    moved = any(after[subnet] != before[subnet] for subnet in before.keys() & after.keys())
    if before.keys() - after.keys() or moved:
        yield name
    if present(old, "securityGroups") != present(new, "securityGroups"):
        yield "securityGroups"


def _outputs(context: Context) -> Outputs:
    values = context.inputs
    path = context.id.partition(":loadbalancer/")[2]
    grouped = present(values, "securityGroups")
    return {
        "arnSuffix": path,
        "dnsName": f"{context.name}-{path.rpartition('/')[2]}.elb.{context.region}.amazonaws.com",
        "dnsRecordClientRoutingPolicy": (
            text(values, "dnsRecordClientRoutingPolicy") or "any_availability_zone"
        ),
        "enableCrossZoneLoadBalancing": flag(values, "enableCrossZoneLoadBalancing") or False,
        "enableDeletionProtection": flag(values, "enableDeletionProtection") or False,
        "enforceSecurityGroupInboundRulesOnPrivateLinkTraffic": (
            (text(values, "enforceSecurityGroupInboundRulesOnPrivateLinkTraffic") or "on")
            if grouped
            else ""
        ),
        "internal": flag(values, "internal") or False,
        "ipAddressType": "ipv4",
        "loadBalancerType": "network",
        "subnetMappings": _placed(context),
        "subnets": [text(mapping, "subnetId") for _, mapping in mappings(values)],
        "vpcId": _vpc(context),
        "zoneId": HOSTED_ZONES.get(context.region, ""),
    }


def _placed(context: Context) -> list[Outputs]:
    """Each subnet with the private address there: the chosen one, its own, or the next free."""
    before = context.previous.outputs if context.previous else {}
    kept = {
        text(each, "subnetId"): text(each, "privateIpv4Address") for _, each in mappings(before)
    }
    found: list[Outputs] = []
    for _, mapping in mappings(context.inputs):
        subnet = context.world.find(text(mapping, "subnetId") or "")
        if subnet is None:
            continue
        address = text(mapping, "privateIpv4Address") or kept.get(subnet.short)
        address = address or addresses.next_free(context.world, subnet)
        allocation = text(mapping, "allocationId")
        found.append(
            {
                "subnetId": subnet.short,
                "privateIpv4Address": address,
                **({"allocationId": allocation} if allocation else {}),
            }
        )
    return found


def _realize(context: Context, transaction: Transaction) -> None:
    """Make the interfaces of a balancer, one in each subnet."""
    record = transaction.find(context.id)
    placed = mappings(record.outputs) if record else []
    groups = [group for _, group in texts(context.inputs, "securityGroups[*]")]
    path = context.id.partition(":loadbalancer/")[2]
    withdraw(context, transaction, frozenset(text(each, "subnetId") or "" for _, each in placed))
    for _, each in placed:
        subnet = transaction.find(text(each, "subnetId") or "")
        address = text(each, "privateIpv4Address")
        if subnet is not None and address:
            place(context, transaction, subnet, address, groups,
                  kind="network_load_balancer", description=f"ELB {path}")  # fmt: skip


def _deleting(record: Record, _: Transaction) -> None:
    if flag(record.outputs, "enableDeletionProtection"):
        raise ApiError(
            "OperationNotPermitted",
            f"Load balancer '{record.id}' cannot be deleted because deletion protection is enabled",
        )


def vpc_of(world: World, balancer: str) -> str:
    """The VPC (its short id) of a balancer, or ""."""
    record = world.find(balancer)
    return text(record.outputs, "vpcId") or "" if record else ""


KINDS = (
    Kind(
        type=BALANCER,
        identity=Identity(
            arn="arn:{partition}:elasticloadbalancing:{region}:{account}:"
            "loadbalancer/net/{name}/{hex16}"
        ),
        name_property="name",
        name=NAME,
        replace_on=("internal", "loadBalancerType", "customerOwnedIpv4Pool"),
        replaces=_replaces,
        references={
            "subnets[*]": (SUBNET,),
            "subnetMappings[*].subnetId": (SUBNET,),
            "subnetMappings[*].allocationId": (ELASTIC_ADDRESS,),
            "securityGroups[*]": (SECURITY_GROUP,),
            "accessLogs.bucket": ("aws:s3/bucket:Bucket", "aws:s3/bucketV2:BucketV2"),
        },
        weak=("accessLogs.bucket",),
        unordered=("subnets", "subnetMappings", "securityGroups"),
        rules=standard(_rules),
        verify=_verify,
        outputs=_outputs,
        created=_realize,
        updated=_realize,
        deleting=_deleting,
        not_found=("LoadBalancerNotFound", "Load balancer '{id}' not found"),
    ),
)
