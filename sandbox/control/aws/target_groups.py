"""Target groups of Network Load Balancers, and targets that a program registers itself.

Sources: Elastic Load Balancing, "Target groups for your Network Load Balancers", "Health checks for
Network Load Balancer target groups" (limits and defaults), Elastic Load Balancing API Reference,
"CreateTargetGroup", "RegisterTargets"; Terraform provider aws, `aws_lb_target_group`,
`aws_lb_target_group_attachment`.
"""

import re
from collections.abc import Iterator

from sandbox.control.aws import quotas
from sandbox.control.aws.addresses import address, block
from sandbox.control.aws.elb_names import NAME, short_prefix, unique
from sandbox.control.aws.rules import not_emulated, one_of, required, standard, within
from sandbox.control.aws.vpcs import VPC
from sandbox.control.identities import fill
from sandbox.control.kinds import Context, Identity, Kind, Outputs, Problem, Values, World
from sandbox.control.reading import elements, flag, mapping, number, text

TARGET_GROUP = "aws:lb/targetGroup:TargetGroup"
ATTACHMENT = "aws:lb/targetGroupAttachment:TargetGroupAttachment"

_VALIDATION = "ValidationError"
_PROTOCOLS = ("TCP", "TLS", "UDP", "TCP_UDP")
_MATCHER = re.compile(r"[2-5]\d\d(-[2-5]\d\d)?(,[2-5]\d\d(-[2-5]\d\d)?)*")


def _rules(values: Values) -> Iterator[Problem]:
    yield from short_prefix(values)
    if text(values, "protocol") in ("HTTP", "HTTPS", "GENEVE"):
        words = "the sandbox emulates Network Load Balancers: use TCP, TLS, UDP or TCP_UDP"
        yield Problem("protocol", words)
    else:
        yield from one_of(values, "protocol", _PROTOCOLS, _VALIDATION)
    yield from one_of(values, "targetType", ("instance", "ip"), _VALIDATION)
    yield from one_of(values, "ipAddressType", ("ipv4",), _VALIDATION)
    yield from one_of(values, "preserveClientIp", ("true", "false"), _VALIDATION)
    cross = ("true", "false", "use_load_balancer_configuration")
    yield from one_of(values, "loadBalancingCrossZoneEnabled", cross, _VALIDATION)
    yield from within(values, "port", 1, 65535, _VALIDATION)
    yield from within(values, "deregistrationDelay", 0, 3600, _VALIDATION)
    yield from _stickiness(values)
    yield from _unhealthy(values)
    for problem in _health(mapping(values, "healthCheck")):
        yield problem._replace(path=f"healthCheck.{problem.path}")
    yield from not_emulated(
        values,
        {
            "lambdaMultiValueHeadersEnabled": "leave it out",
            "loadBalancingAlgorithmType": "it belongs to Application Load Balancers",
            "loadBalancingAnomalyMitigation": "it belongs to Application Load Balancers",
            "protocolVersion": "it belongs to Application Load Balancers",
            "proxyProtocolV2": "client addresses are preserved",
            "slowStart": "it belongs to Application Load Balancers",
            "targetControlPort": "it belongs to Application Load Balancers",
            "targetFailovers": "it belongs to Gateway Load Balancers",
        },
    )


def _stickiness(values: Values) -> Iterator[Problem]:
    given = mapping(values, "stickiness")
    if "type" in given and text(given, "type") != "source_ip":
        words = "Network Load Balancers have stickiness of type source_ip only"
        yield Problem("stickiness.type", words, _VALIDATION)


def _unhealthy(values: Values) -> Iterator[Problem]:
    """What becomes of a target that fails its health check."""
    for path, state in elements(values, "targetHealthStates"):
        seconds = number(state, "unhealthyDrainingInterval")
        for problem in within(state, "unhealthyDrainingInterval", 0, 360000, _VALIDATION):
            yield problem._replace(path=f"{path}.{problem.path}")
        if seconds and flag(state, "enableUnhealthyConnectionTermination"):
            words = "connections that are ended at once have no interval to drain in"
            yield Problem(f"{path}.unhealthyDrainingInterval", words, _VALIDATION)


def _health(check: Values) -> Iterator[Problem]:
    yield from one_of(check, "protocol", ("TCP", "HTTP", "HTTPS"), _VALIDATION)
    yield from within(check, "interval", 5, 300, _VALIDATION)
    yield from within(check, "timeout", 2, 120, _VALIDATION)
    yield from within(check, "healthyThreshold", 2, 10, _VALIDATION)
    yield from within(check, "unhealthyThreshold", 2, 10, _VALIDATION)
    if flag(check, "enabled") is False:
        words = "health checks of instances and addresses can't be turned off"
        yield Problem("enabled", words, _VALIDATION)
    port = text(check, "port")
    if port not in (None, "traffic-port") and not _is_port(port or ""):
        yield Problem("port", "Health check port must be between 1 and 65535", _VALIDATION)
    interval, timeout = number(check, "interval"), number(check, "timeout")
    if interval is not None and timeout is not None and timeout > interval:
        words = (
            f"Health check timeout '{timeout}' must be smaller than or equal to the interval "
            f"'{interval}'"
        )
        yield Problem("timeout", words, _VALIDATION)
    yield from _health_of_http(check)


def _is_port(written: str) -> bool:
    return written.isdecimal() and 1 <= int(written) <= 65535


