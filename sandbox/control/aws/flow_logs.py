"""Flow logs of a VPC, a subnet or a network interface (EC2).

Sources: Amazon VPC User Guide, "Logging IP traffic using VPC Flow Logs" (fields, intervals of 1 or
10 minutes); Amazon EC2 API Reference, "CreateFlowLogs"; Terraform provider aws, `aws_flow_log` (all
but tags force a new one). A flow log holds nothing.
"""

import re
from collections.abc import Iterator

from sandbox.control.aws.addresses import SUBNET
from sandbox.control.aws.network_interfaces import INTERFACE
from sandbox.control.aws.rules import ec2, not_emulated, one_of, required, standard
from sandbox.control.aws.vpcs import VPC
from sandbox.control.kinds import Context, Kind, Outputs, Problem, Values
from sandbox.control.reading import number, present, text

FLOW_LOG = "aws:ec2/flowLog:FlowLog"

_WATCHED = ("vpcId", "subnetId", "eniId")
_LOG_GROUPS = "cloud-watch-logs"
_FORMAT = (
    "${version} ${account-id} ${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} "
    "${protocol} ${packets} ${bytes} ${start} ${end} ${action} ${log-status}"
)
_FIELD = re.compile(r"\$\{([a-z0-9-]+)\}")
FIELDS = frozenset(
    [
        "version",
        "account-id",
        "interface-id",
        "srcaddr",
        "dstaddr",
        "srcport",
        "dstport",
        "protocol",
        "packets",
        "bytes",
        "start",
        "end",
        "action",
        "log-status",
        "vpc-id",
        "subnet-id",
        "instance-id",
        "tcp-flags",
        "type",
        "pkt-srcaddr",
        "pkt-dstaddr",
        "region",
        "az-id",
        "sublocation-type",
        "sublocation-id",
        "pkt-src-aws-service",
        "pkt-dst-aws-service",
        "flow-direction",
        "traffic-path",
        "ecs-cluster-arn",
        "ecs-cluster-name",
        "ecs-container-instance-arn",
        "ecs-container-instance-id",
        "ecs-container-id",
        "ecs-second-container-id",
        "ecs-service-name",
        "ecs-task-definition-arn",
        "ecs-task-arn",
        "ecs-task-id",
        "reject-reason",
        "resource-id",
        "encryption-status",
    ]
)


def _kind_of_destination(values: Values) -> str:
    return text(values, "logDestinationType") or _LOG_GROUPS


def _rules(values: Values) -> Iterator[Problem]:
    yield from one_of(values, "trafficType", ("ACCEPT", "REJECT", "ALL"))
    yield from one_of(values, "logDestinationType", (_LOG_GROUPS, "s3"))
    if number(values, "maxAggregationInterval") not in (None, 60, 600):
        yield Problem("maxAggregationInterval", "must be 60 or 600", "InvalidParameter")
    given = [name for name in _WATCHED if name in values]
    if len(given) > 1:
        yield Problem(given[1], f"conflicts with {given[0]}", "InvalidParameterCombination")
    for field in _FIELD.findall(text(values, "logFormat") or ""):
        if field not in FIELDS:
            yield Problem("logFormat", f"Unknown fields provided: {field}", "InvalidParameter")
    yield from not_emulated(
        values,
        {
            "deliverCrossAccountRole": "leave it out",
            "regionalNatGatewayId": "watch a VPC, a subnet or an interface",
            "tagFieldSpecifications": "leave it out",
            "transitGatewayAttachmentId": "watch a VPC, a subnet or an interface",
            "transitGatewayId": "watch a VPC, a subnet or an interface",
        },
    )


def _verify(context: Context) -> Iterator[Problem]:
    values = context.inputs
    yield from required(values, "trafficType", "logDestination")
    if not any(present(values, name) for name in _WATCHED):
        yield Problem("vpcId", f"one of {', '.join(_WATCHED)} must be given", "MissingParameter")
    if _kind_of_destination(values) == _LOG_GROUPS and not present(values, "iamRoleArn"):
        yield Problem(
            "iamRoleArn",
            "DeliverLogsPermissionArn can't be empty if LogDestinationType is cloud-watch-logs.",
            "InvalidParameter",
        )
    for other in context.world.of(FLOW_LOG):
        names = (*_WATCHED, "logDestination")
        same = all(text(other.inputs, name) == text(values, name) for name in names)
        if other.id != context.id and same:
            yield Problem(
                "",
                "There is an existing Flow Log with the same configuration and log destination.",
                "FlowLogAlreadyExists",
            )
            return


def _outputs(context: Context) -> Outputs:
    return {
        "logDestinationType": _kind_of_destination(context.inputs),
        "logFormat": text(context.inputs, "logFormat") or _FORMAT,
        "maxAggregationInterval": number(context.inputs, "maxAggregationInterval") or 600,
    }


KINDS = (
    Kind(
        type=FLOW_LOG,
        identity=ec2("vpc-flow-log", "fl"),
        replace_on=(
            *_WATCHED,
            "destinationOptions",
            "iamRoleArn",
            "logDestination",
            "logDestinationType",
            "logFormat",
            "maxAggregationInterval",
            "trafficType",
        ),
        references={
            "vpcId": (VPC,),
            "subnetId": (SUBNET,),
            "eniId": (INTERFACE,),
            "logDestination": (
                "aws:cloudwatch/logGroup:LogGroup",
                "aws:s3/bucket:Bucket",
                "aws:s3/bucketV2:BucketV2",
            ),
            "iamRoleArn": ("aws:iam/role:Role",),
        },
        weak=(*_WATCHED, "logDestination", "iamRoleArn"),
        rules=standard(_rules),
        verify=_verify,
        outputs=_outputs,
        not_found=("InvalidFlowLogId.NotFound", "The flow log ID '{id}' does not exist"),
    ),
)
