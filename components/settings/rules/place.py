"""Rules of where an environment is and how it is labelled."""

import re
from collections.abc import Iterator

from components.settings.catalogue.locations import LOCATIONS
from components.settings.environment import Environment
from components.settings.problems import Problem, closest, listed, show
from components.settings.shape import join

RESERVED_TAGS = frozenset({"environment", "project", "managed-by"})
"""Tags that every resource has already, from us."""

_AZURE_TAG = re.compile(r"[^<>%&\\?/\x00-\x1f]{1,512}")
_AWS_TAG = re.compile(r"(?!aws:)(?!_index$|\.{1,2}$)[\w.:=+@-]{1,128}", re.IGNORECASE | re.ASCII)
"""Narrower than what tags may be called in general: a machine on AWS sees its own tags, and does
not start with others ("View tags for your EC2 instances using instance metadata")."""

_AWS_VALUE = re.compile(r"[\w .:/=+@-]{0,256}")
LONGEST_VALUE = 256
"""Characters of a tag's value, on both clouds."""


def location_is_known(environment: Environment) -> Iterator[Problem]:
    """The location is one that we know the zones of."""
    known = LOCATIONS[environment.cloud]
    location = environment.location
    if location in known:
        return
    other = "aws" if environment.cloud == "azure" else "azure"
    if location in LOCATIONS[other]:
        fix = f"write cloud: {other}, or choose one of {listed(known)}"
    elif near := closest(location, known):
        fix = f"did you mean {near}?"
    else:
        fix = f"choose one of {listed(known)}"
    rule = f"must be a location of {environment.cloud} that this project knows"
    yield Problem("location", show(location), rule, fix)


def tags_suit_the_cloud(environment: Environment) -> Iterator[Problem]:
    """Names and values of tags are ones that the cloud takes and that we don't set ourselves."""
    seen: dict[str, str] = {}
    for name, value in environment.tags.items():
        key = join("tags", name)
        if name.lower() in RESERVED_TAGS:
            yield Problem(
                key, "", "is a tag that every resource already has", "choose another name"
            )
        elif (first := seen.setdefault(name.lower(), name)) != name:
            rule = (
                f"differs from the tag {show(first)} in case only, which Azure takes for the same"
            )
            yield Problem(key, "", rule, "keep one of the two")
        elif rule := _tag_rule(environment.cloud, name):
            yield Problem(key, "", rule, "choose a name of letters, digits and hyphens")
        if len(value) > LONGEST_VALUE:
            yield Problem(key, show(value), "must be at most 256 characters", "shorten it")
        elif environment.cloud == "aws" and not _AWS_VALUE.fullmatch(value):
            rule = "must be of letters, digits, blanks and _.:/=+-@ only on AWS"
            yield Problem(key, show(value), rule, "leave the other characters out")


def _tag_rule(cloud: str, name: str) -> str:
    """Return the rule that a tag's *name* breaks, or nothing."""
    if cloud == "azure" and not _AZURE_TAG.fullmatch(name):
        return r"must be a name of 1 to 512 characters without < > % & \ ? / on Azure"
    if cloud == "aws" and not _AWS_TAG.fullmatch(name):
        return "must be a name of 1 to 128 letters, digits and _.:=+-@, not aws:, on AWS"
    return ""


RULES = (location_is_known, tags_suit_the_cloud)
