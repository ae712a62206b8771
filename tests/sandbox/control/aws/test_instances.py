"""The life of a group's instances where machines run: hooks, health, leaving."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Network

import pytest

from sandbox.control import settings
from sandbox.control.aws import fleet, instances, lifecycle
from sandbox.control.aws.instance_records import find, of_record, put
from sandbox.control.kinds import ApiError
from sandbox.control.world import StoreTransaction
from tests.sandbox.control.aws.test_groups import DRAINING, SERVING, make
from tests.support.account import ACCOUNT, REGION

HOOKS = [SERVING, DRAINING]


@pytest.fixture
def real(site):
    """A site whose machines run: a fabric routes public addresses for it."""
    settings.apply(site.aws.store, IPv4Network("198.18.16.0/20"))
    return site


def changing(site, work):
    """Do *work* in a transaction, as the fabric does."""
    with site.aws.store.change() as rows:
        kinds = site.aws.provider.package.kinds.get
        return work(StoreTransaction(rows, ACCOUNT, changes=rows, kinds=kinds, region=REGION))


def of(site, made):
    return of_record(site.aws.world, site.aws.again(made))


def served(site, made):
    """All of a group's instances, completed."""
    for each in of(site, made):
        assert complete(site, each, "serving", "CONTINUE")
    return of(site, made)


def complete(site, each, hook, result):
    return changing(site, lambda t: lifecycle.complete(t, "web", each.id, hook, result))


def test_an_instance_waits_at_the_launching_hook_until_it_says_that_it_serves(real):
    made = make(real, initialLifecycleHooks=HOOKS)
    first, second = of(real, made)

    assert {first.lifecycle, second.lifecycle} == {"Pending:Wait"}
    assert complete(real, first, "serving", "CONTINUE")
    assert [each.lifecycle for each in of(real, made)] == ["InService", "Pending:Wait"]
    assert not complete(real, first, "serving", "CONTINUE")
    assert not complete(real, second, "draining", "CONTINUE")


def test_without_a_hook_it_is_in_service_at_once(real):
    assert {each.lifecycle for each in of(real, make(real))} == {"InService"}


def test_a_hook_that_is_declared_apart_counts_too(real):
    made = make(real)
    real.aws.create(
        "autoscaling:LifecycleHook",
        autoscalingGroupName="web",
        **{**SERVING, "name": "serving"},
    )
    changed = real.aws.update(made, desiredCapacity=3)

    assert sorted(each.lifecycle for each in of(real, changed)) == [
        "InService",
        "InService",
        "Pending:Wait",
    ]


def test_one_that_abandons_is_replaced(real):
    made = make(real, initialLifecycleHooks=HOOKS)
    first, second = of(real, made)
    complete(real, first, "serving", "ABANDON")
    found = of(real, made)

    assert [each.leaving for each in found] == [True, False, False]
    assert found[1] == second
    assert found[2].lifecycle == "Pending:Wait"
    assert not instances.unsettled(real.aws.world)


@pytest.mark.parametrize(
    ("result", "state"), [("ABANDON", "Terminating:Wait"), ("CONTINUE", "InService")]
)
def test_when_a_hooks_time_is_over_its_default_counts(real, result, state):
    made = make(real, initialLifecycleHooks=[{**SERVING, "defaultResult": result}, DRAINING])
    first = of(real, made)[0]
    changing(real, lambda t: lifecycle.expire(t, first.id))
    found = find(real.aws.world, first.id)

    assert found is not None
    assert found.lifecycle == state


def test_a_heartbeat_begins_the_hooks_time_anew(real):
    made = make(real, initialLifecycleHooks=HOOKS)
    first = of(real, made)[0]

    assert changing(real, lambda t: lifecycle.heartbeat(t, "web", first.id, "serving"))
    found = find(real.aws.world, first.arn)
    assert found is not None
    assert found.since > first.since
    assert not changing(real, lambda t: lifecycle.heartbeat(t, "web", first.id, "draining"))


