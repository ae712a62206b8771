"""CloudWatch dashboards.

Sources: Amazon CloudWatch API Reference, "PutDashboard" (names, which an account has once in all
regions), "Dashboard body structure and syntax" (a grid of 24 columns, up to 500 widgets, what each
type of widget must have); Terraform provider aws, `aws_cloudwatch_dashboard`. CloudWatch knows no
metric beforehand: one that nobody sends draws nothing.
"""

import json
from collections.abc import Iterator, Mapping

from sandbox.control.aws.rules import standard
from sandbox.control.kinds import Context, Identity, Kind, Name, Outputs, Problem, Values
from sandbox.control.reading import text

DASHBOARD = "aws:cloudwatch/dashboard:Dashboard"

_CODE = "DashboardInvalidInputError"
_COLUMNS = 24
_ROWS = 1000
_WIDGETS = 500
_TYPES = ("metric", "text", "log", "alarm", "explorer")
_NEEDED = {"metric": ("region",), "text": ("markdown",), "log": ("region",), "alarm": ("alarms",)}


def _rules(values: Values) -> Iterator[Problem]:
    body = text(values, "dashboardBody")
    if body is None:
        return
    for where, reason in _wrong(body):
        yield Problem("dashboardBody", f"The dashboard body is invalid: {where} {reason}", _CODE)


def _wrong(body: str) -> Iterator[tuple[str, str]]:
    """Yield what CloudWatch says of a body, and of which place in it."""
    try:
        content = json.loads(body)
    except ValueError:
        yield "/", "must be JSON"
        return
    widgets = content.get("widgets") if isinstance(content, Mapping) else None
    if not isinstance(widgets, list):
        yield "/widgets", "should be an array"
        return
    if len(widgets) > _WIDGETS:
        yield "/widgets", f"should NOT have more than {_WIDGETS} items"
    for index, widget in enumerate(widgets):
        for reason in _wrong_widget(widget):
            yield f"/widgets/{index}", reason


def _wrong_widget(widget: object) -> Iterator[str]:
    if not isinstance(widget, Mapping):
        yield "should be an object"
        return
    kind, properties = widget.get("type"), widget.get("properties")
    if kind not in _TYPES:
        yield f"type should be one of {', '.join(_TYPES)}"
    if not isinstance(properties, Mapping):
        yield "should have required property 'properties'"
        return
    for name in _NEEDED.get(str(kind), ()):
        if not properties.get(name):
            yield f"should have required property '{name}'"
    for name, least, most in (
        ("x", 0, _COLUMNS - 1),
        ("y", 0, None),
        ("width", 1, _COLUMNS),
        ("height", 1, _ROWS),
    ):
        found = widget.get(name)
        whole = isinstance(found, int) and not isinstance(found, bool)
        if found is not None and not (whole and least <= found and (most is None or found <= most)):
            yield f"{name} should be a number from {least}" + (f" to {most}" if most else "")


def _outputs(context: Context) -> Outputs:
    return {"dashboardArn": context.id}


KINDS = (
    Kind(
        type=DASHBOARD,
        identity=Identity(
            arn="arn:{partition}:cloudwatch::{account}:dashboard/{name}", id="{name}"
        ),
        name_property="dashboardName",
        name=Name(pattern=r"[A-Za-z0-9_-]+", maximum=255, words="letters, digits, hyphens and _"),
        not_found=("ResourceNotFound", "Dashboard {id} does not exist"),
        rules=standard(_rules),
        outputs=_outputs,
    ),
)
