from typing import Any

import pytest

from components.aws.running import Numbers, within
from tests.support.aws import AwsCloud, deployed
from tests.support.azure import changed
from tests.support.cloud import World

GROUP = "aws:autoscaling/group:Group"
LIST = "aws:autoscaling/getAmiIds:getAmiIds"
ONE = "aws:autoscaling/getGroup:getGroup"
SCHEDULE = {
    "name": "day",
    "days": ["Monday"],
    "start": "08:00",
    "end": "18:00",
    "timezone": "Europe/Berlin",
    "minimum": 3,
    "maximum": 4,
}


class Running(AwsCloud):
    """AWS with groups that run, by name: fewest, wanted, most."""

    def __init__(self, groups: dict[str, tuple[int, int, int]]) -> None:
        super().__init__()
        self.groups = groups
        self.filters: list[dict[str, Any]] = []

    def call(self, args: Any) -> Any:
        if args.token == LIST:
            self.filters = args.args["filters"]
            return {"names": list(self.groups), "arns": [], "id": "eu-central-1"}
        if args.token == ONE:
            least, wanted, most = self.groups[args.args["name"]]
            return {"minSize": least, "desiredCapacity": wanted, "maxSize": most}
        return super().call(args)


def sizes(deployment: World, role: str) -> tuple[int, int, int]:
    group = deployment.of_type(GROUP)[f"test-{role}-nodes"]
    return group["minSize"], group["desiredCapacity"], group["maxSize"]


def test_a_new_group_begins_with_as_many_nodes_as_there_are() -> None:
    cloud = Running({"test-compute-nodes-1234567": (2, 3, 4)})
    assert sizes(deployed(changed("dev-aws"), cloud=cloud), "compute") == (2, 3, 4)
    assert cloud.filters == [
        {"name": "tag:Name", "values": ["test-compute-nodes"]},
        {"name": "tag:environment", "values": ["test"]},
        {"name": "tag:managed-by", "values": ["pulumi"]},
        {"name": "tag:project", "values": ["operationalization"]},
    ]


def test_a_count_that_settings_name_is_what_they_say() -> None:
    cloud = Running({"test-compute-nodes-1234567": (2, 3, 4)})
    assert sizes(deployed(changed("dev-aws"), cloud=cloud), "web") == (2, 2, 2)


def test_bounds_of_the_period_that_holds_go_over_to_the_new_group() -> None:
    cloud = Running({"test-compute-nodes-1234567": (3, 3, 4)})
    planned = changed("dev-aws", compute__autoscale__schedules=[SCHEDULE])
    assert sizes(deployed(planned, cloud=cloud), "compute") == (3, 3, 4)


@pytest.mark.parametrize(
    ("groups", "planned", "expected"),
    [
        ([], False, Numbers(2, 2, 8)),
        ([(2, 5, 8)], False, Numbers(2, 5, 8)),
        # After an update that was cut short there are two.
        ([(2, 5, 8), (2, 3, 8)], False, Numbers(2, 5, 8)),
        # Settings that changed have the last word.
        ([(1, 1, 20)], False, Numbers(2, 2, 8)),
        ([(2, 15, 20)], False, Numbers(2, 8, 8)),
        ([(4, 5, 6)], False, Numbers(2, 5, 8)),
        ([(4, 5, 6)], True, Numbers(4, 5, 6)),
        ([(1, 1, 20)], True, Numbers(2, 2, 8)),
        ([(12, 15, 20)], True, Numbers(8, 8, 8)),
        ([(0, 0, 0)], True, Numbers(2, 2, 8)),
    ],
)
def test_what_there_is_counts_inside_of_the_settings(
    groups: list[tuple[int, int, int]], planned: bool, expected: Numbers
) -> None:
    found = [
        {"min_size": least, "desired_capacity": wanted, "max_size": most}
        for least, wanted, most in groups
    ]
    assert within(Numbers(2, 2, 8), found, planned) == expected
