"""Look-ups of Auto Scaling groups: which there are, and what one of them is.

Sources: Terraform provider aws, data sources `aws_autoscaling_groups` (pulumi-aws calls it
getAmiIds) and `aws_autoscaling_group`; Amazon EC2 Auto Scaling API Reference, "Filter".
"""

from collections.abc import Iterator, Mapping

from sandbox.control.aws.groups import tags_of
from sandbox.control.aws.regions import REGIONS
from sandbox.control.aws.scaling_policies import GROUP
from sandbox.control.kinds import ApiError, Call, Outputs, Record
from sandbox.control.reading import elements, text, texts

TAG = "tag:"
_SHOWN = (
    "arn",
    "availabilityZones",
    "defaultCooldown",
    "desiredCapacity",
    "healthCheckGracePeriod",
    "healthCheckType",
    "maxSize",
    "minSize",
    "name",
)


def names(call: Call) -> Outputs:
    """aws:autoscaling/getAmiIds:getAmiIds: none is an answer too."""
    region = _region(call)
    named = {name for _, name in texts(call.arguments, "names[*]")}
    found = sorted(
        (
            record
            for record in _groups(call, region)
            if not named or text(record.outputs, "name") in named
            if all(
                _passes(each, tags_of(record)) for _, each in elements(call.arguments, "filters")
            )
        ),
        key=lambda record: record.id,
    )
    echoed = ("filters",)
    return {
        **{key: call.arguments[key] for key in echoed if key in call.arguments},
        "arns": [record.id for record in found],
        "id": region,
        "names": [text(record.outputs, "name") or "" for record in found],
        "region": region,
    }


def one(call: Call) -> Outputs:
    """aws:autoscaling/getGroup:getGroup. Raises ApiError for a name that no group has."""
    region, name = _region(call), text(call.arguments, "name") or ""
    for record in _groups(call, region):
        if text(record.outputs, "name") == name:
            shown = {key: record.outputs[key] for key in _SHOWN if key in record.outputs}
            return {**shown, "id": name, "name": name, "region": region}
    raise ApiError(
        "ValidationError", f"reading Auto Scaling Group ({name}): couldn't find resource"
    )


def _groups(call: Call, region: str) -> Iterator[Record]:
    for record in call.world.of(GROUP):
        if text(record.outputs, "region") == region:
            yield record


def _passes(given: Mapping[str, object], tags: Mapping[str, str]) -> bool:
    name = text(given, "name") or ""
    wanted = [value for _, value in texts(given, "values[*]")]
    if name == "tag-key":
        return any(key in tags for key in wanted)
    if name == "tag-value":
        return any(value in wanted for value in tags.values())
    if name.startswith(TAG):
        return tags.get(name.removeprefix(TAG)) in wanted
    raise ApiError("ValidationError", f"Filter type {name} is not supported")


def _region(call: Call) -> str:
    region = text(call.arguments, "region") or call.location
    if region not in REGIONS:
        raise ApiError("InvalidParameterValue", f'"{region}" is no region of AWS')
    return region
