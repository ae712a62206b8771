"""Rules of what a stack file exempts from the policy pack."""

from collections.abc import Iterator
from datetime import date

from components.settings.environment import Environment
from components.settings.problems import Problem, show


def days_are_days(environment: Environment) -> Iterator[Problem]:
    """The last day of an exemption is one of the calendar."""
    for index, each in enumerate(environment.exemptions):
        if each.until is None:
            continue
        try:
            date.fromisoformat(each.until)
        except ValueError:
            key = f"exemptions[{index}].until"
            yield Problem(key, show(each.until), "must be a day of the calendar", "correct it")


def each_is_there_once(environment: Environment) -> Iterator[Problem]:
    """No two exemptions are about the same rule and resource."""
    seen: dict[tuple[str, str], int] = {}
    for index, each in enumerate(environment.exemptions):
        first = seen.setdefault((each.policy, each.resource), index)
        if first != index:
            rule = f"exempts the same resource from the same rule as exemptions[{first}]"
            yield Problem(f"exemptions[{index}]", "", rule, "keep one of the two")


RULES = (days_are_days, each_is_there_once)
