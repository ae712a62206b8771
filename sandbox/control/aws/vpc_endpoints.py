"""VPC endpoints (EC2, AWS PrivateLink): gateways in route tables, and interfaces in subnets.

Sources: AWS PrivateLink Guide, "Access an AWS service using an interface VPC endpoint" (one subnet
a zone; private DNS needs DNS support and hostnames of the VPC, and only one endpoint of a service
can have it), "Gateway endpoints" (one for a service in a route table); Amazon EC2 API Reference,
"CreateVpcEndpoint", "Error codes for the Amazon EC2 API"; Terraform provider aws,
`aws_vpc_endpoint`.

Where the program chooses no address (`subnetConfigurations`), an interface gets the subnet's lowest
free one; it is in `subnetConfigurations` of the outputs, and in the interface's own record.
"""

import json
from collections.abc import Iterator

from sandbox.control.aws import addresses, prefix_lists, quotas
from sandbox.control.aws.addresses import SUBNET
from sandbox.control.aws.endpoint_services import host_of, service_of
from sandbox.control.aws.network_interfaces import place, short_of, withdraw
from sandbox.control.aws.route_tables import ROUTE_TABLE, network_of
from sandbox.control.aws.rules import ec2, not_emulated, one_of, required, standard
from sandbox.control.aws.security_groups import SECURITY_GROUP, verify_groups
from sandbox.control.aws.vpcs import VPC
from sandbox.control.kinds import (
    Context,
    Kind,
    Outputs,
    Problem,
    Record,
    Transaction,
    Values,
    World,
)
from sandbox.control.reading import elements, flag, present, text, texts

ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"

_OPEN = {
    "Version": "2008-10-17",
    "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}],
}


def type_of(values: Values) -> str:
    """`Gateway` or `Interface`."""
    return text(values, "vpcEndpointType") or "Gateway"


def _is_interface(values: Values) -> bool:
    return type_of(values) == "Interface"


def _rules(values: Values) -> Iterator[Problem]:
    yield from one_of(values, "vpcEndpointType", ("Gateway", "Interface"))
    yield from one_of(values, "ipAddressType", ("ipv4",))
    yield from one_of(values, "dnsOptions.dnsRecordIpType", ("ipv4",))
    yield from _policy(values)
    yield from not_emulated(
        values,
        {
            "resourceConfigurationArn": "give serviceName",
            "serviceNetworkArn": "give serviceName",
            "serviceRegion": "use a service of the endpoint's own region",
        },
    )


_OF_INTERFACES = ("subnetIds", "securityGroupIds", "privateDnsEnabled", "subnetConfigurations")


def _policy(values: Values) -> Iterator[Problem]:
    written = text(values, "policy")
    if written is None:
        return
    try:
        found = json.loads(written)
    except ValueError:
        found = None
    if not isinstance(found, dict) or "Statement" not in found:
        yield Problem(
            "policy", "Policy document is not a valid JSON policy", "InvalidPolicyDocument"
        )


def _verify(context: Context) -> Iterator[Problem]:
    values = context.inputs
    yield from required(values, "serviceName")
    foreign = ("routeTableIds",) if _is_interface(values) else _OF_INTERFACES
    for name in foreign:
        if present(values, name):
            yield Problem(
                name,
                f"an endpoint of type {type_of(values)} has no {name}",
                "InvalidParameter",
            )
    name = text(values, "serviceName") or ""
    service = service_of(name, context.region)
    if name and service is None:
        yield Problem(
            "serviceName",
            f"The Vpc Endpoint Service '{name}' does not exist",
            "InvalidServiceName",
        )
    elif service is not None and type_of(values) not in service.types:
        yield Problem(
            "vpcEndpointType",
            f"The Vpc Endpoint Service '{name}' has no endpoints of type {type_of(values)}",
            "InvalidParameter",
        )
    yield from _verify_interface(context) if _is_interface(values) else _verify_gateway(context)
    quota = quotas.INTERFACE_ENDPOINTS if _is_interface(values) else quotas.GATEWAY_ENDPOINTS
    yield from quotas.verify(
        context, quota, lambda other: type_of(other.outputs) == type_of(values)
    )


