"""What becomes of an instance of a group: hooks that hold it, health that ends it.

Sources: Amazon EC2 Auto Scaling User Guide, "Amazon EC2 Auto Scaling lifecycle hooks" (CONTINUE and
ABANDON), "Health checks for instances in an Auto Scaling group" (an instance that is unhealthy is
terminated and replaced); API Reference, "CompleteLifecycleAction",
"RecordLifecycleActionHeartbeat", "SetInstanceHealth" (ShouldRespectGracePeriod).
"""

from dataclasses import replace
from datetime import UTC, datetime

from sandbox.control.aws import lifecycle_hooks
from sandbox.control.aws.instance_records import (
    ABANDON,
    HEALTHY,
    IN_SERVICE,
    PENDING_WAIT,
    TERMINATING,
    TERMINATING_WAIT,
    UNHEALTHY,
    Instance,
    find,
    now,
    put,
)
from sandbox.control.aws.instances import enter, let_go, settle
from sandbox.control.aws.scaling_policies import GROUP
from sandbox.control.kinds import ApiError, Record, Transaction
from sandbox.control.reading import number, texts


def complete(transaction: Transaction, group: str, instance: str, hook: str, result: str) -> bool:
    """CompleteLifecycleAction: whether there was an action of this hook to complete.

    CONTINUE at launch: it is in service when no other hook holds it. ABANDON at launch: it leaves,
    and another is launched. At termination the instance ends waiting, whatever the result is.
    """
    found, record = find(transaction, instance), transaction.named(GROUP, group)
    if found is None or record is None or found.group != record.id or hook not in found.hooks:
        return False
    left = tuple(each for each in found.hooks if each != hook)
    if found.lifecycle == TERMINATING_WAIT:
        changed = replace(found, hooks=() if result == ABANDON else left)
        state = TERMINATING_WAIT if changed.hooks else TERMINATING
        enter(changed, state, transaction)
    elif result == ABANDON:
        replace_instance(transaction, found)
    else:
        enter(replace(found, hooks=left), PENDING_WAIT if left else IN_SERVICE, transaction)
    return True


def expire(transaction: Transaction, instance: str) -> None:
    """The time of the hooks that hold an instance is over: their default results count."""
    found = find(transaction, instance)
    record = transaction.find(found.group) if found else None
    if found is None or record is None:
        return
    defaults = {hook.name: hook.result for hook in lifecycle_hooks.of(transaction, record)}
    for hook in found.hooks:
        result = defaults.get(hook, ABANDON)
        complete(transaction, record.id, instance, hook, result)
        if result == ABANDON:
            return


def heartbeat(transaction: Transaction, group: str, instance: str, hook: str) -> bool:
    """RecordLifecycleActionHeartbeat: the hook's time begins anew."""
    found, record = find(transaction, instance), transaction.named(GROUP, group)
    if found is None or record is None or found.group != record.id or hook not in found.hooks:
        return False
    put(replace(found, since=now()), transaction)
    return True


def set_health(
    transaction: Transaction, instance: str, *, healthy: bool, respect_grace: bool
) -> None:
    """SetInstanceHealth: an instance that is unhealthy leaves, and another takes its place.

    Raises:
        ApiError: it is unknown, or the new one finds no address.
    """
    found = find(transaction, instance)
    record = transaction.find(found.group) if found else None
    if found is None or record is None:
        raise ApiError(
            "ValidationError",
            f"Instance Id not found - No managed instance found for instance ID {instance}",
        )
    if found.leaving:
        return
    if healthy:
        put(replace(found, health=HEALTHY), transaction)
        return
    if respect_grace and _age(found) < grace_of(record):
        return
    if found.lifecycle == IN_SERVICE and "HealthCheck" not in suspended(record):
        replace_instance(transaction, replace(found, health=UNHEALTHY))


def suspended(record: Record) -> set[str]:
    """The processes of a group that are suspended."""
    return {each for _, each in texts(record.inputs, "suspendedProcesses[*]")}


def grace_of(record: Record) -> float:
    """Seconds from its entry into service in which an instance's health isn't looked at."""
    found = number(record.inputs, "healthCheckGracePeriod")
    return 300.0 if found is None else float(found)


def _age(found: Instance) -> float:
    return (datetime.now(UTC) - datetime.fromisoformat(found.since)).total_seconds()


def replace_instance(transaction: Transaction, found: Instance) -> None:
    """Let an instance drain and go, and launch another in its place. Raises ApiError."""
    record = transaction.find(found.group)
    if record is not None:
        let_go(found, record, transaction)
        settle(record, transaction)
