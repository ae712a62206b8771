"""Azure Monitor: diagnostic settings, action groups, metric alerts; Log Analytics workspaces.

Sources: Azure documentation, "Diagnostic settings in Azure Monitor", "Action groups", "Create a
metric alert with a Resource Manager template", "Azure Monitor service limits", "Azure Monitor
Logs pricing" (retention), "Supported metrics with Azure Monitor".
"""

import re
from collections.abc import Iterator
from dataclasses import replace

from sandbox.control.azure.arm import (
    global_only,
    name_of,
    named_once,
    not_emulated,
    one_of,
    provider,
    required,
    same,
    standard,
    type_of,
    within,
)
from sandbox.control.azure.autoscale import MONITOR_NAME
from sandbox.control.azure.durations import parse
from sandbox.control.azure.locations import LOCATIONS, normal
from sandbox.control.azure.metrics import Telemetry, telemetry_of
from sandbox.control.kinds import Context, Kind, Name, Outputs, Problem, Values
from sandbox.control.reading import elements, flag, mapping, present, text, texts

DIAGNOSTIC = "azure-native:monitor:DiagnosticSetting"
ACTION_GROUP = "Microsoft.Insights/actionGroups"
METRIC_ALERT = "Microsoft.Insights/metricAlerts"
WORKSPACE = "Microsoft.OperationalInsights/workspaces"

_CODE = "BadRequest"


def _target(values: Values) -> tuple[str, Telemetry | None]:
    kind = type_of(text(values, "resourceUri") or "")
    return kind, telemetry_of(kind)


def _diagnostic_rules(values: Values) -> Iterator[Problem]:
    """Categories must exist for the type; there must be a destination that the sandbox has."""
    kind, known = _target(values)
    if kind and known is None:
        yield Problem(
            "resourceUri",
            f"The resource type '{kind}' does not support diagnostic settings (or the sandbox does "
            "not know its categories).",
            "ResourceTypeNotSupported",
        )
        return
    for path, log in elements(values, "logs"):
        yield from _log(path, log, known)
    for path, metric in elements(values, "metrics"):
        category = text(metric, "category")
        if known and (not known.exports_metrics or category not in (None, "AllMetrics")):
            yield Problem(path, f"Metric category '{category}' is not supported.", _CODE)
        yield from _retention(path, metric)
    groups = [p for p, log in elements(values, "logs") if present(log, "categoryGroup")]
    single = [p for p, log in elements(values, "logs") if present(log, "category")]
    if groups and single:
        yield Problem(
            single[0],
            "Diagnostic setting cannot have log category groups and log categories at once.",
            _CODE,
        )
    yield from not_emulated(
        values,
        {
            "storageAccountId": "use workspaceId",
            "eventHubAuthorizationRuleId": "use workspaceId",
            "eventHubName": "use workspaceId",
            "serviceBusRuleId": "use workspaceId",
            "marketplacePartnerId": "use workspaceId",
        },
    )
    yield from one_of(values, "logAnalyticsDestinationType", ("Dedicated", "AzureDiagnostics"))


def _log(path: str, log: Values, known: Telemetry | None) -> Iterator[Problem]:
    category, group = text(log, "category"), text(log, "categoryGroup")
    if known and category is not None and category not in known.logs:
        yield Problem(
            f"{path}.category",
            f"Category '{category}' is not supported. Supported: "
            f"{', '.join(sorted(known.logs)) or 'none'}.",
            _CODE,
        )
    groups = {"allLogs": known.logs, "audit": known.audit} if known else {}
    if known and group is not None and not groups.get(group):
        usable = ", ".join(name for name, logs in groups.items() if logs) or "none"
        yield Problem(
            f"{path}.categoryGroup",
            f"Category group '{group}' is not supported. Supported: {usable}.",
            _CODE,
        )
    yield from _retention(path, log)


def _retention(path: str, category: Values) -> Iterator[Problem]:
    if flag(category, "retentionPolicy.enabled"):
        yield Problem(
            f"{path}.retentionPolicy",
            "Diagnostic settings does not support retention for new diagnostic settings.",
            _CODE,
        )


def _categories(values: Values) -> set[str]:
    found = {
        text(entry, "category") or text(entry, "categoryGroup") or ""
        for part in ("logs", "metrics")
        for _, entry in elements(values, part)
    }
    return found - {""}