def _others(context: Context) -> Iterator[Record]:
    """Endpoints of the same service in the same VPC."""
    for other in context.world.of(ENDPOINT):
        same = all(
            text(other.inputs, name) == text(context.inputs, name)
            for name in ("vpcId", "serviceName")
        )
        if other.id != context.id and same:
            yield other


def _verify_gateway(context: Context) -> Iterator[Problem]:
    vpc = text(context.inputs, "vpcId")
    taken = {
        table for other in _others(context) for _, table in texts(other.inputs, "routeTableIds[*]")
    }
    for path, table in texts(context.inputs, "routeTableIds[*]"):
        record = context.world.find(table)
        if record is not None and network_of(context.world, record) != vpc:
            yield Problem(
                path,
                f"route table {table} and endpoint belong to different networks",
                "InvalidParameter",
            )
        if table in taken:
            yield Problem(
                path,
                f"route table {table} already has a route with the destination prefix list of "
                f"{text(context.inputs, 'serviceName')}",
                "RouteAlreadyExists",
            )


def _verify_interface(context: Context) -> Iterator[Problem]:
    vpc = text(context.inputs, "vpcId") or ""
    zones: dict[str, str] = {}
    for path, subnet in texts(context.inputs, "subnetIds[*]"):
        record = context.world.find(subnet)
        if record is None:
            continue
        if text(record.outputs, "vpcId") != vpc:
            words = f"The subnet ID '{subnet}' is not in VPC '{vpc}'"
            yield Problem(path, words, "InvalidParameter")
        zone = text(record.outputs, "availabilityZone") or ""
        if zones.setdefault(zone, subnet) != subnet:
            yield Problem(
                path,
                f"Found another VPC endpoint subnet in the availability zone of {subnet}. "
                f"VPC endpoint subnets should be in different availability zones supported by the "
                "VPC endpoint service.",
                "DuplicateSubnetsInSameZone",
            )
    for path, chosen in _configurations(context.inputs):
        record = context.world.find(text(chosen, "subnetId") or "")
        wanted = text(chosen, "ipv4")
        if record is not None and wanted:
            yield from addresses.verify(context, f"{path}.ipv4", record, wanted)
    yield from verify_groups(context, "securityGroupIds", vpc)
    if not texts(context.inputs, "securityGroupIds[*]"):
        words = "the sandbox does not emulate the VPC's default group: give one"
        yield Problem("securityGroupIds", words)
    if flag(context.inputs, "privateDnsEnabled"):
        yield from _verify_names(context, vpc)


def _configurations(values: Values) -> list[tuple[str, Values]]:
    return elements(values, "subnetConfigurations")


def _verify_names(context: Context, vpc: str) -> Iterator[Problem]:
    record = context.world.find(vpc)
    outputs = record.outputs if record else {}
    if not (flag(outputs, "enableDnsSupport") and flag(outputs, "enableDnsHostnames")):
        yield Problem(
            "privateDnsEnabled",
            "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC "
            f"attributes set to true for {vpc}",
            "InvalidParameter",
        )
    if any(flag(other.inputs, "privateDnsEnabled") for other in _others(context)):
        host = host_of(text(context.inputs, "serviceName") or "", context.region)
        yield Problem(
            "privateDnsEnabled",
            "private-dns-enabled cannot be set because there is already a conflicting DNS domain "
            f"for {host} in the VPC {vpc}",
            "InvalidParameter",
        )


def _subnets(world: World, values: Values) -> list[Record]:
    found = (world.find(subnet) for _, subnet in texts(values, "subnetIds[*]"))
    return [each for each in found if each is not None]


