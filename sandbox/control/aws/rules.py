"""What the services' APIs ask of every resource: tags, zones, and how they word a refusal.

Sources: AWS General Reference, "Tagging your AWS resources" (50 tags, 128 and 256 characters, no
`aws:`); Amazon EC2 API Reference, "Error codes for the Amazon EC2 API".
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from sandbox.control.aws.regions import zones
from sandbox.control.kinds import Context, Identity, Problem, Values
from sandbox.control.paths import find, get
from sandbox.control.reading import present, texts
from sandbox.control.rules import combine
from sandbox.control.rules import not_emulated as not_emulated

INVALID = "InvalidParameterValue"
MISSING = "MissingParameter"

_TAG_VALUE = re.compile(r"[\w\s_.:/=+\-@]*")


def ec2(resource: str, prefix: str) -> Identity:
    """The identity of what EC2 makes up ids for: `ec2("vpc", "vpc")`."""
    arn = f"arn:{{partition}}:ec2:{{region}}:{{account}}:{resource}/{{id}}"
    return Identity(arn=arn, id=f"{prefix}-{{hex17}}")


def standard(
    *rules: Callable[[Values], Iterable[Problem]],
) -> Callable[[Values], Iterator[Problem]]:
    """*rules*, and what AWS asks of all resources: tags."""
    return combine(valid_tags, *rules)


def valid_tags(values: Values) -> Iterator[Problem]:
    """At most 50 tags; keys of 1 to 128 characters, not beginning with `aws:`; values of 256."""
    tags = get(values, "tagsAll") or get(values, "tags")
    if not isinstance(tags, Mapping):
        return
    if len(tags) > 50:
        yield Problem(
            "tags", "The maximum number of tags has been reached: 50.", "TagLimitExceeded"
        )
    for name, value in tags.items():
        path = f'tags["{name}"]'
        if str(name).casefold().startswith("aws:"):
            yield Problem(
                path, "Tag keys starting with 'aws:' are reserved for internal use", INVALID
            )
        if not 1 <= len(str(name)) <= 128 or not _TAG_VALUE.fullmatch(str(name)):
            yield Problem(
                path,
                "a tag's key has 1 to 128 letters, digits, spaces and _ . : / = + - @",
                INVALID,
            )
        if isinstance(value, str) and (len(value) > 256 or not _TAG_VALUE.fullmatch(value)):
            yield Problem(
                path,
                "a tag's value has up to 256 letters, digits, spaces and _ . : / = + - @",
                INVALID,
            )


def verify_zone(context: Context, path: str, zone: str | None) -> Iterator[Problem]:
    """A zone must be one of the resource's region."""
    known = zones(context.region)
    if zone is not None and zone not in known:
        yield Problem(
            path,
            f"Value ({zone}) for parameter availabilityZone is invalid. Subnets can currently only "
            f"be created in the following availability zones: {', '.join(known)}.",
            INVALID,
        )


def required(values: Values, *paths: str, code: str = MISSING) -> Iterator[Problem]:
    """What must be given; asked in `verify`, because at check an unknown is absent too."""
    for path in paths:
        if not present(values, path):
            yield Problem(path, f"The request must contain the parameter {path}", code)


def within(
    values: Values, pattern: str, minimum: int, maximum: int, code: str = INVALID
) -> Iterator[Problem]:
    """The numbers that *pattern* names must lie in a range, both ends included."""
    for path, found in find(values, pattern):
        if (
            isinstance(found, int | float)
            and not isinstance(found, bool)
            and not minimum <= found <= maximum
        ):
            yield Problem(path, f"must be {minimum} to {maximum}, got {found}", code)


def one_of(
    values: Values, pattern: str, allowed: Iterable[str], code: str = INVALID
) -> Iterator[Problem]:
    """The strings that *pattern* names must be among *allowed*; AWS minds case."""
    choices = list(allowed)
    for path, found in texts(values, pattern):
        if found not in choices:
            yield Problem(path, f"must be one of {', '.join(choices)}, got {found!r}", code)


def together(values: Values, one: str, other: str) -> Iterator[Problem]:
    """Two properties that exclude each other."""
    if present(values, one) and present(values, other):
        yield Problem(
            other, f"conflicts with {one}: give one of them", "InvalidParameterCombination"
        )


def unique_name(context: Context, code: str, words: str) -> Iterator[Problem]:
    """A name that is free: no other resource of the type has it in the region."""
    for other in context.world.of(context.type):
        same_place = other.outputs.get("region", "") == (context.region or "")
        named = context.name in (other.outputs.get("name"), other.short)
        if other.id != context.id and same_place and named:
            yield Problem("name", words.format(name=context.name), code)
            return
