"""Shared dashboards of the portal.

Sources: Azure documentation, "The structure of Azure dashboards" (lenses, parts, positions),
"Naming rules and restrictions for Azure resources" (Microsoft.Portal), REST API "Portal -
Dashboards". Nobody checks what a part of a dashboard names: a part whose resource is gone stays and
says so, and a metric that does not exist draws nothing.
"""

from collections.abc import Iterator

from sandbox.control.azure.arm import provider, standard
from sandbox.control.kinds import Kind, Name, Problem, Values
from sandbox.control.reading import elements, number

DASHBOARD = "Microsoft.Portal/dashboards"

_CODE = "InvalidDashboard"
_PARTS = "properties.lenses[*].parts"


def _places(values: Values) -> Iterator[Problem]:
    for path, part in elements(values, _PARTS):
        for name, least in (("colSpan", 1), ("rowSpan", 1), ("x", 0), ("y", 0)):
            found = number(part, f"position.{name}")
            if found is not None and found < least:
                yield Problem(
                    f"{path}.position.{name}", f"must be at least {least}, got {found}", _CODE
                )


_STANDARD = standard(DASHBOARD, _places)


def _rules(values: Values) -> Iterator[Problem]:
    """A function of this module, by which docs/sandbox.md knows whose the type is."""
    yield from _STANDARD(values)


KINDS = (
    Kind(
        type="azure-native:portal:Dashboard",
        id_template=provider(DASHBOARD, "dashboardName"),
        name=Name(
            pattern=r"[A-Za-z0-9-]+",
            minimum=3,
            maximum=160,
            words="letters, digits and hyphens",
        ),
        unchecked=(f"{_PARTS}[*].metadata.settings.*", f"{_PARTS}[*].metadata.inputs[*]"),
        rules=_rules,
    ),
)
