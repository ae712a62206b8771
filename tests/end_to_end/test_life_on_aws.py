"""Stack `dev-aws` under the real engine, on the sandbox's control plane: an environment's life."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.deployed import Deployed, copy_of, deploy

pytestmark = pytest.mark.engine

STACK = "dev-aws"
GROUP = "aws:autoscaling/group:Group"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
RULE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return deploy(STACK, tmp_path_factory.mktemp(STACK))


@pytest.fixture
def dev(template: Path, tmp_path: Path) -> Iterator[Deployed]:
    with copy_of(template, STACK, tmp_path / "copy") as deployed:
        yield deployed


def group(dev: Deployed, role: str) -> dict:
    (found,) = [each for each in dev.resources(GROUP) if f"-{role}-" in each["id"]]
    return found


def counted(dev: Deployed, role: str) -> float:
    return group(dev, role)["properties"]["desiredCapacity"]


def test_a_second_up_changes_nothing_and_nothing_secret_is_in_clear(dev: Deployed) -> None:
    assert dev.up().changes == []

    outputs = dev.engine.outputs(STACK)
    host = outputs["endpoint"].removeprefix("https://").removesuffix(":12800")
    assert host.endswith(".elb.eu-central-1.amazonaws.com")
    assert len(set(outputs["loadBalancerAddresses"])) == 2
    assert outputs["adminPassword"] == "[secret]"
    assert outputs["database"]["host"].endswith(".eu-central-1.rds.amazonaws.com")

    state = dev.engine.pulumi("stack", "export", "--stack", STACK).stdout
    assert dev.engine.outputs(STACK, secrets=True)["adminPassword"] not in state
    assert "PRIVATE KEY" not in state


def test_a_tag_is_changed_in_place_and_a_count_that_was_scaled_by_hand_stays(dev: Deployed) -> None:
    dev.tamper(group(dev, "compute")["id"], "desiredCapacity", "3")
    tags = {"tags": {"owner": "platform"}}

    ended, report = dev.drift()
    changes = dev.up(tags).changes

    assert (ended, report["drift"]) == (0, []), "an autoscaler's count is no drift"
    assert changes
    assert {op for op, _, _ in changes} == {"update"}
    assert counted(dev, "compute") == 3
    assert dev.preview(tags).changes == []


def test_new_content_replaces_its_group_before_the_old_one_goes_with_as_many_nodes(
    dev: Deployed,
) -> None:
    dev.tamper(group(dev, "compute")["id"], "desiredCapacity", "4")
    before = group(dev, "compute")["id"]
    larger = {"compute.disk.size": 64}

    made = [s for s in dev.up(larger).steps if s.op not in {"same", "refresh", "replace"}]

    groups = [(s.op, s.name) for s in made if s.type in (GROUP, TEMPLATE)]
    assert groups == [
        ("update", "dev-aws-compute-nodes-template"),
        ("create-replacement", "dev-aws-compute-nodes"),
        ("delete-replaced", "dev-aws-compute-nodes"),
    ]
    assert {s.name for s in made if s.op == "create-replacement"} == {
        "dev-aws-compute-nodes",
        # What belongs to a group by name goes over to its successor.
        "dev-aws-compute-autoscaling-in",
        "dev-aws-compute-autoscaling-out",
    }
    assert group(dev, "compute")["id"] != before
    assert counted(dev, "compute") == 4
    assert dev.preview(larger).changes == []


def test_one_more_client_opens_the_port_and_replaces_only_nodes_that_are_called(
    dev: Deployed,
) -> None:
    changes = dev.up({"access.clients": ["203.0.113.0/24", "198.51.100.0/24"]}).changes

    assert [name for op, kind, name in changes if (op, kind) == ("create", RULE)] == [
        "dev-aws-network-firewall-balancer-from-198-51-100-0-24-12800"
    ]
    assert not [name for _, _, name in changes if "compute" in name]


def test_destroy_leaves_nothing(dev: Deployed) -> None:
    result = dev.engine.destroy(STACK)

    assert result.exit_code == 0, result.display
    assert dev.resources() == []
    assert dev.engine.resources(STACK) == {}