def _placed(context: Context) -> list[Outputs]:
    """The address of each interface: the chosen one, the one that it has, or the next free."""
    chosen = {
        text(each, "subnetId"): text(each, "ipv4") for _, each in _configurations(context.inputs)
    }
    before = context.previous.outputs if context.previous else {}
    kept = {text(each, "subnetId"): text(each, "ipv4") for _, each in _configurations(before)}
    found: list[Outputs] = []
    for subnet in _subnets(context.world, context.inputs):
        address = chosen.get(subnet.short) or kept.get(subnet.short)
        address = address or addresses.next_free(context.world, subnet)
        found.append({"ipv4": address, "subnetId": subnet.short})
    return found


def _outputs(context: Context) -> Outputs:
    values = context.inputs
    name = text(values, "serviceName") or ""
    common: Outputs = {
        "vpcEndpointType": type_of(values),
        "ipAddressType": "ipv4",
        "state": "available",
        "requesterManaged": False,
        "policy": text(values, "policy") or json.dumps(_OPEN),
        "privateDnsEnabled": flag(values, "privateDnsEnabled") or False,
        "serviceRegion": context.region,
    }
    if not _is_interface(values):
        found = prefix_lists.find(name, context.region)
        lists = {"prefixListId": found.id, "cidrBlocks": list(found.blocks)} if found else {}
        return {**common, **lists, "networkInterfaceIds": [], "dnsEntries": []}
    placed = _placed(context)
    service = name.rpartition(".")[2]
    own = f"{context.short}-{context.hexadecimal('name', 8)}.{service}.{context.region}.vpce"
    names = [{"dnsName": f"{own}.amazonaws.com", "hostedZoneId": _zone(context, "regional")}]
    if flag(values, "privateDnsEnabled"):
        host = host_of(name, context.region)
        names.append({"dnsName": host, "hostedZoneId": _zone(context, "private")})
    return {
        **common,
        "dnsEntries": names,
        "dnsOptions": {
            "dnsRecordIpType": "ipv4",
            "privateDnsOnlyForInboundResolverEndpoint": False,
        },
        "networkInterfaceIds": [short_of(context, str(each["subnetId"])) for each in placed],
        "subnetConfigurations": placed,
        "cidrBlocks": [],
        "routeTableIds": [],
    }


def _zone(context: Context, purpose: str) -> str:
    return "Z" + context.hexadecimal(f"zone/{purpose}", 19).upper()


def _realize(context: Context, transaction: Transaction) -> None:
    """Make the interfaces, and take those away whose subnet has left."""
    record = transaction.find(context.id)
    placed = _configurations(record.outputs) if record and _is_interface(record.inputs) else []
    groups = [group for _, group in texts(context.inputs, "securityGroupIds[*]")]
    withdraw(context, transaction, frozenset(text(each, "subnetId") or "" for _, each in placed))
    for _, each in placed:
        subnet = transaction.find(text(each, "subnetId") or "")
        if subnet is not None:
            description = f"VPC Endpoint Interface {context.short}"
            address = text(each, "ipv4") or ""
            place(context, transaction, subnet, address, groups, kind="vpc_endpoint",
                  description=description)  # fmt: skip


KINDS = (
    Kind(
        type=ENDPOINT,
        identity=ec2("vpc-endpoint", "vpce"),
        replace_on=("serviceName", "vpcEndpointType", "vpcId", "serviceRegion"),
        references={
            "vpcId": (VPC,),
            "subnetIds[*]": (SUBNET,),
            "securityGroupIds[*]": (SECURITY_GROUP,),
            "routeTableIds[*]": (ROUTE_TABLE,),
            "subnetConfigurations[*].subnetId": (SUBNET,),
        },
        unordered=("subnetIds", "securityGroupIds", "routeTableIds", "subnetConfigurations"),
        rules=standard(_rules),
        verify=_verify,
        outputs=_outputs,
        created=_realize,
        updated=_realize,
        not_found=("InvalidVpcEndpointId.NotFound", "The Vpc Endpoint Id '{id}' does not exist"),
    ),
)
