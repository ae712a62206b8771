import pytest

from tests.support.world import GROUP, RefusedError, problems

SCALE_SET = f"{GROUP}/providers/Microsoft.Compute/virtualMachineScaleSets/web"


def rule(**trigger):
    return {
        "metricTrigger": {
            "metricName": "Percentage CPU",
            "metricResourceUri": SCALE_SET,
            "operator": "GreaterThan",
            "statistic": "Average",
            "threshold": 50,
            "timeAggregation": "Average",
            "timeGrain": "PT1M",
            "timeWindow": "PT5M",
            **trigger,
        },
        "scaleAction": {
            "direction": "Increase",
            "type": "ChangeCount",
            "value": "1",
            "cooldown": "PT5M",
        },
    }


def profile(name="default", **changes):
    capacity = {"minimum": "2", "maximum": "20", "default": "2"}
    return {"name": name, "capacity": capacity, "rules": [rule()], **changes}


def recurring(name, hour, zone="W. Europe Standard Time"):
    schedule = {"timeZone": zone, "days": ["Monday"], "hours": [hour], "minutes": [0]}
    return profile(name, recurrence={"frequency": "Week", "schedule": schedule})


END = '{"name":"default","for":"day"}'


def autoscale(*profiles):
    return problems("monitor:AutoscaleSetting", profiles=list(profiles))


def test_profiles_with_a_schedule_and_its_end_hold():
    assert autoscale(profile(), recurring("day", 7), recurring(END, 19)) == []


@pytest.mark.parametrize(
    ("profiles", "expected"),
    [
        (
            [profile(capacity={"minimum": "3", "maximum": "2", "default": "3"})],
            (
                "profiles[0].capacity: minimum 3, default 3, maximum 2: must not decrease in this "
                "order "
                "(InvalidAutoscaleProfileCapacity)"
            ),
        ),
        (
            [profile(rules=[rule(timeWindow="PT4M")])],
            (
                "profiles[0].rules[0].metricTrigger.timeWindow: must be PT5M to PT12H, got 'PT4M' "
                "(BadRequest)"
            ),
        ),
        (
            [profile(rules=[rule()] * 11)],
            "profiles[0].rules: holds up to 10 rules, not 11 (BadRequest)",
        ),
        (
            [profile(), recurring("day", 7, "Europe/Berlin")],
            (
                "profiles[1].recurrence.schedule.timeZone: 'Europe/Berlin' is not a Windows time "
                "zone: "
                "write, for instance, W. Europe Standard Time (BadRequest)"
            ),
        ),
        (
            [profile(), recurring("day", 24)],
            "profiles[1].recurrence.schedule.hours[0]: must be 0 to 23, got 24 (BadRequest)",
        ),
    ],
)
def test_profiles_that_azure_refuses(profiles, expected):
    assert autoscale(*profiles) == [expected]


def test_a_metric_that_the_target_does_not_have():
    (found,) = autoscale(profile(rules=[rule(metricName="CPU")]))

    assert found.startswith(
        "profiles[0].rules[0].metricTrigger.metricName: The metric 'CPU' is not found for resource "
        "type 'Microsoft.Compute/virtualMachineScaleSets'. Known: Available Memory Bytes, "
    )


def setting(world, name, *profiles):
    return world.create(
        "monitor:AutoscaleSetting",
        autoscaleSettingName=name,
        targetResourceUri=SCALE_SET,
        profiles=list(profiles) or [profile()],
    )


def test_an_end_needs_a_period(world):
    with pytest.raises(RefusedError) as refused:
        setting(world, "a", profile(), recurring(END, 19))

    assert str(refused.value) == (
        "profiles[1].name: ends the profile 'day': that one must be there, and this one must have "
        "a recurrence (BadRequest)"
    )


def test_one_profile_applies_at_all_times(world):
    with pytest.raises(RefusedError) as refused:
        setting(world, "a", profile(), profile("other"))

    assert str(refused.value) == (
        "profiles: more than one profile applies at all times (BadRequest)"
    )


def test_a_target_has_one_setting(world):
    made = setting(world, "a")
    assert made.outputs["properties"]["enabled"] is True

    with pytest.raises(RefusedError) as refused:
        setting(world, "b")

    assert str(refused.value) == (
        f"targetResourceUri: Another autoscale setting, a, already targets {SCALE_SET}. A resource "
        "has one autoscale setting. (Conflict)"
    )


@pytest.fixture
def workspace(world):
    return world.create(
        "operationalinsights:Workspace", workspaceName="logs", sku={"name": "PerGB2018"}
    )


def diagnose(world, workspace, target, name="logs", **inputs):
    return world.create(
        "monitor:DiagnosticSetting",
        resourceUri=target.id,
        name=name,
        workspaceId=workspace.id,
        **{"logs": [{"categoryGroup": "allLogs", "enabled": True}], **inputs},
    )


