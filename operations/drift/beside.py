"""Rules that somebody added to a security group of AWS beside the program's.

Each declared rule is a resource of its own, so that a refresh of the group compares no rules. Yet
the provider reads all that the group has (`ingress` and `egress` of Terraform's
`aws_security_group`), and what no resource of the state declares is somebody else's.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from operations.drift.values import ABSENT, Difference
from operations.export.state import Deployment, Resource

GROUP: Final = "aws:ec2/securityGroup:SecurityGroup"

RULES: Final[Mapping[str, str]] = {
    "ingress": "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
    "egress": "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
}

_ENDS: Final[Mapping[str, str]] = {
    "cidrBlocks": "cidrIpv4",
    "ipv6CidrBlocks": "cidrIpv6",
    "prefixListIds": "prefixListId",
    "securityGroups": "referencedSecurityGroupId",
}
"""Property of a group's rule with the other ends: that of a declared rule with one."""


class _Rule(NamedTuple):
    protocol: str
    first: int
    last: int
    end: str

    def __str__(self) -> str:
        ports = f"{self.first}" if self.first == self.last else f"{self.first}-{self.last}"
        where = "all ports" if self.protocol == "-1" else f"{self.protocol} {ports}"
        return f"{where}, {self.end}"


def rules_beside(group: Resource, real: Resource, state: Deployment) -> Iterator[Difference]:
    """Yield each rule that *real*, the group as it is, has and *state* does not declare."""
    if group.type != GROUP:
        return
    inline = {_rule for way in RULES for _rule in _of_group(group.inputs.get(way), group)}
    for way, token in RULES.items():
        declared = {
            rule
            for each in state.resources
            if each.type == token and each.inputs.get("securityGroupId") == group.id
            for rule in _declared(each)
        }
        for rule in _of_group(real.outputs.get(way), real):
            if rule not in declared and rule not in inline:
                yield Difference(f"{way}[{rule}]", ABSENT, "a rule that the program does not have")


def _declared(rule: Resource) -> Iterator[_Rule]:
    for name in _ENDS.values():
        if isinstance(end := rule.inputs.get(name), str):
            yield _made(rule.inputs.get("ipProtocol"), rule.inputs, end)


def _of_group(rules: object, group: Resource) -> Iterator[_Rule]:
    """Yield the rules of a group's property, one for each other end."""
    for rule in rules if isinstance(rules, list) else ():
        if not isinstance(rule, dict):
            continue
        ends: list[Any] = [end for name in _ENDS for end in _list(rule.get(name))]
        if rule.get("self"):
            ends.append(group.id)
        for end in ends:
            yield _made(rule.get("protocol"), rule, str(end))


def _list(value: object) -> Sequence[Any]:
    return value if isinstance(value, list) else ()


def _made(protocol: object, ports: Mapping[str, Any], end: str) -> _Rule:
    """Return a rule; with the protocol -1 (all) ports mean nothing, and are 0 or not there."""
    name = str(protocol).lower()
    if name in ("-1", "all"):
        return _Rule("-1", 0, 0, _end(end))
    return _Rule(name, _port(ports.get("fromPort")), _port(ports.get("toPort")), _end(end))


def _port(value: object) -> int:
    return int(value) if isinstance(value, int | float) else 0


def _end(end: str) -> str:
    """Return *end* without the account of a group in another one."""
    return end.rpartition("/")[2] if "/sg-" in end else end
