# ruff: noqa: E501 -- the full text of an error is one string
"""What the SDK's annotations refuse, with the full text."""

import pytest

from sandbox.control.schema import Package, UnknownTypeError
from sandbox.control.wire import UNKNOWN
from tests.support.provider import package

AZURE = package("azure-native").schema


def problems(token, values, sdk=AZURE):
    found = sdk.resource(token).inputs.problems(values, ())
    return [f"{problem.path}: {problem.reason}" for problem in found]


GROUP = {"resourceGroupName": "group"}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (
            {"resource_group_name": "group"},
            [
                'resource_group_name: is not a property of VirtualNetwork; did you mean "resourceGroupName"?',
                "resourceGroupName: is required by VirtualNetwork, but missing",
            ],
        ),
        (
            {**GROUP, "adressSpace": {}},
            ['adressSpace: is not a property of VirtualNetwork; did you mean "addressSpace"?'],
        ),
        ({**GROUP, "zzzz": 1}, ["zzzz: is not a property of VirtualNetwork"]),
        (
            {**GROUP, "addressSpace": {"addressPrefixes": ["10.0.0.0/16", 5]}},
            ["addressSpace.addressPrefixes[1]: must be a string, got 5"],
        ),
        (
            {**GROUP, "addressSpace": {"addressPrefixes": "10.0.0.0/16"}},
            ['addressSpace.addressPrefixes: must be a list, got "10.0.0.0/16"'],
        ),
        (
            {**GROUP, "addressSpace": []},
            ["addressSpace: must be an object (AddressSpace), got a list"],
        ),
        (
            {**GROUP, "enableDdosProtection": "yes"},
            ['enableDdosProtection: must be true or false, got "yes"'],
        ),
        (
            {**GROUP, "flowTimeoutInMinutes": True},
            ["flowTimeoutInMinutes: must be a whole number, got true"],
        ),
        (
            {**GROUP, "flowTimeoutInMinutes": 4.5},
            ["flowTimeoutInMinutes: must be a whole number, got 4.5"],
        ),
        ({**GROUP, "tags": {"a b": 1}}, ['tags["a b"]: must be a string, got 1']),
        (
            {"resourceGroupName": None},
            ["resourceGroupName: is required by VirtualNetwork, but missing"],
        ),
    ],
)
def test_wrong_inputs_are_refused_with_their_path(values, expected):
    assert problems("azure-native:network:VirtualNetwork", values) == expected


def test_right_inputs_pass():
    values = {
        **GROUP,
        "addressSpace": {"addressPrefixes": ["10.0.0.0/16"]},
        "flowTimeoutInMinutes": 4,
        "tags": {"a b": "c"},
        "location": None,
        "privateEndpointVNetPolicies": "AValueThatAzureAddedLater",
    }
    assert problems("azure-native:network:VirtualNetwork", values) == []


def test_unknown_values_are_right_everywhere():
    values = {"resourceGroupName": UNKNOWN, "addressSpace": UNKNOWN, "subnets": [UNKNOWN]}
    assert problems("azure-native:network:VirtualNetwork", values) == []


def test_a_closed_choice_refuses_and_suggests():
    rule = {"metricTrigger": UNKNOWN, "scaleAction": {"cooldown": "PT5M", "direction": "Increse", "type": "ChangeCount"}}  # fmt: skip
    values = {**GROUP, "profiles": [{"name": "p", "capacity": UNKNOWN, "rules": [rule]}]}
    assert problems("azure-native:monitor:AutoscaleSetting", values) == [
        'profiles[0].rules[0].scaleAction.direction: must be one of None, Increase, Decrease, got "Increse"; did you mean "Increase"?'
    ]


def test_a_closed_choice_ignores_case_as_azure_does():
    rule = {"metricTrigger": UNKNOWN, "scaleAction": {"cooldown": "PT5M", "direction": "increase", "type": "ChangeCount"}}  # fmt: skip
    values = {**GROUP, "profiles": [{"name": "p", "capacity": UNKNOWN, "rules": [rule]}]}
    assert problems("azure-native:monitor:AutoscaleSetting", values) == []


ALERT = {
    **GROUP,
    "enabled": True,
    "evaluationFrequency": "PT1M",
    "scopes": [],
    "severity": 2,
    "windowSize": "PT5M",
}


def test_a_union_tells_what_keeps_the_value_from_the_alternative_it_names():
    criteria = {
        "odataType": "Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria",
        "allOf": [
            {
                "criterion_type": "StaticThresholdCriterion",
                "criterionType": "StaticThresholdCriterion",
                "metricName": "cpu",
                "name": "cpu",
                "operator": "GreaterThan",
                "threshold": 1,
                "timeAggregation": "Average",
            }
        ],
    }
    assert problems("azure-native:monitor:MetricAlert", {**ALERT, "criteria": criteria}) == [
        'criteria.allOf[0].criterion_type: is not a property of MetricCriteria; did you mean "criterionType"?'
    ]
    del criteria["allOf"][0]["criterion_type"]
    assert problems("azure-native:monitor:MetricAlert", {**ALERT, "criteria": criteria}) == []


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        (
            "azure-native:network:VirtualNetwerk",
            "azure-native:network:VirtualNetwerk is not a resource type of pulumi_azure_native "
            + AZURE.version,
        ),
        (
            "azure-native:nowhere:Thing",
            "azure-native:nowhere:Thing: pulumi_azure_native has no module 'nowhere'",
        ),
        (
            "azure-native:os.path:Thing",
            "azure-native:os.path:Thing: pulumi_azure_native has no module 'os.path'",
        ),
        ("aws:ec2:Vpc", "'aws:ec2:Vpc' is not a type of the package azure-native"),
        ("", "'' is not a type of the package azure-native"),
        (
            "azure-native:network:get_virtual_network",
            "azure-native:network:get_virtual_network is not a resource type of pulumi_azure_native "
            + AZURE.version,
        ),
    ],
)
def test_a_token_that_names_no_type_is_refused(token, expected):
    with pytest.raises(UnknownTypeError) as refusal:
        AZURE.resource(token)
    assert str(refusal.value) == expected


def test_an_sdk_that_is_not_installed_is_named():
    with pytest.raises(UnknownTypeError) as refusal:
        Package("nowhere")
    assert str(refusal.value) == (
        "the Python SDK pulumi_nowhere is not installed in the virtual environment; "
        "run scripts/setup"
    )


def test_the_api_version_is_the_one_the_sdk_documents():
    assert AZURE.resource("azure-native:network:VirtualNetwork").api_version == "2024-05-01"


def test_a_preview_leaves_unknown_what_the_cloud_computes_at_every_level():
    vault = AZURE.resource("azure-native:network:VirtualNetwork")
    shown = vault.preview({"subnets": [{"name": "web"}], "tags": {"a": "b"}})
    assert shown["tags"] == {"a": "b"}
    assert shown["resourceGuid"] is UNKNOWN
    assert shown["subnets"][0]["name"] == "web"
    assert shown["subnets"][0]["id"] is UNKNOWN


def test_bridged_packages_have_schemas_too():
    sdk = package("random").schema
    assert problems("random:index/randomPassword:RandomPassword", {"lenght": 3}, sdk) == [
        'lenght: is not a property of RandomPassword; did you mean "length"?',
        "length: is required by RandomPassword, but missing",
    ]


def test_a_function_has_the_arguments_that_go_over_the_wire():
    shape = AZURE.arguments("azure-native:network:getVirtualNetwork")
    assert set(shape.properties) == {"expand", "resourceGroupName", "virtualNetworkName"}
