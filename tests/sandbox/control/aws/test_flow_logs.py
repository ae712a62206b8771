import json

import pytest

from tests.support.world import RefusedError

QUERY = {"ResourceTypeFilters": ["AWS::AllSupported"], "TagFilters": [{"Key": "environment"}]}


def make(site, **inputs):
    given = {
        "vpcId": site.vpc.short,
        "trafficType": "ALL",
        "logDestinationType": "s3",
        # A bucket of another account is nothing that the sandbox could look up.
        "logDestination": "arn:aws:logs:eu-central-1:111122223333:log-group:flows",
        **inputs,
    }
    return site.aws.create("ec2:FlowLog", **given)


def test_a_flow_log_watches_and_holds_nothing(site):
    made = make(site)

    assert made.short.startswith("fl-")
    assert made.outputs["maxAggregationInterval"] == 600
    for each in (site.gateway, *site.subnets, site.group, site.vpc):
        site.aws.delete(each)


def test_a_log_group_needs_a_role(site):
    with pytest.raises(RefusedError) as refused:
        make(site, logDestinationType="cloud-watch-logs")

    assert str(refused.value) == (
        "iamRoleArn: DeliverLogsPermissionArn can't be empty if LogDestinationType is "
        "cloud-watch-logs. (InvalidParameter)"
    )


def test_the_same_flow_log_twice(site):
    make(site)

    with pytest.raises(RefusedError, match=r"\(FlowLogAlreadyExists\)"):
        make(site)


@pytest.mark.parametrize(
    ("inputs", "reason"),
    [
        ({"maxAggregationInterval": 30}, "maxAggregationInterval: must be 60 or 600"),
        ({"trafficType": "DROP"}, "trafficType: must be one of ACCEPT, REJECT, ALL, got 'DROP'"),
        ({"logFormat": "${source}"}, "logFormat: Unknown fields provided: source"),
        ({"vpcId": "v", "subnetId": "s"}, "subnetId: conflicts with vpcId"),
    ],
)
def test_a_flow_log_that_is_refused(aws, inputs, reason):
    (found,) = aws.problems("ec2:FlowLog", **inputs)

    assert found.startswith(reason)


def test_a_resource_group_is_a_query(aws):
    made = aws.create(
        "resourcegroups:Group", name="dev", resourceQuery={"query": json.dumps(QUERY)}
    )

    assert made.short == "dev"
    assert made.id == "arn:aws:resource-groups:eu-central-1:500000000005:group/dev"
    assert made.outputs["resourceQuery"]["type"] == "TAG_FILTERS_1_0"
    with pytest.raises(RefusedError) as refused:
        aws.create("resourcegroups:Group", name="dev", resourceQuery={"query": json.dumps(QUERY)})
    assert str(refused.value) == (
        "name: Cannot create group: group 'dev' already exists (BadRequestException)"
    )
    aws.elsewhere("eu-west-1").create(
        "resourcegroups:Group", name="dev", resourceQuery={"query": json.dumps(QUERY)}
    )


@pytest.mark.parametrize(
    ("name", "query", "reason"),
    [
        ("aws-dev", QUERY, "name: must be letters, digits, hyphens, periods and underscores"),
        ("dev", {"TagFilters": []}, "resourceQuery.query: Query not valid: ResourceTypeFilters is"),
        ("dev", {**QUERY, "Tags": 1}, "resourceQuery.query: Query not valid: it is an object with"),
    ],
)
def test_a_resource_group_that_is_refused(aws, name, query, reason):
    (found,) = aws.problems(
        "resourcegroups:Group", name=name, resourceQuery={"query": json.dumps(query)}
    )

    assert found.startswith(reason)
