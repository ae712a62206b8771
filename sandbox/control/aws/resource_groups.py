"""Resource groups (AWS Resource Groups): a saved query by tags, which holds nothing.

Sources: AWS Resource Groups API Reference, "CreateGroup", "ResourceQuery"; Terraform provider aws,
`aws_resourcegroups_group`.
"""

import json
from collections.abc import Iterator

from sandbox.control.aws.rules import not_emulated, one_of, standard
from sandbox.control.kinds import Context, Identity, Kind, Name, Outputs, Problem, Values
from sandbox.control.reading import mapping, text

GROUP = "aws:resourcegroups/group:Group"

_BAD = "BadRequestException"
_TAGS = "TAG_FILTERS_1_0"


def _rules(values: Values) -> Iterator[Problem]:
    yield from one_of(values, "resourceQuery.type", (_TAGS,), _BAD)
    if len(text(values, "description") or "") > 1024:
        yield Problem("description", "has more than 1024 characters", _BAD)
    query = text(values, "resourceQuery.query")
    if query is not None and (reason := _wrong(query)):
        yield Problem("resourceQuery.query", f"Query not valid: {reason}", _BAD)
    yield from not_emulated(values, {"configurations": "give resourceQuery"})


def _wrong(query: str) -> str:
    try:
        found = json.loads(query)
    except ValueError:
        return "it is no JSON"
    if not isinstance(found, dict) or set(found) - {"ResourceTypeFilters", "TagFilters"}:
        return "it is an object with ResourceTypeFilters and TagFilters"
    types, tags = found.get("ResourceTypeFilters"), found.get("TagFilters", [])
    if not isinstance(types, list) or not all(isinstance(each, str) for each in types):
        return "ResourceTypeFilters is a list of types such as AWS::AllSupported"
    well = isinstance(tags, list) and all(
        isinstance(each, dict) and isinstance(each.get("Key"), str) for each in tags
    )
    return "" if well else "TagFilters is a list of objects with Key and Values"


def _verify(context: Context) -> Iterator[Problem]:
    if not mapping(context.inputs, "resourceQuery"):
        yield Problem(
            "resourceQuery", "One of resourceQuery and configurations must be given", _BAD
        )


def _outputs(context: Context) -> Outputs:
    return {"resourceQuery": {"type": _TAGS, **mapping(context.inputs, "resourceQuery")}}


KINDS = (
    Kind(
        type=GROUP,
        identity=Identity(
            arn="arn:{partition}:resource-groups:{region}:{account}:group/{name}", id="{name}"
        ),
        name_property="name",
        name=Name(
            pattern=r"(?!(?i:aws))[A-Za-z0-9_.-]+",
            maximum=128,
            words="letters, digits, hyphens, periods and underscores, and must not begin with aws",
        ),
        rules=standard(_rules),
        verify=_verify,
        outputs=_outputs,
        not_found=("NotFoundException", "Cannot find group: {id}"),
        exists=(_BAD, "Cannot create group: group '{name}' already exists"),
    ),
)