def _health_of_http(check: Values) -> Iterator[Problem]:
    path, matcher = text(check, "path"), text(check, "matcher")
    if text(check, "protocol") == "TCP":
        for name, found in (("path", path), ("matcher", matcher)):
            if found:
                yield Problem(name, "a TCP health check has none", _VALIDATION)
        return
    if path is not None and (not path.startswith("/") or len(path) > 1024):
        yield Problem("path", f"Health check path '{path[:60]}' is not valid", _VALIDATION)
    if matcher is not None and not _MATCHER.fullmatch(matcher):
        yield Problem("matcher", f"Health check matcher HTTP code '{matcher}' is not valid",
                      _VALIDATION)  # fmt: skip


def _verify(context: Context) -> Iterator[Problem]:
    yield from unique(context, "DuplicateTargetGroupName", "target group")
    yield from required(context.inputs, "port", "protocol", "vpcId", code=_VALIDATION)
    yield from quotas.verify(context, quotas.TARGET_GROUPS)


def _outputs(context: Context) -> Outputs:
    values = context.inputs
    check = dict(mapping(values, "healthCheck"))
    kind = text(check, "protocol") or "TCP"
    defaults: Outputs = {
        "enabled": True,
        "protocol": kind,
        "port": "traffic-port",
        "interval": 30,
        "timeout": 6 if kind == "HTTP" else 10,
        "healthyThreshold": 5,
        "unhealthyThreshold": 2,
        **({"path": "/", "matcher": "200-399"} if kind != "TCP" else {}),
    }
    ip = text(values, "targetType") == "ip"
    plain = ip and text(values, "protocol") in ("TCP", "TLS")
    return {
        "arnSuffix": context.id.rpartition(":")[2],
        "connectionTermination": flag(values, "connectionTermination") or False,
        "deregistrationDelay": values.get("deregistrationDelay", 300),
        "healthCheck": {**defaults, **check},
        "ipAddressType": "ipv4",
        "loadBalancerArns": [],
        "loadBalancingCrossZoneEnabled": (
            text(values, "loadBalancingCrossZoneEnabled") or "use_load_balancer_configuration"
        ),
        "preserveClientIp": text(values, "preserveClientIp") or ("false" if plain else "true"),
        "targetType": text(values, "targetType") or "instance",
    }


def _attachment_id(context: Context) -> str:
    """The group's ARN and a time, as terraform-provider-aws makes it."""
    return f"{text(context.inputs, 'targetGroupArn')}-{context.hexadecimal('id', 20)}"


def port_of(world: World, values: Values) -> int:
    """The port on which a registered target is reached."""
    group = world.find(text(values, "targetGroupArn") or "")
    return number(values, "port") or (number(group.inputs, "port") if group else None) or 0


def _verify_attachment(context: Context) -> Iterator[Problem]:
    values, world = context.inputs, context.world
    group = world.find(text(values, "targetGroupArn") or "")
    target = text(values, "targetId") or ""
    if group is None:
        return
    if text(group.outputs, "targetType") == "instance":
        if not target.startswith("i-"):
            words = f"Instance ID '{target}' is not valid"
            yield Problem("targetId", words, "InvalidTarget")
    else:
        yield from _verify_ip(context, group.inputs, target)
    for other in world.of(ATTACHMENT):
        same = all(
            text(other.inputs, name) == text(values, name)
            for name in ("targetGroupArn", "targetId")
        )
        if (
            other.id != context.id
            and same
            and port_of(world, other.inputs) == port_of(world, values)
        ):
            words = f"target {target} is registered with this port already: {other.short}"
            yield Problem("targetId", words, "InvalidTarget")


def _verify_ip(context: Context, group: Values, target: str) -> Iterator[Problem]:
    vpc = context.world.find(text(group, "vpcId") or "")
    found = address(target)
    if found is None:
        yield Problem("targetId", f"IP address '{target}' is not valid", "InvalidTarget")
    elif vpc is not None and found not in block(vpc):
        yield Problem(
            "targetId",
            f"The IP address '{target}' is not within a range of addresses associated with VPC "
            f"{vpc.short}",
            "InvalidTarget",
        )


def _attachment_arn(context: Context) -> str:
    return fill("{targetGroupArn}", context) + f"/target/{context.hexadecimal('id', 20)}"


def _attachment_outputs(context: Context) -> Outputs:
    return {"port": port_of(context.world, context.inputs)}


KINDS = (
    Kind(
        type=TARGET_GROUP,
        identity=Identity(
            arn="arn:{partition}:elasticloadbalancing:{region}:{account}:targetgroup/{name}/{hex16}"
        ),
        name_property="name",
        name=NAME,
        replace_on=("port", "protocol", "targetType", "vpcId", "ipAddressType", "protocolVersion"),
        references={"vpcId": (VPC,)},
        rules=standard(_rules),
        verify=_verify,
        outputs=_outputs,
        not_found=("TargetGroupNotFound", "Target groups '{id}' not found"),
        in_use=(
            "ResourceInUse",
            "Target group '{id}' is currently in use by a listener or a rule: {by}",
        ),
    ),
    Kind(
        type=ATTACHMENT,
        identity=Identity(arn=_attachment_arn, id=_attachment_id),
        replace_on=("targetGroupArn", "targetId", "port", "availabilityZone"),
        references={"targetGroupArn": (TARGET_GROUP,)},
        # An instance that is terminated is deregistered.
        weak=("targetId",),
        parent="targetGroupArn",
        rules=lambda values: not_emulated(
            values, {"quicServerId": "leave it out", "availabilityZone": "leave it out"}
        ),
        verify=_verify_attachment,
        outputs=_attachment_outputs,
    ),
)
