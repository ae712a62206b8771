"""Rules of security groups, one resource each (EC2).

Sources: Amazon VPC User Guide, "Security group rules", "Amazon VPC quotas" (60 in each direction);
Amazon EC2 API Reference, "AuthorizeSecurityGroupIngress", "Error codes for the Amazon EC2 API";
Terraform provider aws, `aws_vpc_security_group_ingress_rule`.
"""

from collections.abc import Iterator

from sandbox.control.aws import quotas
from sandbox.control.aws.addresses import network
from sandbox.control.aws.rules import ec2, not_emulated, standard, within
from sandbox.control.aws.security_groups import (
    DEFAULT_GROUP,
    SECURITY_GROUP,
    valid_description,
)
from sandbox.control.kinds import Context, Kind, Outputs, Problem, Values
from sandbox.control.reading import number, text

INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
EGRESS = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"

_PEERS = ("cidrIpv4", "cidrIpv6", "prefixListId", "referencedSecurityGroupId")
_NAMES = {"6": "tcp", "17": "udp", "1": "icmp"}
_WITH_PORTS = ("tcp", "udp")


def protocol_of(values: Values) -> str:
    """The protocol as AWS gives it back: `tcp`, `udp`, `icmp`, `-1` for all, or a number."""
    written = (text(values, "ipProtocol") or "").casefold()
    return "-1" if written == "all" else _NAMES.get(written, written)


def _rules(values: Values) -> Iterator[Problem]:
    yield from _protocol(values)
    yield from valid_description(values)
    given = [name for name in _PEERS if name in values]
    if len(given) > 1:
        yield Problem(
            given[1],
            f"conflicts with {given[0]}: a rule has one source or destination",
            "InvalidParameterCombination",
        )
    written = text(values, "cidrIpv4")
    if written is not None and network(written) is None:
        yield Problem("cidrIpv4", f"CIDR block {written} is malformed", "InvalidParameterValue")
    yield from not_emulated(values, {"cidrIpv6": "the sandbox knows IPv4 only"})


def _protocol(values: Values) -> Iterator[Problem]:
    written = text(values, "ipProtocol")
    if written is None:
        return
    protocol = protocol_of(values)
    known = protocol in ("tcp", "udp", "icmp", "-1") or (
        protocol.isdecimal() and int(protocol) <= 255
    )
    if not known:
        yield Problem("ipProtocol", f"Invalid value '{written}' for IP protocol. Unknown protocol.",
                      "InvalidParameterValue")  # fmt: skip
    if protocol == "-1":
        for name in ("fromPort", "toPort"):
            if name in values and number(values, name) != -1:
                yield Problem(name, "a rule for all protocols has no ports",
                              "InvalidParameterCombination")  # fmt: skip
    if protocol in _WITH_PORTS:
        yield from within(values, "fromPort", 0, 65535)
        yield from within(values, "toPort", 0, 65535)
        first, last = number(values, "fromPort"), number(values, "toPort")
        if first is not None and last is not None and first > last:
            yield Problem("toPort", f"Invalid TCP/UDP port range ({first}:{last})",
                          "InvalidParameterValue")  # fmt: skip


def _key(values: Values) -> tuple[object, ...]:
    """What makes two rules of a group the same one."""
    ports = (number(values, "fromPort"), number(values, "toPort"))
    peer = next(((name, found) for name in _PEERS if (found := text(values, name))), None)
    return protocol_of(values), ports if protocol_of(values) != "-1" else None, peer


def _verify(context: Context) -> Iterator[Problem]:
    values = context.inputs
    if not any(text(values, name) for name in _PEERS):
        yield Problem(
            "cidrIpv4",
            f"one of {', '.join(_PEERS)} must be given",
            "MissingParameter",
        )
    if protocol_of(values) in _WITH_PORTS:
        for name in ("fromPort", "toPort"):
            if number(values, name) is None:
                words = f"The request must contain the parameter {name}"
                yield Problem(name, words, "MissingParameter")
    yield from _verify_peer(context)
    group = text(values, "securityGroupId")
    for other in context.world.of(context.type):
        same = text(other.inputs, "securityGroupId") == group and _key(other.inputs) == _key(values)
        if other.id != context.id and same:
            yield Problem("", _there_already(values), "InvalidPermission.Duplicate")
            break
    yield from quotas.verify(context, quotas.RULES)


def _verify_peer(context: Context) -> Iterator[Problem]:
    own = context.world.find(text(context.inputs, "securityGroupId") or "")
    peer = context.world.find(text(context.inputs, "referencedSecurityGroupId") or "")
    if own and peer and text(own.outputs, "vpcId") != text(peer.outputs, "vpcId"):
        yield Problem(
            "referencedSecurityGroupId",
            "You have specified two resources that belong to different networks.",
            "InvalidGroup.NotFound",
        )


def _there_already(values: Values) -> str:
    peer = next((found for name in _PEERS if (found := text(values, name))), "")
    protocol = protocol_of(values)
    shown = "ALL" if protocol == "-1" else protocol.upper()
    ports = ""
    if protocol != "-1":
        ports = f"from port: {number(values, 'fromPort')}, to port: {number(values, 'toPort')}, "
    return f'the specified rule "peer: {peer}, {shown}, {ports}ALLOW" already exists'


def _outputs(context: Context) -> Outputs:
    return {"securityGroupRuleId": context.short, "ipProtocol": protocol_of(context.inputs)}


def _kind(token: str) -> Kind:
    return Kind(
        type=token,
        identity=ec2("security-group-rule", "sgr"),
        replace_on=("securityGroupId",),
        references={
            "securityGroupId": (SECURITY_GROUP, DEFAULT_GROUP),
            "referencedSecurityGroupId": (SECURITY_GROUP, DEFAULT_GROUP),
        },
        parent="securityGroupId",
        rules=standard(_rules),
        verify=_verify,
        outputs=_outputs,
        not_found=(
            "InvalidSecurityGroupRuleId.NotFound",
            "The security group rule ID '{id}' does not exist",
        ),
    )


KINDS = (_kind(INGRESS), _kind(EGRESS))
