"""Security groups of a VPC, without their rules, and the group that a VPC comes with (EC2).

Sources: Amazon VPC User Guide, "Security groups" (names and descriptions of 255 characters of a
set, no name that begins with `sg-`, unique in the VPC), "Default security groups"; Amazon EC2 API
Reference, "CreateSecurityGroup", "DeleteSecurityGroup"; Terraform provider aws,
`aws_security_group` (it takes AWS's allow-all egress rule away, so a group begins empty),
`aws_default_security_group` (it adopts the group, takes its rules away, and leaves it at the end).
"""

import re
from collections.abc import Iterator

from sandbox.control.aws import quotas
from sandbox.control.aws.rules import ec2, not_emulated, required, standard
from sandbox.control.aws.vpcs import VPC
from sandbox.control.kinds import Context, Identity, Kind, Name, Outputs, Problem, Values
from sandbox.control.reading import text, texts

SECURITY_GROUP = "aws:ec2/securityGroup:SecurityGroup"
DEFAULT_GROUP = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"

CHARACTERS = r"[A-Za-z0-9 ._\-:/()#,@\[\]+=&;{}!$*]*"
CHARACTERS_WORDS = "letters, digits, spaces and ._-:/()#,@[]+=&;{}!$*"

_INLINE = "so that no rule is both inline and standalone"


def valid_description(values: Values, path: str = "description") -> Iterator[Problem]:
    """A description of a group or a rule: up to 255 characters of a set."""
    written = text(values, path)
    if written is None:
        return
    if len(written) > 255:
        yield Problem(path, f"has {len(written)} characters, at most 255 are allowed",
                      "InvalidParameterValue")  # fmt: skip
    elif not re.fullmatch(CHARACTERS, written):
        yield Problem(
            path,
            f"Value ({written}) for parameter GroupDescription is invalid. Character sets beyond "
            f"{CHARACTERS_WORDS} are not supported.",
            "InvalidParameterValue",
        )


def _rules(values: Values) -> Iterator[Problem]:
    yield from valid_description(values)
    if (text(values, "name") or "").startswith("sg-"):
        yield Problem("name", "cannot begin with sg-", "InvalidParameterValue")
    yield from not_emulated(
        values,
        {
            "ingress": f"declare each rule as an aws:vpc:SecurityGroupIngressRule, {_INLINE}",
            "egress": f"declare each rule as an aws:vpc:SecurityGroupEgressRule, {_INLINE}",
        },
    )


def _verify(context: Context) -> Iterator[Problem]:
    yield from required(context.inputs, "vpcId")
    vpc = text(context.inputs, "vpcId")
    for other in context.world.of(SECURITY_GROUP):
        same = text(other.outputs, "vpcId") == vpc and other.outputs.get("name") == context.name
        if other.id != context.id and same:
            yield Problem(
                "name",
                f"The security group '{context.name}' already exists for VPC '{vpc}'",
                "InvalidGroup.Duplicate",
            )
    yield from quotas.verify(context, quotas.SECURITY_GROUPS)


def _outputs(context: Context) -> Outputs:
    return {
        "description": text(context.inputs, "description") or "Managed by Pulumi",
        "ingress": [],
        "egress": [],
    }


def verify_groups(context: Context, path: str, vpc: str) -> Iterator[Problem]:
    """The groups that *path* lists are in the VPC (its short id), and up to five."""
    given = texts(context.inputs, f"{path}[*]")
    for where, group in given:
        record = context.world.find(group)
        if record is not None and text(record.outputs, "vpcId") != vpc:
            yield Problem(
                where,
                f"Security group {group} and subnet belong to different networks.",
                "InvalidParameter",
            )
    if len(given) > quotas.GROUPS_OF_AN_INTERFACE:
        yield Problem(
            path,
            "The maximum number of security groups per interface has been reached.",
            "SecurityGroupsPerInterfaceLimitExceeded",
        )


def _default_id(context: Context) -> str:
    vpc = context.world.find(text(context.inputs, "vpcId") or "")
    if vpc is None:
        raise KeyError("vpcId")
    return text(vpc.outputs, "defaultSecurityGroupId") or ""


def _default_rules(values: Values) -> Iterator[Problem]:
    advice = "leave the default group without rules, and use groups of your own"
    yield from not_emulated(values, {"ingress": advice, "egress": advice})


def _default_outputs(_: Context) -> Outputs:
    return {
        "name": "default",
        "namePrefix": "",
        "description": "default VPC security group",
        "ingress": [],
        "egress": [],
    }


_DEPENDENT = ("DependencyViolation", "resource {id} has a dependent object: {by}")
_NOT_FOUND = ("InvalidGroup.NotFound", "The security group '{id}' does not exist")

KINDS = (
    Kind(
        type=SECURITY_GROUP,
        identity=ec2("security-group", "sg"),
        name_property="name",
        name=Name(pattern=CHARACTERS, maximum=255, words=CHARACTERS_WORDS),
        replace_on=("description", "vpcId"),
        references={"vpcId": (VPC,)},
        rules=standard(_rules),
        verify=_verify,
        outputs=_outputs,
        not_found=_NOT_FOUND,
        in_use=_DEPENDENT,
    ),
    Kind(
        type=DEFAULT_GROUP,
        identity=Identity(
            arn="arn:{partition}:ec2:{region}:{account}:security-group/{id}", id=_default_id
        ),
        replace_on=("vpcId",),
        references={"vpcId": (VPC,)},
        parent="vpcId",
        rules=standard(_default_rules),
        outputs=_default_outputs,
        not_found=_NOT_FOUND,
        in_use=_DEPENDENT,
        exists=("InvalidGroup.Duplicate", "The default group {id} is adopted already"),
    ),
)