def test_an_instance_that_leaves_drains_first_and_the_capacity_does_not_count_it(real):
    made = make(real, initialLifecycleHooks=HOOKS, desiredCapacity=3)
    served(real, made)
    changed = real.aws.update(made, desiredCapacity=2)
    (gone,) = [each for each in of(real, changed) if each.leaving]

    assert gone.lifecycle == "Terminating:Wait"
    assert real.aws.world.find(gone.interface) is not None
    assert not instances.unsettled(real.aws.world)
    assert complete(real, gone, "draining", "CONTINUE")
    found = find(real.aws.world, gone.id)
    assert found is not None
    assert found.lifecycle == "Terminating"
    changing(real, lambda t: instances.forget(t, gone.arn))
    assert find(real.aws.world, gone.id) is None
    assert real.aws.world.find(gone.interface) is None


def test_an_unhealthy_instance_leaves_and_another_comes(real):
    made = make(real, initialLifecycleHooks=HOOKS, healthCheckGracePeriod=0)
    first, _ = served(real, made)
    changing(real, lambda t: lifecycle.set_health(t, first.id, healthy=False, respect_grace=True))
    found = of(real, made)

    assert [(each.health, each.leaving) for each in found] == [
        ("Unhealthy", True),
        ("Healthy", False),
        ("Healthy", False),
    ]


def test_the_grace_period_can_be_respected(real):
    made = make(real, initialLifecycleHooks=HOOKS, healthCheckGracePeriod=300)
    first, second = served(real, made)
    long_ago = (datetime.now(UTC) - timedelta(seconds=301)).isoformat()
    changing(real, lambda t: put(replace(second, since=long_ago), t))
    for each in (first, second):
        changing(
            real,
            lambda t, each=each: lifecycle.set_health(
                t, each.id, healthy=False, respect_grace=True
            ),
        )

    leaving = {each.id for each in of(real, made) if each.leaving}
    assert leaving == {second.id}
    changing(real, lambda t: lifecycle.set_health(t, first.id, healthy=False, respect_grace=False))
    assert first.id in {each.id for each in of(real, made) if each.leaving}


def test_a_process_that_is_suspended_replaces_nothing(real):
    made = make(real, suspendedProcesses=["HealthCheck"], healthCheckGracePeriod=0)
    first, _ = of(real, made)
    changing(real, lambda t: lifecycle.set_health(t, first.id, healthy=False, respect_grace=False))

    assert not any(each.leaving for each in of(real, made))


def test_the_health_of_an_unknown_instance_cannot_be_set(real):
    with pytest.raises(ApiError, match="Instance Id not found - No managed instance found for ins"):
        changing(
            real,
            lambda t: lifecycle.set_health(t, "i-0", healthy=False, respect_grace=False),
        )


def test_an_instance_that_died_is_replaced_by_one_with_an_id_of_its_own(real):
    made = make(real)
    first, second = of(real, made)
    new = changing(real, lambda t: instances.renew(t, first.arn))

    assert new is not None
    assert new.id not in (first.id, second.id)
    assert str(new.address) == str(first.address)
    assert set(of(real, made)) == {second, new}
    assert changing(real, lambda t: instances.renew(t, first.arn)) is None


def test_without_a_fabric_what_was_leaving_is_gone_and_what_waited_serves(real):
    made = make(real, initialLifecycleHooks=HOOKS, desiredCapacity=3)
    real.aws.update(made, desiredCapacity=2)
    fleet.prepare(real.aws.store, None)
    found = of(real, made)

    assert [(each.lifecycle, each.leaving) for each in found] == [("InService", False)] * 2


@pytest.mark.parametrize(
    ("policy", "which"), [("OldestInstance", 0), ("NewestInstance", -1), ("Default", 0)]
)
def test_the_termination_policy_says_who_goes_first(site, policy, which):
    made = make(
        site,
        desiredCapacity=4,
        terminationPolicies=[policy],
        vpcZoneIdentifiers=[site.subnet.short],
    )
    before = of(site, made)
    site.aws.update(made, desiredCapacity=3)

    assert set(before) - set(of(site, made)) == {before[which]}
