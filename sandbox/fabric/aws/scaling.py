"""EC2 Auto Scaling, as far as an instance speaks of itself: lifecycle actions and its health.

Sources: Amazon EC2 Auto Scaling API Reference, "CompleteLifecycleAction",
"RecordLifecycleActionHeartbeat", "SetInstanceHealth" (parameters, ValidationError), Service
Authorization Reference, "Actions, resources, and condition keys for Amazon EC2 Auto Scaling" (the
group is the resource; its tags are condition keys).
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager

from sandbox.control.aws import instance_records, lifecycle, lifecycle_hooks
from sandbox.control.aws.scaling_policies import GROUP
from sandbox.control.kinds import CloudError, Record, Transaction
from sandbox.control.reading import elements, text
from sandbox.fabric.aws import forms
from sandbox.fabric.aws.calls import Call, Door, Service
from sandbox.fabric.aws.refusals import RefusedError
from sandbox.fabric.aws.sessions import Sessions
from sandbox.fabric.notices import Notice, Notices
from sandbox.fabric.serving.exchange import Answer, Request

SPACE = "http://autoscaling.amazonaws.com/doc/2011-01-01/"
Change = Callable[[], AbstractContextManager[Transaction]]
Arguments = Mapping[str, str]


class Scaling(Service):
    """The service of one region, behind one door."""

    def __init__(self, door: Door, sessions: Sessions, notices: Notices, change: Change) -> None:
        super().__init__(door, sessions)
        self._notices = notices
        self._change = change

    def serve(self, call: Call) -> Answer:
        """Answer somebody who is known. Raises RefusedError."""
        arguments = forms.query_body(call.request)
        action = arguments.get("Action", "")
        known = {
            "CompleteLifecycleAction": self._complete,
            "RecordLifecycleActionHeartbeat": self._heartbeat,
            "SetInstanceHealth": self._set_health,
        }
        if action not in known:
            raise RefusedError(
                "InvalidAction",
                f"the sandbox does not emulate {action[:80]}: an instance speaks of its own "
                "lifecycle and health only",
            )
        try:
            known[action](call, arguments)
        except CloudError as error:
            raise RefusedError(error.code, str(error)) from error
        return forms.in_query(call.id, SPACE, action, "")

    def refuse(self, _: Request, request_id: str, error: RefusedError) -> Answer:
        """The error as the service writes it."""
        return forms.query_error(request_id, SPACE, error)

    def _complete(self, call: Call, arguments: Arguments) -> None:
        group = self._group(call, arguments, "CompleteLifecycleAction")
        result = _needed(arguments, "LifecycleActionResult")
        if result not in (instance_records.CONTINUE, instance_records.ABANDON):
            raise _invalid(f"LifecycleActionResult must be CONTINUE or ABANDON, got {result[:40]}")
        hook, instance = _hook(arguments)
        notice = self._notice(call, group, hook, instance)
        with self._change() as transaction:
            done = lifecycle.complete(transaction, group.id, instance, hook, result)
        if notice is not None:
            self._notices.acknowledge(notice.id)
        elif not done:
            raise _inactive(instance)

    def _heartbeat(self, call: Call, arguments: Arguments) -> None:
        group = self._group(call, arguments, "RecordLifecycleActionHeartbeat")
        hook, instance = _hook(arguments)
        with self._change() as transaction:
            done = lifecycle.heartbeat(transaction, group.id, instance, hook)
        if not done:
            raise _inactive(instance)

    def _set_health(self, call: Call, arguments: Arguments) -> None:
        instance, status = _needed(arguments, "InstanceId"), _needed(arguments, "HealthStatus")
        if status not in ("Healthy", "Unhealthy"):
            raise _invalid(f"Valid instance health states are: [Healthy, Unhealthy]. {status[:40]}")
        found = instance_records.find(call.world, instance)
        group = call.world.find(found.group) if found else None
        if group is None:
            _require(call, "SetInstanceHealth", f"{_place(call)}:*:autoScalingGroupName/*", None)
            raise _invalid(f"Instance Id not found - No managed instance found for {instance[:40]}")
        _require(call, "SetInstanceHealth", group.id, group)
        respect = arguments.get("ShouldRespectGracePeriod", "true").casefold() != "false"
        with self._change() as transaction:
            lifecycle.set_health(
                transaction, instance, healthy=status == "Healthy", respect_grace=respect
            )

    def _group(self, call: Call, arguments: Arguments, action: str) -> Record:
        name = _needed(arguments, "AutoScalingGroupName")
        found = call.world.named(GROUP, name, self.door.region)
        # Asked before whether there is such a group: who may not touch it learns nothing of it.
        target = found.id if found else f"{_place(call)}:*:autoScalingGroupName/{name}"
        _require(call, action, target, found)
        if found is None:
            raise _invalid(f"AutoScalingGroup name not found - no such group: {name[:80]}")
        return found

    def _notice(self, call: Call, group: Record, hook: str, instance: str) -> Notice | None:
        """The announcement of an instance's end, which is what a terminating hook waits for."""
        leads = (
            each.name
            for each in lifecycle_hooks.of(call.world, group)
            if each.transition == lifecycle_hooks.TERMINATING
        )
        found = instance_records.find(call.world, instance)
        if found is None or hook not in leads or found.group != group.id:
            return None
        return next(iter(self._notices.pending(found.arn)), None)


def _place(call: Call) -> str:
    session = call.session
    where = f"{call.door.region}:{session.account}"
    return f"arn:{session.partition}:autoscaling:{where}:autoScalingGroup"


def _require(call: Call, action: str, target: str, group: Record | None) -> None:
    tags = dict(_tags(group)) if group is not None else {}
    context = {
        f"{prefix}:ResourceTag/{name}": value
        for prefix in ("aws", "autoscaling")
        for name, value in tags.items()
    }
    call.require(f"autoscaling:{action}", target, context)


def _tags(group: Record) -> Iterator[tuple[str, str]]:
    for _, tag in elements(group.inputs, "tags"):
        yield text(tag, "key") or "", text(tag, "value") or ""


def _hook(arguments: Arguments) -> tuple[str, str]:
    """Name of the hook, and the instance; a token in place of the instance is not emulated."""
    return _needed(arguments, "LifecycleHookName"), _needed(arguments, "InstanceId")


def _needed(arguments: Arguments, name: str) -> str:
    found = arguments.get(name, "")
    if not found or len(found) > 1600:
        raise _invalid(
            f"1 validation error detected: Value at '{name}' failed to satisfy constraint: "
            "Member must not be null"
        )
    return found


def _inactive(instance: str) -> RefusedError:
    return _invalid(f"No active Lifecycle Action found with instance ID {instance[:40]}")


def _invalid(words: str) -> RefusedError:
    return RefusedError("ValidationError", words, 400)