def _verify_diagnostic(context: Context) -> Iterator[Problem]:
    sink = text(context.inputs, "workspaceId")
    if sink is None:
        yield Problem("workspaceId", "At least one data sink needs to be specified.", _CODE)
        return
    mine = _categories(context.inputs)
    if not mine:
        yield Problem("logs", "At least one log or metric category must be specified.", _CODE)
    settings = [
        other
        for other in context.world.children(text(context.inputs, "resourceUri") or "")
        if other.type == DIAGNOSTIC and not same(other.id, context.id)
    ]
    if len(settings) > 4:
        yield Problem("", "A resource has up to 5 diagnostic settings.", "Conflict")
    for other in settings:
        shared = mine & _categories(other.inputs)
        if shared and same(text(other.inputs, "workspaceId") or "", sink):
            yield Problem(
                "workspaceId",
                f"Data sink '{sink}' is already used in diagnostic setting '{name_of(other.id)}' "
                f"for category '{min(shared)}'. Data sinks can't be reused in different settings "
                "on the same category for the same resource.",
                "Conflict",
            )


def _action_rules(values: Values) -> Iterator[Problem]:
    short = text(values, "groupShortName")
    if short is not None and not 1 <= len(short) <= 12:
        yield Problem(
            "groupShortName", f"has 1 to 12 characters, not {len(short)}: {short!r}", _CODE
        )
    yield from named_once(values, "emailReceivers")
    for path, address in texts(values, "emailReceivers[*].emailAddress"):
        if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", address):
            yield Problem(path, f"{address!r} is not an e-mail address", _CODE)
    location = text(values, "location")
    allowed = ("global", "swedencentral", "germanywestcentral", "northcentralus", "southcentralus")
    if location is not None and normal(location) not in allowed:
        yield Problem(
            "location",
            f"The provided location '{location}' is not available for resource type "
            f"'{ACTION_GROUP}'. List of available regions for the resource type is "
            f"'{','.join(allowed)}'.",
            "LocationNotAvailableForResourceType",
        )
    other = (
        "armRoleReceivers automationRunbookReceivers azureAppPushReceivers azureFunctionReceivers "
        "eventHubReceivers incidentReceivers itsmReceivers logicAppReceivers smsReceivers "
        "voiceReceivers webhookReceivers identity"
    )
    yield from not_emulated(values, dict.fromkeys(other.split(), "use emailReceivers"))


_FREQUENCIES = ("PT1M", "PT5M", "PT15M", "PT30M", "PT1H")
_WINDOWS = (*_FREQUENCIES, "PT6H", "PT12H", "P1D")
_SINGLE = "Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria"
_MULTIPLE = "Microsoft.Azure.Monitor.MultipleResourceMultipleMetricCriteria"


def _alert_rules(values: Values) -> Iterator[Problem]:
    yield from within(values, "severity", 0, 4, _CODE)
    yield from one_of(values, "evaluationFrequency", _FREQUENCIES, _CODE)
    yield from one_of(values, "windowSize", _WINDOWS, _CODE)
    frequency = parse(text(values, "evaluationFrequency") or "")
    window = parse(text(values, "windowSize") or "")
    if frequency and window and window < frequency:
        yield Problem("windowSize", "must not be shorter than evaluationFrequency", _CODE)
    yield from _criteria(values)
    scopes = [scope for _, scope in texts(values, "scopes[*]")]
    region = text(values, "targetResourceRegion")
    if region is not None and normal(region) not in LOCATIONS:
        yield Problem("targetResourceRegion", f"{region!r} is not a region", _CODE)
    if text(values, "criteria.odataType") == _SINGLE and len(scopes) > 1:
        yield Problem("scopes", f"an alert with {_SINGLE} has one scope", _CODE)
    if "scopes" in values and values["scopes"] == []:
        yield Problem("scopes", "needs at least one resource", _CODE)


def _verify_alert(context: Context) -> Iterator[Problem]:
    yield from required(
        context.inputs, "scopes", "criteria.odataType", "criteria.allOf", code=_CODE
    )
    if len(texts(context.inputs, "scopes[*]")) > 1:
        yield from required(
            context.inputs, "targetResourceType", "targetResourceRegion", code=_CODE
        )


def _criteria(values: Values) -> Iterator[Problem]:
    kind = text(values, "criteria.odataType")
    if kind is not None and kind not in (_SINGLE, _MULTIPLE):
        yield Problem(
            "criteria.odataType", f"must be {_SINGLE} or {_MULTIPLE}, got {kind!r}", _CODE
        )
    conditions = elements(values, "criteria.allOf")
    if "allOf" in mapping(values, "criteria") and not 1 <= len(conditions) <= 5:
        yield Problem("criteria.allOf", f"holds 1 to 5 conditions, not {len(conditions)}", _CODE)
    kinds = {type_of(scope) for _, scope in texts(values, "scopes[*]")} - {""}
    wanted = text(values, "targetResourceType")
    for path, condition in conditions:
        static = text(condition, "criterionType")
        if static not in (None, "StaticThresholdCriterion"):
            yield Problem(f"{path}.criterionType", f"the sandbox does not emulate {static}")
        for problem in (
            *one_of(
                condition, "timeAggregation", ("Average", "Count", "Minimum", "Maximum", "Total")
            ),
            *one_of(
                condition,
                "operator",
                ("Equals", "GreaterThan", "GreaterThanOrEqual", "LessThan", "LessThanOrEqual"),
            ),
        ):
            yield problem._replace(path=f"{path}.{problem.path}")
        for kind in {wanted} if wanted else kinds:
            yield from _metric(path, condition, kind)


