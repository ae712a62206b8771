"""Application Insights (Microsoft.Insights/components).

Sources: Azure documentation, "Workspace-based Application Insights resources", "Connection strings
in Application Insights", "Application Insights pricing" (days of retention).
"""

from collections.abc import Iterator

from sandbox.control.azure.arm import not_emulated, one_of, provider, required, standard
from sandbox.control.azure.locations import normal
from sandbox.control.azure.monitor import WORKSPACE
from sandbox.control.kinds import Context, Kind, Name, Outputs, Problem, Values
from sandbox.control.reading import number, text

COMPONENT = "Microsoft.Insights/components"
COMPONENT_KIND = "azure-native:applicationinsights:Component"

_DAYS = (30, 60, 90, 120, 180, 270, 365, 550, 730)


def _rules(values: Values) -> Iterator[Problem]:
    yield from one_of(values, "applicationType", ("web", "other"))
    yield from one_of(values, "ingestionMode", ("LogAnalytics",))
    yield from one_of(values, "publicNetworkAccessForIngestion", ("Enabled", "Disabled"))
    yield from one_of(values, "publicNetworkAccessForQuery", ("Enabled", "Disabled"))
    days = number(values, "retentionInDays")
    if days is not None and days not in _DAYS:
        allowed = ", ".join(map(str, _DAYS))
        yield Problem("retentionInDays", f"must be one of {allowed}, got {days}", "BadRequest")
    yield from not_emulated(
        values,
        {
            "hockeyAppId": "leave it out",
            "forceCustomerStorageForProfiler": "leave it out",
        },
    )


def _verify(context: Context) -> Iterator[Problem]:
    # A component without a workspace is "classic", which Azure retired on 29 February 2024.
    yield from required(context.inputs, "workspaceResourceId", code="BadRequest")


def _outputs(context: Context) -> Outputs:
    location = normal(text(context.inputs, "location") or "")
    key, application = context.identifier("instrumentationKey"), context.identifier("appId")
    defaults: Outputs = {
        "applicationType": "web",
        "disableIpMasking": False,
        "disableLocalAuth": False,
        "ingestionMode": "LogAnalytics",
        "publicNetworkAccessForIngestion": "Enabled",
        "publicNetworkAccessForQuery": "Enabled",
        "retentionInDays": 90,
    }
    return {
        **{name: value for name, value in defaults.items() if context.inputs.get(name) is None},
        "appId": application,
        "applicationId": context.name,
        "creationDate": context.created,
        "instrumentationKey": key,
        "connectionString": f"InstrumentationKey={key};"
        f"IngestionEndpoint=https://{location}-0.in.applicationinsights.azure.com/;"
        f"LiveEndpoint=https://{location}.livediagnostics.monitor.azure.com/;"
        f"ApplicationId={application}",
        "tenantId": context.world.tenant,
    }


KINDS = (
    Kind(
        type=COMPONENT_KIND,
        id_template=provider(COMPONENT, "resourceName"),
        name=Name(
            pattern=r"[\w().-]*[\w()-]",
            maximum=260,
            words="letters, digits and _ ( ) - . but no period at the end",
        ),
        references={"workspaceResourceId": (WORKSPACE,)},
        weak=("workspaceResourceId",),
        secrets=("connectionString", "instrumentationKey"),
        rules=standard(COMPONENT, _rules),
        verify=_verify,
        outputs=_outputs,
    ),
)
