"""Machines are found on every cloud, those that come and go as well as those that stay."""

from typing import Any

from operations.channel import instances

ARM = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Compute"
SET = f"{ARM}/virtualMachineScaleSets/web"
ASG = "arn:aws:autoscaling:eu-central-1:5:autoScalingGroup:u:autoScalingGroupName/dev-web"


def sandboxed(**changes: Any) -> dict[str, Any]:
    return {
        "id": f"{SET}/virtualMachines/0",
        "group": SET.casefold(),
        "name": "web_0",
        "address": "10.20.0.4",
        "phase": "ready",
        **changes,
    }


def brief(found: Any) -> list[tuple[str, str, str, bool]]:
    return [(each.node.name, each.node.address, each.state, each.running) for each in found]


def test_the_sandbox_knows_members_of_a_scale_set_by_their_id() -> None:
    group = {"ids": [SET], "names": ["web"]}
    known = [
        sandboxed(),
        sandboxed(id=f"{SET}/virtualMachines/1", name="web_1", phase="starting"),
        sandboxed(id=f"{SET}2/virtualMachines/0", group=f"{SET}2".casefold(), name="other"),
    ]

    assert brief(instances.in_sandbox("web", group, known)) == [
        ("web_0", "10.20.0.4", "ready", True),
        ("web_1", "10.20.0.4", "starting", False),
    ]


def test_the_sandbox_knows_instances_of_an_auto_scaling_group_by_its_name() -> None:
    group = {"ids": [ASG], "names": ["dev-web"]}
    own = sandboxed(id="arn:aws:ec2:eu-central-1:5:instance/i-1", group=ASG.casefold(), name="i-1")
    other = sandboxed(id="arn:aws:ec2:eu-central-1:5:instance/i-2", group="dev-web2", name="i-2")

    assert [name for name, *_ in brief(instances.in_sandbox("web", group, [own, other]))] == ["i-1"]


def test_azure_says_power_and_address_of_members_of_a_scale_set() -> None:
    listed = [
        {
            "id": f"{SET}/virtualMachines/{index}",
            "name": f"web_{index}",
            "instanceView": {"statuses": [{"code": "ProvisioningState/succeeded"}, {"code": code}]},
        }
        for index, code in enumerate(("PowerState/running", "PowerState/deallocated"))
    ]
    cards = [
        {
            "virtualMachine": {"id": f"{SET}/virtualMachines/0".upper()},
            "ipConfigurations": [{"privateIPAddress": "10.20.0.4"}],
        }
    ]

    assert brief(instances.in_scale_set("web", listed, cards)) == [
        ("web_0", "10.20.0.4", "running", True),
        ("web_1", "", "deallocated", False),
    ]


def test_azure_says_power_and_address_of_a_single_machine() -> None:
    arm = f"{ARM}/virtualMachines/web-1"
    listed = [
        {"id": arm.upper(), "name": "web-1", "privateIps": "10.20.0.4", "powerState": "VM running"},
        {"id": f"{arm}0", "name": "web-10", "powerState": "VM running"},
    ]

    assert brief(instances.single("web", arm, listed)) == [
        ("web-1", "10.20.0.4", "VM running", True)
    ]


def test_aws_says_the_state_of_instances_and_forgets_those_that_are_gone() -> None:
    described = {
        "Reservations": [
            {
                "Instances": [
                    {"InstanceId": f"i-{state}", "PrivateIpAddress": "10.0.0.4",
                     "State": {"Name": state}}
                ]
            }
            for state in ("running", "stopped", "terminated")
        ]
    }  # fmt: skip

    assert brief(instances.on_aws("web", described)) == [
        ("i-running", "10.0.0.4", "running", True),
        ("i-stopped", "10.0.0.4", "stopped", False),
    ]