def test_logs_go_to_one_sink_once(world, workspace):
    group = world.create("network:NetworkSecurityGroup", networkSecurityGroupName="web")
    made = diagnose(world, workspace, group)
    assert made.id == f"{group.id}/providers/Microsoft.Insights/diagnosticSettings/logs"

    with pytest.raises(RefusedError) as refused:
        diagnose(world, workspace, group, name="again")

    assert str(refused.value) == (
        f"workspaceId: Data sink '{workspace.id}' is already used in diagnostic setting 'logs' for "
        "category 'allLogs'. Data sinks can't be reused in different settings on the same category "
        "for the same resource. (Conflict)"
    )


def test_categories_belong_to_the_type():
    group = f"{GROUP}/providers/Microsoft.Network/networkSecurityGroups/web"
    found = problems(
        "monitor:DiagnosticSetting",
        resourceUri=group,
        logs=[{"category": "AuditEvent", "enabled": True}],
        metrics=[{"category": "AllMetrics", "enabled": True}],
    )

    assert found == [
        (
            "logs[0].category: Category 'AuditEvent' is not supported. Supported: "
            "NetworkSecurityGroupEvent, NetworkSecurityGroupRuleCounter. (BadRequest)"
        ),
        "metrics[0]: Metric category 'AllMetrics' is not supported. (BadRequest)",
    ]


def test_a_category_group_that_the_type_lacks():
    found = problems(
        "monitor:DiagnosticSetting",
        resourceUri=f"{GROUP}/providers/Microsoft.Network/loadBalancers/lb",
        logs=[{"categoryGroup": "audit", "enabled": True}],
    )

    assert found == [
        (
            "logs[0].categoryGroup: Category group 'audit' is not supported. Supported: allLogs. "
            "(BadRequest)"
        )
    ]


def test_a_workspace_keeps_logs_for_30_to_730_days(workspace):
    assert len(workspace.outputs["customerId"]) == 36
    assert workspace.outputs["retentionInDays"] == 30
    assert problems("operationalinsights:Workspace", retentionInDays=29) == [
        "retentionInDays: must be 30 to 730, got 29 (InvalidParameter)"
    ]


SINGLE = "Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria"


def alert(condition=None, **inputs):
    made = {
        "location": "global",
        "severity": 2,
        "scopes": [SCALE_SET],
        "evaluationFrequency": "PT1M",
        "windowSize": "PT5M",
        "criteria": {
            "odataType": SINGLE,
            "allOf": [
                {
                    "criterionType": "StaticThresholdCriterion",
                    "name": "cpu",
                    "metricName": "Percentage CPU",
                    "operator": "GreaterThan",
                    "threshold": 90,
                    "timeAggregation": "Average",
                    **(condition or {}),
                }
            ],
        },
    }
    return problems("monitor:MetricAlert", **{**made, **inputs})


def test_an_alert_holds():
    assert alert() == []


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ({"severity": 5}, "severity: must be 0 to 4, got 5 (BadRequest)"),
        (
            {"windowSize": "PT10M"},
            (
                "windowSize: must be one of PT1M, PT5M, PT15M, PT30M, PT1H, PT6H, PT12H, P1D, got "
                "'PT10M' (BadRequest)"
            ),
        ),
        (
            {"evaluationFrequency": "PT15M"},
            "windowSize: must not be shorter than evaluationFrequency (BadRequest)",
        ),
        (
            {"scopes": [SCALE_SET, SCALE_SET + "2"]},
            f"scopes: an alert with {SINGLE} has one scope (BadRequest)",
        ),
        (
            {"condition": {"timeAggregation": "Median"}},
            (
                "criteria.allOf[0].timeAggregation: must be one of Average, Count, Minimum, "
                "Maximum, "
                "Total, got 'Median' (InvalidParameter)"
            ),
        ),
    ],
)
def test_an_alert_that_azure_refuses(inputs, expected):
    assert alert(**inputs) == [expected]


def test_people_are_told_by_e_mail(world):
    made = world.create(
        "monitor:ActionGroup",
        actionGroupName="people",
        groupShortName="operations",
        enabled=True,
        emailReceivers=[{"name": "a", "emailAddress": "a@example.com"}],
    )

    assert made.outputs["location"] == "global"
    assert made.outputs["emailReceivers"][0]["status"] == "Enabled"
    assert problems(
        "monitor:ActionGroup",
        groupShortName="operationalization",
        emailReceivers=[{"name": "a", "emailAddress": "nobody"}],
    ) == [
        "groupShortName: has 1 to 12 characters, not 18: 'operationalization' (BadRequest)",
        "emailReceivers[0].emailAddress: 'nobody' is not an e-mail address (BadRequest)",
    ]
