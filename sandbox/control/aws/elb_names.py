"""Names and zones of Elastic Load Balancing.

Sources: Elastic Load Balancing API Reference, "CreateLoadBalancer", "CreateTargetGroup" (names of
up to 32 letters, digits and hyphens, no hyphen at an end, none that begins with `internal-`); AWS
General Reference, "Elastic Load Balancing endpoints and quotas" (hosted zones of Network Load
Balancers).
"""

from collections.abc import Iterator

from sandbox.control.kinds import Context, Name, Problem, Values
from sandbox.control.reading import text

NAME = Name(
    pattern=r"(?!internal-)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?",
    maximum=32,
    words=(
        "letters, digits and hyphens, with no hyphen at the beginning or end, and must not begin "
        "with internal-"
    ),
)

HOSTED_ZONES = {
    "eu-central-1": "Z3F0SRJ5LGBH90",
    "eu-west-1": "Z2IFOLAFXWLO4F",
    "us-east-1": "Z26RNL4JYFTOTI",
    "us-east-2": "ZLMOA37VPKANP",
    "us-west-2": "Z18D5FSROUN65G",
}
"""Of Network Load Balancers, for alias records; of the other regions none is known here."""


_PREFIX = 6


def short_prefix(values: Values) -> Iterator[Problem]:
    """A prefix of a name: the provider adds 26 characters to it (`aws_lb`, `name_prefix`)."""
    prefix = text(values, "namePrefix")
    if prefix is not None and len(prefix) > _PREFIX:
        yield Problem("namePrefix", f"must have at most {_PREFIX} characters, got {len(prefix)}")


def unique(context: Context, code: str, what: str) -> Iterator[Problem]:
    """A name is free in the region."""
    for other in context.world.of(context.type):
        place = (other.outputs.get("name"), other.outputs.get("region"))
        if other.id != context.id and place == (context.name, context.region):
            yield Problem(
                "name",
                f"A {what} with the same name '{context.name}' exists, but with different settings",
                code,
            )
            return
