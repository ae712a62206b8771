"""What instances say of themselves: ready, ended, unhealthy; and of nobody else."""

from contextlib import contextmanager
from urllib.parse import urlencode
from xml.etree import ElementTree as Tree

import pytest

from sandbox.control.world import StoreTransaction
from sandbox.fabric.aws.calls import Door
from sandbox.fabric.aws.scaling import SPACE, Scaling
from sandbox.fabric.aws.sessions import Session, Sessions
from sandbox.fabric.notices import Notices
from tests.sandbox.fabric.aws import conftest
from tests.sandbox.fabric.aws.test_blueprint import balancer, site, web
from tests.support.account import AWS

__all__ = ["balancer", "site", "web"]

ACTIONS = ("CompleteLifecycleAction", "SetInstanceHealth", "RecordLifecycleActionHeartbeat")


class Caller:
    """The role of an instance, and the service."""

    def __init__(self, site, group, folder, condition="web"):
        self.site, self.group = site, group
        self.notices = Notices()
        store = site.aws.store
        self.account = conftest.Account(store, Sessions(folder))
        self.scaling = Scaling(
            Door(service="autoscaling", region="eu-central-1"),
            self.account.sessions,
            self.notices,
            self.change,
        )
        statement = {
            "Effect": "Allow",
            "Action": [f"autoscaling:{action}" for action in ACTIONS],
            "Resource": "arn:aws:autoscaling:eu-central-1:500000000005:autoScalingGroup:*:"
            "autoScalingGroupName/web",
            "Condition": {"StringEquals": {"aws:ResourceTag/Name": condition}},
        }
        site.aws.create(
            "iam:RolePolicy", "own", name="own", role="web", policy=conftest.policy(statement)
        )
        role = site.aws.world.named("aws:iam/role:Role", "web")
        self.session = Session(
            account="500000000005",
            partition="aws",
            role="web",
            role_id=role.outputs["uniqueId"],
            name="i-1",
            expires=0,
        )

    @contextmanager
    def change(self):
        with self.site.aws.store.change() as rows:
            yield StoreTransaction(rows, changes=rows, kinds=AWS.kinds.get)

    @property
    def machines(self):
        return self.site.blueprint().machines

    def call(self, action, **arguments):
        body = urlencode({"Action": action, "Version": "2011-01-01", **arguments}).encode()
        request = self.account.signed(self.session, "autoscaling", body=body)
        answer = self.scaling.answer(request, self.site.aws.world)
        found = Tree.fromstring(answer.body)
        code = found.findtext(f".//{{{SPACE}}}Code")
        return answer.status, code, found.findtext(f".//{{{SPACE}}}Message")

    def complete(self, machine, hook="serving", result="CONTINUE", group="web"):
        return self.call(
            "CompleteLifecycleAction",
            LifecycleHookName=hook,
            AutoScalingGroupName=group,
            InstanceId=machine.id.rpartition("/")[2],
            LifecycleActionResult=result,
        )


@pytest.fixture
def caller(site, web, tmp_path):
    return Caller(site, web, tmp_path, "dev-web")


def test_an_instance_that_says_so_is_in_service(caller):
    first, second = caller.machines

    assert caller.complete(first) == (200, None, None)
    assert [each.held for each in caller.machines] == [None, 900.0]
    status, code, words = caller.complete(first)
    assert (status, code) == (400, "ValidationError")
    assert words.startswith("No active Lifecycle Action found with instance ID i-")
    assert caller.complete(second)[0] == 200


def test_one_that_gives_itself_up_leaves_and_another_comes(caller):
    first = caller.machines[0]

    assert caller.complete(first, result="ABANDON")[0] == 200
    staying = [each for each in caller.machines if not each.leaving]
    assert len(staying) == 2
    assert first.id not in [each.id for each in staying]


def test_an_end_that_was_announced_is_agreed_to(caller):
    machine = caller.machines[0]
    caller.complete(machine)
    notice = caller.notices.post(machine, 60)

    assert caller.complete(machine, "draining") == (200, None, None)
    assert notice.is_acknowledged


def test_one_that_is_unhealthy_is_replaced(caller):
    machine = caller.machines[0]
    caller.complete(machine)
    instance = machine.id.rpartition("/")[2]
    more = {"HealthStatus": "Unhealthy", "ShouldRespectGracePeriod": "true"}

    assert caller.call("SetInstanceHealth", InstanceId=instance, **more)[0] == 200
    assert not any(each.leaving for each in caller.machines)
    more["ShouldRespectGracePeriod"] = "false"
    assert caller.call("SetInstanceHealth", InstanceId=instance, **more)[0] == 200
    assert [each.id for each in caller.machines if each.leaving] == [machine.id]


def test_a_heartbeat_is_for_a_hook_that_waits(caller):
    machine = caller.machines[0]
    arguments = {
        "LifecycleHookName": "serving",
        "AutoScalingGroupName": "web",
        "InstanceId": machine.id.rpartition("/")[2],
    }

    assert caller.call("RecordLifecycleActionHeartbeat", **arguments)[0] == 200
    caller.complete(machine)
    assert caller.call("RecordLifecycleActionHeartbeat", **arguments)[1] == "ValidationError"


def test_another_environments_group_is_out_of_reach(site, web, tmp_path):
    caller = Caller(site, web, tmp_path, "another")
    status, code, words = caller.complete(caller.machines[0])

    assert (status, code) == (403, "AccessDenied")
    assert "autoscaling:CompleteLifecycleAction" in words
    assert caller.complete(caller.machines[0], group="none")[1] == "AccessDenied"


@pytest.mark.parametrize(
    ("action", "arguments", "code"),
    [
        ("TerminateInstanceInAutoScalingGroup", {}, "InvalidAction"),
        ("CompleteLifecycleAction", {}, "ValidationError"),
        ("SetInstanceHealth", {"InstanceId": "i-1", "HealthStatus": "Ill"}, "ValidationError"),
        ("SetInstanceHealth", {"InstanceId": "i-1", "HealthStatus": "Healthy"}, "AccessDenied"),
    ],
)
def test_what_makes_no_sense_is_refused(caller, action, arguments, code):
    assert caller.call(action, **arguments)[1] == code
