import json
from typing import Any

import pytest

from components.aws import site
from components.parts import Site
from tests.support.aws import ACCOUNT, PREFIX, REGION, part, text
from tests.support.cloud import World, deploy

KEY = "aws:kms/key:Key"


@pytest.fixture(scope="module")
def deployment() -> World:
    return part(lambda made: made)


def statements(deployment: World) -> dict[str, Any]:
    """The key's policy, by the names of its statements."""
    policy = json.loads(deployment.only(KEY)["policy"])
    return {statement["Sid"]: statement for statement in policy["Statement"]}


def test_one_provider_has_the_region_and_tags_everything(deployment: World) -> None:
    provider = deployment.only("pulumi:providers:aws")
    assert provider["region"] == REGION
    assert json.loads(provider["defaultTags"]) == {
        "tags": {
            "owner": "data-science",
            "environment": "test",
            "project": "operationalization",
            "managed-by": "pulumi",
        }
    }
    used = {options.provider for urn, options in deployment.options.items() if "$aws:" in urn}
    assert [urn.partition("::")[2] for urn in used] == ["test-foundation-provider"]


def test_the_key_rotates_and_is_hard_to_lose(deployment: World) -> None:
    key = deployment.only(KEY)
    assert key["enableKeyRotation"] is True
    assert key["deletionWindowInDays"] == 30
    assert deployment.options_of(KEY)["test-foundation-key"].protect is True


def test_a_throw_away_environments_key_goes_soon() -> None:
    deployment = part(lambda made: made, protection=False)
    assert deployment.only(KEY)["deletionWindowInDays"] == 7
    assert deployment.options_of(KEY)["test-foundation-key"].protect is False


def test_nobody_outside_the_account_uses_the_key(deployment: World) -> None:
    found = statements(deployment)
    assert {name: statement["Principal"] for name, statement in found.items()} == {
        "IamPoliciesOfTheAccountDecide": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
        "LogGroupsOfTheAccount": {"Service": "logs.eu-central-1.amazonaws.com"},
        "AlarmsOfTheAccount": {"Service": "cloudwatch.amazonaws.com"},
    }


def test_a_service_uses_the_key_for_this_account_only(deployment: World) -> None:
    found = statements(deployment)
    assert found["LogGroupsOfTheAccount"]["Condition"] == {
        "ArnLike": {"kms:EncryptionContext:aws:logs:arn": f"arn:aws:logs:{REGION}:{ACCOUNT}:*"}
    }
    assert found["AlarmsOfTheAccount"]["Condition"] == {
        "StringEquals": {"aws:SourceAccount": ACCOUNT}
    }


def test_a_person_finds_the_key_and_everything_of_the_environment(deployment: World) -> None:
    assert deployment.only("aws:kms/alias:Alias")["name"] == f"alias/{PREFIX}"
    group = deployment.only("aws:resourcegroups/group:Group")
    assert group["name"] == PREFIX
    assert json.loads(group["resourceQuery"]["query"])["TagFilters"] == [
        {"Key": "environment", "Values": ["test"]},
        {"Key": "project", "Values": ["operationalization"]},
    ]


def test_a_preview_needs_no_answer_of_the_region() -> None:
    assert list(part(lambda made: made, unknowns=True)) == list(part(lambda made: made))


def test_arns_are_of_the_environments_place() -> None:
    deployment = part(lambda made: made.arn("logs", "log-group:x"))
    assert deployment.value(deployment.result) == f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:x"


@pytest.mark.parametrize(
    ("region", "expected"),
    [("eu-central-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")],
)
def test_regions_lie_in_partitions(region: str, expected: str) -> None:
    assert site.partition(region) == expected


def test_a_part_gets_the_site_of_its_own_cloud(deployment: World) -> None:
    assert site.of(deployment.result).region == REGION


def elsewhere() -> Site:
    """The site of another cloud."""
    return Site(
        stack="test",
        location="westeurope",
        tags={},
        protection=True,
        log_retention_days=30,
        resource_group=text("group"),
        resource_group_id=text("id"),
    )


def test_the_site_of_another_cloud_is_refused() -> None:
    with pytest.raises(TypeError, match=r"^a part on AWS was given the site of another cloud"):
        deploy(lambda: site.of(elsewhere()))
