"""ISO 8601 durations as Azure writes them (`PT5M`, `PT1H30M`, `P1D`)."""

import re
from collections.abc import Iterator
from datetime import timedelta

from sandbox.control.kinds import Problem, Values
from sandbox.control.reading import texts

_DURATION = re.compile(
    r"P(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
    r"(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+)S)?)?"
)


def parse(written: str) -> timedelta | None:
    """The duration, or None when *written* is none."""
    match = _DURATION.fullmatch(written)
    if match is None or not any(match.groups()):
        return None
    return timedelta(**{unit: int(count) for unit, count in match.groupdict().items() if count})


def between(
    values: Values, pattern: str, shortest: str, longest: str, code: str = "InvalidParameter"
) -> Iterator[Problem]:
    """The durations that *pattern* names must lie in a range, both ends included."""
    low, high = parse(shortest), parse(longest)
    for path, written in texts(values, pattern):
        found = parse(written)
        if (
            found is None
            or (low is not None and found < low)
            or (high is not None and found > high)
        ):
            yield Problem(path, f"must be {shortest} to {longest}, got {written!r}", code)