def _metric(path: str, condition: Values, kind: str) -> Iterator[Problem]:
    metric, namespace = text(condition, "metricName"), text(condition, "metricNamespace")
    known = telemetry_of(kind)
    if namespace is not None and namespace.casefold() != kind.casefold():
        yield Problem(
            f"{path}.metricNamespace", f"is {namespace}, but the scope is a {kind}", _CODE
        )
    elif metric is not None and (known is None or metric not in known.metrics):
        yield Problem(
            f"{path}.metricName",
            f"Couldn't find a metric named {metric} for {kind}. Known: "
            f"{', '.join(sorted(known.metrics)) if known else 'none'}.",
            _CODE,
        )


def _workspace_rules(values: Values) -> Iterator[Problem]:
    sku = text(values, "sku.name")
    yield from one_of(values, "sku.name", ("PerGB2018",), "UnsupportedSku")
    if sku is None or sku == "PerGB2018":
        yield from within(values, "retentionInDays", 30, 730)
    yield from not_emulated(
        values,
        {
            "identity": "leave it out",
            "features.clusterResourceId": "leave it out",
            "defaultDataCollectionRuleResourceId": "leave it out",
        },
    )


def _workspace_outputs(context: Context) -> Outputs:
    features: dict[str, object] = {
        "legacy": 0,
        "searchVersion": 1,
        "enableLogAccessUsingOnlyResourcePermissions": True,
        **mapping(context.inputs, "features"),
    }
    return {
        "customerId": context.identifier("customerId"),
        "createdDate": context.created,
        "modifiedDate": context.created,
        "sku": {"name": "PerGB2018", "lastSkuUpdate": context.created},
        "retentionInDays": context.inputs.get("retentionInDays", 30),
        "features": features,
        "workspaceCapping": {
            "dailyQuotaGb": -1,
            "dataIngestionStatus": "RespectQuota",
            **mapping(context.inputs, "workspaceCapping"),
        },
        "publicNetworkAccessForIngestion": text(context.inputs, "publicNetworkAccessForIngestion")
        or "Enabled",
        "publicNetworkAccessForQuery": text(context.inputs, "publicNetworkAccessForQuery")
        or "Enabled",
    }


KINDS = (
    Kind(
        type=DIAGNOSTIC,
        id_template="/{resourceUri}/providers/Microsoft.Insights/diagnosticSettings/{name}",
        name=replace(MONITOR_NAME, naming=None),
        references={"workspaceId": (WORKSPACE,)},
        weak=("workspaceId",),
        rules=_diagnostic_rules,
        verify=_verify_diagnostic,
    ),
    Kind(
        type="azure-native:monitor:ActionGroup",
        id_template=provider(ACTION_GROUP, "actionGroupName"),
        name=MONITOR_NAME,
        auto_location=False,
        rules=_action_rules,
        outputs=lambda context: {
            "location": text(context.inputs, "location") or "global",
            "emailReceivers": [
                {**receiver, "status": "Enabled"}
                for _, receiver in elements(context.inputs, "emailReceivers")
            ],
        },
    ),
    Kind(
        type="azure-native:monitor:MetricAlert",
        id_template=provider(METRIC_ALERT, "ruleName"),
        name=MONITOR_NAME,
        references={"actions[*].actionGroupId": (ACTION_GROUP,)},
        # What an alert looks at, and whom it tells, can go before it.
        weak=("scopes[*]", "actions[*].actionGroupId"),
        auto_location=False,
        rules=global_only(METRIC_ALERT, _alert_rules),
        verify=_verify_alert,
        outputs=lambda context: {
            "lastUpdatedTime": context.created,
            "isMigrated": False,
            "autoMitigate": context.inputs.get("autoMitigate") is not False,
        },
    ),
    Kind(
        type="azure-native:operationalinsights:Workspace",
        id_template=provider(WORKSPACE, "workspaceName"),
        name=Name(
            pattern=r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?",
            minimum=4,
            maximum=63,
            words="letters, digits and hyphens; no hyphen at either end",
        ),
        rules=standard(WORKSPACE, _workspace_rules),
        outputs=_workspace_outputs,
    ),
)
