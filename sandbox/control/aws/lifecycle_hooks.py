"""Lifecycle hooks of Auto Scaling groups, and the group's notifications.

Sources: Amazon EC2 Auto Scaling User Guide, "Amazon EC2 Auto Scaling lifecycle hooks" (30 to 7,200
seconds, an hour by default; ABANDON by default), "Quotas for Auto Scaling resources and groups" (50
hooks a group); API Reference, "PutLifecycleHook", "PutNotificationConfiguration".
"""

from collections.abc import Iterator
from typing import NamedTuple

from sandbox.control.aws.rules import not_emulated, one_of
from sandbox.control.aws.scaling_policies import CODE, GROUP
from sandbox.control.aws.topics import TOPIC
from sandbox.control.kinds import (
    Context,
    Identity,
    Kind,
    Name,
    Outputs,
    Problem,
    Record,
    Values,
    World,
)
from sandbox.control.reading import elements, number, text

HOOK = "aws:autoscaling/lifecycleHook:LifecycleHook"
NOTIFICATION = "aws:autoscaling/notification:Notification"

LAUNCHING = "autoscaling:EC2_INSTANCE_LAUNCHING"
TERMINATING = "autoscaling:EC2_INSTANCE_TERMINATING"

_EVENTS = (
    "autoscaling:EC2_INSTANCE_LAUNCH",
    "autoscaling:EC2_INSTANCE_LAUNCH_ERROR",
    "autoscaling:EC2_INSTANCE_TERMINATE",
    "autoscaling:EC2_INSTANCE_TERMINATE_ERROR",
    "autoscaling:TEST_NOTIFICATION",
)


class Hook(NamedTuple):
    """One hook of a group."""

    name: str
    transition: str
    timeout: int
    """Seconds."""
    result: str
    """CONTINUE or ABANDON, when nobody completes it in time."""


def read(values: Values) -> Hook:
    """One hook, as it is declared with a group or as a resource."""
    timeout = number(values, "heartbeatTimeout")
    return Hook(
        name=text(values, "name") or "",
        transition=text(values, "lifecycleTransition") or "",
        timeout=3600 if timeout is None else timeout,
        result=text(values, "defaultResult") or "ABANDON",
    )


def of(world: World, group: Record) -> tuple[Hook, ...]:
    """The hooks of a group: those that it was created with, and those declared apart."""
    found = {
        hook.name: hook
        for _, each in elements(group.inputs, "initialLifecycleHooks")
        for hook in (read(each),)
    }
    for record in world.children(group.id):
        if record.type == HOOK:
            hook = read({**record.inputs, "name": text(record.outputs, "name") or ""})
            found[hook.name] = hook
    return tuple(found[name] for name in sorted(found))


def rules(values: Values, path: str = "") -> Iterator[Problem]:
    """One hook, wherever it is declared."""
    dot = f"{path}." if path else ""
    yield from one_of(values, f"{dot}lifecycleTransition", (LAUNCHING, TERMINATING), CODE)
    yield from one_of(values, f"{dot}defaultResult", ("CONTINUE", "ABANDON"), CODE)
    timeout = number(values, f"{dot}heartbeatTimeout")
    if timeout is not None and not 30 <= timeout <= 7200:
        yield Problem(
            f"{dot}heartbeatTimeout",
            f"Heartbeat timeout must be between 30 and 7200 seconds, got {timeout}",
            CODE,
        )
    yield from not_emulated(
        values,
        {
            f"{dot}notificationTargetArn": "nodes ask the metadata service",
            f"{dot}roleArn": "nodes ask the metadata service",
        },
    )


def _outputs(context: Context) -> Outputs:
    return {
        "name": context.name,
        "defaultResult": text(context.inputs, "defaultResult") or "ABANDON",
    }


def _below(what: str) -> str:
    return (
        "arn:{partition}:autoscaling:{region}:{account}:autoScalingGroup:"
        f"{{autoscalingGroupName}}:{what}"
    )


def _notification_rules(values: Values) -> Iterator[Problem]:
    yield from one_of(values, "notifications[*]", _EVENTS, CODE)


KINDS = (
    Kind(
        type=HOOK,
        identity=Identity(arn=_below("hook/{name}"), id="{autoscalingGroupName}/{name}"),
        name_property="name",
        name=Name(
            pattern=r"[A-Za-z0-9_/-]+",
            maximum=255,
            words="letters, digits, hyphens, underscores and slashes",
        ),
        references={"autoscalingGroupName": (GROUP,)},
        parent="autoscalingGroupName",
        replace_on=("autoscalingGroupName",),
        rules=rules,
        outputs=_outputs,
    ),
    Kind(
        type=NOTIFICATION,
        identity=Identity(arn="{topicArn}/autoscaling", id="{topicArn}"),
        references={"groupNames[*]": (GROUP,), "topicArn": (TOPIC,)},
        weak=("groupNames", "topicArn"),
        unordered=("groupNames", "notifications"),
        replace_on=("topicArn",),
        rules=_notification_rules,
    ),
)
