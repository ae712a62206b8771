"""Listeners of Network Load Balancers.

Sources: Elastic Load Balancing, "Listeners for your Network Load Balancers" (protocols, idle
timeout of 60 to 6000 seconds); Elastic Load Balancing API Reference, "CreateListener"; Terraform
provider aws, `aws_lb_listener`.
"""

from collections.abc import Iterator

from sandbox.control.aws import quotas
from sandbox.control.aws.load_balancers import BALANCER, vpc_of
from sandbox.control.aws.rules import not_emulated, one_of, required, standard, within
from sandbox.control.aws.target_groups import TARGET_GROUP
from sandbox.control.kinds import Context, Identity, Kind, Outputs, Problem, Values
from sandbox.control.reading import elements, number, text, texts

LISTENER = "aws:lb/listener:Listener"

_VALIDATION = "ValidationError"
_FITTING = {"TCP": ("TCP", "TCP_UDP"), "UDP": ("UDP", "TCP_UDP"), "TCP_UDP": ("TCP_UDP",)}
_HEADERS = tuple(
    f"routingHttpRequestXAmzn{name}HeaderName"
    for name in (
        "MtlsClientcert",
        "MtlsClientcertIssuer",
        "MtlsClientcertLeaf",
        "MtlsClientcertSerialNumber",
        "MtlsClientcertSubject",
        "MtlsClientcertValidity",
        "TlsCipherSuite",
        "TlsVersion",
    )
)


def groups_of(values: Values) -> list[tuple[str, str]]:
    """The target groups (ARNs) that a listener forwards to, each with its path."""
    return [
        *texts(values, "defaultActions[*].targetGroupArn"),
        *texts(values, "defaultActions[*].forward.targetGroups[*].arn"),
    ]


def _rules(values: Values) -> Iterator[Problem]:
    protocol = text(values, "protocol")
    if protocol is not None and protocol not in _FITTING:
        words = "the sandbox emulates listeners of TCP, UDP and TCP_UDP: TLS ends on the nodes"
        yield Problem("protocol", words)
    yield from within(values, "port", 1, 65535, _VALIDATION)
    yield from within(values, "tcpIdleTimeoutSeconds", 60, 6000, _VALIDATION)
    actions = elements(values, "defaultActions")
    if len(actions) > 1:
        words = "A listener of a Network Load Balancer has one default action"
        yield Problem("defaultActions[1]", words, "TooManyActions")
    for path, action in actions:
        for problem in one_of(action, "type", ("forward",), _VALIDATION):
            yield problem._replace(path=f"{path}.{problem.path}")
    yield from not_emulated(
        values,
        {
            "alpnPolicy": "it belongs to listeners of TLS",
            "certificateArn": "it belongs to listeners of TLS",
            "mutualAuthentication": "it belongs to Application Load Balancers",
            "sslPolicy": "it belongs to listeners of TLS",
            **dict.fromkeys(_HEADERS, "it belongs to Application Load Balancers"),
        },
    )


def _verify(context: Context) -> Iterator[Problem]:
    values, world = context.inputs, context.world
    yield from required(values, "port", "protocol", code=_VALIDATION)
    balancer = text(values, "loadBalancerArn") or ""
    if not groups_of(values):
        words = "a forward action needs targetGroupArn or forward.targetGroups"
        yield Problem("defaultActions[0].targetGroupArn", words, _VALIDATION)
    for path, group in groups_of(values):
        yield from _verify_group(context, path, group, balancer)
    for other in world.of(LISTENER):
        if other.id == context.id or text(other.inputs, "loadBalancerArn") != balancer:
            continue
        if number(other.inputs, "port") == number(values, "port"):
            words = f"A listener already exists on this port for this load balancer '{balancer}'"
            yield Problem("port", words, "DuplicateListener")
            break
    yield from quotas.verify(context, quotas.LISTENERS)


def _verify_group(context: Context, path: str, group: str, balancer: str) -> Iterator[Problem]:
    world, protocol = context.world, text(context.inputs, "protocol") or ""
    record = world.find(group)
    if record is None:
        return
    found = text(record.inputs, "protocol")
    if protocol in _FITTING and found not in _FITTING[protocol]:
        yield Problem(
            path,
            f"Listener protocol '{protocol}' is not supported with target group protocol '{found}'",
            "InvalidConfigurationRequest",
        )
    vpc = vpc_of(world, balancer)
    if vpc and text(record.inputs, "vpcId") != vpc:
        yield Problem(
            path,
            f"The target group '{group}' is in another VPC than the load balancer",
            "InvalidConfigurationRequest",
        )
    for other in world.of(LISTENER):
        elsewhere = text(other.inputs, "loadBalancerArn") != balancer
        if elsewhere and group in [arn for _, arn in groups_of(other.inputs)]:
            yield Problem(
                path,
                "The following target groups cannot be associated with more than one load "
                f"balancer: {group}",
                "TargetGroupAssociationLimit",
            )
            return


def _arn(context: Context) -> str:
    balancer = text(context.inputs, "loadBalancerArn") or ""
    if ":loadbalancer/" not in balancer:
        raise KeyError("loadBalancerArn")
    own = balancer.replace(":loadbalancer/", ":listener/")
    return f"{own}/{context.hexadecimal('id', 16)}"


def _outputs(context: Context) -> Outputs:
    protocol = text(context.inputs, "protocol")
    timed = protocol in ("TCP", "TCP_UDP")
    actions = [
        {"order": index, **action}
        for index, (_, action) in enumerate(elements(context.inputs, "defaultActions"), 1)
    ]
    seconds = number(context.inputs, "tcpIdleTimeoutSeconds") or 350
    return {
        "defaultActions": actions,
        "tcpIdleTimeoutSeconds": seconds if timed else None,
        "sslPolicy": "",
    }


KINDS = (
    Kind(
        type=LISTENER,
        identity=Identity(arn=_arn),
        replace_on=("loadBalancerArn",),
        references={
            "loadBalancerArn": (BALANCER,),
            "defaultActions[*].targetGroupArn": (TARGET_GROUP,),
            "defaultActions[*].forward.targetGroups[*].arn": (TARGET_GROUP,),
        },
        parent="loadBalancerArn",
        rules=standard(_rules),
        verify=_verify,
        outputs=_outputs,
        not_found=("ListenerNotFound", "One or more listeners not found: {id}"),
    ),
)
